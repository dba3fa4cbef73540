"""The numbers of a cross-validation: every metric by fold, its mean and spread, and a 95 % interval of the mean."""

from __future__ import annotations

import math
import warnings
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from usmm.evaluation.stats.auc import auc_score, macro_auc
from usmm.evaluation.stats.clustered_auc import clustered_auc, clustered_macro_auc
from usmm.evaluation.stats.confusion import matrix_rates
from usmm.evaluation.stats.intervals import wilson_interval
from usmm.evaluation.stats.validation import Floats, class_indices, finite_scores

METRICS = (
    'auc', 'accuracy', 'balanced_accuracy', 'tpr', 'tnr', 'precision', 'f1', 'mcc', 'brier', 'ece',
)  # fmt: skip
ORDERED = ('quadratic_kappa', 'stage_error')  # of classes that are stages
PROPORTIONS = ('accuracy', 'tpr', 'tnr', 'precision')
BINS = 10
METHOD = 'DeLong, patients as clusters, folds as strata, logit scale'


@dataclass(frozen=True)
class Estimate:
    """A metric over the folds of a cross-validation.

    Args:
        mean, std: Over the folds (and seeds) in which it is defined; std with ddof 0.
        ci95: 95 % interval of the mean, where one exists.
        folds: Its value in each fold, nan where it is not defined.
        method: How the interval was made.
    """

    mean: float
    std: float
    ci95: tuple[float, float] | None
    folds: list[float]
    method: str

    def to_dict(self) -> dict[str, object]:
        """As a dict of plain values."""
        return asdict(self) | {'ci95': None if self.ci95 is None else list(self.ci95)}


def performance(
    labels: ArrayLike,
    scores: ArrayLike,
    folds: Sequence[Hashable] | NDArray[np.generic],
    patients: Sequence[Hashable] | NDArray[np.generic],
    positive: int | None = None,
    draws: int = 2000,
    seed: int = 0,
    ordered: bool = False,
) -> dict[str, Estimate]:
    """Metrics of the pooled test predictions of a cross-validation.

    A metric is computed in each fold and averaged, for the scores of two models are not on one scale. Intervals:
    DeLong's for the AUC, with the patients as clusters and the folds as strata; Wilson's for proportions where every
    patient counts once; else a bootstrap that draws patients.

    Args:
        labels: Class indices (N,).
        scores: Class probabilities (N, K).
        folds: Which fold (or seed and fold) tested each row (N,); equal values, one fold.
        patients: Whose row it is (N,).
        positive: Index of the positive class of two; None: the last.
        draws: Samples of the bootstrap.
        seed: Of the bootstrap.
        ordered: The classes are stages in order: adds the quadratic kappa and the mean error in stages.

    Raises:
        ValueError: Lengths that differ, scores that are not finite, or a positive class that is not there.

    References:
        DeLong et al., Biometrics 1988; Obuchowski, Biometrics 1997; Wilson, JASA 1927; Field and Welsh, JRSS B 2007.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2:
        raise ValueError(f'scores must have shape (N, K) with two or more classes, got {table.shape}')
    true = class_indices(labels, table.shape[1])
    finite_scores(table, (true.size, table.shape[1]))
    if len(folds) != true.size or len(patients) != true.size:
        raise ValueError(f'{true.size} labels, {len(folds)} folds and {len(patients)} patients do not fit each other')
    k = table.shape[1] - 1 if positive is None else positive
    if not 0 <= k < table.shape[1]:
        raise ValueError(f'positive must be a class index below {table.shape[1]}, got {positive}')
    _, fold = np.unique(np.asarray([str(f) for f in folds]), return_inverse=True)
    _, patient = np.unique(np.asarray([str(p) for p in patients]), return_inverse=True)
    cells = _Cells(true, table, fold, k)
    by_fold = {name: values[0] for name, values in cells.metrics(np.ones((1, true.size))).items()}
    spread = _bootstrap(cells, fold, patient, draws, seed)
    once = len(set(patient)) == true.size
    found = {'auc': _auc(true, table, fold, patient, k)}
    for name, values in by_fold.items():
        if name in PROPORTIONS and once and table.shape[1] == 2:
            ci, method = _wilson(name, true, table.argmax(1), k), 'Wilson, all folds together'
        elif name == 'ece':
            ci, method = (
                None,
                '',
            )  # resampled cases look less calibrated than they are: the interval would miss the mean
        else:
            ci, method = spread[name], f'bootstrap of patients, {draws} draws, percentile'
        found[name] = _estimate(values, ci, method)
    return {name: found[name] for name in (*METRICS, *(ORDERED if ordered else ()))}


class _Cells:
    """Counts that every metric but the AUC is made of, for any weights of the cases.

    Args:
        true: (N,). scores: (N, K). fold: (N,) from 0. positive: k.
    """

    def __init__(self, true: NDArray[np.int64], scores: Floats, fold: NDArray[np.int64], positive: int) -> None:
        cases, self.classes = scores.shape
        self.folds, self.positive = int(fold.max()) + 1, positive
        predicted = scores.argmax(1)
        self.pairs = np.zeros((cases, self.folds, self.classes, self.classes))
        self.pairs[np.arange(cases), fold, true, predicted] = 1
        target = np.eye(self.classes)[true]
        if self.classes == 2:
            squared = (scores[:, positive] - target[:, positive]) ** 2
            confidence, hit = scores[:, positive], target[:, positive]
        else:
            squared = ((scores - target) ** 2).sum(1)
            confidence, hit = scores.max(1), (predicted == true).astype(float)
        self.squared = np.zeros((cases, self.folds))
        self.squared[np.arange(cases), fold] = squared
        bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
        self.gaps = np.zeros((cases, self.folds, BINS))
        self.gaps[np.arange(cases), fold, bins] = confidence - hit

    def metrics(self, weights: Floats) -> dict[str, Floats]:
        """Metric -> its value by draw and fold (D, F); weights: of the cases, by draw (D, N)."""
        cases = len(self.pairs)
        shape = (len(weights), self.folds)
        counts = (weights @ self.pairs.reshape(cases, -1)).reshape(*shape, self.classes, self.classes)
        total = counts.sum((2, 3))
        gaps = (weights @ self.gaps.reshape(cases, -1)).reshape(*shape, BINS)
        with np.errstate(divide='ignore', invalid='ignore'):
            return {
                **matrix_rates(counts, self.positive if self.classes == 2 else None),
                **_steps(counts),
                'brier': weights @ self.squared / total,
                'ece': np.abs(gaps).sum(2) / total,
            }


def _steps(counts: Floats) -> dict[str, Floats]:
    """Quadratic kappa and mean error in stages of confusion matrices (..., K, K)."""
    total = counts.sum((-2, -1))
    distance = np.abs(np.subtract.outer(np.arange(counts.shape[-1]), np.arange(counts.shape[-1])))
    chance = counts.sum(-1)[..., :, None] * counts.sum(-2)[..., None, :] / total[..., None, None]
    expected = (distance**2 * chance).sum((-2, -1))
    kappa = 1 - (distance**2 * counts).sum((-2, -1)) / expected
    return {'quadratic_kappa': kappa, 'stage_error': (distance * counts).sum((-2, -1)) / total}


def _bootstrap(
    cells: _Cells, fold: NDArray[np.int64], patient: NDArray[np.int64], draws: int, seed: int
) -> dict[str, tuple[float, float] | None]:
    """Percentile intervals of the mean over folds, patients drawn within their fold where they have but one."""
    rng = np.random.default_rng(seed)
    groups = int(patient.max()) + 1
    home = np.full(groups, -1)
    for p, f in zip(patient, fold, strict=True):
        home[p] = f if home[p] in (-1, f) else -2
    stratum = np.where(home < 0, -1, home) if (home >= 0).all() else np.zeros(groups, dtype=int)
    found: dict[str, list[Floats]] = {}
    for start in range(0, draws, 250):  # a draw is a row of weights: not all at once
        size = min(250, draws - start)
        times = np.zeros((size, groups))
        for s in np.unique(stratum):
            members = np.flatnonzero(stratum == s)
            times[:, members] = rng.multinomial(len(members), np.full(len(members), 1 / len(members)), size)
        for name, values in cells.metrics(times[:, patient]).items():
            found.setdefault(name, []).append(_mean(values))
    result: dict[str, tuple[float, float] | None] = {}
    for name, parts in found.items():
        means = np.concatenate(parts)
        means = means[np.isfinite(means)]
        low, high = np.quantile(means, [0.025, 0.975]) if means.size >= 100 else (math.nan, math.nan)
        result[name] = None if math.isnan(low) else (float(low), float(high))
    return result


def _mean(values: Floats) -> Floats:
    """Mean over the folds in which a metric is defined (D,)."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', RuntimeWarning)  # a draw without any
        return np.asarray(np.nanmean(values, axis=1))


def _estimate(values: Floats, ci: tuple[float, float] | None, method: str) -> Estimate:
    known = values[np.isfinite(values)]
    mean, std = (float(known.mean()), float(known.std())) if known.size else (math.nan, math.nan)
    return Estimate(mean, std, ci if known.size else None, [float(v) for v in values], method if ci else 'none')


def _wilson(
    name: str, true: NDArray[np.int64], predicted: NDArray[np.int64], positive: int
) -> tuple[float, float] | None:
    is_true, is_called = true == positive, predicted == positive
    among = {'accuracy': np.ones(true.size, bool), 'tpr': is_true, 'tnr': ~is_true, 'precision': is_called}[name]
    hits = int(((true == predicted) & among).sum())
    return wilson_interval(hits, int(among.sum())).ci if among.any() else None


def _auc(
    true: NDArray[np.int64], scores: Floats, fold: NDArray[np.int64], patient: NDArray[np.int64], positive: int
) -> Estimate:
    """Mean over the folds that have two cases of each class and two of the others."""
    values = np.full(int(fold.max()) + 1, math.nan)
    classes = scores.shape[1]
    for f in range(len(values)):
        counts = np.bincount(true[fold == f], minlength=classes)
        if counts.min() >= 2:
            rows = fold == f
            is_two = classes == 2
            values[f] = (
                auc_score(true[rows] == positive, scores[rows, positive])
                if is_two
                else macro_auc(true[rows], scores[rows])
            )
    rows = np.isin(fold, np.flatnonzero(np.isfinite(values)))
    if not rows.any():
        return _estimate(values, None, '')
    who, where = patient[rows], fold[rows]
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)  # of a standard error of 0, which gives no interval here
        if classes == 2:
            found = clustered_auc(true[rows] == positive, scores[rows, positive], who, where, scale='logit')
        else:
            found = clustered_macro_auc(true[rows], scores[rows], who, where, scale='logit')
    return _estimate(values, found.ci if found.se > 0 else None, METHOD)
