"""Rows of a predictions.csv, and the arrays that statistics are computed from."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, cast

import numpy as np


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


NEEDED = ('case_id', 'patient_id', 'part', 'fold', 'seed', 'label', 'pred')


def read_rows(path: str | Path, classes: Sequence[str]) -> list[ScoredRow]:
    """Rows of a predictions.csv as they stand there, with `scores` (K,), the probabilities in the order of `classes`.

    Args:
        path: The file.
        classes: Names of the classes.

    Raises:
        ValueError: The file lacks a column, or a row has a label that is no class or a probability that is no number.
    """
    with Path(path).open(newline='', encoding='utf-8') as file:
        reader = csv.DictReader(file)
        missing = [c for c in (*NEEDED, *(f'prob_{name}' for name in classes)) if c not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f'{path} is no table of predictions for {list(classes)}: it has no columns {missing}')
        rows = [cast(ScoredRow, row) for row in reader]
    for row in rows:
        where = f'{path}: case {row["case_id"]!r}'
        if row['label'] and row['label'] not in classes:
            raise ValueError(f'{where} has the label {row["label"]!r}, not of {list(classes)}')
        try:
            row['scores'] = np.array([float(cast('dict[str, str]', row)[f'prob_{name}']) for name in classes])
        except (TypeError, ValueError) as error:
            raise ValueError(f'{where} has a probability that is no number: {error}') from error
    return rows


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
