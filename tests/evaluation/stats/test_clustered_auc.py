from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from usmm.evaluation.stats import (
    auc_influence,
    clustered_auc,
    clustered_auc_test,
    clustered_macro_auc,
    clustered_macro_auc_test,
    delong_interval,
    delong_test,
)


def draw(n: int, seed: int, digits: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, two scores, patients with one to four cases and mixed labels."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 5 < 2).astype(int)
    patients = np.sort(rng.integers(0, n // 2, n))
    noise = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], n) + rng.normal(size=n)[patients][:, None]
    return labels, np.round(noise + labels[:, None] * np.array([1.2, 0.7]), digits), patients


def draw_classes(n: int, seed: int, num_classes: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_classes, n)
    labels[: 2 * num_classes] = np.tile(np.arange(num_classes), 2)
    first = rng.normal(size=(n, num_classes)) + np.eye(num_classes)[labels]
    return labels, first, first + rng.normal(size=first.shape)


def obuchowski(labels: np.ndarray, tables: list[np.ndarray], patients: np.ndarray) -> np.ndarray:
    """Covariance of AUCs of clustered data by double loops over cases and clusters, as the paper writes it."""

    def kernel(x: float, y: float) -> float:
        return 1.0 if x > y else 0.5 if x == y else 0.0

    m, n = int((labels == 1).sum()), int((labels == 0).sum())
    clusters = np.unique(patients)
    sums_x, sums_y = np.zeros((len(tables), clusters.size)), np.zeros((len(tables), clusters.size))
    for r, scores in enumerate(tables):
        xs, ys = scores[labels == 1], scores[labels == 0]
        auc = roc_auc_score(labels, scores)
        for i, cluster in enumerate(clusters):
            for case in np.flatnonzero(patients == cluster):
                if labels[case]:
                    sums_x[r, i] += sum(kernel(scores[case], y) for y in ys) / n - auc
                else:
                    sums_y[r, i] += sum(kernel(x, scores[case]) for x in xs) / m - auc
    i10 = sum(1 for c in clusters if labels[patients == c].any())
    i01 = sum(1 for c in clusters if not labels[patients == c].all())
    i = clusters.size
    s10, s01 = i10 / ((i10 - 1) * m) * sums_x @ sums_x.T, i01 / ((i01 - 1) * n) * sums_y @ sums_y.T
    s11 = i / (i - 1) * sums_x @ sums_y.T
    return s10 / m + s01 / n + (s11 + s11.T) / (m * n)


@pytest.mark.parametrize('digits', [8, 0])
@pytest.mark.parametrize('seed', range(3))
def test_equals_the_loops_of_the_paper(seed, digits):
    labels, scores, patients = draw(48, seed, digits)
    covariance = obuchowski(labels, [*scores.T], patients)
    result = clustered_auc(labels, scores[:, 0], patients)
    assert result.estimate == pytest.approx(roc_auc_score(labels, scores[:, 0]), abs=1e-12)
    assert result.se == pytest.approx(math.sqrt(covariance[0, 0]), rel=1e-10)
    assert (result.class_counts, result.clusters) == ((28, 20), np.unique(patients).size)
    test = clustered_auc_test(labels, *scores.T, patients)
    se = math.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert test.se == pytest.approx(se, rel=1e-9)
    z = (roc_auc_score(labels, scores[:, 0]) - roc_auc_score(labels, scores[:, 1])) / se
    assert test.statistic == pytest.approx(z, rel=1e-9)
    assert test.pvalue == pytest.approx(2 * norm.sf(abs(z)), rel=1e-8)
    assert test.method == 'Obuchowski, paired, two-sided'


@pytest.mark.parametrize('clusters', [None, np.arange(50)[::-1]])
@pytest.mark.parametrize('interval', ['wilson', 'normal', 'logit'])
def test_without_clusters_it_is_delong(interval, clusters):
    labels, scores, _ = draw(50, 1, 1)
    got = clustered_auc(labels, scores[:, 0], clusters, interval=interval)
    expected = delong_interval(labels, scores[:, 0], interval=interval)
    assert got.estimate == expected.estimate
    assert (got.se, *got.ci) == pytest.approx((expected.se, *expected.ci), rel=1e-13)
    test, paired = clustered_auc_test(labels, *scores.T, clusters), delong_test(labels, *scores.T)
    assert (test.estimate, test.aucs) == (paired.estimate, paired.aucs)
    assert (test.se, test.pvalue, *test.ci) == pytest.approx((paired.se, paired.pvalue, *paired.ci), rel=1e-12)


def test_copies_of_cases_add_nothing():
    # Every case twice, in one cluster with its copy: the same AUC, and no more certainty.
    labels, scores, _ = draw(40, 2)
    twice = np.repeat(np.arange(40), 2)
    result = clustered_auc(labels[twice], scores[twice, 0], clusters=[f'P{i}' for i in twice])
    expected = delong_interval(labels, scores[:, 0])
    assert (result.estimate, result.se) == pytest.approx((expected.estimate, expected.se), rel=1e-12)
    # The same as two seeds that predict alike
    seeds = np.tile([0, 1], 40)
    result = clustered_auc(labels[twice], scores[twice, 0], clusters=twice, strata=seeds)
    assert (result.estimate, result.se) == pytest.approx((expected.estimate, expected.se), rel=1e-12)
    assert result.stratum_aucs == pytest.approx((expected.estimate, expected.estimate))


def test_independent_folds_average():
    parts = [draw(n, n) for n in (30, 40, 50)]
    labels, scores = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
    folds = np.repeat(['a', 'b', 'c'], [30, 40, 50])
    expected = [delong_interval(p[0], p[1][:, 0]) for p in parts]
    result = clustered_auc(labels, scores[:, 0], strata=folds)
    assert result.stratum_aucs == pytest.approx([e.estimate for e in expected])
    assert result.estimate == pytest.approx(np.mean([e.estimate for e in expected]))
    assert result.se == pytest.approx(math.sqrt(sum(e.se**2 for e in expected)) / 3)
    assert result.method == 'DeLong, mean of 3 strata, Wilson with the effective sample size'
    test = clustered_auc_test(labels, *scores.T, strata=folds)
    pairs = [delong_test(p[0], *p[1].T) for p in parts]
    assert test.se == pytest.approx(math.sqrt(sum(e.se**2 for e in pairs)) / 3)
    assert test.estimate == pytest.approx(np.mean([e.estimate for e in pairs]))


def test_order_of_cases_and_names_play_no_part():
    labels, scores, patients = draw(60, 3)
    folds = patients % 2
    order = np.random.default_rng(0).permutation(60)
    a = clustered_auc(labels, scores[:, 0], patients, folds)
    b = clustered_auc(labels[order], scores[order, 0], [f'case {p}' for p in patients[order]], 7 - folds[order])
    assert (a.estimate, a.se) == pytest.approx((b.estimate, b.se), rel=1e-12)


def test_influence_by_hand_and_by_leaving_out():
    # Components (1/4, 1) and (3/4, 1/2), AUC 5/8, two cases a class
    assert auc_influence([1, 1, 0, 0], [2, 5, 2, 3]).tolist() == [-0.1875, 0.1875, 0.0625, -0.0625]
    labels, scores, _ = draw(40, 5)
    influence, keep = auc_influence(labels, scores[:, 0]), np.arange(40)
    assert influence.sum() == pytest.approx(0, abs=1e-12)
    auc = roc_auc_score(labels, scores[:, 0])
    for case in range(5):
        left = keep != case
        m = int((labels == labels[case]).sum())
        # The AUC is linear in the placements of one class: leaving case i out moves it by -influence * m / (m - 1).
        moved = roc_auc_score(labels[left], scores[left, 0]) - auc
        assert moved == pytest.approx(-influence[case] * m / (m - 1), rel=1e-9)


def test_macro_of_two_classes_is_binary():
    labels, scores, patients = draw(50, 6)
    folds = patients % 2
    a, b = (np.stack([-s, s], axis=1) for s in scores.T)
    got, expected = clustered_macro_auc(labels, a, patients, folds), clustered_auc(labels, a[:, 1], patients, folds)
    assert (got.estimate, got.se) == pytest.approx((expected.estimate, expected.se), rel=1e-12)
    test, paired = (
        clustered_macro_auc_test(labels, a, b, patients, folds),
        clustered_auc_test(labels, *scores.T, patients, folds),
    )
    assert (test.estimate, test.se, test.pvalue) == pytest.approx((paired.estimate, paired.se, paired.pvalue), rel=1e-9)


def test_macro_equals_scikit_learn_and_its_spread():
    labels, first, _ = draw_classes(90, 7)
    soft = np.exp(first) / np.exp(first).sum(1, keepdims=True)
    result = clustered_macro_auc(labels, soft)
    assert result.estimate == pytest.approx(roc_auc_score(labels, soft, multi_class='ovr'), abs=1e-12)
    assert result.method == 'DeLong, macro one-vs-rest, Wilson with the effective sample size'
    # Against the spread over fresh cohorts, 3 % being its own error with 600 of them.
    cohorts = [draw_classes(90, 100 + seed) for seed in range(600)]
    got = [clustered_macro_auc(labels, scores) for labels, scores, _ in cohorts]
    spread = np.std([g.estimate for g in got], ddof=1)
    assert math.sqrt(np.mean([g.se**2 for g in got])) == pytest.approx(spread, rel=0.1)


def test_equal_orders_give_p_one():
    labels, scores, patients = draw(60, 8)
    for other in (scores[:, 0], np.exp(scores[:, 0])):
        result = clustered_auc_test(labels, scores[:, 0], other, patients, patients % 3)
        assert (result.pvalue, result.statistic, result.se) == (1.0, 0.0, 0.0)
    labels, first, _ = draw_classes(60, 9)
    assert clustered_macro_auc_test(labels, first, first * 2 + 1, np.arange(60) // 2).pvalue == 1


def test_perfect_scores_warn():
    with pytest.warns(UserWarning, match='the AUC is 1 with a standard error of 0'):
        result = clustered_auc([0, 0, 1, 1], [1, 2, 3, 4], interval='logit')
    assert result.ci == (1.0, 1.0)
    with pytest.warns(UserWarning, match='the AUCs differ with a standard error of 0'):
        test = clustered_auc_test([0, 0, 1, 1], [1, 2, 3, 4], [4, 3, 2, 1])
    assert math.isnan(test.pvalue)


def test_errors():
    labels, scores = [0, 1, 0, 1], [1.0, 2, 3, 4]
    with pytest.raises(ValueError, match=r'clusters must have shape \(4,\), one per case, got \(3,\)'):
        clustered_auc(labels, scores, clusters=[1, 2, 3])
    with pytest.raises(ValueError, match='strata must be known for every case, got 1 missing, first in row 2'):
        clustered_auc(labels, scores, strata=['a', 'a', None, 'a'])
    with pytest.raises(ValueError, match='clusters must be known for every case, got 2 missing, first in row 1'):
        clustered_auc(labels, scores, clusters=[1, math.nan, 2, math.nan])
    with pytest.raises(ValueError, match=r'cases of every class, got \[0, 2\] per class in stratum b'):
        clustered_auc([0, 1, 0, 1, 1, 1], [1, 2, 3, 4, 5, 6], strata=list('aaaabb'))
    with pytest.raises(
        ValueError, match='2 or more patients with a case of class 1 are needed in every stratum, got 1'
    ):
        clustered_auc([0, 0, 1, 1], scores, clusters=[1, 2, 3, 3])
    with pytest.raises(ValueError, match='2 or more patients with a case are needed in every stratum, got 1'):
        clustered_auc(labels, scores, clusters=[1, 1, 1, 1])
    with pytest.raises(ValueError, match='1 or more negative cases are needed, got 0 of 2'):
        clustered_auc([1, 1], [1, 2])
    with pytest.raises(ValueError, match='second scores must be finite'):
        clustered_auc_test(labels, scores, [1, 2, 3, math.nan])
    with pytest.raises(ValueError, match=r"interval must be one of .*, got 'log'"):
        clustered_auc(labels, scores, interval='log')
    with pytest.raises(ValueError, match=r'first scores must have shape \(N, K\) with two or more classes, got \(4,\)'):
        clustered_macro_auc_test(labels, scores, scores)
    with pytest.raises(ValueError, match=r'an AUC needs cases of every class, got \[2, 2, 0\] per class$'):
        clustered_macro_auc(labels, np.ones((4, 3)))
    with pytest.raises(ValueError, match='confidence must lie between 0 and 1, got 95'):
        clustered_auc(labels, scores, confidence=95)
