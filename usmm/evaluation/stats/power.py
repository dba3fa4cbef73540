"""How many patients a study needs: for an interval of a given width, and for a difference to be found."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy.special import owens_t
from scipy.stats import norm

from usmm.evaluation.stats.effective_size import MOST, wilson_limits

MOST_PATIENTS = 10_000_000


@dataclass(frozen=True)
class SampleSize:
    """Patients that a study needs.

    Args:
        patients: In all.
        positives, negatives: Of each class, at the prevalence.
        reached: What is reached with them: the width of the interval, or the power.
        question: What was asked, as a sentence.
        method: How it was computed.
    """

    patients: int
    positives: int
    negatives: int
    reached: float
    question: str
    method: str


def auc_variance(auc: float, positives: float, negatives: float) -> float:
    """Variance of the AUC (Mann-Whitney) of normal scores whose standard deviation is the same in both classes.

    Args:
        auc: The AUC, in (0, 1).
        positives, negatives: Patients of each class.

    References:
        Bamber, Journal of Mathematical Psychology 1975 (the variance, from the chance that two positives are above one
        negative); Owen, Annals of Mathematical Statistics 1956 (that chance, for normal scores).

    Example:
        >>> round(auc_variance(0.8, 50, 50) ** 0.5, 4)
        0.0437
    """
    height = norm.ppf(auc)  # two positives share a negative: two normal numbers that correlate by one half
    both = auc - 2 * float(owens_t(height, math.sqrt(1 / 3)))
    spread = auc * (1 - auc) + (positives + negatives - 2) * (both - auc**2)
    return spread / (positives * negatives)


def design(cases: float, correlation: float) -> float:
    """Cases of one patient each that a patient with several cases is worth.

    Args:
        cases: Of a patient, 1 or more.
        correlation: Of the cases of a patient (intraclass), from 0 to 1.

    Raises:
        ValueError: A value out of range.

    References:
        Kish, Survey Sampling, 1965, section 5.4.

    Example:
        >>> design(4, 0.5)
        1.6
    """
    if cases < 1:
        raise ValueError(f'a patient has one case or more, got {cases}')
    if not 0 <= correlation <= 1:
        raise ValueError(f'the correlation of the cases of a patient must lie in 0..1, got {correlation}')
    return cases / (1 + (cases - 1) * correlation)


def patients_for_auc(
    auc: float, width: float, prevalence: float, confidence: float = 0.95, cases: float = 1, correlation: float = 1
) -> SampleSize:
    """Patients for an interval of an AUC of a given width.

    Args:
        auc: The AUC that is expected.
        width: Of the interval, upper less lower limit.
        prevalence: Share of the positives among the patients.
        confidence: Level of the interval.
        cases, correlation: As `design`.

    Raises:
        ValueError: A value out of range, or a width that no study of ten million patients reaches.

    References:
        Bamber 1975, as `auc_variance`; the interval is the one of `delong_interval`.

    Example:
        >>> patients_for_auc(0.85, 0.10, 0.3).patients
        259
    """
    _inside(auc=auc, width=width, prevalence=prevalence)
    worth = design(cases, correlation)

    def reached(patients: int) -> float:
        m, n = _split(patients, prevalence)
        variance = auc_variance(auc, m * worth, n * worth)
        size = min(auc * (1 - auc) / variance, MOST * min(m, n) * worth)
        low, high = wilson_limits(auc, size, confidence)
        return high - low

    question = f'an interval of {confidence:.0%} of an AUC of {auc:g} that is {width:g} wide'
    return _least(lambda n: reached(n) <= width, reached, prevalence, question, 'normal scores, Wilson')


def patients_for_difference(
    first: float,
    second: float,
    prevalence: float,
    between: float = 0.5,
    power: float = 0.8,
    alpha: float = 0.05,
    cases: float = 1,
    correlation: float = 1,
) -> SampleSize:
    """Patients for a paired test that finds the difference of two AUCs on the same cases.

    Args:
        first, second: The AUCs that are expected.
        prevalence: Share of the positives.
        between: Correlation of the two AUCs; of two models on the same pictures mostly .3 to .7.
        power: Chance of finding the difference.
        alpha: Level of the two-sided test.
        cases, correlation: As `design`.

    Raises:
        ValueError: A value out of range, equal AUCs, or a difference that no study of ten million patients finds.

    References:
        Obuchowski and McClish, Statistics in Medicine 1997; Hanley and McNeil, Radiology 1983 (correlated areas).

    Example:
        >>> patients_for_difference(0.85, 0.80, 0.3).patients
        622
    """
    _inside(first=first, second=second, prevalence=prevalence, power=power, alpha=alpha)
    if first == second:
        raise ValueError(f'the AUCs must differ, got {first} twice')
    if not 0 <= between < 1:
        raise ValueError(f'the correlation of the AUCs must lie from 0 to below 1, got {between}')
    worth, middle = design(cases, correlation), (first + second) / 2

    def reached(patients: int) -> float:
        m, n = (count * worth for count in _split(patients, prevalence))
        one, other, equal = (auc_variance(a, m, n) for a in (first, second, middle))
        under_null = math.sqrt(2 * equal * (1 - between))
        there = math.sqrt(one + other - 2 * between * math.sqrt(one * other))
        z = (abs(first - second) - norm.isf(alpha / 2) * under_null) / there
        return float(norm.cdf(z))

    question = f'a difference of the AUCs {first:g} and {second:g} found with a power of {power:.0%} at {alpha:g}'
    return _least(lambda n: reached(n) >= power, reached, prevalence, question, 'normal scores, Obuchowski and McClish')


def patients_for_sensitivity(
    sensitivity: float,
    specificity: float,
    width: float,
    prevalence: float,
    confidence: float = 0.95,
    ratio: float = 1.0,
    cases: float = 1,
    correlation: float = 1,
) -> SampleSize:
    """Patients for an interval of the sensitivity at a fixed specificity, the threshold being found on the same cases.

    Args:
        sensitivity: That is expected at the specificity.
        specificity: At which it is read.
        width: Of the interval.
        prevalence: Share of the positives.
        confidence: Level of the interval.
        ratio: Standard deviation of the scores of the negatives over that of the positives (binormal).
        cases, correlation: As `design`.

    Raises:
        ValueError: A value out of range, or a width that no study of ten million patients reaches.

    References:
        Pepe, The Statistical Evaluation of Medical Tests, 2003, section 5.2.5: the variance of the sensitivity plus the
        squared slope of the ROC curve times the variance of the specificity.

    Example:
        >>> patients_for_sensitivity(0.9, 0.8, 0.1, 0.3).patients
        612
    """
    _inside(sensitivity=sensitivity, specificity=specificity, width=width, prevalence=prevalence)
    if not ratio > 0:
        raise ValueError(f'the ratio of the standard deviations must be above 0, got {ratio}')
    worth = design(cases, correlation)
    at = norm.ppf(1 - specificity)
    slope = ratio * norm.pdf(norm.ppf(sensitivity)) / norm.pdf(at)  # a + b z(t) is z(sensitivity)

    def reached(patients: int) -> float:
        m, n = (count * worth for count in _split(patients, prevalence))
        variance = sensitivity * (1 - sensitivity) / m + slope**2 * specificity * (1 - specificity) / n
        low, high = wilson_limits(sensitivity, sensitivity * (1 - sensitivity) / variance, confidence)
        return high - low

    question = (
        f'an interval of {confidence:.0%} of a sensitivity of {sensitivity:g} at a specificity of {specificity:g} that '
        f'is {width:g} wide'
    )
    return _least(lambda n: reached(n) <= width, reached, prevalence, question, 'Pepe, binormal; Wilson')


def _inside(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < 1:
            raise ValueError(f'{name} must lie between 0 and 1, got {value}')


def _split(patients: int, prevalence: float) -> tuple[int, int]:
    """Positives and negatives of a study, at least two of each."""
    positives = min(max(2, round(patients * prevalence)), patients - 2)
    return positives, patients - positives


def _least(
    enough: Callable[[int], bool], reached: Callable[[int], float], prevalence: float, question: str, method: str
) -> SampleSize:
    """The smallest study that is enough: doubled until one is, then halved."""
    high = 4
    while not enough(high):
        if high > MOST_PATIENTS:
            raise ValueError(f'{question}: no study of {MOST_PATIENTS} patients reaches that')
        high *= 2
    low = max(3, high // 2)  # two patients of each class at least
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    positives, negatives = _split(high, prevalence)
    return SampleSize(high, positives, negatives, reached(high), question, method)
