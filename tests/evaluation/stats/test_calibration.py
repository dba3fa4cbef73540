from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from statsmodels.stats.proportion import proportion_confint

from usmm.evaluation.stats import brier_score, expected_calibration_error, reliability_curve


def draw(n: int, seed: int, digits: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rates = np.round(rng.beta(2, 3, n), digits)
    return (rng.random(n) < rates).astype(int), rates


def draw_classes(n: int, seed: int, num_classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, num_classes, n), rng.dirichlet(np.ones(num_classes), n)


@pytest.mark.parametrize('seed', range(3))
def test_brier_equals_a_loop(seed):
    labels, rates = draw(60, seed)
    expected = sum((p - y) ** 2 for p, y in zip(rates.tolist(), labels.tolist())) / 60
    assert brier_score(labels, rates) == pytest.approx(expected, abs=1e-12)
    assert brier_score(labels, np.stack([1 - rates, rates], 1)) == pytest.approx(brier_score(labels, rates))
    labels, table = draw_classes(60, seed)
    expected = np.mean([sum((p - (k == y)) ** 2 for k, p in enumerate(row)) for y, row in zip(labels, table)])
    assert brier_score(labels, table) == pytest.approx(expected, abs=1e-12)


def test_brier_by_hand():
    assert brier_score([1, 0], [1, 0]) == 0
    assert brier_score([0, 1], [1, 0]) == 1
    assert brier_score([0, 0, 0], [0.5, 0.5, 0.5]) == 0.25  # one class only is no obstacle
    assert brier_score([0, 1, 2], np.full((3, 3), 1 / 3)) == pytest.approx(2 / 3)
    assert brier_score([2], [[1, 0, 0]]) == 2


@pytest.mark.parametrize('digits', [8, 1])
@pytest.mark.parametrize(('binning', 'strategy'), [('width', 'uniform'), ('mass', 'quantile')])
def test_curve_equals_scikit_learn(binning, strategy, digits):
    labels, rates = draw(83, 4, digits)
    curve = reliability_curve(labels, rates, 5, binning)
    observed, predicted = calibration_curve(labels, rates, n_bins=5, strategy=strategy)
    np.testing.assert_allclose(curve.observed, observed)
    np.testing.assert_allclose(curve.predicted, predicted)
    assert curve.counts.sum() == 83
    for k in range(len(curve.counts)):
        limits = proportion_confint(round(curve.observed[k] * curve.counts[k]), curve.counts[k], method='wilson')
        assert (curve.low[k], curve.high[k]) == pytest.approx(limits, abs=1e-12)


def naive_error(hits: np.ndarray, values: np.ndarray, bins: int) -> float:
    total = 0.0
    for k in range(bins):
        inside = (values > k / bins) & (values <= (k + 1) / bins) | ((k == 0) & (values == 0))
        if inside.any():
            total += inside.sum() / values.size * abs(hits[inside].mean() - values[inside].mean())
    return total


@pytest.mark.parametrize('bins', [1, 4, 15])
def test_error_equals_a_loop(bins):
    labels, rates = draw(70, 5)
    assert expected_calibration_error(labels, rates, bins) == pytest.approx(naive_error(labels, rates, bins))
    labels, table = draw_classes(70, 6)
    expected = naive_error(table.argmax(1) == labels, table.max(1), bins)
    assert expected_calibration_error(labels, table, bins) == pytest.approx(expected)
    assert reliability_curve(labels, table, bins).method == f'{bins} bins of equal width, top label'


def test_equal_mass_has_equal_counts():
    labels, rates = draw(100, 7)
    assert reliability_curve(labels, rates, 10, 'mass').counts.tolist() == [10] * 10
    curve = reliability_curve([0, 1, 1, 0], [0.3, 0.3, 0.3, 0.3], 10, 'mass')
    assert curve.counts.tolist() == [4]  # ties are never torn
    assert curve.expected_error == pytest.approx(0.2)


def test_errors_of_the_curve():
    curve = reliability_curve([0, 1, 1, 1], [0.05, 0.05, 0.95, 0.95])
    assert curve.maximum_error == pytest.approx(0.45)
    assert curve.expected_error == pytest.approx((0.45 + 0.05) / 2)
    # Perfect and certain: 0; certain and wrong: 1; the edges 0 and 1 belong to bins.
    assert expected_calibration_error([0, 1], [0, 1]) == 0
    assert expected_calibration_error([0, 1], [1, 0]) == 1
    assert expected_calibration_error([1, 1], [1, 1], binning='mass') == 0


def test_errors():
    with pytest.raises(ValueError, match=r'probabilities must lie in 0..1, got 1.2 in row 1'):
        brier_score([0, 1], [0.5, 1.2])
    with pytest.raises(ValueError, match=r'probabilities of a case must sum to 1, got 0.9 in row 1'):
        brier_score([0, 1], [[0.5, 0.5], [0.5, 0.4]])
    with pytest.raises(ValueError, match=r'probabilities must have shape \(N,\) or \(N, K\)'):
        brier_score([0], [[1.0]])
    with pytest.raises(ValueError, match='probabilities must be finite, got 1 nan or infinite, first in row 1'):
        brier_score([0, 1], [0.5, math.nan])
    with pytest.raises(ValueError, match=r'labels must lie in 0..1, got \[2\]'):
        brier_score([0, 2], [0.5, 0.5])
    with pytest.raises(ValueError, match='labels must be a row of one number per case'):
        brier_score([], [])
    with pytest.raises(ValueError, match=r'probabilities must have shape \(3,\) to fit the labels, got \(2,\)'):
        brier_score([0, 1, 1], [0.5, 0.5])
    with pytest.raises(ValueError, match=r"binning must be one of .*, got 'equal'"):
        reliability_curve([0, 1], [0.2, 0.4], binning='equal')
    with pytest.raises(ValueError, match='1 or more bins are needed, got 0'):
        expected_calibration_error([0, 1], [0.2, 0.4], bins=0)
