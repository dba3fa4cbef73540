"""Bland and Altman's limits of agreement of two measurements of the same cases, with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import nct, norm, spearmanr
from scipy.stats import t as t_distribution

from usmm.evaluation.stats.validation import Floats, check_confidence

SCALES = ('difference', 'ratio')
METHODS = ('exact', 'approximate')
WORDS = {
    'exact': 'exact, noncentral t',
    'approximate': 'approximate, of Bland and Altman 1999',
}
Pair = tuple[float, float]


@dataclass(frozen=True)
class BlandAltman:
    """Bias and limits of agreement, second measurement less the first (or over it).

    Args:
        scale: `difference`, in the unit of the measurements, or `ratio`: all numbers are then factors, 1 is agreement.
        bias: Mean difference (geometric mean of the ratios).
        std: Standard deviation of the differences, ddof 1 (of the natural logarithms of the ratios).
        limits: Between these lie `coverage` of the differences, if they are normal.
        bias_ci, lower_ci, upper_ci: Confidence intervals of the bias and of the two limits.
        coverage, confidence: Share of the cases between the limits, and level of the intervals.
        method: How the intervals of the limits were made.
        cases: Number of cases.
        trend, trend_pvalue: Spearman's rank correlation of the distance from the bias with the mean of the two
            measurements: above 0, large cases scatter more. nan below four cases or where nothing varies.
    """

    scale: str
    bias: float
    std: float
    limits: Pair
    bias_ci: Pair
    lower_ci: Pair
    upper_ci: Pair
    coverage: float
    confidence: float
    method: str
    cases: int
    trend: float
    trend_pvalue: float


def bland_altman(
    first: ArrayLike,
    second: ArrayLike,
    scale: str = 'difference',
    method: str = 'exact',
    coverage: float = 0.95,
    confidence: float = 0.95,
) -> BlandAltman:
    """How far two measurements of one case may lie apart.

    Args:
        first, second: Measurements of the same cases (N,), one pair a case: pairs must be independent.
        scale: `'difference'`, or `'ratio'`: the same on logarithms, for spreads that grow with the size.
        method: Of the intervals of the limits: `'exact'` (noncentral t; each limit by itself), or `'approximate'`
            (t, with the standard error s sqrt(1/n + z^2 / (2 (n - 1)))), which is too narrow outwards in small samples.
        coverage: Share of the cases between the limits.
        confidence: Level of the intervals.

    Raises:
        ValueError: Unequal lengths, fewer than two cases, a value that is not finite (for ratios: not positive), or an
            unknown scale or method.

    References:
        Bland and Altman, Lancet 1986; Statistical Methods in Medical Research 1999, sections 2 and 3; exact intervals:
        Carkeet, Optometry and Vision Science 2015.

    Example:
        >>> found = bland_altman([10, 20, 30, 40], [11, 22, 31, 40])
        >>> found.bias, [round(limit, 2) for limit in found.limits]
        (1.0, [-0.6, 2.6])
    """
    if scale not in SCALES:
        raise ValueError(f'scale must be one of {SCALES}, got {scale!r}')
    if method not in METHODS:
        raise ValueError(f'method must be one of {METHODS}, got {method!r}')
    check_confidence(confidence)
    z = float(norm.ppf(0.5 + check_confidence(coverage) / 2))
    a, b = (_checked(values, name, scale) for values, name in ((first, 'first'), (second, 'second')))
    if a.size != b.size:
        raise ValueError(f'measurements must be paired, got {a.size} first and {b.size} second ones')
    if scale == 'ratio':
        a, b = np.log(a), np.log(b)
    difference = b - a
    n, bias, std = a.size, float(difference.mean()), float(difference.std(ddof=1))
    half = float(t_distribution.ppf(0.5 + confidence / 2, n - 1)) * std / math.sqrt(n)
    low, high = _limit_interval(n, z, confidence, method)
    turned = math.exp if scale == 'ratio' else float

    def pair(one: float, other: float) -> Pair:
        return turned(bias + one * std), turned(bias + other * std)

    trend, pvalue = _trend(np.abs(difference - bias), (a + b) / 2)
    return BlandAltman(
        scale=scale,
        bias=turned(bias),
        std=std,
        limits=pair(-z, z),
        bias_ci=(turned(bias - half), turned(bias + half)),
        lower_ci=pair(-high, -low),
        upper_ci=pair(low, high),
        coverage=coverage,
        confidence=confidence,
        method=WORDS[method],
        cases=n,
        trend=trend,
        trend_pvalue=pvalue,
    )


def _checked(values: ArrayLike, name: str, scale: str) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size < 2:
        raise ValueError(f'{name} measurements must be a row of two or more, got shape {array.shape}')
    wrong = ~np.isfinite(array) if scale == 'difference' else ~(np.isfinite(array) & (array > 0))
    if wrong.any():
        what = 'finite' if scale == 'difference' else 'finite and positive for ratios'
        raise ValueError(f'{name} measurements must be {what}, got {array[wrong][:3].tolist()}')
    return array


def _limit_interval(n: int, z: float, confidence: float, method: str) -> Pair:
    """Interval of the upper limit, in standard deviations above the mean."""
    tail = 0.5 + confidence / 2
    if method == 'approximate':
        half = float(t_distribution.ppf(tail, n - 1)) * math.sqrt(1 / n + z * z / (2 * (n - 1)))
        return z - half, z + half
    # (mean - limit) sqrt(n) / s is a noncentral t: an exact interval of a quantile of a normal distribution
    low, high = (float(nct.ppf(q, n - 1, z * math.sqrt(n))) / math.sqrt(n) for q in (1 - tail, tail))
    return low, high


def _trend(distance: Floats, size: Floats) -> Pair:
    if distance.size < 4 or np.ptp(distance) == 0 or np.ptp(size) == 0:
        return math.nan, math.nan
    found = spearmanr(distance, size)
    return float(found.statistic), float(found.pvalue)
