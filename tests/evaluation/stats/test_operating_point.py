from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_curve

from usmm.evaluation.stats import sensitivity_at_specificity, specificity_at_sensitivity, wilson_interval, youden_point


def draw(n: int, seed: int, digits: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 5 < 2
    return labels, np.round(rng.normal(labels * 1.2, 1), digits)


@pytest.mark.parametrize('digits', [8, 0])
@pytest.mark.parametrize('target', [0.0, 0.5, 0.8, 0.95, 1.0])
@pytest.mark.parametrize('seed', range(3))
def test_equals_the_curve_of_scikit_learn(seed, target, digits):
    labels, scores = draw(50, seed, digits)
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    point = sensitivity_at_specificity(labels, scores, target)
    assert point.sensitivity.estimate == pytest.approx(tpr[1 - fpr >= target - 1e-9].max())
    assert point.specificity.estimate >= target - 1e-9
    reverse = specificity_at_sensitivity(labels, scores, target)
    assert reverse.specificity.estimate == pytest.approx(1 - fpr[tpr >= target - 1e-9].min())
    best = youden_point(labels, scores)
    assert best.sensitivity.estimate + best.specificity.estimate == pytest.approx(1 + (tpr - fpr).max())
    for found in (point, reverse, best):  # the threshold gives the rates that are told
        called = scores >= found.threshold
        assert found.sensitivity.successes == (called & labels).sum()
        assert found.specificity.successes == (~called & ~labels).sum()
        assert found.sensitivity == wilson_interval(found.sensitivity.successes, int(labels.sum()))


def test_by_hand():
    labels, scores = [0] * 10 + [1] * 4, [*range(10), 3.5, 8.5, 9, 12]
    # 9 of 10 negatives below 9: 0.9 is met although 0.9 * 10 is not 9 in floating point for every target
    point = sensitivity_at_specificity(labels, scores, 0.9)
    assert (point.threshold, point.sensitivity.estimate, point.specificity.estimate) == (8.5, 0.75, 0.9)
    point = sensitivity_at_specificity(labels, scores, 1.0)
    assert (point.threshold, point.sensitivity.estimate) == (12, 0.25)
    point = specificity_at_sensitivity(labels, scores, 1.0)
    assert (point.threshold, point.specificity.estimate) == (3.5, 0.4)
    # No threshold does: nobody is called
    point = sensitivity_at_specificity([0, 1], [2, 1], 1.0)
    assert (point.threshold, point.sensitivity.estimate) == (math.inf, 0)
    # Of equal sensitivities the higher specificity
    assert sensitivity_at_specificity([0, 0, 1], [1, 2, 3], 0.0).specificity.estimate == 1
    assert youden_point([0, 1, 0, 1], [1, 2, 3, 4]).threshold == 4


@pytest.mark.parametrize('find', [sensitivity_at_specificity, specificity_at_sensitivity])
def test_bootstrap(find):
    labels, scores = draw(60, 1)
    wilson, drawn = find(labels, scores, 0.8), find(labels, scores, 0.8, interval='bootstrap', draws=300)
    sought = 'sensitivity' if find is sensitivity_at_specificity else 'specificity'
    a, b = getattr(wilson, sought), getattr(drawn, sought)
    assert a.estimate == b.estimate
    assert b.ci[0] < b.estimate < b.ci[1]
    assert (a.method, b.method) == ('Wilson', 'bootstrap by cluster, percentile')
    # Copies in the same cluster leave the interval where it was.
    twice = np.repeat(np.arange(60), 2)
    copied = find(labels[twice], scores[twice], 0.8, interval='bootstrap', clusters=twice, draws=300)
    assert getattr(copied, sought).ci == pytest.approx(b.ci)


def test_bootstrap_covers():
    # Phi(1.2 - z) at specificity 0.8; 100 studies of 150 draws: above 87 % but for one time in a thousand at 95 %.
    truth = norm.cdf(1.2 - norm.ppf(0.8))

    def inside(seed: int) -> bool:
        labels, scores = draw(200, seed)
        point = sensitivity_at_specificity(labels, scores, 0.8, interval='bootstrap', draws=150)
        return point.sensitivity.ci[0] <= truth <= point.sensitivity.ci[1]

    assert np.mean([inside(seed) for seed in range(100)]) >= 0.87


def test_errors():
    with pytest.raises(ValueError, match=r'the fixed rate must lie in 0..1, got 95'):
        sensitivity_at_specificity([0, 1], [1, 2], 95)
    with pytest.raises(ValueError, match=r"interval must be one of .*, got 'exact'"):
        specificity_at_sensitivity([0, 1], [1, 2], interval='exact')
    for find in (sensitivity_at_specificity, specificity_at_sensitivity, youden_point):
        with pytest.raises(ValueError, match='1 or more negative cases are needed, got 0 of 2'):
            find([1, 1], [1, 2])
        with pytest.raises(ValueError, match='scores must be finite'):
            find([0, 1], [1, math.nan])
        with pytest.raises(ValueError, match='one number per case'):
            find([], [])
