"""Confusion matrix, and the rates that are read from it.

A rate whose denominator is 0 is nan, never 0 or 1: without a predicted positive there is no precision. A macro mean
over classes is nan as soon as one class has no value.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from usmm.evaluation.stats.validation import Floats, class_indices

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
    from sklearn import metrics

    true = class_indices(labels, num_classes)
    predicted = class_indices(predictions, num_classes, 'predictions')
    if true.shape != predicted.shape:
        raise ValueError(f'{true.size} labels and {predicted.size} predictions do not fit each other')
    return np.asarray(metrics.confusion_matrix(true, predicted, labels=np.arange(num_classes)), dtype=np.int64)


def _check_matrix(matrix: ArrayLike) -> Counts:
    counts = np.asarray(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.shape[0] < 2:
        raise ValueError(f'a confusion matrix is square with two or more classes, got shape {counts.shape}')
    if counts.dtype.kind not in 'iu' or (counts < 0).any():
        raise ValueError(f'a confusion matrix holds whole numbers >= 0, got {counts.dtype} with lowest {counts.min()}')
    return counts.astype(np.int64)


def matrix_rates(counts: Floats | Counts, positive: int | None = None) -> dict[str, Floats]:
    """Rates of one or many confusion matrices at once: scikit-learn's functions take labels, one set at a time.

    Args:
        counts: (..., K, K), row = true class; counts may be weights.
        positive: Class that tpr, tnr, precision and f1 are of; None: their mean over the classes, each against the
            rest.

    Returns:
        accuracy, balanced_accuracy (mean tpr), tpr, tnr, precision, f1 and mcc (Gorodkin's, of all classes), each of
        shape (...); nan where a denominator is 0.
    """
    table = np.asarray(counts, dtype=np.float64)
    hits = np.diagonal(table, axis1=-2, axis2=-1)
    actual, called, total = table.sum(-1), table.sum(-2), table.sum((-2, -1))
    joint = hits.sum(-1) * total - (actual * called).sum(-1)
    with np.errstate(divide='ignore', invalid='ignore'):
        width = np.sqrt((total**2 - (actual**2).sum(-1)) * (total**2 - (called**2).sum(-1)))
        tpr = hits / actual
        tnr = (total[..., None] - actual - called + hits) / (total[..., None] - actual)
        one = {'tpr': tpr, 'tnr': tnr, 'precision': hits / called, 'f1': 2 * hits / (actual + called)}
        picked = {n: v.mean(-1) if positive is None else v[..., positive] for n, v in one.items()}
        return {'accuracy': hits.sum(-1) / total, 'balanced_accuracy': tpr.mean(-1), **picked, 'mcc': joint / width}


def matthews(matrix: ArrayLike) -> float:
    """Matthews correlation coefficient for any number of classes; nan if labels or predictions are all of one class.

    References:
        Gorodkin, Computational Biology and Chemistry 2004.
    """
    return float(matrix_rates(_check_matrix(matrix))['mcc'])


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
    return {name: float(value) for name, value in matrix_rates(counts, positive).items()}


def macro_rates(matrix: ArrayLike) -> dict[str, float]:
    """Rates of a matrix of any size, each class against the rest, then the mean over classes.

    The same keys as `binary_rates`; accuracy and mcc are of all classes at once, balanced_accuracy is the mean tpr.
    """
    return {name: float(value) for name, value in matrix_rates(_check_matrix(matrix)).items()}
