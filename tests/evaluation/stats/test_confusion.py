from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from sklearn import metrics as sk

from usmm.evaluation.stats import binary_rates, confusion_matrix, macro_rates, matthews
from usmm.evaluation.stats.confusion import matrix_rates


def draw(classes: int, seed: int, n: int = 80) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    return labels, np.where(rng.random(n) < 0.6, labels, rng.integers(0, classes, n))


@pytest.mark.parametrize('classes', [2, 3, 5])
def test_matrix_equals_a_loop(classes):
    labels, predictions = draw(classes, classes)
    expected = np.zeros((classes + 1, classes + 1), dtype=int)  # the last class has no case
    for label, prediction in zip(labels, predictions):
        expected[label, prediction] += 1
    np.testing.assert_array_equal(confusion_matrix(labels, predictions, classes + 1), expected)


def test_rates_of_many_matrices_at_once():
    matrices = np.random.default_rng(0).integers(0, 9, (4, 5, 3, 3))
    found = matrix_rates(matrices)
    for i, j in np.ndindex(4, 5):
        one = {name: values[i, j] for name, values in found.items()}
        assert one == pytest.approx(macro_rates(matrices[i, j]), nan_ok=True)
    binary = matrix_rates(matrices[..., :2, :2], positive=0)
    assert binary['tnr'][3, 1] == pytest.approx(binary_rates(matrices[3, 1, :2, :2], positive=0)['tnr'], nan_ok=True)


@pytest.mark.parametrize('positive', [0, 1])
def test_binary_equals_scikit_learn(positive):
    labels, predictions = draw(2, 7)
    rates = binary_rates(confusion_matrix(labels, predictions, 2), positive)
    kwargs = {'pos_label': positive}
    assert rates == pytest.approx(
        {
            'accuracy': sk.accuracy_score(labels, predictions),
            'balanced_accuracy': sk.balanced_accuracy_score(labels, predictions),
            'tpr': sk.recall_score(labels, predictions, **kwargs),
            'tnr': sk.recall_score(labels, predictions, pos_label=1 - positive),
            'precision': sk.precision_score(labels, predictions, **kwargs),
            'f1': sk.f1_score(labels, predictions, **kwargs),
            'mcc': sk.matthews_corrcoef(labels, predictions),
        },
        abs=1e-12,
    )


@pytest.mark.parametrize('classes', [2, 3, 5])
def test_macro_equals_scikit_learn(classes):
    labels, predictions = draw(classes, classes + 10)
    rates = macro_rates(confusion_matrix(labels, predictions, classes))
    tnr = np.mean([sk.recall_score(labels != k, predictions != k) for k in range(classes)])
    assert rates == pytest.approx(
        {
            'accuracy': sk.accuracy_score(labels, predictions),
            'balanced_accuracy': sk.balanced_accuracy_score(labels, predictions),
            'tpr': sk.recall_score(labels, predictions, average='macro'),
            'tnr': tnr,
            'precision': sk.precision_score(labels, predictions, average='macro'),
            'f1': sk.f1_score(labels, predictions, average='macro'),
            'mcc': sk.matthews_corrcoef(labels, predictions),
        },
        abs=1e-12,
    )


def test_by_hand():
    # Truth: 10 negative (7 found), 6 positive (4 found).
    rates = binary_rates([[7, 3], [2, 4]])
    assert rates['accuracy'] == 11 / 16
    assert (rates['tpr'], rates['tnr'], rates['precision']) == (4 / 6, 7 / 10, 4 / 7)
    assert rates['f1'] == pytest.approx(2 / (1 / (4 / 6) + 1 / (4 / 7)))
    assert rates['mcc'] == pytest.approx((4 * 7 - 3 * 2) / math.sqrt(7 * 6 * 10 * 9))


def test_no_denominator_is_nan_and_silent():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        never = binary_rates([[5, 0], [3, 0]])
        nobody = binary_rates([[5, 1], [0, 0]])
        macro = macro_rates([[4, 1, 0], [1, 4, 0], [1, 0, 0]])
    assert math.isnan(never['precision'])
    assert math.isnan(never['mcc'])
    assert (never['tpr'], never['tnr'], never['f1']) == (0, 1, 0)
    assert math.isnan(nobody['tpr'])
    assert math.isnan(nobody['balanced_accuracy'])
    assert math.isnan(macro['precision'])
    assert macro['tpr'] == pytest.approx((0.8 + 0.8 + 0) / 3)


def test_large_counts_do_not_overflow():
    n = 4_000_000_000
    assert matthews([[n, 0], [0, n]]) == 1


def test_errors():
    with pytest.raises(ValueError, match='2 labels and 3 predictions do not fit'):
        confusion_matrix([0, 1], [0, 1, 1], 2)
    with pytest.raises(ValueError, match=r'predictions must lie in 0\.\.1, got \[2\]'):
        confusion_matrix([0, 1], [0, 2], 2)
    with pytest.raises(ValueError, match=r'square with two or more classes, got shape \(2, 3\)'):
        macro_rates(np.zeros((2, 3), int))
    with pytest.raises(ValueError, match=r'square with two or more classes, got shape \(1, 1\)'):
        macro_rates(np.ones((1, 1), int))
    with pytest.raises(ValueError, match='whole numbers >= 0, got int64 with lowest -1'):
        matthews([[1, -1], [0, 1]])
    with pytest.raises(ValueError, match=r'expected a 2 x 2 matrix and positive 0 or 1, got shape \(3, 3\) and 1'):
        binary_rates(np.eye(3, dtype=int))
    with pytest.raises(ValueError, match=r'got shape \(2, 2\) and 2'):
        binary_rates(np.eye(2, dtype=int), positive=2)
