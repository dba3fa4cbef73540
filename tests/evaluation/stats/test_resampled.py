"""The corrected resampled t test: its formula by hand, its limits, and what it is for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from usmm.evaluation.stats import corrected_resampled_test


def test_the_formula_by_hand():
    # differences 1, 2, 3 hundredths: mean .02, variance .0001; (1 / 3 + 1 / 4) of it, and t with 2 degrees of freedom
    found = corrected_resampled_test([0.01, 0.02, 0.03], tested=10, trained=40)
    assert found.se == pytest.approx(0.01 * math.sqrt(7 / 12))
    statistic = 2 / math.sqrt(7 / 12)
    assert found.statistic == pytest.approx(statistic)
    # the distribution function of t with 2 degrees of freedom is 1/2 + t / (2 sqrt(2 + t^2))
    assert found.pvalue == pytest.approx(1 - statistic / math.sqrt(2 + statistic**2))
    quantile = 2 * 0.95 * math.sqrt(1 / (2 * (1 - 0.95**2)))
    assert found.ci == pytest.approx((0.02 - quantile * found.se, 0.02 + quantile * found.se), rel=1e-6)
    assert (found.df, found.folds, found.estimate) == (2, 3, pytest.approx(0.02))


def test_without_overlap_it_is_students():
    values = np.random.default_rng(0).normal(0.1, 1, 12)
    found, plain = corrected_resampled_test(values, 1e-12, 1), ttest_1samp(values, 0)
    assert (found.statistic, found.pvalue) == pytest.approx((plain.statistic, plain.pvalue))
    assert corrected_resampled_test(values, 1, 4).pvalue > plain.pvalue


def test_equal_differences():
    same = corrected_resampled_test([0.0, 0.0], 1, 4)
    assert same.pvalue == 1 and all(math.isnan(limit) for limit in same.ci)
    with pytest.warns(UserWarning, match='all folds differ by the same amount: the test does not exist here'):
        found = corrected_resampled_test([0.1, 0.1 + 1e-17, 0.3 - 0.2], 1, 4)  # by rounding
    assert math.isnan(found.pvalue) and found.estimate == pytest.approx(0.1)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (([0.1], 1, 4), r'two or more folds are needed, got differences of shape \(1,\)'),
        (([0.1, math.nan], 1, 4), 'differences must be finite, got nan'),
        (([0.1, 0.2], 0, 4), 'a fold has cases to test and to train with, got 0 and 4'),
        (([0.1, 0.2], math.nan, 4), 'a fold has cases to test and to train with, got nan and 4'),
        (([0.1, 0.2], 1, 4, 95), 'confidence must lie between 0 and 1, got 95'),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        corrected_resampled_test(*arguments)
