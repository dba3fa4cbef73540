from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_ind
from statsmodels.stats.oneway import anova_oneway

from usmm.evaluation.stats.group_tests import welch_anova


@pytest.mark.parametrize('seed', range(5))
def test_equals_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    samples = [rng.normal(rng.random(), 1 + i, rng.integers(3, 30)) for i in range(int(rng.integers(3, 6)))]
    expected = anova_oneway(samples, use_var='unequal', welch_correction=True)
    assert welch_anova(samples) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-10)


def test_two_samples_are_welchs_t() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=9), rng.normal(1, 3, 14)
    expected = ttest_ind(one, other, equal_var=False)
    assert welch_anova([one, other]) == pytest.approx((expected.statistic**2, expected.pvalue))


@pytest.mark.parametrize('samples', [[[1, 2]], [[1, 2], [3]], [[1, 2], [3, 3]]])
def test_what_has_no_variance(samples: list[list[float]]) -> None:
    with pytest.raises(ValueError, match='two or more samples, each of two or more numbers that differ'):
        welch_anova(samples)
