"""Effective sample size: how many independent cases an estimate is worth where patients have several cases.

An estimate between 0 and 1 whose variance is V is worth as many independent yes-or-no answers as would give the same
variance, p (1 - p) / V. Wilson's interval with this number is the interval of every proportion, of means of values
between 0 and 1, and of an AUC.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, t

from usmm.evaluation.stats.validation import Floats, check_confidence, group_codes

Codes = NDArray[np.int64]
MOST = 3.0
"""Independent answers that a patient counts as at most.

Values that happen to agree would otherwise be taken as certain. A smaller number holds more often and is wider; with 3
the coverage in docs/statistics.md was reached.
"""


def design_effect(values: ArrayLike, clusters: ArrayLike | None = None, confidence: float = 0.95) -> float:
    """By how much the variance of a mean is larger than that of independent cases, 1 or more.

    The variance between patients is known from few of them only, so that Student's quantiles take the normal ones'
    place. Patients whose numbers of cases differ much count as fewer (`effective_clusters`). Values that are all equal
    are taken to agree within a patient.

    Args:
        values: Of each case (N,).
        clusters: Patient of each case (N,); None: each case is a patient of its own.
        confidence: Level of the interval that it is used for.

    Raises:
        ValueError: No values, or as many clusters as there are values are not given.

    References:
        Kish, Survey Sampling, 1965, section 8.2; Korn and Graubard, Survey Methodology 1998 (few clusters).

    Example:
        >>> round(design_effect([1, 1, 0, 0], clusters=list('aabb')), 2)
        47.82
    """
    row = np.asarray(values, dtype=np.float64)
    if row.ndim != 1 or row.size == 0:
        raise ValueError(f'values must be a row of one number per case, got shape {row.shape}')
    if clusters is None:
        return 1.0
    codes = group_codes(clusters, row.size)
    count = int(codes.max()) + 1
    if count == row.size:
        return 1.0
    if count == 1:
        return float(row.size)
    off = row - row.mean()
    independent = float(off @ off) / (row.size * (row.size - 1))
    if independent == 0:
        return row.size / count
    sums = np.bincount(codes, off)
    worth = effective_clusters(codes)
    ratio = max(1.0, worth / (worth - 1) * float(sums @ sums) / row.size**2 / independent)
    level = 0.5 + check_confidence(confidence) / 2
    return ratio * float(t.ppf(level, worth - 1) / t.ppf(level, row.size - 1)) ** 2


def effective_clusters(codes: Codes) -> float:
    """Patients of equal numbers of cases that patients of unequal ones are worth, above 1: (sum n)^2 / sum n^2.

    Args:
        codes: Patient of each case, from 0 (N,).

    References:
        Kish, Survey Sampling, 1965, section 11.7 (unequal weights).

    Example:
        >>> effective_clusters(np.array([0, 0, 1, 1])), round(effective_clusters(np.array([0, 0, 0, 0, 1, 2])), 4)
        (2.0, 2.0)
    """
    sizes = np.bincount(codes)
    sizes = sizes[sizes > 0]
    return max(float(sizes.sum()) ** 2 / float((sizes.astype(float) ** 2).sum()), 1.0 + 1e-6)


def effective_size(values: ArrayLike, clusters: ArrayLike | None = None, confidence: float = 0.95) -> float:
    """Independent yes-or-no answers that the mean of values between 0 and 1 is worth.

    Args:
        values: In [0, 1], of each case (N,).
        clusters, confidence: As `design_effect`, whose errors it shares.

    Raises:
        ValueError: A value outside of [0, 1].

    Example:
        >>> effective_size([1, 0, 1, 1]), round(effective_size([0.9, 0.8, 0.9, 0.8]), 6)
        (4.0, 12.0)
    """
    row = np.asarray(values, dtype=np.float64)
    effect = design_effect(row, clusters, confidence)
    if not ((row >= 0) & (row <= 1)).all():
        raise ValueError(f'values must lie in 0..1, got {row[~((row >= 0) & (row <= 1))][0]}')
    mean, variance = float(row.mean()), float(row.var())
    answers = row.size * mean * (1 - mean) / variance if variance > 0 else row.size
    return min(answers, MOST * row.size) / effect


def wilson_limits(estimate: float, size: float, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score limits of a proportion that is worth `size` independent answers, whole or not.

    Args:
        estimate: In [0, 1].
        size: Above 0.
        confidence: Level of the interval.

    References:
        Wilson, Journal of the American Statistical Association 1927.

    Example:
        >>> [round(limit, 4) for limit in wilson_limits(24 / 34, 34)]
        [0.5383, 0.8317]
    """
    z2 = float(norm.ppf(0.5 + check_confidence(confidence) / 2)) ** 2
    centre = (estimate + z2 / (2 * size)) / (1 + z2 / size)
    half = math.sqrt(z2 * (estimate * (1 - estimate) / size + z2 / (4 * size**2))) / (1 + z2 / size)
    low = 0.0 if estimate == 0 else max(0.0, centre - half)
    return low, 1.0 if estimate == 1 else min(1.0, centre + half)


def correlations(influences: Floats, clusters: ArrayLike | None = None) -> Floats:
    """Correlation of estimates by what the patients add to each (S, S); 0 beside an estimate without variance.

    Args:
        influences: Of each case on each estimate (S, N), summing to 0 over the cases.
        clusters: Patient of each case (N,).
    """
    rows = np.asarray(influences, dtype=np.float64)
    codes = np.arange(rows.shape[1]) if clusters is None else group_codes(clusters, rows.shape[1])
    if codes.size and codes.max() == 0:  # one patient: nothing is known of how the errors go together
        return np.ones((len(rows), len(rows)))
    sums = np.stack([np.bincount(codes, row) for row in rows])
    covariance = sums @ sums.T
    sd = np.sqrt(np.diag(covariance))
    with np.errstate(divide='ignore', invalid='ignore'):
        found = covariance / np.outer(sd, sd)
    found[~np.isfinite(found)] = 0.0
    np.fill_diagonal(found, 1.0)
    return np.asarray(np.clip(found, -1.0, 1.0))


def combined_limits(
    estimates: ArrayLike, limits: ArrayLike, weights: ArrayLike, correlation: ArrayLike | None = None
) -> tuple[float, float]:
    """Limits of a weighted sum of estimates from the limits of each (MOVER, the method of variance estimates recovery).

    Args:
        estimates: (S,). limits: (S, 2). weights: (S,), not below 0.
        correlation: Of the estimates (S, S); None: independent.

    References:
        Newcombe, Statistics in Medicine 1998 (two proportions); Zou and Donner, Statistics in Medicine 2008; Zou,
        Statistics in Medicine 2009 (correlated estimates).

    Example:
        >>> [round(limit, 3) for limit in combined_limits([0.8, 0.6], [[0.7, 0.9], [0.5, 0.7]], [0.5, 0.5])]
        [0.629, 0.771]
    """
    values, bounds, shares = (np.asarray(v, dtype=np.float64) for v in (estimates, limits, weights))
    related = np.eye(values.size) if correlation is None else np.asarray(correlation, dtype=np.float64)
    estimate = float(shares @ values)
    below, above = shares * (values - bounds[:, 0]), shares * (bounds[:, 1] - values)
    return (
        estimate - math.sqrt(max(0.0, float(below @ related @ below))),
        estimate + math.sqrt(max(0.0, float(above @ related @ above))),
    )
