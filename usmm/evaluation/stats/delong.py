"""DeLong's interval of an AUC and test of two AUCs on the same cases.

Cases must be independent: with several cases of one patient the intervals are too narrow.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, rankdata

from usmm.evaluation.stats.auc_limits import INTERVALS, NAMES, auc_limits
from usmm.evaluation.stats.validation import Floats, binary_labels, check_confidence, finite_scores


@dataclass(frozen=True)
class AucInterval:
    """An AUC with its uncertainty.

    Args:
        estimate: The AUC.
        se: Standard error (on the AUC's own scale).
        ci: Confidence interval, within [0, 1].
        confidence: Its level.
        method: What was computed.
        positives, negatives: Cases of each class.
    """

    estimate: float
    se: float
    ci: tuple[float, float]
    confidence: float
    method: str
    positives: int
    negatives: int


@dataclass(frozen=True)
class AucTest:
    """Two AUCs of the same cases compared.

    Args:
        estimate: First AUC less the second.
        aucs: Both AUCs.
        se: Standard error of the difference.
        statistic: estimate / se; 0 where both are 0.
        pvalue: Two-sided p value.
        ci: Confidence interval of the difference.
        confidence: Its level.
        method: What was computed.
    """

    estimate: float
    aucs: tuple[float, float]
    se: float
    statistic: float
    pvalue: float
    ci: tuple[float, float]
    confidence: float
    method: str


def placements(positive: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """Structural components of an AUC, by midranks.

    Returns:
        For each positive case the share of negatives below it (m,), for each negative the share of positives above it
        (n,), ties counting half. Both have the AUC as their mean.

    References:
        DeLong et al., Biometrics 1988; Sun and Xu, IEEE Signal Processing Letters 2014.
    """
    above, below = scores[positive], scores[~positive]
    ranks = rankdata(scores)
    of_positives = (ranks[positive] - rankdata(above)) / below.size
    of_negatives = 1 - (ranks[~positive] - rankdata(below)) / above.size
    return of_positives, of_negatives


def _standard_error(of_positives: Floats, of_negatives: Floats) -> float:
    variance = of_positives.var(ddof=1) / of_positives.size + of_negatives.var(ddof=1) / of_negatives.size
    return float(math.sqrt(variance))


def delong_interval(
    labels: ArrayLike, scores: ArrayLike, confidence: float = 0.95, interval: str = 'wilson'
) -> AucInterval:
    """AUC with DeLong's standard error and an interval.

    Args:
        labels: Zeros and ones, or booleans, (N,).
        scores: Score of the positive class (N,).
        confidence: Level of the interval.
        interval: `'wilson'`: with as many independent answers as the standard error is worth; covers with few cases and
            near 1, and of an AUC of 1 is a bound. `'logit'`: normal on the logit scale. `'normal'`: as most software.
            The last two have no width where the AUC is 1, and warn.

    Raises:
        ValueError: With fewer than two cases of a class, non-finite scores, or an unknown interval.

    References:
        DeLong et al., Biometrics 1988; Wilson, JASA 1927; Kish, Survey Sampling, 1965.

    Example:
        >>> result = delong_interval([0, 0, 0, 1, 1, 1], [0.1, 0.4, 0.5, 0.3, 0.7, 0.9])
        >>> round(result.estimate, 4), round(result.se, 4), [round(limit, 3) for limit in result.ci]
        (0.7778, 0.2485, [0.262, 0.972])
    """
    check_interval(interval)
    check_confidence(confidence)
    positive = binary_labels(labels, least=2)
    parts = placements(positive, finite_scores(scores, positive.shape))
    auc, se = float(parts[0].mean()), _standard_error(*parts)
    if se == 0 and interval != 'wilson':
        warnings.warn(f'the AUC is {auc:g} with a standard error of 0: its interval says nothing', stacklevel=2)
    m = int(positive.sum())
    rarer = min(m, positive.size - m)
    ci = auc_limits(auc, se, confidence, interval, rarer, rarer, [rarer])
    return AucInterval(auc, se, ci, confidence, f'DeLong, {NAMES[interval]}', m, positive.size - m)


def check_interval(interval: str) -> None:
    """Raises ValueError unless it is one of `INTERVALS`."""
    if interval not in INTERVALS:
        raise ValueError(f'interval must be one of {INTERVALS}, got {interval!r}')


def delong_test(labels: ArrayLike, first: ArrayLike, second: ArrayLike, confidence: float = 0.95) -> AucTest:
    """DeLong's paired test that two scores of the same cases have the same AUC.

    Scores that order every pair of cases alike give p = 1. Where the difference is not 0 but its standard error is
    (one score perfect, the other perfectly wrong), the test does not exist: p and statistic are nan, with a warning.

    Args:
        labels: Zeros and ones, or booleans, (N,).
        first, second: Scores of the positive class (N,), in the same order of cases.
        confidence: Level of the interval of the difference.

    Raises:
        ValueError: With fewer than two cases of a class, or non-finite scores.

    References:
        DeLong et al., Biometrics 1988; Sun and Xu, IEEE Signal Processing Letters 2014.

    Example:
        >>> delong_test([0, 0, 1, 1], [0.1, 0.6, 0.5, 0.9], [0.1, 0.6, 0.5, 0.9]).pvalue
        1.0
    """
    z = float(norm.ppf(0.5 + check_confidence(confidence) / 2))
    positive = binary_labels(labels, least=2)
    a = placements(positive, finite_scores(first, positive.shape, 'first scores'))
    b = placements(positive, finite_scores(second, positive.shape, 'second scores'))
    aucs = (float(a[0].mean()), float(b[0].mean()))
    # The variance of the differences case by case is exactly 0 for equal scores; a sum of covariances is not.
    se = _standard_error(a[0] - b[0], a[1] - b[1])
    difference = aucs[0] - aucs[1]
    statistic = studentised(difference, se)
    pvalue = float(2 * norm.sf(abs(statistic)))
    ci = difference_limits(difference, z * se)
    return AucTest(difference, aucs, se, statistic, pvalue, ci, confidence, 'DeLong, paired, two-sided')


def difference_limits(difference: float, half: float) -> tuple[float, float]:
    """Limits of a difference of AUCs, within [-1, 1]; nan where the AUCs differ without a standard error."""
    if half == 0 and difference != 0:
        return math.nan, math.nan
    return max(-1.0, difference - half), min(1.0, difference + half)


def studentised(difference: float, se: float) -> float:
    """difference / se; 0 where both are 0, and nan with a warning where only se is."""
    if se > 0:
        return difference / se
    if difference == 0:
        return 0.0
    warnings.warn("the AUCs differ with a standard error of 0: DeLong's test does not exist here", stacklevel=3)
    return math.nan
