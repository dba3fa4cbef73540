"""The table of predictions (predictions.csv): its rows, writing and reading it."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from usmm.utils.atomic_files import atomic_text

COLUMNS = ('case_id', 'patient_id', 'part', 'fold', 'seed', 'label', 'pred')
PROBABILITY = 'prob_'  # a column of this and the name of a class
SUM_TOLERANCE = 0.001  # by which the probabilities of a row may miss 1: tables are rounded


def prediction_rows(
    rows: Iterable[Mapping[str, Any]], part: str, fold: int | None, seed: int, classes: Sequence[str]
) -> list[dict[str, Any]]:
    """Rows of the table from a metric's rows (case_id, patient_id, label, scores)."""
    return [
        {
            'case_id': row['case_id'],
            'patient_id': row['patient_id'],
            'part': part,
            'fold': '' if fold is None else fold,
            'seed': seed,
            'label': '' if row['label'] is None else classes[row['label']],
            'pred': classes[int(np.argmax(row['scores']))],
            **{f'{PROBABILITY}{name}': float(score) for name, score in zip(classes, row['scores'], strict=True)},
        }
        for row in rows
    ]


def write_predictions(path: Path, rows: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> None:
    """Write the table atomically: case_id, patient_id, part, fold, seed, label, pred, prob_<class>..."""
    columns = [*COLUMNS, *[f'{PROBABILITY}{name}' for name in classes]]
    with atomic_text(path) as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def read_predictions(path: str | Path, classes: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The rows of the table: probabilities as floats, everything else as text.

    Args:
        path: The file.
        classes: Names of the classes that it must have. Labels are then compared with them, and each row gets `scores`
            (K,), the probabilities in this order.

    Raises:
        ValueError: The file is not UTF-8 text or lacks a column; a line is cut off; a row has a label that is not a
            class, or probabilities that are not numbers, not from 0 to 1, or do not sum to 1. NaN, as a model that
            diverged predicts it, is accepted.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, 'predictions.csv')
        ...     row = dict(case_id='c1', patient_id='p1', label=None, scores=[0.25, 0.75])
        ...     write_predictions(path, prediction_rows([row], 'test', 0, 0, ('A', 'B')), ('A', 'B'))
        ...     [(row['pred'], row['prob_A'], row['scores'].tolist()) for row in read_predictions(path, ('B', 'A'))]
        [('B', 0.25, [0.75, 0.25])]
    """
    needed = [f'{PROBABILITY}{name}' for name in classes]
    try:
        # utf-8-sig: a spreadsheet that saves the table puts a byte order mark before its first column
        text = Path(path).read_text(encoding='utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is not a table of predictions: it is not UTF-8 text ({error.reason})') from error
    reader = csv.DictReader(io.StringIO(text, newline=''))
    columns = list(reader.fieldnames or ())
    missing = [column for column in (*COLUMNS, *needed) if column not in columns]
    if missing:
        of = f' for {list(classes)}' if classes else ''
        raise ValueError(f'{path} is not a table of predictions{of}: it has no columns {missing}, only {columns}')
    rows: list[dict[str, Any]] = []
    for row in reader:
        where = f'{path}, line {reader.line_num}, case {row["case_id"]!r}'
        absent = [column for column in columns if row[column] is None]
        if absent:
            raise ValueError(f'{where}: the line ends before the columns {absent}; the file is cut off or was edited')
        if classes and row['label'] and row['label'] not in classes:
            raise ValueError(f'{where} has the label {row["label"]!r}, not of {list(classes)}')
        try:
            numbers = {name: float(row[name]) for name in columns if name.startswith(PROBABILITY)}
        except ValueError as error:
            raise ValueError(f'{where} has a probability that is not a number: {error}') from error
        _check_probabilities(numbers, where)
        rows.append({**row, **numbers, **({'scores': np.array([numbers[n] for n in needed])} if classes else {})})
    return rows


def _check_probabilities(numbers: Mapping[str, float], where: str) -> None:
    """See that the probabilities of a row are from 0 to 1 and sum to 1; those of a model that diverged are NaN."""
    outside = {name: value for name, value in numbers.items() if value < 0 or value > 1}
    if outside:
        raise ValueError(f'{where} has probabilities that are not from 0 to 1: {outside}; percentages are not accepted')
    total = math.fsum(numbers.values())
    if abs(total - 1) > SUM_TOLERANCE:
        raise ValueError(f'{where} has probabilities that sum to {total:.6g} instead of 1')
