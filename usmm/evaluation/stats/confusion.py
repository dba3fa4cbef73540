"""Confusion matrix, and the rates that are read from it.

A rate whose denominator is 0 is nan, never 0 or 1: without a predicted positive there is no precision. A macro mean
over classes is nan as soon as one class has no value.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from usmm.evaluation.stats.validation import class_indices

Counts = NDArray[np.int64]


def confusion_matrix(labels: ArrayLike, predictions: ArrayLike, num_classes: int) -> Counts:
    """Counts (K, K): row = true class, column = predicted class.

    Args:
        labels, predictions: Class indices (N,).
        num_classes: K.

    Raises:
        ValueError: If an index is outside 0..K-1, or the lengths differ.

    Example:
        >>> confusion_matrix([0, 0, 1], [0, 1, 1], 2).tolist()
        [[1, 1], [0, 1]]
    """
    true = class_indices(labels, num_classes)
    predicted = class_indices(predictions, num_classes, 'predictions')
    if true.shape != predicted.shape:
        raise ValueError(f'{true.size} labels and {predicted.size} predictions do not fit each other')
    return np.bincount(true * num_classes + predicted, minlength=num_classes**2).reshape(num_classes, num_classes)


def _check_matrix(matrix: ArrayLike) -> Counts:
    counts = np.asarray(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.shape[0] < 2:
        raise ValueError(f'a confusion matrix is square with two or more classes, got shape {counts.shape}')
    if counts.dtype.kind not in 'iu' or (counts < 0).any():
        raise ValueError(f'a confusion matrix holds whole numbers >= 0, got {counts.dtype} with lowest {counts.min()}')
    return counts.astype(np.int64)


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else math.nan


def _one_against_rest(counts: Counts, k: int) -> dict[str, float]:
    tp = int(counts[k, k])
    fn, fp = int(counts[k].sum()) - tp, int(counts[:, k].sum()) - tp
    tn = int(counts.sum()) - tp - fn - fp
    return {
        'tpr': _ratio(tp, tp + fn),
        'tnr': _ratio(tn, tn + fp),
        'precision': _ratio(tp, tp + fp),
        'f1': _ratio(2 * tp, 2 * tp + fp + fn),
    }


def matthews(matrix: ArrayLike) -> float:
    """Matthews correlation coefficient for any number of classes; nan if labels or predictions are all of one class.

    References:
        Gorodkin, Computational Biology and Chemistry 2004.
    """
    counts = _check_matrix(matrix)
    true, predicted, total = [int(v) for v in counts.sum(1)], [int(v) for v in counts.sum(0)], int(counts.sum())
    joint = int(np.trace(counts)) * total - sum(t * p for t, p in zip(true, predicted))
    spread = (total**2 - sum(t * t for t in true)) * (total**2 - sum(p * p for p in predicted))
    return _ratio(joint, math.sqrt(spread))


def binary_rates(matrix: ArrayLike, positive: int = 1) -> dict[str, float]:
    """Rates of a two-class matrix: accuracy, balanced_accuracy, tpr, tnr, precision, f1, mcc.

    Args:
        matrix: Counts (2, 2), row = true class.
        positive: Index of the positive class.

    Raises:
        ValueError: If the matrix is not 2 x 2, or `positive` is not 0 or 1.

    Example:
        >>> round(binary_rates([[8, 2], [1, 4]])['precision'], 3)
        0.667
    """
    counts = _check_matrix(matrix)
    if counts.shape != (2, 2) or positive not in (0, 1):
        raise ValueError(f'expected a 2 x 2 matrix and positive 0 or 1, got shape {counts.shape} and {positive}')
    rates = _one_against_rest(counts, positive)
    return _with_overall(counts, rates, (rates['tpr'] + rates['tnr']) / 2)


def macro_rates(matrix: ArrayLike) -> dict[str, float]:
    """Rates of a matrix of any size, each class against the rest, then the mean over classes.

    The same keys as `binary_rates`; accuracy and mcc are of all classes at once, balanced_accuracy is the mean tpr.
    """
    counts = _check_matrix(matrix)
    per_class = [_one_against_rest(counts, k) for k in range(len(counts))]
    rates = {name: float(np.mean([row[name] for row in per_class])) for name in per_class[0]}
    return _with_overall(counts, rates, rates['tpr'])


def _with_overall(counts: Counts, rates: dict[str, float], balanced: float) -> dict[str, float]:
    accuracy = _ratio(int(np.trace(counts)), int(counts.sum()))
    return {'accuracy': accuracy, 'balanced_accuracy': balanced, **rates, 'mcc': matthews(counts)}
