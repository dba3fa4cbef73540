"""A part of a data set, named sample by sample: the file that says what is labelled so far."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from usmm.readers import DataError

UNITS = ('sample', 'image', 'patient')


def read_samples(path: str | Path, classes: Sequence[str]) -> tuple[list[str], dict[str, int]]:
    """The samples of an `only` file, and the labels that it knows.

    Args:
        path: CSV with the columns `sample_id` and, optionally, `label`.
        classes: Names of the classes.

    Returns:
        The ids, and id -> class index of those with a label.

    Raises:
        DataError: No such file or column, or a label that is no class.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError('there is no such file of samples', file=path)
    with path.open(newline='', encoding='utf-8') as file:
        rows = list(csv.DictReader(file))
    if not rows or 'sample_id' not in rows[0]:
        raise DataError('expected rows with a column sample_id', file=path)
    labels = {row['sample_id']: row['label'] for row in rows if row.get('label')}
    wrong = {name: label for name, label in labels.items() if label not in classes}
    if wrong:
        raise DataError(f'these labels are none of the classes {list(classes)}: {wrong}', file=path)
    return [row['sample_id'] for row in rows], {name: list(classes).index(label) for name, label in labels.items()}


def check_unit(kind: str) -> None:
    """See that a query unit exists.

    Raises:
        ValueError: It does not.
    """
    if kind not in UNITS:
        raise ValueError(f'a query unit is one of {list(UNITS)}, got {kind!r}')


def check_names(names: Sequence[str], known: Sequence[str], part: str | None, file: Path) -> None:
    """See that all samples that are named exist.

    Raises:
        DataError: Says how many do not.
    """
    wrong = sorted(set(names) - set(known))
    if wrong:
        text = f'{len(wrong)} samples are not in the {part or "whole"} part, such as {wrong[:3]}'
        raise DataError(text, file=file)
