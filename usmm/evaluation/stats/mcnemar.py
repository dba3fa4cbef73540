"""McNemar's test: two classifiers right and wrong on the same cases."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom, norm

from usmm.evaluation.stats.validation import check_confidence, class_indices

METHODS = ('exact', 'midp', 'chi2')
MANY = 2**31  # the number of classes plays no part


@dataclass(frozen=True)
class McNemarTest:
    """Two classifiers compared on the same cases.

    Args:
        estimate: Accuracy of the first less that of the second.
        first_only, second_only: Cases that only the one, only the other gets right.
        cases: Number of cases.
        statistic: Chi-squared, or the smaller of the two counts.
        pvalue: Two-sided p value.
        ci: Confidence interval of the difference (Bonett and Price).
        confidence: Its level.
        method: What was computed.
    """

    estimate: float
    first_only: int
    second_only: int
    cases: int
    statistic: float
    pvalue: float
    ci: tuple[float, float]
    confidence: float
    method: str


def _statistic(b: int, c: int, method: str) -> tuple[float, float]:
    """Statistic and p value of the discordant counts."""
    from statsmodels.stats.contingency_tables import mcnemar

    if method == 'chi2' and b == c:  # statsmodels corrects past 0, which gives equal counts p < 1
        return 0.0, 1.0
    found = mcnemar([[0, b], [c, 0]], exact=method != 'chi2', correction=True)
    statistic, pvalue = float(found.statistic), float(found.pvalue)
    if method == 'midp' and b + c > 0:  # equal counts: one outcome is as extreme as the observed one, not two
        pvalue -= float(binom.pmf(min(b, c), b + c, 0.5)) / (2 if b == c else 1)
    return statistic, pvalue


def mcnemar_counts(
    first_only: int, second_only: int, cases: int, method: str = 'exact', confidence: float = 0.95
) -> McNemarTest:
    """McNemar's test from the discordant counts; see `mcnemar_test`.

    Args:
        first_only, second_only: Cases that only the one, only the other gets right.
        cases: All cases, the concordant ones among them.
        method: `'exact'` (binomial), `'midp'`, or `'chi2'` with continuity correction.
        confidence: Level of the interval.

    Raises:
        ValueError: If the counts do not fit each other, or the method is unknown.

    Example:
        >>> round(mcnemar_counts(1, 9, 50).pvalue, 4)
        0.0215
    """
    if method not in METHODS:
        raise ValueError(f'method must be one of {METHODS}, got {method!r}')
    b, c, n = int(first_only), int(second_only), int(cases)
    if (b, c, n) != (first_only, second_only, cases) or b < 0 or c < 0 or n < 1 or b + c > n:
        raise ValueError(f'expected whole counts >= 0 within the cases, got {first_only}, {second_only} of {cases}')
    statistic, pvalue = _statistic(b, c, method)
    z = float(norm.ppf(0.5 + check_confidence(confidence) / 2))
    p, q = (b + 1) / (n + 2), (c + 1) / (n + 2)
    half = z * math.sqrt((p + q - (p - q) ** 2) / (n + 2))
    ci = (max(-1.0, p - q - half), min(1.0, p - q + half))
    return McNemarTest((b - c) / n, b, c, n, statistic, pvalue, ci, confidence, f'McNemar, {method}, two-sided')


def mcnemar_test(
    labels: ArrayLike, first: ArrayLike, second: ArrayLike, method: str = 'exact', confidence: float = 0.95
) -> McNemarTest:
    """Test that two classifiers are right equally often, on the same independent cases.

    Equal predictions give p = 1. For a test of sensitivity give the positive cases only.

    Args:
        labels: Class indices (N,).
        first, second: Predicted class indices (N,).
        method: `'exact'`: binomial on the discordant cases, never too many false alarms; `'midp'`: less cautious,
            advised for small counts; `'chi2'`: with Edwards' continuity correction, p = 1 for equal counts.
        confidence: Level of the interval of the difference.

    Raises:
        ValueError: If lengths differ, values are no class indices, or the method is unknown.

    References:
        McNemar, Psychometrika 1947; Edwards, Psychometrika 1948; Fagerland et al., BMC Medical Research Methodology
        2013 (mid-p); Bonett and Price, Journal of Educational and Behavioral Statistics 2012 (interval).

    Example:
        >>> mcnemar_test([0, 1, 1, 0], [0, 1, 0, 0], [0, 1, 0, 0]).pvalue
        1.0
    """
    true = class_indices(labels, MANY)
    right = []
    for values, name in ((first, 'first predictions'), (second, 'second predictions')):
        predicted = class_indices(values, MANY, name)
        if predicted.shape != true.shape:
            raise ValueError(f'{name} must be one per label, got {predicted.size} for {true.size}')
        right.append(predicted == true)
    b, c = int(np.sum(right[0] & ~right[1])), int(np.sum(right[1] & ~right[0]))
    return mcnemar_counts(b, c, true.size, method, confidence)
