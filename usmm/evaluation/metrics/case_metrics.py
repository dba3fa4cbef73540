"""The metrics of a run: AUC, accuracy, TPR, TNR, precision, F1 (and two more) over all cases of a part."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import TypedDict

import numpy as np
from mmengine.dist import all_gather_object
from mmengine.evaluator import BaseMetric
from numpy.typing import ArrayLike

from usmm.evaluation.stats import (
    auc_score,
    binary_rates,
    confusion_matrix,
    macro_auc,
    macro_rates,
    mean_stage_error,
    weighted_kappa,
)
from usmm.evaluation.stats.validation import Floats
from usmm.registry import METRICS


class _Identity(TypedDict):
    case_id: str
    patient_id: str
    label: int | None


class _SampleScores(_Identity):
    scores: ArrayLike


class CaseSample(_SampleScores, total=False):
    """What a model predicts for a sample: class scores (K,), and those of its images where it has both.

    `label` is a class index, None where unknown; `of` is the id of the case where the sample is a part of one.
    """

    image_scores: ArrayLike | None
    of: str | None


class _RowScores(_Identity):
    scores: Floats
    image_scores: Floats | None


class CaseRow(_RowScores, total=False):
    """A checked `CaseSample`: scores are finite float64 (K,); pooled rows have no `of`."""

    of: str


def score_metrics(
    labels: np.ndarray, scores: np.ndarray, classes: Sequence[str], positive: str, ordered: bool = False
) -> dict[str, float]:
    """Metrics of class scores; the predicted class is the one with the highest score.

    Two classes: of the positive class. More: macro means over the classes, the AUC one-vs-rest. What is not defined
    (AUC with a class without a case, precision without a predicted positive) is nan.

    Args:
        labels: Class indices (N,).
        scores: Scores (N, K).
        classes: Names of the K classes, in order.
        positive: Name of the positive class; not used with more than two.
        ordered: The classes are stages: also the quadratic kappa and the mean error in stages.

    References:
        Meng et al., IEEE TMI 2022, eq. 11.

    Example:
        >>> scores = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]])
        >>> score_metrics(np.array([0, 1, 1]), scores, ('ADC', 'SCC'), 'SCC')['tpr']
        0.5
    """
    matrix = confusion_matrix(labels, scores.argmax(1), len(classes))
    absent = [name for k, name in enumerate(classes) if not (labels == k).any()]
    if absent:
        warnings.warn(f'no case of {absent} among {len(labels)}: the AUC is nan', stacklevel=2)
    steps: dict[str, float] = {}
    if ordered:
        given = (labels, scores.argmax(1), len(classes))
        steps = {'quadratic_kappa': weighted_kappa(*given).estimate, 'stage_error': mean_stage_error(*given).estimate}
    if len(classes) == 2:
        k = list(classes).index(positive)
        auc = math.nan if absent else auc_score(labels == k, scores[:, k])
        return {'auc': auc, **binary_rates(matrix, k), **steps}
    return {'auc': math.nan if absent else macro_auc(labels, scores, classes), **macro_rates(matrix), **steps}


def pooled(rows: Sequence[CaseRow]) -> list[CaseRow]:
    """Rows of samples that are one case of the table (`of`) as one row with the mean scores; others as they are.

    Args:
        rows: In any order; a case stands where its first sample stood.
    """
    groups: dict[str, list[CaseRow]] = {}
    for row in rows:
        if 'of' in row:
            groups.setdefault(row['of'], []).append(row)
    first = {id(group[0]): _mean_row(name, group) for name, group in groups.items()}
    return [first.get(id(row), row) for row in rows if 'of' not in row or id(row) in first]


def _mean_row(name: str, rows: Sequence[CaseRow]) -> CaseRow:
    images = [scores for row in rows if (scores := row['image_scores']) is not None]
    return {
        'case_id': name,
        'patient_id': rows[0]['patient_id'],
        'label': rows[0]['label'],
        'scores': np.mean([row['scores'] for row in rows], axis=0),
        'image_scores': np.mean(images, axis=0) if images else None,
    }


@METRICS.register_module()
class CaseMetrics(BaseMetric):
    """Metrics of the final scores and, with the prefix `image/`, of the image scores of a model that has both.

    Samples that are pairs of images of one case are pooled: a case has the mean of their scores. Cases without a label
    are left out of the metrics, not of `last_rows`. In a distributed run every process gets the
    rows of all, without the repeated cases that fill up the last round, in the order of an unshuffled sampler.

    Args:
        positive: Name of the positive class of two; None: the last one.
        classes: Names of the classes; None: the data set's.
        prefix: Put before every name.
        ordered: The classes are stages in order: adds `quadratic_kappa` and `stage_error`, see
            `usmm.evaluation.stats.ordinal`.

    Raises:
        ValueError: While processing, if scores are not finite or do not fit the classes (the message names the case).
    """

    def __init__(
        self,
        positive: str | None = None,
        classes: Sequence[str] | None = None,
        prefix: str | None = None,
        ordered: bool = False,
    ) -> None:
        super().__init__(prefix=prefix or 'cases')  # the base class warns without one
        self.prefix = prefix
        self.positive, self.ordered = positive, ordered
        self._classes = None if classes is None else tuple(classes)
        self.last_rows: list[CaseRow] = []

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes.

        Raises:
            ValueError: If neither the config nor the data set names two or more.
        """
        names = self._classes or tuple((self.dataset_meta or {}).get('classes', ()))
        if len(names) < 2:
            raise ValueError(f'CaseMetrics needs the names of two or more classes, got {names}')
        return names

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the metrics that these classes have, those of the image scores included."""
        size = len(self.classes)
        found = score_metrics(np.arange(size), np.eye(size), self.classes, self._positive_name(), self.ordered)
        start = f'{self.prefix}/' if self.prefix else ''
        return tuple(f'{start}{image}{name}' for image in ('', 'image/') for name in found)

    def process(self, data_batch: object, data_samples: Sequence[CaseSample]) -> None:
        """Keep the predictions of a batch: dicts of case_id, patient_id, label, scores and image_scores."""
        for sample in data_samples:
            name, images = sample['case_id'], sample.get('image_scores')
            row: CaseRow = {
                'case_id': name,
                'patient_id': sample['patient_id'],
                'label': sample['label'],
                'scores': self._scores(sample['scores'], f'scores of case {name!r}'),
                'image_scores': None if images is None else self._scores(images, f'image_scores of case {name!r}'),
            }
            if (of := sample.get('of')) is not None:
                row['of'] = of
            self.results.append(row)

    def evaluate(self, size: int) -> dict[str, float]:
        """Metrics of the rows of all processes.

        The base class would pass the rows through files in the current folder and compute on one process, where an
        error leaves the others waiting.

        Args:
            size: Number of cases; rows beyond it are repeats.
        """
        parts = all_gather_object(self.results)
        rows = [row for row in chain.from_iterable(zip_longest(*parts)) if row is not None][:size]
        self.results.clear()
        metrics = self.compute_metrics(rows)
        return {f'{self.prefix}/{name}': value for name, value in metrics.items()} if self.prefix else metrics

    def compute_metrics(self, results: list[CaseRow]) -> dict[str, float]:
        """Metrics of rows; the rows stay in `last_rows` for a table of predictions."""
        self.last_rows = results = pooled(results)
        known = [row for row in results if row['label'] is not None]
        if not known:
            warnings.warn(f'none of {len(results)} cases has a label: no metrics', stacklevel=2)
            return {}
        metrics = self._metrics([(row['label'], row['scores']) for row in known])
        images = [(row['label'], scores) for row in known if (scores := row['image_scores']) is not None]
        if images:
            metrics |= {f'image/{name}': value for name, value in self._metrics(images).items()}
        return metrics

    def _metrics(self, pairs: Sequence[tuple[int | None, Floats]]) -> dict[str, float]:
        labels = np.array([label for label, _ in pairs], dtype=np.int64)
        scores = np.stack([scores for _, scores in pairs])
        return score_metrics(labels, scores, self.classes, self._positive_name(), self.ordered)

    def _positive_name(self) -> str:
        if self.positive is None or len(self.classes) > 2:
            return self.classes[-1]
        if self.positive not in self.classes:
            raise ValueError(f'positive class {self.positive!r} is not one of the classes {list(self.classes)}')
        return self.positive

    def _scores(self, values: ArrayLike, where: str) -> Floats:
        scores = np.asarray(values, dtype=np.float64)
        if scores.shape != (len(self.classes),):
            raise ValueError(f'{where} must be one number for each of {list(self.classes)}, got shape {scores.shape}')
        if not np.isfinite(scores).all():
            raise ValueError(f'{where} are not finite: {scores.tolist()}; the training has diverged')
        return scores
