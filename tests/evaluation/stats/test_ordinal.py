from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp
from sklearn.metrics import cohen_kappa_score, mean_absolute_error
from statsmodels.stats.inter_rater import cohens_kappa

from usmm.evaluation.stats import confusion_matrix, mean_stage_error, weighted_kappa

STATSMODELS = {'quadratic': 'quadratic', 'linear': 'linear', 'none': None}


def draw(n: int, seed: int, num_classes: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_classes, n)
    return labels, np.clip(labels + rng.integers(-1, 3, n), 0, num_classes - 1)


@pytest.mark.parametrize('weights', STATSMODELS)
@pytest.mark.parametrize(('seed', 'num_classes'), [(0, 5), (1, 5), (2, 2), (3, 3)])
def test_equals_scikit_learn_and_statsmodels(weights, seed, num_classes):
    labels, predictions = draw(80, seed, num_classes)
    result = weighted_kappa(labels, predictions, num_classes, weights)
    expected = cohen_kappa_score(
        labels, predictions, labels=list(range(num_classes)), weights=None if weights == 'none' else weights
    )
    assert result.estimate == pytest.approx(expected, abs=1e-12)
    other = cohens_kappa(confusion_matrix(labels, predictions, num_classes), wt=STATSMODELS[weights])
    assert result.estimate == pytest.approx(other.kappa, abs=1e-12)
    assert result.se == pytest.approx(math.sqrt(other.var_kappa), rel=1e-8)
    assert result.ci == pytest.approx((other.kappa_low, min(1.0, other.kappa_upp)), abs=1e-6)
    assert result.pvalue == pytest.approx(other.pvalue_two_sided, rel=1e-6, abs=1e-300)


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
