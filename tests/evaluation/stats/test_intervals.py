from __future__ import annotations

import math

import pytest
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from usmm.evaluation.stats import clopper_pearson_interval, wilson_interval


@pytest.mark.parametrize('confidence', [0.8, 0.95, 0.99])
@pytest.mark.parametrize(('k', 'n'), [(0, 1), (1, 1), (0, 30), (24, 34), (50, 50), (301, 1000)])
def test_equals_statsmodels(k, n, confidence):
    result = wilson_interval(k, n, confidence)
    assert result.ci == pytest.approx(proportion_confint(k, n, 1 - confidence, method='wilson'), abs=1e-12)
    assert (result.estimate, result.successes, result.trials) == (k / n, k, n)


def test_limits_solve_the_score_equation():
    # By definition |p_hat - p| = z sqrt(p (1 - p) / n) at both limits.
    for p in wilson_interval(7, 19).ci:
        assert abs(7 / 19 - p) == pytest.approx(1.959964 * math.sqrt(p * (1 - p) / 19), rel=1e-6)


def test_exact_coverage():
    # Summed over the binomial law, not simulated: 0.9 and more of it for p = .3, n = 40.
    inside = [low <= 0.3 <= high for low, high in (wilson_interval(k, 40).ci for k in range(41))]
    assert 0.93 < sum(binom.pmf(k, 40, 0.3) for k in range(41) if inside[k]) < 0.97


@pytest.mark.parametrize(('k', 'n'), [(0, 9), (9, 9), (3, 20), (24, 34)])
def test_clopper_and_pearson(k, n):
    found = clopper_pearson_interval(k, n)
    assert found.ci == pytest.approx(proportion_confint(k, n, method='beta'), abs=1e-12)
    low, high = found.ci
    # by definition: at each limit what was seen, and all beyond it, has a chance of 2.5 %
    assert k == 0 or binom.sf(k - 1, n, low) == pytest.approx(0.025)
    assert k == n or binom.cdf(k, n, high) == pytest.approx(0.025)
    assert (found.method, found.estimate) == ('Clopper-Pearson', k / n)
    assert math.isnan(clopper_pearson_interval(0, 0).ci[0])


def test_extremes_are_exact():
    assert wilson_interval(0, 7).ci[0] == 0
    assert wilson_interval(7, 7).ci[1] == 1
    none = wilson_interval(0, 0)
    assert math.isnan(none.estimate)
    assert all(math.isnan(v) for v in none.ci)


@pytest.mark.parametrize(('k', 'n'), [(-1, 3), (4, 3), (1.5, 3), (0, -1), (math.nan, 3), (1, math.inf)])
def test_errors(k, n):
    with pytest.raises(ValueError, match=f'0 <= successes <= trials, got {k} of {n}'):
        wilson_interval(k, n)


def test_clopper_and_pearson_refuse_the_same():
    with pytest.raises(ValueError, match='0 <= successes <= trials, got 4 of 3'):
        clopper_pearson_interval(4, 3)
    with pytest.raises(ValueError, match='confidence must lie between 0 and 1, got 1'):
        clopper_pearson_interval(1, 2, 1)


def test_confidence_error():
    with pytest.raises(ValueError, match='confidence must lie between 0 and 1, got 1'):
        wilson_interval(1, 2, 1)
