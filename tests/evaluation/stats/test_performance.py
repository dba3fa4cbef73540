"""Metrics over folds: against scikit-learn, closed forms and plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import mannwhitneyu
from sklearn import metrics as sk
from statsmodels.stats.proportion import proportion_confint

from usmm.evaluation.stats import delong_interval, expected_calibration_error
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
    found = performance(labels, scores, folds, np.arange(90), positive=1)
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
    whole = {name: value for name, value in found.items() if name != 'ece'}
    for estimate in whole.values():
        assert estimate.mean == pytest.approx(np.mean(estimate.folds))
        assert estimate.std == pytest.approx(np.std(estimate.folds, ddof=1))
    called = scores.argmax(1)
    assert found['auc'].estimate == found['auc'].mean and found['auc'].of == 'mean of the folds'
    assert found['accuracy'].estimate == pytest.approx(sk.accuracy_score(labels, called))
    assert found['f1'].estimate == pytest.approx(sk.f1_score(labels, called))
    assert found['mcc'].estimate == pytest.approx(sk.matthews_corrcoef(labels, called))
    assert found['brier'].estimate == pytest.approx(sk.brier_score_loss(labels, scores[:, 1]))
    assert {e.of for name, e in found.items() if name != 'auc'} == {'all cases together'}


def test_more_classes_are_macro_means():
    labels, scores = draw(120, 3)
    found = performance(labels, scores, [0] * 120, np.arange(120))
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
    found = performance(labels, scores, [0] * 200, np.arange(200))['ece']
    assert found.estimate == pytest.approx(expected) and found.ci95 is None
    assert found.folds == [] and math.isnan(found.std) and found.method.startswith('none: of resampled cases')
    assert found.estimate == pytest.approx(expected_calibration_error(labels, p))


def test_the_other_class_can_be_the_positive_one():
    labels, scores = draw(80, 2, 5)
    one, other = (performance(labels, scores, [0] * 80, np.arange(80), k) for k in (0, 1))
    assert one['tpr'].mean == other['tnr'].mean and one['tpr'].mean != one['tnr'].mean
    assert one['auc'].mean == pytest.approx(other['auc'].mean)


def test_intervals_of_one_case_a_patient():
    labels, scores = draw(100, 2)
    folds = np.repeat([0, 1], 50)
    found = performance(labels, scores, folds, np.arange(100), 1)
    hits = int(((scores[:, 1] > 0.5) == labels).sum())
    assert found['accuracy'].ci95 == pytest.approx(proportion_confint(hits, 100, method='wilson'))
    seen = int(((scores[:, 1] > 0.5) & (labels == 1)).sum())
    assert found['tpr'].ci95 == pytest.approx(proportion_confint(seen, 50, method='wilson'))
    one_fold = performance(labels, scores, [0] * 100, np.arange(100), 1)['auc']
    assert one_fold.ci95 == pytest.approx(delong_interval(labels, scores[:, 1]).ci)


def test_repeats_of_a_patient_do_not_narrow_an_interval():
    labels, scores = draw(70, 2, 2)
    once = performance(labels, scores, [0] * 70, np.arange(70), 1)
    thrice = performance(
        np.tile(labels, 3), np.tile(scores, (3, 1)), np.repeat([0, 1, 2], 70), np.tile(np.arange(70), 3), 1
    )
    for name in ('auc', 'accuracy', 'balanced_accuracy', 'f1', 'mcc', 'brier'):
        width, repeated = (np.ptp(found[name].ci95) for found in (once, thrice))
        assert repeated == pytest.approx(width, rel=0.1), name


def test_a_fold_with_one_class_is_left_out_of_the_auc():
    labels = np.array([0, 1, 0, 1, 0, 1, 1, 1])
    scores = np.stack([1 - np.linspace(0.1, 0.9, 8), np.linspace(0.1, 0.9, 8)], 1)
    found = performance(labels, scores, [0] * 6 + [1] * 2, np.arange(8), 1)
    assert math.isnan(found['auc'].folds[1]) and found['auc'].mean == found['auc'].folds[0]
    only = performance(labels[6:], scores[6:], [0, 0], [0, 1], 1)['auc']
    assert math.isnan(only.mean) and only.ci95 is None and only.method == 'none: no fold has 2 patients of each class'
    assert (found['auc'].left_out, only.left_out) == (1, 1)


@pytest.mark.parametrize('patients', ['abcdd', 'efghi'])
def test_a_fold_with_two_cases_but_one_patient_of_a_class_is_left_out_of_the_auc(patients):
    """Which ended a cross-validation after its training."""
    rng = np.random.default_rng(0)
    labels, folds = np.array([0, 0, 0, 1, 1] * 2), np.repeat([0, 1], 5)
    scores = rng.dirichlet([1, 1], 10)
    who = [f'{fold}{name}' for fold, name in zip(folds, 'abcdd' + patients, strict=True)]
    found = performance(labels, scores, folds, who)
    usable = [False, patients == 'efghi']
    assert [not math.isnan(v) for v in found['auc'].folds] == usable
    assert found['auc'].left_out == usable.count(False)
    assert (found['auc'].ci95 is None) == (not any(usable))
    assert found['accuracy'].ci95 is not None and found['tpr'].estimate == np.mean(scores.argmax(1)[labels == 1] == 1)


def test_rare_classes_with_several_cases_a_patient_end_no_study():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        who = np.repeat(np.arange(40), rng.integers(1, 5, 40))
        labels = (rng.random(40) < 0.1)[who].astype(int)
        scores = rng.dirichlet([1, 1], who.size)
        found = performance(labels, scores, who % 5, who)
        assert len(found['auc'].folds) == 5 and not math.isnan(found['accuracy'].estimate)


def test_a_perfect_auc_is_bounded():
    labels = np.array([0, 0, 0, 1, 1, 1])
    scores = np.stack([1 - labels, labels], 1).astype(float)
    found = performance(labels, scores, [0] * 6, np.arange(6), 1)
    assert found['auc'].estimate == 1 and found['auc'].ci95 == (pytest.approx(0.025 ** (1 / 3)), 1)
    two = performance(np.tile(labels, 2), np.tile(scores, (2, 1)), np.repeat([0, 1], 6), np.arange(12), 1)['auc']
    assert two.ci95 == (pytest.approx(0.025 ** (1 / 6)), 1)  # six pairs without a common patient


def test_equal_scores_have_no_interval_of_the_auc():
    found = performance([0, 1] * 5, np.full((10, 2), 0.5), [0] * 10, np.arange(10))['auc']
    assert found.estimate == 0.5 and found.ci95 is None and found.method == 'none: all scores of a fold are equal'


def test_a_class_of_three_against_the_rest():
    labels, scores = draw(90, 3, 4)
    called = scores.argmax(1)
    found = performance(labels, scores, np.arange(90) // 30, np.arange(90), positive=2)
    seen = int((called[labels == 2] == 2).sum())
    assert found['tpr'].estimate == seen / 30
    assert found['tpr'].ci95 == pytest.approx(proportion_confint(seen, 30, method='wilson'))
    spared = int((called[labels != 2] != 2).sum())
    assert found['tnr'].ci95 == pytest.approx(proportion_confint(spared, 60, method='wilson'))
    assert found['auc'].estimate == performance(labels, scores, np.arange(90) // 30, np.arange(90))['auc'].estimate


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
