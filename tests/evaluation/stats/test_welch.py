from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import f, ttest_ind

from usmm.evaluation.stats.group_tests import welch_anova


def welch(samples: list[np.ndarray]) -> tuple[float, float]:
    """F and p as Welch 1951 writes them."""
    k, weights = len(samples), [len(s) / np.var(s, ddof=1) for s in samples]
    centre = sum(w * np.mean(s) for w, s in zip(weights, samples)) / sum(weights)
    spread = sum((1 - w / sum(weights)) ** 2 / (len(s) - 1) for w, s in zip(weights, samples))
    between = sum(w * (np.mean(s) - centre) ** 2 for w, s in zip(weights, samples)) / (k - 1)
    statistic = between / (1 + 2 * (k - 2) / (k**2 - 1) * spread)
    return statistic, f.sf(statistic, k - 1, (k**2 - 1) / (3 * spread))


@pytest.mark.parametrize('seed', range(5))
def test_equals_the_formula(seed: int) -> None:
    rng = np.random.default_rng(seed)
    samples = [rng.normal(rng.random(), 1 + i, rng.integers(3, 30)) for i in range(int(rng.integers(3, 6)))]
    assert welch_anova(samples) == pytest.approx(welch(samples), rel=1e-10)


def test_two_samples_are_welchs_t() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=9), rng.normal(1, 3, 14)
    expected = ttest_ind(one, other, equal_var=False)
    assert welch_anova([one, other]) == pytest.approx((expected.statistic**2, expected.pvalue))


@pytest.mark.parametrize('samples', [[[1, 2]], [[1, 2], [3]], [[1, 2], [3, 3]]])
def test_what_has_no_variance(samples: list[list[float]]) -> None:
    with pytest.raises(ValueError, match='two or more samples, each of two or more numbers that differ'):
        welch_anova(samples)
