"""Checks of what statistics are computed from: labels, scores and predictions of the same cases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def class_indices(labels: ArrayLike, num_classes: int, name: str = 'labels') -> NDArray[np.int64]:
    """Labels as class indices (N,).

    Raises:
        ValueError: If they are not whole numbers in [0, num_classes), or not a row of them.
    """
    values = np.asarray(labels)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f'{name} must be a row of one number per case, got shape {values.shape}')
    if values.dtype.kind not in 'biuf' or not np.all(values == np.round(values)):
        raise ValueError(f'{name} must be class indices (or booleans), got {values.dtype} with {values[:3].tolist()}')
    outside = (values < 0) | (values >= num_classes)
    if outside.any():
        raise ValueError(f'{name} must lie in 0..{num_classes - 1}, got {np.unique(values[outside])[:5].tolist()}')
    return values.astype(np.int64)


def binary_labels(labels: ArrayLike, least: int = 1) -> NDArray[np.bool_]:
    """Labels as booleans, True for the positive class.

    Args:
        labels: Zeros and ones, or booleans, (N,).
        least: Cases that each class must have.

    Raises:
        ValueError: If one of the classes has fewer cases; the message names it.
    """
    positive = class_indices(labels, 2).astype(bool)
    for name, count in (('positive', int(positive.sum())), ('negative', int((~positive).sum()))):
        if count < least:
            raise ValueError(f'{least} or more {name} cases are needed, got {count} of {positive.size}')
    return positive


def finite_scores(scores: ArrayLike, shape: tuple[int, ...], name: str = 'scores') -> Floats:
    """Scores as float64 of a given shape.

    Raises:
        ValueError: If the shape differs or a score is nan or infinite; the message names the first row.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.shape != shape:
        raise ValueError(f'{name} must have shape {shape} to fit the labels, got {values.shape}')
    bad = ~np.isfinite(values)
    if bad.any():
        raise ValueError(
            f'{name} must be finite, got {int(bad.sum())} nan or infinite, first in row {np.argwhere(bad)[0][0]}'
        )
    return values


def class_names(classes: Sequence[str] | None, num_classes: int) -> tuple[str, ...]:
    """Names for messages: those given, or the indices as text.

    Raises:
        ValueError: If there is not one name per class.
    """
    names = tuple(str(i) for i in range(num_classes)) if classes is None else tuple(classes)
    if len(names) != num_classes:
        raise ValueError(f'expected {num_classes} class names, got {names}')
    return names


def check_confidence(confidence: float) -> float:
    """A confidence level. Raises ValueError unless it lies between 0 and 1."""
    if not 0 < confidence < 1:
        raise ValueError(f'confidence must lie between 0 and 1, got {confidence}')
    return confidence


def group_codes(groups: ArrayLike, size: int, name: str = 'clusters') -> NDArray[np.int64]:
    """Codes 0..G-1 of the patient (fold, seed) that each case belongs to.

    Args:
        groups: One name or number per case, (N,).
        size: N.
        name: What they are, for messages.

    Raises:
        ValueError: If there is not one per case, or one is missing (None or nan).
    """
    values = np.asarray(groups)
    if values.shape != (size,):
        raise ValueError(f'{name} must have shape ({size},), one per case, got {values.shape}')
    missing = [i for i, value in enumerate(values.tolist()) if value is None or value != value]  # nan is not itself
    if missing:
        raise ValueError(f'{name} must be known for every case, got {len(missing)} missing, first in row {missing[0]}')
    return np.unique(values, return_inverse=True)[1].astype(np.int64).reshape(-1)


def class_probabilities(labels: ArrayLike, probabilities: ArrayLike) -> tuple[NDArray[np.int64], Floats]:
    """Class indices (N,) and probabilities (N, K); those of the positive class alone (N,) become two columns.

    Raises:
        ValueError: If shapes do not fit, a probability is not in [0, 1] or the rows do not sum to 1 (within 0.001).
    """
    values = np.asarray(probabilities, dtype=np.float64)
    if values.ndim not in (1, 2) or (values.ndim == 2 and values.shape[1] < 2):
        raise ValueError(f'probabilities must have shape (N,) or (N, K) with K of 2 or more, got {values.shape}')
    indices = class_indices(labels, 2 if values.ndim == 1 else values.shape[1])
    finite_scores(values, (indices.size, *values.shape[1:]), 'probabilities')
    outside = (values < 0) | (values > 1)
    if outside.any():
        raise ValueError(
            f'probabilities must lie in 0..1, got {values[outside][0]:g} in row {np.argwhere(outside)[0][0]}'
        )
    if values.ndim == 1:
        return indices, np.stack([1 - values, values], axis=1)
    sums = values.sum(1)
    wrong = np.flatnonzero(np.abs(sums - 1) > 1e-3)
    if wrong.size:
        raise ValueError(f'the probabilities of a case must sum to 1, got {sums[wrong[0]]:g} in row {wrong[0]}')
    return indices, values
