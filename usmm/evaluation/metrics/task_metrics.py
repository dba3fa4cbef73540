"""Metrics of several tasks and their means; the cross entropy of the cases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from mmengine.dist import all_gather_object
from mmengine.evaluator import BaseMetric
from numpy.typing import ArrayLike

from usmm.evaluation.metrics.case_metrics import score_metrics
from usmm.registry import METRICS

SHOWN = ('accuracy', 'auc')


class _Labelled(TypedDict):
    label: int | None
    scores: ArrayLike


class ScoredSample(_Labelled, total=False):
    """Class index (None: unknown) and class scores (K,) of a case; `task` where there are several."""

    task: str


def cross_entropy(labels: np.ndarray, scores: np.ndarray) -> float:
    """Mean of -log of the score (N, K) of each case's own class (N,).

    Example:
        >>> round(cross_entropy(np.array([0, 1]), np.array([[0.5, 0.5], [0.75, 0.25]])), 4)
        1.0397
    """
    own = scores[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(own, np.finfo(np.float32).tiny, None)).mean())


class _Rows(BaseMetric):
    """Keeps what a model predicts, and measures the rows of all processes on each of them."""

    def __init__(self) -> None:
        super().__init__(prefix='rows')  # the base class warns without one
        self.prefix = None

    def process(self, data_batch: object, data_samples: Sequence[ScoredSample]) -> None:
        """Keep the predictions of a batch: dicts of label and scores, and what else names them."""
        self.results += [{**sample, 'scores': np.asarray(sample['scores'], float)} for sample in data_samples]

    def evaluate(self, size: int) -> dict[str, float]:
        """Metrics of the rows of all processes; `size` is not needed, as none is repeated."""
        rows = [row for part in all_gather_object(self.results) for row in part if row['label'] is not None]
        self.results.clear()
        return self.compute_metrics(rows)

    def compute_metrics(self, results: list[ScoredSample]) -> dict[str, float]:
        """Metrics of rows."""
        raise NotImplementedError


@METRICS.register_module()
class TaskMetrics(_Rows):
    """`loss` (cross entropy), `accuracy` and `auc` of each task (`TASK/loss`, ...) and their means over the tasks.

    With more than two classes the AUC is the macro mean, one against the rest; where a class has no case it is nan,
    and the mean is of the other tasks.
    """

    def compute_metrics(self, results: list[ScoredSample]) -> dict[str, float]:
        """Metrics of rows."""
        tasks = dict.fromkeys(row['task'] for row in results)
        found = {task: _measured([row for row in results if row['task'] == task]) for task in tasks}
        means = {name: _mean([of[name] for of in found.values()]) for name in ('loss', *SHOWN)}
        return {**means, **{f'{task}/{name}': value for task, of in found.items() for name, value in of.items()}}


@METRICS.register_module()
class CaseLoss(_Rows):
    """`loss`: the cross entropy of the final scores, which early stopping can watch."""

    names = ('loss',)

    def compute_metrics(self, results: list[ScoredSample]) -> dict[str, float]:
        """The loss of rows."""
        if not results:
            return {}
        labels, scores = _stacked(results)
        return {'loss': cross_entropy(labels, scores)}


def _measured(rows: Sequence[ScoredSample]) -> dict[str, float]:
    labels, scores = _stacked(rows)
    classes = [str(k) for k in range(scores.shape[1])]
    whole = score_metrics(labels, scores, classes, classes[-1])
    return {'loss': cross_entropy(labels, scores), **{name: float(whole[name]) for name in SHOWN}}


def _stacked(rows: Sequence[ScoredSample]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([row['label'] for row in rows]), np.stack([np.asarray(row['scores']) for row in rows])


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan
