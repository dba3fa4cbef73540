"""Limits of an AUC: normal, on the logit scale, or Wilson's; and a bound that holds where the classes are separated."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.stats import norm, t

from usmm.evaluation.stats.effective_size import MOST, wilson_limits

INTERVALS = ('wilson', 'logit', 'normal')
NAMES = {'wilson': 'Wilson with the effective sample size', 'logit': 'logit scale', 'normal': 'normal'}


def separated_bound(patients: Sequence[int], confidence: float = 0.95) -> float:
    """Lower limit of an AUC that is 1 in the cases at hand; the upper one is 1.

    So many pairs of a positive and a negative patient can be formed in which no patient stands twice as the rarer class
    has patients, m. They are independent, and each is in order with a chance of the AUC, A; so all are with A^m or
    less, whatever the scores are distributed like. The limit is the A at which that is (1 - confidence) / 2. Of several
    strata the mean of the AUCs is bounded: by the AUCs with this mean for which order in all of them is most likely.

    Args:
        patients: Of the rarer class, in each stratum; the strata have no patient in common.
        confidence: Level of the two-sided interval.

    Raises:
        ValueError: A stratum without a patient, or no stratum.

    References:
        Obuchowski and Lieber, Academic Radiology 2002, who bound an AUC of 1 under a model of the scores; Clopper and
        Pearson, Biometrika 1934, for the bound of a proportion of 1.

    Example:
        >>> round(separated_bound([10]), 4), round(separated_bound([5, 5]), 4)
        (0.6915, 0.6915)
    """
    if not patients or min(patients) < 1:
        raise ValueError(f'one or more strata with a patient of each class are needed, got {list(patients)}')
    tail = math.log((1 - confidence) / 2)
    low, high = 0.0, 1 / min(patients)  # of the factor c: the AUCs c m_i, at most 1, make order most likely
    for _ in range(200):
        factor = (low + high) / 2
        chance = sum(m * math.log(min(1.0, factor * m)) for m in patients) if factor > 0 else -math.inf
        low, high = (factor, high) if chance < tail else (low, factor)
    return sum(min(1.0, high * m) for m in patients) / len(patients)


def auc_limits(
    auc: float,
    se: float,
    confidence: float,
    interval: str,
    cases: int,
    patients: float,
    strata: Sequence[int],
    effect: float = 1.0,
) -> tuple[float, float]:
    """Limits of an AUC, within [0, 1]; (nan, nan) where there are none.

    Args:
        auc: The estimate.
        se: Its standard error.
        confidence: Level.
        interval: One of `INTERVALS`. `'wilson'` takes the AUC for a proportion of A (1 - A) / se^2 independent answers,
            at most three for each case of the rarer class, less what its cases in common patients take away; of an AUC
            of 0 or 1 it is `separated_bound`.
        cases, patients: Of the rarer class; patients as `effective_clusters`.
        strata: Patients of the rarer class in each of the strata that have no patient in common.
        effect: By how much cases in common patients raise the variance.
    """
    z = float(norm.ppf(0.5 + confidence / 2))
    if interval == 'normal' or (interval == 'logit' and (se == 0 or not 0 < auc < 1)):
        return max(0.0, auc - z * se), min(1.0, auc + z * se)
    if interval == 'logit':
        centre, width = math.log(auc / (1 - auc)), z * se / (auc * (1 - auc))
        return 1 / (1 + math.exp(width - centre)), 1 / (1 + math.exp(-width - centre))
    if auc in (0, 1):
        bound = separated_bound(strata, confidence)
        return (bound, 1.0) if auc == 1 else (0.0, 1 - bound)
    if se == 0:  # all scores are equal: nothing is known of what would tell the classes apart
        return math.nan, math.nan
    level = 0.5 + confidence / 2
    few = float(t.ppf(level, patients - 1) / t.ppf(level, cases - 1)) ** 2 if 1 < patients < cases else 1.0
    most = MOST * cases / min(max(1.0, effect), cases / patients)
    return wilson_limits(auc, min(auc * (1 - auc) / se**2 / few, most), confidence)
