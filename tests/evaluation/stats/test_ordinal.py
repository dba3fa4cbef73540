from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm, ttest_1samp
from sklearn.metrics import cohen_kappa_score, mean_absolute_error

from usmm.evaluation.stats import mean_stage_error, weighted_kappa
from usmm.evaluation.stats.ordinal import WEIGHTS


def draw(n: int, seed: int, num_classes: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_classes, n)
    return labels, np.clip(labels + rng.integers(-1, 3, n), 0, num_classes - 1)


def variances(labels: np.ndarray, predictions: np.ndarray, size: int, weights: str) -> tuple[float, float]:
    """Variance of kappa, and without agreement beyond chance: Fleiss, Cohen and Everitt, equations 8 and 9."""
    power = {'quadratic': 2, 'linear': 1, 'none': 0}[weights]
    cells = [(i, j) for i in range(size) for j in range(size)]
    w = {(i, j): float(i == j) if power == 0 else 1 - (abs(i - j) / (size - 1)) ** power for i, j in cells}
    p = {(i, j): np.mean((labels == i) & (predictions == j)) for i, j in cells}
    row, column = ([np.mean(values == k) for k in range(size)] for values in (labels, predictions))
    of_row = [sum(column[j] * w[i, j] for j in range(size)) for i in range(size)]
    of_column = [sum(row[i] * w[i, j] for i in range(size)) for j in range(size)]
    observed, chance = sum(w[c] * p[c] for c in cells), sum(w[i, j] * row[i] * column[j] for i, j in cells)
    own = sum(p[i, j] * (w[i, j] * (1 - chance) - (of_row[i] + of_column[j]) * (1 - observed)) ** 2 for i, j in cells)
    null = sum(row[i] * column[j] * (w[i, j] - of_row[i] - of_column[j]) ** 2 for i, j in cells)
    own -= (observed * chance - 2 * chance + observed) ** 2
    return own / (len(labels) * (1 - chance) ** 4), (null - chance**2) / (len(labels) * (1 - chance) ** 2)


def test_published_example():
    # Fleiss, Cohen and Everitt 1969, table 1 with 200 cases; without weights kappa .429, variances .002885, .003082.
    table = [[106, 10, 4], [22, 28, 10], [2, 12, 6]]
    cells = [(i, j) for i, row in enumerate(table) for j, count in enumerate(row) for _ in range(count)]
    labels, predictions = np.array(cells).T
    result = weighted_kappa(labels, predictions, 3, 'none')
    assert result.estimate == pytest.approx(0.429, abs=5e-4)
    assert result.se**2 == pytest.approx(0.002885, abs=5e-7)
    assert variances(labels, predictions, 3, 'none') == pytest.approx((0.002885, 0.003082), abs=5e-7)


@pytest.mark.parametrize('weights', WEIGHTS)
@pytest.mark.parametrize(('seed', 'num_classes'), [(0, 5), (1, 5), (2, 2), (3, 3)])
def test_equals_scikit_learn_and_the_formulas(weights, seed, num_classes):
    labels, predictions = draw(80, seed, num_classes)
    result = weighted_kappa(labels, predictions, num_classes, weights)
    expected = cohen_kappa_score(
        labels, predictions, labels=list(range(num_classes)), weights=None if weights == 'none' else weights
    )
    assert result.estimate == pytest.approx(expected, abs=1e-12)
    own, null = variances(labels, predictions, num_classes, weights)
    assert result.se == pytest.approx(math.sqrt(own), rel=1e-8)
    half = 1.959964 * math.sqrt(own)
    assert result.ci == pytest.approx((expected - half, min(1.0, expected + half)), abs=1e-6)
    assert result.pvalue == pytest.approx(2 * norm.sf(abs(expected) / math.sqrt(null)), rel=1e-6, abs=1e-300)


def test_extremes():
    perfect = weighted_kappa([0, 1, 2], [0, 1, 2], 3)
    assert (perfect.estimate, perfect.se) == (1.0, pytest.approx(0, abs=1e-7))
    assert weighted_kappa([0, 0, 2, 2], [2, 2, 0, 0], 3).estimate == pytest.approx(-1)
    # Predictions that are all alike agree by chance only.
    same = weighted_kappa([0, 1, 2, 1], [1, 1, 1, 1], 3)
    assert same.estimate == pytest.approx(0, abs=1e-12)
    assert math.isnan(same.pvalue)
    for value in (weighted_kappa([1, 1], [1, 1], 3).estimate, weighted_kappa([1, 1], [1, 1], 3).ci[0]):
        assert math.isnan(value)
    assert weighted_kappa([1, 1], [2, 2], 3).estimate == pytest.approx(0, abs=1e-12)


def test_stage_error_equals_scikit_learn_and_scipy():
    labels, predictions = draw(60, 4)
    result = mean_stage_error(labels, predictions, 5, 0.9)
    assert result.estimate == pytest.approx(mean_absolute_error(labels, predictions))
    limits = ttest_1samp(np.abs(labels - predictions), 0).confidence_interval(0.9)
    assert result.ci == pytest.approx((limits.low, limits.high))
    assert mean_stage_error([0, 1], [0, 1], 5).ci == (0, 0)
    single = mean_stage_error([0], [3], 5)
    assert single.estimate == 3
    assert math.isnan(single.ci[0])


@pytest.mark.parametrize('compute', [weighted_kappa, mean_stage_error])
def test_errors(compute):
    with pytest.raises(ValueError, match='2 labels and 1 predictions do not fit each other'):
        compute([0, 1], [0], 3)
    with pytest.raises(ValueError, match=r'predictions must lie in 0..2, got \[3\]'):
        compute([0, 1], [0, 3], 3)
    with pytest.raises(ValueError, match='predictions must be class indices'):
        compute([0, 1], [0, math.nan], 3)
    with pytest.raises(ValueError, match='one number per case'):
        compute([], [], 3)
    with pytest.raises(ValueError, match='confidence must lie between 0 and 1'):
        compute([0, 1], [0, 1], 3, confidence=95)


def test_unknown_weights():
    with pytest.raises(ValueError, match=r"weights must be one of .*, got 'cubic'"):
        weighted_kappa([0, 1], [0, 1], 2, 'cubic')
