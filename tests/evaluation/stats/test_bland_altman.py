"""Limits of agreement against the published examples, closed forms and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from usmm.evaluation.stats.bland_altman import bland_altman

# Bland and Altman, Lancet 1986, table 1: peak expiratory flow, first readings of the Wright and the mini Wright meter.
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]


def test_the_published_example_of_1986() -> None:
    # mean -2.1, standard deviation 38.8, limits with 2 instead of 1.96: -79.7 and 75.5; bias from -22.0 to 17.8
    found = bland_altman(MINI, WRIGHT)
    assert round(found.bias, 1) == -2.1 and round(found.std, 1) == 38.8 and found.cases == 17
    assert [round(v, 1) for v in found.bias_ci] == [-22.0, 17.8]
    np.testing.assert_allclose(found.limits, [-2.1 - 1.96 * 38.8, -2.1 + 1.96 * 38.8], atol=0.1)


def test_the_published_example_of_1999() -> None:
    # 85 subjects, blood pressure by an observer and a machine: mean -16.29, sd 19.61; limits -54.7 and 22.1, with
    # intervals from -61.9 to -47.5 and from 14.9 to 29.3
    made = stats.norm.ppf((np.arange(85) + 0.5) / 85)
    difference = -16.29 + 19.61 * (made - made.mean()) / made.std(ddof=1)
    found = bland_altman(np.zeros(85), difference, method='approximate')
    assert [round(v, 1) for v in found.limits] == [-54.7, 22.1]
    # the paper rounds the standard error to 1.71 s / sqrt(n)
    np.testing.assert_allclose([*found.lower_ci, *found.upper_ci], [-61.9, -47.5, 14.9, 29.3], atol=0.11)


def test_exact_intervals_hold_the_limit_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    truth = 2 + 3 * stats.norm.ppf(0.975)
    held = {'exact': 0, 'approximate': 0}
    for x in rng.normal(2, 3, (1500, 8)):
        for method in held:
            low, high = bland_altman(np.zeros(8), x, method=method).upper_ci
            held[method] += low <= truth <= high
    assert 0.935 <= held['exact'] / 1500 <= 0.965
    assert held['approximate'] < held['exact']  # with 8 cases it is too short


@pytest.mark.parametrize(('cases', 'factor'), [(5, 4.203), (10, 2.911), (20, 2.396), (50, 2.065)])
def test_exact_intervals_are_tolerance_limits(cases: int, factor: float) -> None:
    """One-sided factors for 95 % of a normal distribution with confidence 95 % (Natrella, Handbook 91, table A-7)."""
    x = np.random.default_rng(4).normal(size=cases)
    found = bland_altman(np.zeros(cases), x, coverage=0.90, confidence=0.90)
    assert (found.upper_ci[1] - x.mean()) / x.std(ddof=1) == pytest.approx(factor, abs=1e-3)
    assert (x.mean() - found.lower_ci[0]) / x.std(ddof=1) == pytest.approx(factor, abs=1e-3)


def test_both_methods_meet_in_large_samples() -> None:
    x = np.random.default_rng(1).normal(5, 2, 4000)
    one, other = (bland_altman(np.zeros(4000), x, method=m) for m in ('exact', 'approximate'))
    np.testing.assert_allclose(one.upper_ci, other.upper_ci, atol=0.003)
    np.testing.assert_allclose(one.lower_ci, other.lower_ci, atol=0.003)


def test_ratios_are_differences_of_logarithms() -> None:
    rng = np.random.default_rng(2)
    a = np.exp(rng.normal(8, 1, 30))
    b = a * np.exp(rng.normal(0.1, 0.2, 30))
    ratio, logs = bland_altman(a, b, 'ratio'), bland_altman(np.log(a), np.log(b))
    assert ratio.bias == pytest.approx(stats.gmean(b / a))
    for name in ('limits', 'bias_ci', 'lower_ci', 'upper_ci'):
        np.testing.assert_allclose(getattr(ratio, name), np.exp(getattr(logs, name)))


def test_the_order_of_the_two_only_turns_the_sign() -> None:
    one, other = bland_altman(MINI, WRIGHT), bland_altman(WRIGHT, MINI)
    assert one.bias == -other.bias
    np.testing.assert_allclose(one.lower_ci, [-v for v in other.upper_ci[::-1]])


def test_a_spread_that_grows_is_told() -> None:
    size = np.linspace(100, 10000, 60)
    noise = np.random.default_rng(3).normal(0, 0.1, 60)
    found = bland_altman(size, size * (1 + noise))
    expected = stats.spearmanr(np.abs(size * noise - (size * noise).mean()), size * (1 + noise / 2))
    assert (found.trend, found.trend_pvalue) == pytest.approx((expected.statistic, expected.pvalue))
    assert found.trend_pvalue < 0.001


def test_equal_measurements_have_no_spread() -> None:
    found = bland_altman([1, 2, 3, 4], [1, 2, 3, 4])
    assert found.limits == found.bias_ci == found.lower_ci == (0, 0) and math.isnan(found.trend)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(first=[1, 2], second=[1, 2], scale='log'), r"scale must be one of \('difference', 'ratio'\), got 'log'"),
        (dict(first=[1, 2], second=[1, 2], method='none'), r"method must be one of \('exact', 'approximate'\)"),
        (dict(first=[1], second=[1]), r'first measurements must be a row of two or more, got shape \(1,\)'),
        (dict(first=[1, 2, 3], second=[1, 2]), 'measurements must be paired, got 3 first and 2 second ones'),
        (dict(first=[1, math.nan], second=[1, 2]), r'first measurements must be finite, got \[nan\]'),
        (dict(first=[1, 2], second=[0, 2], scale='ratio'), r'second measurements must be finite and positive.*\[0.0\]'),
        (dict(first=[1, 2], second=[1, 2], confidence=95), 'confidence'),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bland_altman(**arguments)
