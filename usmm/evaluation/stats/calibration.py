"""Do probabilities mean what they say: Brier score, calibration error and the reliability curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from usmm.evaluation.stats.intervals import wilson_interval
from usmm.evaluation.stats.validation import Floats, class_probabilities

BINNINGS = ('width', 'mass')


def brier_score(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean squared distance between probabilities and what happened; 0 is best.

    Two classes: of the positive class alone, so 0.25 for always saying one half (0 to 1). More classes: summed over the
    classes (0 to 2), as Brier wrote it.

    Args:
        labels: Class indices (N,).
        probabilities: Of the positive class (N,), or of each class (N, K); with K = 2 the second is the positive one.

    Raises:
        ValueError: If there is no case, shapes do not fit, or probabilities are not such.

    References:
        Brier, Monthly Weather Review 1950.

    Example:
        >>> brier_score([0, 1], [0.5, 0.5])
        0.25
    """
    indices, table = class_probabilities(labels, probabilities)
    if table.shape[1] == 2:
        from sklearn.metrics import brier_score_loss

        return float(brier_score_loss(indices, table[:, 1], pos_label=1))
    # scikit-learn has more classes from 1.7 on, and warns where the probabilities of a case sum to 1 in float32 only.
    return float(np.mean(np.sum((table - np.eye(table.shape[1])[indices]) ** 2, axis=1)))


@dataclass(frozen=True)
class ReliabilityCurve:
    """Predicted and observed rate by bin; bins without a case are left out.

    Args:
        predicted: Mean probability of each bin, (B,).
        observed: Share of positives (top label: of correct cases), (B,).
        low, high: Wilson limits of `observed`, (B,); independent cases assumed.
        counts: Cases, (B,).
        confidence: Level of the limits.
        method: How the bins were made, and of what.
    """

    predicted: Floats
    observed: Floats
    low: Floats
    high: Floats
    counts: NDArray[np.int64]
    confidence: float
    method: str

    @property
    def expected_error(self) -> float:
        """Mean distance between predicted and observed rate, weighted by cases (ECE)."""
        return float(np.sum(self.counts * np.abs(self.predicted - self.observed)) / self.counts.sum())

    @property
    def maximum_error(self) -> float:
        """Largest distance of a bin (MCE)."""
        return float(np.max(np.abs(self.predicted - self.observed)))


def _edges(values: Floats, bins: int, binning: str) -> Floats:
    if binning == 'width':
        return np.linspace(0, 1, bins + 1)
    return np.quantile(values, np.linspace(0, 1, bins + 1))


def reliability_curve(
    labels: ArrayLike, probabilities: ArrayLike, bins: int = 10, binning: str = 'width', confidence: float = 0.95
) -> ReliabilityCurve:
    """Predicted against observed rate in bins of the predicted probability.

    Two classes: the probability of the positive class against the share of positives. More: the highest probability
    against the share of cases where it is right (top label). A bin holds its upper edge, not its lower; equal
    probabilities never lie in two bins.

    Args:
        labels: Class indices (N,).
        probabilities: Of the positive class (N,), or of each class (N, K); with K = 2 the second is the positive one.
        bins: Number of bins.
        binning: `'width'`: of equal width on [0, 1]; `'mass'`: with about as many cases each.
        confidence: Level of the Wilson limits.

    Raises:
        ValueError: As `brier_score`, and for an unknown binning or fewer than one bin.

    References:
        Guo et al., ICML 2017, section 2; equal mass: Nguyen and O'Connor, EMNLP 2015.

    Example:
        >>> curve = reliability_curve([0, 0, 1, 1], [0.1, 0.3, 0.3, 0.9], bins=2)
        >>> curve.counts.tolist(), [round(v, 3) for v in curve.observed.tolist()]
        ([3, 1], [0.333, 1.0])
    """
    if binning not in BINNINGS:
        raise ValueError(f'binning must be one of {BINNINGS}, got {binning!r}')
    if bins < 1:
        raise ValueError(f'1 or more bins are needed, got {bins}')
    indices, table = class_probabilities(labels, probabilities)
    binary = table.shape[1] == 2
    values = table[:, 1] if binary else table.max(1)
    hits = indices.astype(np.float64) if binary else (table.argmax(1) == indices).astype(np.float64)
    of_case = np.searchsorted(_edges(values, bins, binning)[1:-1], values)
    counts = np.bincount(of_case, minlength=bins)
    filled = counts > 0
    sums = [np.bincount(of_case, weights=w, minlength=bins)[filled] for w in (values, hits)]
    counts = counts[filled]
    limits = np.array([wilson_interval(int(k), int(n), confidence).ci for k, n in zip(sums[1], counts)])
    method = f'{bins} bins of equal {binning}, ' + ('positive class' if binary else 'top label')
    return ReliabilityCurve(sums[0] / counts, sums[1] / counts, limits[:, 0], limits[:, 1], counts, confidence, method)


def expected_calibration_error(
    labels: ArrayLike, probabilities: ArrayLike, bins: int = 10, binning: str = 'width'
) -> float:
    """Mean distance between predicted and observed rate over bins, weighted by cases; arguments of `reliability_curve`.

    It depends on the bins and is above 0 by chance alone in small samples, more so with many bins.

    Example:
        >>> round(expected_calibration_error([0, 0, 1, 1], [0.1, 0.3, 0.3, 0.9], bins=2), 3)
        0.1
    """
    return reliability_curve(labels, probabilities, bins, binning).expected_error
