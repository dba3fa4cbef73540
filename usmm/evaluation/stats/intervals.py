"""Confidence intervals of proportions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from scipy.stats import binomtest

from usmm.evaluation.stats.validation import check_confidence


@dataclass(frozen=True)
class Proportion:
    """A proportion with its interval.

    Args:
        estimate: successes / trials; nan without trials.
        ci: Confidence interval; (nan, nan) without trials.
        confidence: Its level.
        successes, trials: The counts.
        method: What was computed.
    """

    estimate: float
    ci: tuple[float, float]
    confidence: float
    successes: int
    trials: int
    method: str


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> Proportion:
    """Wilson's score interval of a proportion (no continuity correction).

    Args:
        successes: Number of successes.
        trials: Number of independent trials; 0 gives nan everywhere.
        confidence: Level of the interval.

    Raises:
        ValueError: Unless 0 <= successes <= trials, both whole, and 0 < confidence < 1.

    References:
        Wilson, Journal of the American Statistical Association 1927.

    Example:
        >>> [round(v, 4) for v in wilson_interval(24, 34).ci]
        [0.5383, 0.8317]
    """
    check_confidence(confidence)
    k, n = _counts(successes, trials)
    if n == 0:
        return Proportion(math.nan, (math.nan, math.nan), confidence, k, n, 'Wilson')
    return Proportion(k / n, _limits(k, n, confidence, 'wilson'), confidence, k, n, 'Wilson')


def clopper_pearson_interval(successes: int, trials: int, confidence: float = 0.95) -> Proportion:
    """Clopper and Pearson's exact interval of a proportion: it covers at least its level, mostly more.

    Args, errors: As `wilson_interval`.

    References:
        Clopper and Pearson, Biometrika 1934.

    Example:
        >>> [round(v, 4) for v in clopper_pearson_interval(24, 34).ci]
        [0.5252, 0.849]
    """
    check_confidence(confidence)
    k, n = _counts(successes, trials)
    if n == 0:
        return Proportion(math.nan, (math.nan, math.nan), confidence, k, n, 'Clopper-Pearson')
    return Proportion(k / n, _limits(k, n, confidence, 'exact'), confidence, k, n, 'Clopper-Pearson')


def _counts(successes: int, trials: int) -> tuple[int, int]:
    if (
        not (math.isfinite(successes) and math.isfinite(trials))
        or successes != int(successes)
        or trials != int(trials)
        or not 0 <= successes <= trials
    ):
        raise ValueError(f'expected whole numbers with 0 <= successes <= trials, got {successes} of {trials}')
    return int(successes), int(trials)


def _limits(successes: int, trials: int, confidence: float, method: Literal['exact', 'wilson']) -> tuple[float, float]:
    # scipy, not statsmodels: its limits of no success and of no failure are exactly 0 and 1.
    limits = binomtest(successes, trials).proportion_ci(confidence, method=method)
    return float(limits.low), float(limits.high)
