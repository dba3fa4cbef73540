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
