"""The arrays that statistics are computed from, of rows of a table of predictions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, cast

import numpy as np

from usmm.engine.workdir.predictions import read_predictions


class ScoredRow(TypedDict):
    """A row of predictions.csv; class names and numbers as text, as they stand there."""

    case_id: str
    patient_id: str
    part: str
    fold: str
    seed: str
    label: str  # empty where unknown
    pred: str
    scores: np.ndarray  # probabilities (K,), in the order of the classes


def read_scored_rows(path: str | Path, classes: Sequence[str]) -> list[ScoredRow]:
    """Rows of a predictions.csv, see `read_predictions`."""
    return [cast(ScoredRow, row) for row in read_predictions(path, classes)]


def arrays(rows: Sequence[ScoredRow], classes: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
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
