"""The arrays that statistics are computed from, of rows of a table of predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Row = Mapping[str, Any]


def arrays(rows: Sequence[Row], classes: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Class indices (N,) and probabilities (N, K) of the rows that have a label."""
    known = [row for row in rows if row['label']]
    labels = np.array([list(classes).index(row['label']) for row in known], dtype=np.int64)
    return labels, np.array([row['scores'] for row in known], dtype=np.float64).reshape(len(known), len(classes))


def drawn_classes(classes: Sequence[str], positive: str | None) -> tuple[str, ...]:
    """The classes that get a curve of their own: the positive one of two (default: the last), each of more.

    Example:
        >>> drawn_classes(('benign', 'malignant'), None)
        ('malignant',)
    """
    return (positive or classes[-1],) if len(classes) == 2 else tuple(classes)
