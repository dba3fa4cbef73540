"""The numbers of a cross-validation: every metric by fold, their mean and spread, and one estimate with an interval."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from usmm.evaluation.stats.auc import auc_score, macro_auc
from usmm.evaluation.stats.calibration import expected_calibration_error
from usmm.evaluation.stats.clustered_auc import clustered_auc, clustered_macro_auc
from usmm.evaluation.stats.confusion import matrix_rates
from usmm.evaluation.stats.rate_intervals import Rate, mean_interval, quadratic_kappa, rate_intervals
from usmm.evaluation.stats.validation import Floats, class_indices, finite_scores

METRICS = (
    'auc', 'accuracy', 'balanced_accuracy', 'tpr', 'tnr', 'precision', 'f1', 'mcc', 'brier', 'ece',
)  # fmt: skip
ORDERED = ('quadratic_kappa', 'stage_error')  # of classes that are stages
LEAST = 2
"""Patients of each class that a fold needs to count for the AUC."""

OF_FOLDS, OF_CASES = 'mean of the folds', 'all cases together'
NO_FOLD = f'none: no fold has {LEAST} patients of each class'
ALL_EQUAL = 'none: all scores of a fold are equal'
NO_ECE = (
    'none: of resampled cases the error is larger than of the cases themselves, so that an interval would miss it; and '
    'of the few cases of a fold it is mostly chance, so that none is given by fold'
)


@dataclass(frozen=True)
class Estimate:
    """A metric of a cross-validation.

    Args:
        estimate: What the interval is about.
        of: `'mean of the folds'` (AUC: the scores of two models are on different scales) or `'all cases together'`.
        ci95: 95 % interval of `estimate`, where one exists.
        method: How the interval was made, or why there is none.
        mean, std: Over the folds (and seeds) in which the metric is defined; the standard deviation with n - 1, nan of
            one fold.
        folds: Its value in each fold, nan where it is not defined; empty where a fold has too few cases for it.
        left_out: Folds that do not count, for they have too few patients of a class.
    """

    estimate: float
    of: str
    ci95: tuple[float, float] | None
    method: str
    mean: float
    std: float
    folds: list[float]
    left_out: int = 0

    def to_dict(self) -> dict[str, object]:
        """As a dict of plain values."""
        return asdict(self) | {'ci95': None if self.ci95 is None else list(self.ci95)}

    @classmethod
    def of_folds(
        cls, values: Sequence[float], ci95: tuple[float, float] | None = None, method: str = 'none'
    ) -> Estimate:
        """Of a metric whose estimate is the mean of the folds in which it is defined."""
        mean, std = _spread(values)
        return cls(mean, OF_FOLDS, ci95, method, mean, std, [float(v) for v in values])


def performance(
    labels: ArrayLike,
    scores: ArrayLike,
    folds: Sequence[Hashable] | NDArray[np.generic],
    patients: Sequence[Hashable] | NDArray[np.generic],
    positive: int | None = None,
    ordered: bool = False,
) -> dict[str, Estimate]:
    """Metrics of the test predictions of a cross-validation.

    The AUC is computed in each fold and averaged, for the scores of two models are not on one scale; its interval takes
    the folds as strata. All other estimates are of all cases together. The patients are the clusters of every interval.
    Folds with fewer than two patients of a class do not count for the AUC.

    Args:
        labels: Class indices (N,).
        scores: Class probabilities (N, K).
        folds: Which fold (or seed and fold) tested each row (N,); equal values, one fold.
        patients: Whose row it is (N,).
        positive: Index of the positive class; None: the last one of two, and macro means of more.
        ordered: The classes are stages in order: adds the quadratic kappa and the mean error in stages.

    Raises:
        ValueError: Lengths that differ, scores that are not finite, or a positive class that is not there.

    References:
        As `rate_intervals` and `clustered_auc`.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2:
        raise ValueError(f'scores must have shape (N, K) with two or more classes, got {table.shape}')
    classes = table.shape[1]
    true = class_indices(labels, classes)
    finite_scores(table, (true.size, classes))
    if len(folds) != true.size or len(patients) != true.size:
        raise ValueError(f'{true.size} labels, {len(folds)} folds and {len(patients)} patients do not fit each other')
    if positive is not None and not 0 <= positive < classes:
        raise ValueError(f'positive must be a class index below {classes}, got {positive}')
    k = 1 if positive is None and classes == 2 else positive
    _, fold = np.unique(np.asarray([str(f) for f in folds]), return_inverse=True)
    _, patient = np.unique(np.asarray([str(p) for p in patients]), return_inverse=True)
    found = {'auc': _auc(true, table, fold, patient, k)}
    called, squared = table.argmax(1), _squared(true, table)
    by_fold = [_of_fold(true[fold == f], called[fold == f], squared[fold == f], classes, k) for f in np.unique(fold)]
    rates = rate_intervals(true, called, classes, k, patient, ordered=ordered)
    rates['brier'] = mean_interval(squared, patient, 1 if classes == 2 else 2)
    for name, rate in rates.items():
        found[name] = _estimate(rate, [values[name] for values in by_fold])
    if classes == 2:  # of the positive class: the share of the positives in a bin of its probabilities
        error = expected_calibration_error(true == k, table[:, k or 0])
    else:
        error = expected_calibration_error(true, table)
    found['ece'] = Estimate(error, OF_CASES, None, NO_ECE, math.nan, math.nan, [])
    return {name: found[name] for name in (*METRICS, *(ORDERED if ordered else ()))}


def _squared(true: NDArray[np.int64], scores: Floats) -> Floats:
    """Squared error of each case: of one probability of two, of all of more."""
    target = np.eye(scores.shape[1])[true]
    if scores.shape[1] == 2:
        return np.asarray((scores[:, 1] - target[:, 1]) ** 2)
    return np.asarray(((scores - target) ** 2).sum(1))


def _of_fold(
    true: NDArray[np.int64], called: NDArray[np.int64], squared: Floats, classes: int, positive: int | None
) -> dict[str, float]:
    """The metrics of the cases of a fold, but for the AUC."""
    counts = np.zeros((classes, classes))
    np.add.at(counts, (true, called), 1)
    steps = np.abs(true - called).mean()
    return {name: float(value) for name, value in matrix_rates(counts, positive).items()} | {
        'brier': float(squared.mean()), 'quadratic_kappa': float(quadratic_kappa(counts)), 'stage_error': float(steps),
    }  # fmt: skip


def _spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation (n - 1) of those that are numbers."""
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    mean = float(known.mean()) if known.size else math.nan
    return mean, float(known.std(ddof=1)) if known.size > 1 else math.nan


def _estimate(rate: Rate, values: Sequence[float]) -> Estimate:
    return Estimate(rate.estimate, OF_CASES, rate.ci, rate.method, *_spread(values), [float(v) for v in values])


def usable_folds(
    true: NDArray[np.int64], fold: NDArray[np.int64], patient: NDArray[np.int64], classes: int
) -> NDArray[np.bool_]:
    """Which cases (N,) are in a fold that has two patients of each class: the others have no AUC with an interval.

    Args:
        true, fold, patient: Codes (N,).
        classes: K.
    """
    usable = np.zeros(true.size, bool)
    for f in np.unique(fold):
        here = fold == f
        usable[here] = min(np.unique(patient[here & (true == k)]).size for k in range(classes)) >= LEAST
    return usable


def _auc(
    true: NDArray[np.int64], scores: Floats, fold: NDArray[np.int64], patient: NDArray[np.int64], positive: int | None
) -> Estimate:
    """Mean over the folds that have two patients of each class."""
    classes = scores.shape[1]
    rows = usable_folds(true, fold, patient, classes)
    values = np.full(int(fold.max()) + 1, math.nan)
    for f in np.unique(fold[rows]):
        here = fold == f
        if classes == 2:
            values[f] = auc_score(true[here] == positive, scores[here, positive or 0])
        else:
            values[f] = macro_auc(true[here], scores[here])
    left_out = int(np.isnan(values).sum())
    if not rows.any():
        return Estimate(math.nan, OF_FOLDS, None, NO_FOLD, math.nan, math.nan, values.tolist(), left_out)
    who, where = patient[rows], fold[rows]
    if classes == 2:
        found = clustered_auc(true[rows] == positive, scores[rows, positive or 0], who, where)
    else:
        found = clustered_macro_auc(true[rows], scores[rows], who, where)
    mean, std = _spread(values.tolist())
    none = math.isnan(found.ci[0])
    method = ALL_EQUAL if none else found.method
    return Estimate(mean, OF_FOLDS, None if none else found.ci, method, mean, std, values.tolist(), left_out)
