"""Values that the R package pROC publishes for its data set aSAH, in the expected values of its own tests."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from usmm.evaluation.stats import (
    auc_influence,
    auc_score,
    clustered_auc,
    clustered_auc_test,
    delong_interval,
    delong_test,
    sensitivity_at_specificity,
    youden_point,
)

COLUMNS = ('outcome', 'wfns', 's100b', 'ndka')
# pROC 1.19: tests/testthat/test-auc.R, test-var.R, test-cov.R, test-roc.test.R, test-ci.auc.R
AUCS = {'wfns': 0.823678861788618, 'ndka': 0.611957994579946}
VARIANCES = {'wfns': 0.00146991470882363, 'ndka': 0.0031908105493913, 's100b': 0.00266868245717244}
COVARIANCES = {
    ('wfns', 'ndka'): -0.000532967856762438,
    ('ndka', 's100b'): -0.000756164938056579,
    ('s100b', 'wfns'): 0.00119615567376754,
}
TESTS = {
    ('wfns', 's100b'): (2.20898359144091, 0.0271757822291882, 0.0104061769564846, 0.174214419249478),
    ('wfns', 'ndka'): (2.79777591868904, 0.00514557970691098, 0.0634011709339876, 0.3600405634833566),
    ('ndka', 's100b'): (-1.39077002573558, 0.164295175223054, -0.2876917446341914, 0.0488706064228094),
}


@pytest.fixture(scope='module')
def asah() -> dict[str, np.ndarray]:
    table = np.loadtxt(Path(__file__).with_name('asah.csv'), delimiter=',', skiprows=4)
    return dict(zip(COLUMNS, table.T, strict=True))


def test_the_data(asah):
    assert (asah['outcome'].size, asah['outcome'].sum()) == (113, 41)


@pytest.mark.parametrize('name', AUCS)
def test_auc(asah, name):
    assert auc_score(asah['outcome'], asah[name]) == pytest.approx(AUCS[name], abs=1e-14)


@pytest.mark.parametrize('name', VARIANCES)
def test_delong_variance(asah, name):
    for result in (delong_interval(asah['outcome'], asah[name]), clustered_auc(asah['outcome'], asah[name])):
        assert result.se**2 == pytest.approx(VARIANCES[name], rel=1e-12)


@pytest.mark.parametrize('pair', COVARIANCES)
def test_covariance_from_the_influence_values(asah, pair):
    a, b = (auc_influence(asah['outcome'], asah[name]) for name in pair)
    poor = asah['outcome'] == 1
    # ddof 1 in each class
    covariance = 41 / 40 * np.sum((a * b)[poor]) + 72 / 71 * np.sum((a * b)[~poor])
    assert covariance == pytest.approx(COVARIANCES[pair], rel=1e-10)


def test_interval(asah):
    result = delong_interval(asah['outcome'], asah['ndka'], interval='normal')
    assert (result.ci[0], result.estimate, result.ci[1]) == pytest.approx(
        (0.501244999271703, 0.611957994579946, 0.722670989888189), abs=1e-12
    )


@pytest.mark.parametrize('pair', TESTS)
@pytest.mark.parametrize('compare', [delong_test, clustered_auc_test])
def test_paired_test(asah, pair, compare):
    result = compare(asah['outcome'], *(asah[name] for name in pair))
    assert (result.statistic, result.pvalue, *result.ci) == pytest.approx(TESTS[pair], rel=1e-9)


def test_youden_and_fixed_specificity(asah):
    # pROC, man/coords_transpose.Rd: threshold 0.205 (midway between the values .19 and .22), 0.8055556, 0.6341463.
    best = youden_point(asah['outcome'], asah['s100b'])
    assert (best.threshold, best.sensitivity.successes, best.specificity.successes) == (0.22, 26, 58)
    assert best.specificity.estimate == pytest.approx(0.8055556, abs=1e-7)
    assert best.sensitivity.estimate == pytest.approx(0.6341463, abs=1e-7)
    naive = max(
        np.mean(asah['s100b'][asah['outcome'] == 1] >= t)
        for t in [*asah['s100b'], math.inf]
        if np.mean(asah['s100b'][asah['outcome'] == 0] < t) >= 0.9
    )
    point = sensitivity_at_specificity(asah['outcome'], asah['s100b'], 0.9)
    assert point.sensitivity.estimate == pytest.approx(naive)
    assert point.specificity.estimate >= 0.9
