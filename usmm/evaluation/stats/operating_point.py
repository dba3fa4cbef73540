"""One point of the ROC curve: sensitivity at a fixed specificity, the reverse, and Youden's threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from usmm.evaluation.stats.bootstrap import cluster_bootstrap
from usmm.evaluation.stats.intervals import Proportion, wilson_interval
from usmm.evaluation.stats.validation import Floats, binary_labels, finite_scores

INTERVALS = ('wilson', 'bootstrap')
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold with its two rates.

    Args:
        threshold: A case is called positive when its score is >= this; infinite: no case is.
        sensitivity, specificity: Rates with intervals; each says how its interval was made.
        method: How the threshold was found.
    """

    threshold: float
    sensitivity: Proportion
    specificity: Proportion
    method: str


def _counts(positive: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Counts, Counts]:
    """Thresholds from infinite downwards, with the true positives and true negatives at each."""
    order = np.argsort(-scores, kind='stable')
    values, hits = scores[order], positive[order]
    last = np.r_[np.flatnonzero(np.diff(values)), values.size - 1]
    true = np.r_[0, np.cumsum(hits)[last]]
    false = np.r_[0, np.cumsum(~hits)[last]]
    return np.r_[np.inf, values[last]], true, int((~positive).sum()) - false


def _at_specificity(positive: NDArray[np.bool_], scores: Floats, least: float) -> tuple[float, int, int]:
    thresholds, true, rejected = _counts(positive, scores)
    # A small slack: 0.9 * 10 must ask for 9 negatives, not 10.
    allowed = rejected >= least * (~positive).sum() - 1e-9
    best = int(np.flatnonzero(allowed & (true == true[allowed].max()))[0])
    return float(thresholds[best]), int(true[best]), int(rejected[best])


def _at_sensitivity(positive: NDArray[np.bool_], scores: Floats, least: float) -> tuple[float, int, int]:
    thresholds, true, rejected = _counts(positive, scores)
    best = int(np.flatnonzero(true >= least * positive.sum() - 1e-9)[0])  # the highest has the best specificity
    return float(thresholds[best]), int(true[best]), int(rejected[best])


def _point(
    positive: NDArray[np.bool_], found: tuple[float, int, int], confidence: float, method: str
) -> OperatingPoint:
    threshold, true, rejected = found
    m = int(positive.sum())
    rates = wilson_interval(true, m, confidence), wilson_interval(rejected, positive.size - m, confidence)
    return OperatingPoint(threshold, *rates, method)


def _check(target: float, interval: str) -> None:
    if not 0 <= target <= 1:
        raise ValueError(f'the fixed rate must lie in 0..1, got {target}')
    if interval not in INTERVALS:
        raise ValueError(f'interval must be one of {INTERVALS}, got {interval!r}')


def sensitivity_at_specificity(
    labels: ArrayLike,
    scores: ArrayLike,
    specificity: float = 0.95,
    confidence: float = 0.95,
    interval: str = 'wilson',
    clusters: ArrayLike | None = None,
    draws: int = 2000,
    seed: int = 0,
) -> OperatingPoint:
    """Highest sensitivity whose specificity is at least the one given.

    Args:
        labels: Zeros and ones, or booleans, (N,).
        scores: Score of the positive class (N,).
        specificity: Lowest specificity that is allowed.
        confidence: Level of the intervals.
        interval: Of the sensitivity. `'wilson'`: as if the threshold had been fixed beforehand and cases were
            independent; right for a threshold that comes from other data, too narrow otherwise. `'bootstrap'`: the
            threshold is searched anew in each draw. The interval of the specificity is always Wilson's.
        clusters: Patient of each case (N,), for the bootstrap; None: each case is a patient of its own.
        draws, seed: Of the bootstrap.

    Raises:
        ValueError: If one class is absent, a score is not finite, or an argument is out of range.

    References:
        Pepe, The Statistical Evaluation of Medical Tests, 2003, chapter 4; Platt et al., Biometrics 2000 (bootstrap).

    Example:
        >>> point = sensitivity_at_specificity([0, 0, 0, 0, 1, 1], [0.1, 0.2, 0.3, 0.6, 0.5, 0.9], specificity=0.75)
        >>> point.threshold, point.sensitivity.estimate, point.specificity.estimate
        (0.5, 1.0, 0.75)
    """
    _check(specificity, interval)
    positive = binary_labels(labels)
    values = finite_scores(scores, positive.shape)
    found = _at_specificity(positive, values, specificity)
    point = _point(positive, found, confidence, f'sensitivity at specificity {specificity:g}')
    if interval == 'wilson':
        return point

    def rate(cases: Counts) -> float:
        hits = positive[cases]
        if hits.all() or not hits.any():
            return math.nan
        return _at_specificity(hits, values[cases], specificity)[1] / float(hits.sum())

    groups = np.arange(positive.size) if clusters is None else clusters
    drawn = cluster_bootstrap(rate, groups, draws=draws, seed=seed, confidence=confidence)
    return replace(point, sensitivity=replace(point.sensitivity, ci=drawn.ci, method=drawn.method))


def specificity_at_sensitivity(
    labels: ArrayLike,
    scores: ArrayLike,
    sensitivity: float = 0.95,
    confidence: float = 0.95,
    interval: str = 'wilson',
    clusters: ArrayLike | None = None,
    draws: int = 2000,
    seed: int = 0,
) -> OperatingPoint:
    """Highest specificity whose sensitivity is at least the one given; the mirror of `sensitivity_at_specificity`.

    Example:
        >>> point = specificity_at_sensitivity([0, 0, 0, 0, 1, 1], [0.1, 0.2, 0.3, 0.6, 0.5, 0.9], sensitivity=1)
        >>> point.threshold, point.specificity.estimate
        (0.5, 0.75)
    """
    _check(sensitivity, interval)
    positive = binary_labels(labels)
    values = finite_scores(scores, positive.shape)
    found = _at_sensitivity(positive, values, sensitivity)
    point = _point(positive, found, confidence, f'specificity at sensitivity {sensitivity:g}')
    if interval == 'wilson':
        return point

    def rate(cases: Counts) -> float:
        hits = positive[cases]
        if hits.all() or not hits.any():
            return math.nan
        return _at_sensitivity(hits, values[cases], sensitivity)[2] / float((~hits).sum())

    groups = np.arange(positive.size) if clusters is None else clusters
    drawn = cluster_bootstrap(rate, groups, draws=draws, seed=seed, confidence=confidence)
    return replace(point, specificity=replace(point.specificity, ci=drawn.ci, method=drawn.method))


def youden_point(labels: ArrayLike, scores: ArrayLike, confidence: float = 0.95) -> OperatingPoint:
    """The threshold with the highest sensitivity + specificity; of equal ones the highest threshold.

    Its rates are too good for new cases, since the threshold was picked on the same ones; the Wilson intervals know
    nothing of that.

    Args:
        labels: Zeros and ones, or booleans, (N,).
        scores: Score of the positive class (N,).
        confidence: Level of the intervals.

    Raises:
        ValueError: If one class is absent, or a score is not finite.

    References:
        Youden, Cancer 1950.

    Example:
        >>> youden_point([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]).threshold
        0.8
    """
    positive = binary_labels(labels)
    thresholds, true, rejected = _counts(positive, finite_scores(scores, positive.shape))
    m = int(positive.sum())
    best = int(np.argmax(true * (positive.size - m) + rejected * m))  # whole numbers: equal sums are equal
    return _point(positive, (float(thresholds[best]), int(true[best]), int(rejected[best])), confidence, 'Youden')
