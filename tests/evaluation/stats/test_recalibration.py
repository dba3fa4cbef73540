from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit

from usmm.evaluation.stats import calibration_fit


def draw(n: int, seed: int, intercept: float = 0.0, slope: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and predictions whose true intercept and slope are given."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-0.5, 1.3, n)
    return (rng.random(n) < expit(intercept + slope * odds)).astype(int), expit(odds)


@pytest.mark.parametrize('seed', range(4))
def test_equals_statsmodels(seed):
    labels, rates = draw(120, seed, 0.4, 0.7)
    odds = logit(rates)
    fit = calibration_fit(labels, rates)
    expected = sm.Logit(labels, sm.add_constant(odds)).fit(disp=0, tol=1e-12)
    assert (fit.intercept.estimate, fit.slope.estimate) == pytest.approx(tuple(expected.params), rel=1e-7)
    assert (fit.intercept.se, fit.slope.se) == pytest.approx(tuple(expected.bse), rel=1e-6)
    assert fit.slope.ci == pytest.approx(tuple(expected.conf_int()[1]), rel=1e-6)
    large = sm.GLM(labels, np.ones(120), family=sm.families.Binomial(), offset=odds).fit(tol=1e-12)
    assert (fit.in_the_large.estimate, fit.in_the_large.se) == pytest.approx((large.params[0], large.bse[0]), rel=1e-6)
    null = sm.GLM(labels, np.ones(120), family=sm.families.Binomial(), offset=odds)
    ratio = 2 * (expected.llf - null.loglike(np.zeros(1)))
    assert fit.statistic == pytest.approx(ratio, rel=1e-6)
    assert fit.pvalue == pytest.approx(math.exp(-ratio / 2), rel=1e-6)  # chi-squared with 2 degrees of freedom


def test_finds_what_was_planted():
    # 40000 cases: standard errors of about 0.015.
    fit = calibration_fit(*draw(40000, 1, -0.5, 0.6))
    assert fit.intercept.estimate == pytest.approx(-0.5, abs=0.06)
    assert fit.slope.estimate == pytest.approx(0.6, abs=0.06)
    good = calibration_fit(*draw(40000, 2))
    assert good.in_the_large.estimate == pytest.approx(0, abs=0.05)
    assert good.slope.ci[0] < 1 < good.slope.ci[1]


def test_the_test_keeps_its_level():
    alarms = np.mean([calibration_fit(*draw(200, seed)).pvalue < 0.05 for seed in range(500)])
    assert 0.025 <= alarms <= 0.08


def test_extreme_and_far_off_predictions():
    labels, rates = draw(80, 3)
    rates = np.where(np.arange(80) < 5, 1.0, np.where(np.arange(80) < 10, 0.0, rates))
    odds = logit(np.clip(rates, 1e-6, 1 - 1e-6))
    expected = sm.Logit(labels, sm.add_constant(odds)).fit(disp=0, tol=1e-12)
    assert calibration_fit(labels, rates).slope.estimate == pytest.approx(expected.params[1], rel=1e-6)
    # All far too high: Newton's plain step would jump away.
    rates = 1 - 1e-6 - np.arange(51) * 1e-8
    with pytest.warns(UserWarning, match='separate the classes'):
        far = calibration_fit([0] * 50 + [1], rates)
    # In the large: the sum of the moved probabilities is the number of positives.
    assert expit(logit(rates) + far.in_the_large.estimate).sum() == pytest.approx(1)


@pytest.mark.parametrize('rates', [[0.1, 0.2, 0.8, 0.9], [0.9, 0.8, 0.2, 0.1], [0.1, 0.5, 0.5, 0.9], [0.3] * 4])
def test_separation_warns(rates):
    with pytest.warns(UserWarning, match='separate the classes'):
        fit = calibration_fit([0, 0, 1, 1], rates)
    assert all(math.isnan(v) for v in (fit.slope.estimate, *fit.slope.ci, fit.intercept.se, fit.pvalue))
    assert expit(logit(rates) + fit.in_the_large.estimate).sum() == pytest.approx(2)


def test_overlap_by_one_pair_is_enough():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        fit = calibration_fit([0, 0, 1, 0, 1, 1], [0.1, 0.2, 0.45, 0.5, 0.8, 0.9])
    odds = sm.add_constant(logit([0.1, 0.2, 0.45, 0.5, 0.8, 0.9]))
    expected = sm.Logit([0, 0, 1, 0, 1, 1], odds).fit(disp=0, tol=1e-12, maxiter=100)
    assert fit.slope.estimate == pytest.approx(expected.params[1], rel=1e-6)


def test_errors():
    with pytest.raises(ValueError, match='1 or more positive cases are needed, got 0 of 2'):
        calibration_fit([0, 0], [0.2, 0.4])
    with pytest.raises(ValueError, match='intercept and slope are of two classes, got probabilities of 3'):
        calibration_fit([0, 1], np.full((2, 3), 1 / 3))
    with pytest.raises(ValueError, match=r'clip must lie between 0 and 0.5, got 0.7'):
        calibration_fit([0, 1], [0.2, 0.4], clip=0.7)
    with pytest.raises(ValueError, match='confidence must lie between 0 and 1'):
        calibration_fit([0, 1], [0.2, 0.4], confidence=95)


def test_cases_of_a_patient_are_clusters():
    """Against statsmodels' sandwich of the same regressions, whose correction is (N - 1) / (N - k) larger."""
    import statsmodels.api as sm

    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(40), 4)
    truth = (rng.normal(size=40) + rng.normal(size=40) * 0.5)[who]
    p = 1 / (1 + np.exp(-0.7 * truth))
    labels = (rng.random(160) < 1 / (1 + np.exp(-truth))).astype(int)
    odds = np.log(p / (1 - p))
    found = calibration_fit(labels, p, clusters=who)
    robust = sm.GLM(labels, sm.add_constant(odds), family=sm.families.Binomial()).fit(
        cov_type='cluster', cov_kwds={'groups': who}
    )
    correction = np.sqrt(159 / 158)
    assert found.slope.estimate == pytest.approx(robust.params[1], abs=1e-6)
    assert found.slope.se * correction == pytest.approx(robust.bse[1], rel=1e-5)
    assert found.intercept.se * correction == pytest.approx(robust.bse[0], rel=1e-5)
    large = sm.GLM(labels, np.ones(160), family=sm.families.Binomial(), offset=odds).fit(
        cov_type='cluster', cov_kwds={'groups': who}
    )
    assert found.in_the_large.se == pytest.approx(large.bse[0], rel=1e-5)
    off = robust.params - [0, 1]
    wald = off @ np.linalg.solve(robust.cov_params(), off) * correction**2
    assert found.statistic == pytest.approx(wald, rel=1e-5)
    assert found.method == 'logistic, Wald, patients as clusters'
    from scipy.stats import f, t

    assert found.pvalue == pytest.approx(f.sf(wald * 38 / (2 * 39), 2, 38), rel=1e-4)
    assert np.ptp(found.slope.ci) == pytest.approx(2 * t.ppf(0.975, 39) * found.slope.se)
    plain = calibration_fit(labels, p)
    assert calibration_fit(labels, p, clusters=np.arange(160)) == plain


def test_two_patients_have_no_test():
    p = [0.2, 0.6, 0.7, 0.7, 0.4, 0.3] * 3 + [0.5, 0.6, 0.7, 0.1, 0.9, 0.4]
    found = calibration_fit([0, 1, 1, 0, 1, 0] * 4, p, clusters=['a', 'b'] * 12)
    assert np.isnan(found.pvalue) and np.isfinite(found.slope.estimate)


def test_one_patient_has_no_calibration():
    with pytest.raises(ValueError, match='2 or more patients are needed, got 1'):
        calibration_fit([0, 1, 0, 1], [0.2, 0.6, 0.7, 0.4], clusters=list('aaaa'))
