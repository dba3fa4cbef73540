"""Multi-reader multi-case comparisons: the published analysis of van Dyke's study, and simulated readers and cases."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_rel

from usmm.evaluation.stats import (
    auc_covariance,
    auc_score,
    clustered_auc,
    compare_conditions,
    compare_with_model,
    delong_interval,
    delong_test,
)


@pytest.fixture(scope='module')
def van_dyke() -> tuple[np.ndarray, np.ndarray]:
    """Truth (114,), and ratings (2, 5, 114)."""
    lines = Path(__file__).with_name('van_dyke.csv').read_text().splitlines()[3:]
    truth, *ratings = zip(*(line.split(',') for line in lines), strict=True)
    table = np.array([[[int(sign) for sign in text] for text in column] for column in ratings])
    return np.array(truth, int), table.transpose(0, 2, 1).astype(float)


def test_the_published_analysis(van_dyke):
    """The user guide of MRMCaov 0.3.0: empirical AUC, covariance method DeLong, readers and cases random."""
    truth, ratings = van_dyke
    assert (truth.size, truth.sum(), ratings.shape) == (114, 45, (2, 5, 114))
    found = compare_conditions(truth, ratings)
    assert found.mean_squares[0] == pytest.approx(0.004796171, abs=1e-9)
    assert found.mean_squares[2] == pytest.approx(0.0005510306, abs=1e-10)
    expected = (0.0007921325, 0.0003420090, 0.0003395265, 0.0002358497)
    assert found.covariances == pytest.approx(expected, abs=1e-10)
    assert (found.statistic, *found.df) == pytest.approx((4.484854, 1, 15.06611), rel=1e-6)
    assert found.pvalue == pytest.approx(0.05123303, abs=1e-8)
    difference = found.differences[0, 1]
    assert (difference.estimate, difference.se) == pytest.approx((-0.04380032, 0.0206825), rel=1e-6)
    assert difference.ci == pytest.approx((-0.0878671960, 0.0002665519), abs=1e-8)
    assert (difference.df, difference.pvalue) == pytest.approx((15.06611, 0.05123303), rel=1e-6)
    alone = [(m.estimate, m.se, m.df, *m.ci) for m in found.means]
    assert alone[0] == pytest.approx((0.8970370, 0.03307642, 12.59597, 0.8253461, 0.9687280), rel=1e-6)
    assert alone[1] == pytest.approx((0.9408374, 0.02150464, 12.56530, 0.8942155, 0.9874592), rel=1e-6)
    assert (found.readers, found.cases, found.patients) == (5, 114, 114)
    assert all(math.isnan(m.pvalue) for m in found.means)


def test_covariances_are_delongs():
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    scores = rng.normal(size=(3, 60)) + rng.normal(size=60) + labels
    aucs, covariance = auc_covariance(labels, scores)
    assert aucs == pytest.approx([auc_score(labels, row) for row in scores])
    for i in range(3):
        assert covariance[i, i] == pytest.approx(delong_interval(labels, scores[i]).se ** 2)
        for j in range(i):
            variance = covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]
            assert variance == pytest.approx(delong_test(labels, scores[i], scores[j]).se ** 2)
    who = np.arange(60) // 4
    by_patient = auc_covariance(labels, scores, who)[1]
    assert by_patient[1, 1] == pytest.approx(clustered_auc(labels, scores[1], who).se ** 2)
    assert np.allclose(by_patient, by_patient.T)


def test_copies_of_cases_of_a_patient_add_nothing(van_dyke):
    truth, ratings = van_dyke
    once = compare_conditions(truth, ratings)
    twice = compare_conditions(np.repeat(truth, 2), np.repeat(ratings, 2, axis=2), np.repeat(np.arange(114), 2))
    assert twice.pvalue == pytest.approx(once.pvalue, rel=1e-9)
    assert (twice.cases, twice.patients) == (228, 114)


def test_with_very_many_cases_only_readers_vary():
    """Then it is the paired t test of the readers' AUCs."""
    rng = np.random.default_rng(1)
    labels = np.arange(40000) % 2
    skill = np.array([[0.8, 1.2, 1.0, 0.7], [1.3, 1.5, 1.6, 1.0]])
    scores = rng.normal(size=(2, 4, 40000)) + skill[..., None] * labels
    found = compare_conditions(labels, scores)
    expected = ttest_rel(*found.aucs)
    assert found.differences[0, 1].pvalue == pytest.approx(expected.pvalue, rel=0.15)
    assert found.differences[0, 1].df == pytest.approx(3, rel=0.1)


def test_a_model_against_readers_by_hand(van_dyke):
    truth, ratings = van_dyke
    model = ratings[1].mean(0)
    found = compare_with_model(truth, ratings[0], model)
    differences = np.array([auc_score(truth, row) - auc_score(truth, model) for row in ratings[0]])
    assert found.estimate == pytest.approx(differences.mean())
    # covariance of two readers' differences to the model, from the tests of their sums
    c = auc_covariance(truth, np.vstack([ratings[0], model]))[1]
    pairs = [c[i, j] - c[i, 5] - c[j, 5] + c[5, 5] for i in range(5) for j in range(5) if i != j]
    between = differences.var(ddof=1)
    spread = between + 5 * max(np.mean(pairs), 0)
    assert found.se == pytest.approx(math.sqrt(spread / 5)) and found.df == pytest.approx(4 * (spread / between) ** 2)
    assert 0 < found.pvalue < 1 and found.ci[0] < found.estimate < found.ci[1]


def test_readers_who_read_as_the_model_does(van_dyke):
    truth, ratings = van_dyke
    found = compare_with_model(truth, np.stack([ratings[0, 0]] * 3), ratings[0, 0])
    assert (found.estimate, found.se, found.pvalue, found.ci) == (0.0, 0.0, 1.0, (0.0, 0.0))


def test_limits_stay_on_the_scale_and_agreement_has_none():
    rng = np.random.default_rng(0)
    labels = np.arange(12) % 2
    found = compare_conditions(labels, rng.normal(size=(2, 2, 12)) + [[[0.0], [3.0]], [[3.0], [0.0]]] * labels)
    assert all(0 <= m.ci[0] <= m.ci[1] <= 1 for m in found.means)
    assert -1 <= found.differences[0, 1].ci[0] <= found.differences[0, 1].ci[1] <= 1
    perfect = compare_with_model([0, 0, 1, 1], [[0, 0, 1, 1]] * 2, [0, 0, 0, 0])
    assert perfect.estimate == 0.5 and np.isnan(perfect.ci).all() and math.isnan(perfect.pvalue)


def test_false_alarms_of_readers_and_cases_that_are_samples():
    """Two conditions that are equally good for the population of readers: at 5 %, 2 to 9 % of 300 studies."""
    alarms = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        labels = np.arange(60) % 2
        reader, both = rng.normal(0, 0.3, (1, 5)), rng.normal(0, 0.2, (2, 5))
        case = rng.normal(0, 0.6, (1, 1, 60)) + rng.normal(0, 0.4, (2, 1, 60)) + rng.normal(0, 0.4, (1, 5, 60))
        scores = (1.2 + reader + both)[..., None] * labels + case + rng.normal(0, 0.6, (2, 5, 60))
        alarms.append(compare_conditions(labels, scores).pvalue < 0.05)
    assert 0.02 <= np.mean(alarms) <= 0.09


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda y, s: compare_conditions(y, s[:, :1]), r'two or more each, got \(2, 1, 114\)'),
        (lambda y, s: compare_conditions(y, s[0]), r'shape \(conditions, readers, cases\)'),
        (lambda y, s: compare_conditions(y, s, confidence=95), 'confidence must lie between 0 and 1, got 95'),
        (lambda y, s: compare_with_model(y, s[0, :1], s[1, 0]), r'two or more readers, got \(1, 114\)'),
        (lambda y, s: compare_with_model(y, s[0], s[1, 0, :9]), 'scores of the model must have shape'),
        (lambda y, s: auc_covariance(y, s[0, 0]), r'scores must have shape \(K, N\), got \(114,\)'),
        (lambda y, s: auc_covariance(y * 0, s[0]), '1 or more positive cases are needed'),
        (lambda y, s: auc_covariance(y, np.full((2, 114), np.nan)), 'scores must be finite'),
    ],
)
def test_errors(call, message, van_dyke):
    with pytest.raises(ValueError, match=message):
        call(*van_dyke)
