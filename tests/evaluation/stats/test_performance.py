"""Metrics over folds: against scikit-learn, closed forms and plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import mannwhitneyu
from sklearn import metrics as sk
from statsmodels.stats.proportion import proportion_confint

from usmm.evaluation.stats import delong_interval
from usmm.evaluation.stats.performance import METRICS, performance


def draw(n: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    logits = rng.normal(size=(n, classes)) + 1.2 * np.eye(classes)[labels]
    return labels, np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def pairs(positive: np.ndarray, scores: np.ndarray) -> float:
    """The AUC as Mann and Whitney's U over the number of pairs."""
    u = mannwhitneyu(scores[positive], scores[~positive], method='asymptotic').statistic
    return float(u / (positive.sum() * (~positive).sum()))


def test_two_classes_equal_scikit_learn_in_every_fold():
    labels, scores = draw(90, 2)
    folds = np.repeat([0, 1, 2], 30)
    found = performance(labels, scores, folds, np.arange(90), positive=1, draws=200)
    assert tuple(found) == METRICS
    for k in range(3):
        y, p = labels[folds == k], scores[folds == k, 1]
        called = (p > 0.5).astype(int)
        expected = {
            'auc': pairs(y == 1, p),
            'accuracy': sk.accuracy_score(y, called),
            'balanced_accuracy': sk.balanced_accuracy_score(y, called),
            'tpr': sk.recall_score(y, called),
            'tnr': sk.recall_score(y, called, pos_label=0),
            'precision': sk.precision_score(y, called),
            'f1': sk.f1_score(y, called),
            'mcc': sk.matthews_corrcoef(y, called),
            'brier': sk.brier_score_loss(y, p),
        }
        for name, value in expected.items():
            assert found[name].folds[k] == pytest.approx(value), name
    for estimate in found.values():
        assert estimate.mean == pytest.approx(np.mean(estimate.folds))
        assert estimate.std == pytest.approx(np.std(estimate.folds))


def test_more_classes_are_macro_means():
    labels, scores = draw(120, 3)
    found = performance(labels, scores, [0] * 120, np.arange(120), draws=200)
    called = scores.argmax(1)
    assert found['auc'].mean == pytest.approx(np.mean([pairs(labels == k, scores[:, k]) for k in range(3)]))
    assert found['f1'].mean == pytest.approx(sk.f1_score(labels, called, average='macro'))
    assert found['precision'].mean == pytest.approx(sk.precision_score(labels, called, average='macro'))
    assert found['tpr'].mean == pytest.approx(sk.recall_score(labels, called, average='macro'))
    assert found['mcc'].mean == pytest.approx(sk.matthews_corrcoef(labels, called))
    assert found['brier'].mean == pytest.approx(np.mean(((scores - np.eye(3)[labels]) ** 2).sum(1)))


def test_calibration_error_is_the_weighted_gap_of_ten_bins():
    labels, scores = draw(200, 2, 3)
    p, expected = scores[:, 1], 0.0
    for b in range(10):
        inside = (p > b / 10) & (p <= (b + 1) / 10)
        if inside.any():
            expected += inside.mean() * abs(p[inside].mean() - labels[inside].mean())
    found = performance(labels, scores, [0] * 200, np.arange(200), draws=200)['ece']
    assert found.mean == pytest.approx(expected) and found.ci95 is None


def test_the_other_class_can_be_the_positive_one():
    labels, scores = draw(80, 2, 5)
    one, other = (performance(labels, scores, [0] * 80, np.arange(80), k, draws=200) for k in (0, 1))
    assert one['tpr'].mean == other['tnr'].mean and one['tpr'].mean != one['tnr'].mean
    assert one['auc'].mean == pytest.approx(other['auc'].mean)


def test_intervals_of_one_case_a_patient():
    labels, scores = draw(100, 2)
    folds = np.repeat([0, 1], 50)
    found = performance(labels, scores, folds, np.arange(100), 1, draws=400)
    hits = int(((scores[:, 1] > 0.5) == labels).sum())
    assert found['accuracy'].ci95 == pytest.approx(proportion_confint(hits, 100, method='wilson'))
    seen = int(((scores[:, 1] > 0.5) & (labels == 1)).sum())
    assert found['tpr'].ci95 == pytest.approx(proportion_confint(seen, 50, method='wilson'))
    one_fold = performance(labels, scores, [0] * 100, np.arange(100), 1, draws=200)['auc']
    assert one_fold.ci95 == pytest.approx(delong_interval(labels, scores[:, 1], scale='logit').ci)


def test_bootstrap_equals_a_loop_over_patients():
    labels, scores = draw(60, 2, 7)
    patients = np.arange(60) // 2 * 2 + labels  # one class a patient, and several patients a fold
    found = performance(labels, scores, [0] * 60, patients, 1, draws=4000)['f1']
    rng = np.random.default_rng(1)
    rows = {p: np.flatnonzero(patients == p) for p in set(patients)}
    names = sorted(rows)
    values = []
    for _ in range(2000):
        drawn = np.concatenate([rows[p] for p in rng.choice(names, len(names))])
        values.append(sk.f1_score(labels[drawn], scores[drawn].argmax(1)))
    assert found.ci95 == pytest.approx(np.quantile(values, [0.025, 0.975]), abs=0.02)


def test_repeats_of_a_patient_do_not_narrow_an_interval():
    labels, scores = draw(70, 2, 2)
    once = performance(labels, scores, [0] * 70, np.arange(70), 1, draws=2000)
    thrice = performance(
        np.tile(labels, 3), np.tile(scores, (3, 1)), np.repeat([0, 1, 2], 70), np.tile(np.arange(70), 3), 1, draws=2000
    )
    for name in ('auc', 'accuracy', 'f1', 'brier'):
        width, repeated = (np.ptp(found[name].ci95) for found in (once, thrice))
        assert repeated == pytest.approx(width, rel=0.1), name


def test_a_fold_with_one_class_is_left_out_of_the_auc():
    labels = np.array([0, 1, 0, 1, 0, 1, 1, 1])
    scores = np.stack([1 - np.linspace(0.1, 0.9, 8), np.linspace(0.1, 0.9, 8)], 1)
    found = performance(labels, scores, [0] * 6 + [1] * 2, np.arange(8), 1, draws=200)
    assert math.isnan(found['auc'].folds[1]) and found['auc'].mean == found['auc'].folds[0]
    only = performance(labels[6:], scores[6:], [0, 0], [0, 1], 1, draws=200)['auc']
    assert math.isnan(only.mean) and only.ci95 is None and only.method == 'none'


def test_a_perfect_auc_has_no_interval():
    labels = np.array([0, 0, 0, 1, 1, 1])
    scores = np.stack([1 - labels, labels], 1).astype(float)
    found = performance(labels, scores, [0] * 6, np.arange(6), 1, draws=200)
    assert found['auc'].mean == 1 and found['auc'].ci95 is None


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(scores=np.ones(4)), r'scores must have shape \(N, K\)'),
        (dict(scores=np.full((4, 2), np.nan)), 'scores must be finite'),
        (dict(folds=[0]), '4 labels, 1 folds and 4 patients do not fit'),
        (dict(patients=[0]), '4 labels, 4 folds and 1 patients do not fit'),
        (dict(positive=2), 'positive must be a class index below 2, got 2'),
        (dict(labels=[0, 1, 2, 0]), 'labels must lie in 0..1'),
    ],
)
def test_bad_input(change, message):
    given = dict(labels=[0, 1, 0, 1], scores=np.full((4, 2), 0.5), folds=[0] * 4, patients=list('abcd'))
    with pytest.raises(ValueError, match=message):
        performance(**{**given, **change})
