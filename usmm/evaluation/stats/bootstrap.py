"""Bootstrap by patient: whole patients are drawn, with all their cases, within strata where asked."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from usmm.evaluation.stats.validation import Floats, check_confidence, group_codes

METHODS = ('percentile', 'bca')
Indices = NDArray[np.int64]
Statistic = Callable[[Indices], float]


@dataclass(frozen=True)
class BootstrapInterval:
    """A statistic with its bootstrap interval.

    Args:
        estimate: The statistic of the data.
        se: Standard deviation over the draws (ddof 1).
        ci: Confidence interval; nan where there is none.
        confidence: Its level.
        method: What was computed.
        draws: Number of draws, the undefined ones among them.
        undefined: Draws in which the statistic has no value, one class only for instance; they are left out.
        clusters: Number of patients.
        values: The statistic of each draw that has one.
    """

    estimate: float
    se: float
    ci: tuple[float, float]
    confidence: float
    method: str
    draws: int
    undefined: int
    clusters: int
    values: Floats


class _Members:
    """The cases of each cluster, laid out so that a draw of clusters becomes cases without a loop."""

    def __init__(self, clusters: Indices) -> None:
        self.cases = np.argsort(clusters, kind='stable')
        self.sizes = np.bincount(clusters)
        self.starts = np.cumsum(self.sizes) - self.sizes

    def __call__(self, picks: Indices) -> Indices:
        sizes = self.sizes[picks]
        offsets = np.cumsum(sizes) - sizes
        return self.cases[np.repeat(self.starts[picks] - offsets, sizes) + np.arange(int(sizes.sum()))]


def _strata_of_clusters(clusters: Indices, strata: ArrayLike | None, names: ArrayLike) -> list[Indices]:
    """The clusters of each stratum."""
    count = int(clusters.max()) + 1
    if strata is None:
        return [np.arange(count)]
    codes = group_codes(strata, clusters.size, 'strata')
    of_cluster = np.empty(count, dtype=np.int64)
    of_cluster[clusters] = codes
    torn = np.flatnonzero(of_cluster[clusters] != codes)
    if torn.size:
        raise ValueError(
            f'a cluster must lie in one stratum, {np.asarray(names)[torn[0]]!s} lies in several '
            '(with several seeds, a patient does: leave strata out)'
        )
    return [np.flatnonzero(of_cluster == s) for s in np.unique(codes)]


def _value(statistic: Statistic, cases: Indices) -> float:
    """The statistic, nan where it has no value: a ValueError is how ours say so."""
    try:
        value = float(statistic(cases))
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _percentiles(values: Floats, low: float, high: float) -> tuple[float, float]:
    first, second = np.quantile(values, [low, high])
    return float(first), float(second)


def _acceleration(statistic: Statistic, members: _Members, strata: list[Indices]) -> float:
    """Of BCa, by leaving out one cluster at a time within its stratum; nan where a value is missing."""
    cubes = squares = 0.0
    everyone = np.concatenate(strata)
    for stratum in strata:
        if stratum.size == 1:
            continue
        left = np.array([_value(statistic, members(everyone[everyone != c])) for c in stratum])
        pull = (stratum.size - 1) * (left.mean() - left)
        cubes += float(np.sum(pull**3)) / stratum.size**3
        squares += float(np.sum(pull**2)) / stratum.size**2
    return cubes / (6 * squares**1.5) if squares else 0.0


def _bca(values: Floats, estimate: float, acceleration: float, confidence: float) -> tuple[float, float]:
    below = (np.mean(values < estimate) + np.mean(values <= estimate)) / 2
    bias = norm.ppf(below)
    tail = norm.ppf(np.array([(1 - confidence) / 2, (1 + confidence) / 2])) + bias
    levels = norm.cdf(bias + tail / (1 - acceleration * tail))
    return _percentiles(values, *levels) if np.isfinite(levels).all() else (math.nan, math.nan)


def cluster_bootstrap(
    statistic: Statistic,
    clusters: ArrayLike,
    strata: ArrayLike | None = None,
    draws: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
    method: str = 'percentile',
) -> BootstrapInterval:
    """Interval of any statistic of cases, drawing patients with replacement.

    Args:
        statistic: From the indices of cases (M,), repeated ones among them, to a number; nan or a ValueError where it
            has no value.
        clusters: Patient of each case (N,).
        strata: Group within which patients are drawn, a fold for instance (N,); None: among all.
        draws: Number of draws.
        seed: Of the draws; the same seed gives the same interval.
        confidence: Level of the interval.
        method: `'percentile'`, or `'bca'` (bias corrected and accelerated; one more value per patient is computed).
            The percentile interval is too narrow in small samples: of simulated AUCs of 60 patients it held 90 % where
            BCa held 93 %.

    Raises:
        ValueError: If the statistic has no value for the data themselves, there are fewer than two patients, a patient
            lies in several strata, or an argument is out of range.

    References:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 14; clusters: Davison and Hinkley,
        Bootstrap Methods and their Application, 1997, section 3.8.

    Example:
        >>> ages = np.array([31.0, 45.0, 45.0, 62.0, 50.0])
        >>> result = cluster_bootstrap(lambda cases: ages[cases].mean(), clusters=list('abbcd'), draws=200)
        >>> result.estimate, result.clusters, result.undefined
        (46.6, 4, 0)
    """
    check_confidence(confidence)
    if method not in METHODS:
        raise ValueError(f'method must be one of {METHODS}, got {method!r}')
    if draws < 2:
        raise ValueError(f'2 or more draws are needed, got {draws}')
    names = np.asarray(clusters)
    codes = group_codes(names, names.size)
    if names.size == 0 or codes.max() == 0:
        raise ValueError(f'2 or more clusters are needed, got {np.unique(codes).size}')
    groups, members = _strata_of_clusters(codes, strata, names), _Members(codes)
    estimate = float(statistic(np.arange(names.size)))
    if not math.isfinite(estimate):
        raise ValueError(f'the statistic of the data themselves must be a number, got {estimate}')
    values = _draw(statistic, members, groups, draws, seed)
    interval = _interval(values, confidence)
    if method == 'bca' and not math.isnan(interval[0]):
        interval = _bca(values, estimate, _acceleration(statistic, members, groups), confidence)
        if math.isnan(interval[0]):
            warnings.warn('BCa has no interval for these data, the percentile method may have', stacklevel=2)
    name = f'bootstrap by cluster, {method}' + ('' if strata is None else f', within {len(groups)} strata')
    se = float(values.std(ddof=1)) if values.size > 1 else math.nan
    count = int(codes.max()) + 1
    return BootstrapInterval(estimate, se, interval, confidence, name, draws, draws - values.size, count, values)


def _draw(statistic: Statistic, members: _Members, groups: list[Indices], draws: int, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    values = np.empty(draws)
    for i in range(draws):
        picks = np.concatenate([group[rng.integers(0, group.size, group.size)] for group in groups])
        values[i] = _value(statistic, members(picks))
    return values[~np.isnan(values)]


def _interval(values: Floats, confidence: float) -> tuple[float, float]:
    """The percentile interval; none where fewer than 20 draws have a value."""
    if values.size < 20:
        warnings.warn(f'the statistic has a value in {values.size} draws only: no interval', stacklevel=3)
        return math.nan, math.nan
    return _percentiles(values, (1 - confidence) / 2, (1 + confidence) / 2)
