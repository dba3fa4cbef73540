from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from usmm.evaluation.stats import delong_interval, delong_test
from usmm.evaluation.stats.delong import placements


def naive_components(labels: np.ndarray, scores: np.ndarray) -> tuple[list[float], list[float]]:
    def kernel(x: float, y: float) -> float:
        return 1.0 if x > y else 0.5 if x == y else 0.0

    xs, ys = scores[labels == 1], scores[labels == 0]
    return [sum(kernel(x, y) for y in ys) / len(ys) for x in xs], [sum(kernel(x, y) for x in xs) / len(xs) for y in ys]


def naive_covariance(labels: np.ndarray, tables: list[np.ndarray]) -> np.ndarray:
    """S10 / m + S01 / n as DeLong et al. write it."""
    parts = [naive_components(labels, scores) for scores in tables]
    v10, v01 = np.array([p[0] for p in parts]), np.array([p[1] for p in parts])
    return np.cov(v10) / v10.shape[1] + np.cov(v01) / v01.shape[1]


def draw(n: int, seed: int, shift: tuple[float, float] = (1.2, 0.7), rho: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 5 < 2).astype(int)
    noise = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], n)
    return labels, noise + labels[:, None] * np.array(shift)


@pytest.mark.parametrize('digits', [8, 0])
@pytest.mark.parametrize('seed', range(3))
def test_equals_the_double_loop(seed, digits):
    labels, scores = draw(35, seed)
    a, b = np.round(scores, digits).T  # digits 0: many ties
    covariance = naive_covariance(labels, [a, b])
    interval = delong_interval(labels, a)
    assert interval.estimate == pytest.approx(roc_auc_score(labels, a), abs=1e-12)
    assert interval.se == pytest.approx(math.sqrt(covariance[0, 0]), rel=1e-10)
    result = delong_test(labels, a, b)
    se = math.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    z = (roc_auc_score(labels, a) - roc_auc_score(labels, b)) / se
    assert result.se == pytest.approx(se, rel=1e-10)
    assert result.statistic == pytest.approx(z, rel=1e-9)
    assert result.pvalue == pytest.approx(2 * (1 - norm.cdf(abs(z))), rel=1e-6)
    assert result.ci == pytest.approx((z * se - 1.959964 * se, z * se + 1.959964 * se), abs=1e-6)


def test_components_by_hand():
    positive = np.array([True, True, False, False])
    of_positives, of_negatives = placements(positive, np.array([2.0, 5.0, 2.0, 3.0]))
    assert of_positives.tolist() == [0.25, 1.0]
    assert of_negatives.tolist() == [0.75, 0.5]


def test_interval_by_hand():
    # Components (1/4, 1) and (3/4, 1/2): variances 9/32 and 1/32, so se = sqrt(5/32); AUC 5/8.
    result = delong_interval([1, 1, 0, 0], [2, 5, 2, 3], confidence=0.9, interval='normal')
    assert result.estimate == 0.625
    assert result.se == pytest.approx(math.sqrt(5 / 32))
    assert result.ci == (pytest.approx(max(0, 0.625 - 1.6448536 * math.sqrt(5 / 32))), 1.0)
    assert (result.positives, result.negatives, result.method) == (2, 2, 'DeLong, normal')


def test_logit_scale_is_the_delta_method():
    labels, scores = draw(60, 4)
    result = delong_interval(labels, scores[:, 0], interval='logit')
    auc = result.estimate
    half = 1.959964 * result.se / (auc * (1 - auc))
    limits = [1 / (1 + math.exp(-(math.log(auc / (1 - auc)) + s * half))) for s in (-1, 1)]
    assert result.ci == pytest.approx(tuple(limits), abs=1e-6)
    assert 0 < result.ci[0] < auc < result.ci[1] < 1


def test_equal_orders_give_p_one():
    labels, scores = draw(50, 2)
    a = scores[:, 0]
    for other in (a, 3 * a - 7, np.exp(a)):
        result = delong_test(labels, a, other)
        assert (result.pvalue, result.statistic, result.se, result.ci) == (1.0, 0.0, 0.0, (0.0, 0.0))


def test_swapping_turns_the_sign():
    labels, scores = draw(50, 2)
    forth, back = delong_test(labels, *scores.T), delong_test(labels, *scores.T[::-1])
    assert forth.pvalue == pytest.approx(back.pvalue)
    assert forth.estimate == -back.estimate
    assert forth.aucs == back.aucs[::-1]


def test_perfect_scores_warn():
    with pytest.warns(UserWarning, match='AUC is 1 with a standard error of 0'):
        result = delong_interval([0, 0, 1, 1], [1, 2, 3, 4], interval='logit')
    assert result.ci == (1.0, 1.0)
    with pytest.warns(UserWarning, match="DeLong's test does not exist here"):
        test = delong_test([0, 0, 1, 1], [1, 2, 3, 4], [4, 3, 2, 1])
    assert math.isnan(test.pvalue)
    assert test.estimate == 1 and all(math.isnan(limit) for limit in test.ci)


@pytest.mark.parametrize('interval', ['wilson', 'normal', 'logit'])
def test_intervals_cover(interval):
    # 400 draws at 95 %: between 92 and 98 % but for one time in two hundred.
    truth = norm.cdf(1.2 / math.sqrt(2))
    intervals = [delong_interval(*_first(draw(100, seed)), interval=interval).ci for seed in range(400)]
    assert 0.92 <= np.mean([low <= truth <= high for low, high in intervals]) <= 0.98


def _first(drawn: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return drawn[0], drawn[1][:, 0]


def test_false_alarms_and_power():
    null = [delong_test(labels, *scores.T).pvalue for labels, scores in (draw(100, s, (1, 1)) for s in range(400))]
    assert 0.02 <= np.mean(np.array(null) < 0.05) <= 0.08
    # Correlated scores with AUCs of .92 and .69 on 100 cases: nearly always seen.
    shifted = [delong_test(labels, *scores.T).pvalue for labels, scores in (draw(100, s, (2, 0.7)) for s in range(50))]
    assert np.mean(np.array(shifted) < 0.05) > 0.9


def test_errors():
    with pytest.raises(ValueError, match='2 or more positive cases are needed, got 1 of 3'):
        delong_interval([1, 0, 0], [1, 2, 3])
    with pytest.raises(ValueError, match='2 or more negative cases are needed, got 1 of 3'):
        delong_test([1, 0, 1], [1, 2, 3], [1, 2, 3])
    with pytest.raises(ValueError, match='second scores must have shape'):
        delong_test([1, 0, 1, 0], [1, 2, 3, 4], [1, 2, 3])
    with pytest.raises(ValueError, match='first scores must be finite'):
        delong_test([1, 0, 1, 0], [1, 2, 3, np.inf], [1, 2, 3, 4])
    with pytest.raises(ValueError, match=r"interval must be one of .*, got 'log'"):
        delong_interval([1, 0, 1, 0], [1, 2, 3, 4], interval='log')
    with pytest.raises(ValueError, match='confidence must lie between 0 and 1, got 95'):
        delong_interval([1, 0, 1, 0], [1, 2, 3, 4], confidence=95)
