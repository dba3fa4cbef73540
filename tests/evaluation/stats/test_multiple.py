from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from usmm.evaluation.stats import adjust_pvalues, holm

NAMES = ('holm', 'bonferroni', 'benjamini_hochberg')


def naive(pvalues: np.ndarray, method: str) -> list[float]:
    """Each definition as a loop over the tests in order; of equal p values the order does not matter."""
    count, order = len(pvalues), np.argsort(pvalues, kind='stable')
    factors = {
        'holm': [count - i for i in range(count)],
        'bonferroni': [count] * count,
        'benjamini_hochberg': [count / (i + 1) for i in range(count)],
    }[method]
    scaled, adjusted = [pvalues[k] * factor for k, factor in zip(order, factors)], [0.0] * count
    for i, k in enumerate(order):
        adjusted[k] = min(1.0, min(scaled[i:]) if method == 'benjamini_hochberg' else max(scaled[: i + 1]))
    return adjusted


@pytest.mark.parametrize('method', NAMES)
@pytest.mark.parametrize('count', [1, 2, 7, 40])
def test_equals_the_definition(method, count):
    rng = np.random.default_rng(count)
    for pvalues in (rng.random(count) ** 3, np.round(rng.random(count), 1)):  # the second with ties, 0 and 1
        np.testing.assert_allclose(adjust_pvalues(pvalues, method), naive(pvalues, method), atol=1e-14)
        if method == 'benjamini_hochberg':
            np.testing.assert_allclose(adjust_pvalues(pvalues, method), false_discovery_control(pvalues), atol=1e-14)


def test_by_hand():
    # Holm: .01 * 4, then max(.04, .02 * 3), max(.06, .03 * 2), max(.06, .05).
    assert holm([0.03, 0.01, 0.05, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert adjust_pvalues([0.5, 0.6], 'bonferroni').tolist() == [1, 1]


@pytest.mark.parametrize('method', NAMES)
def test_nan_is_not_a_test(method):
    got = adjust_pvalues([0.01, np.nan, 0.04, 0.03], method)
    assert np.isnan(got[1])
    assert got[[0, 2, 3]] == pytest.approx(adjust_pvalues([0.01, 0.04, 0.03], method))
    assert np.isnan(adjust_pvalues([np.nan], method)).all()


def test_errors():
    with pytest.raises(ValueError, match=r"method must be one of .*, got 'sidak'"):
        adjust_pvalues([0.1], 'sidak')
    with pytest.raises(ValueError, match='p values must be a row of one or more'):
        holm([])
    with pytest.raises(ValueError, match=r'p values must lie in 0..1, got \[1.2\]'):
        holm([0.1, 1.2])
