"""Rows that repeat what is known of a case, one per file, merged into one row per case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from usmm.structures import TableFormat

Row = dict[str, str | None]


@dataclass
class MergedRows:
    """One row per case.

    Args:
        rows: The merged rows, in the order of the first row of each case. Rows without a case id stay as they are.
        numbers: Number of the first row of each, as a spreadsheet shows it.
        problems: (kind, case id, message) of cells that contradict each other.
        notes: How many empty cells have the value of another row of the case.
    """

    rows: list[Row] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    problems: list[tuple[str, str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def merge_rows(
    rows: Sequence[Row], numbers: Sequence[int], case_id: str, columns: Sequence[str], table_format: TableFormat
) -> MergedRows:
    """Merge the rows of each case.

    Args:
        rows: Text cells by column.
        numbers: Number of each row.
        case_id: The column of the id.
        columns: Columns that state something of the case: their cells must agree, empty ones apart.
        table_format: Says which words mean a missing id.

    Example:
        >>> rows = [{'case_id': 'a', 'label': 'benign'}, {'case_id': 'a', 'label': None}]
        >>> merge_rows(rows, [2, 3], 'case_id', ['case_id', 'label'], TableFormat()).rows
        [{'case_id': 'a', 'label': 'benign'}]
    """
    merged = MergedRows()
    first: dict[str, tuple[Row, dict[str, int]]] = {}
    filled = 0
    for number, row in zip(numbers, rows, strict=True):
        name = row.get(case_id)
        if name is None or table_format.is_missing(name):
            merged.rows.append(row)
            merged.numbers.append(number)
            continue
        if name not in first:
            own = dict(row)
            first[name] = own, {column: number for column in columns if own.get(column) is not None}
            merged.rows.append(own)
            merged.numbers.append(number)
            continue
        own, stated = first[name]
        for column in columns:
            value = row.get(column)
            if value is not None and value != own.get(column) and table_format.is_missing(value):
                value = None  # a word for missing beside a value
            if value is None or own.get(column) is None:
                filled += value is not own.get(column)
            elif not _same(str(value), str(own[column]), table_format):
                text = f'{column} is {value!r} in line {number} and {own[column]!r} in line {stated[column]}'
                merged.problems.append(('conflict', name, f'{text}: the rows of a case must agree'))
            if value is not None and own.get(column) is None:
                own[column], stated[column] = value, number
    if filled:
        text = f'{filled} empty cells' if filled > 1 else '1 empty cell'
        merged.notes.append(f'{text} of repeated rows have the value of another row of the case')
    return merged


def _same(one: str, other: str, table_format: TableFormat) -> bool:
    """Whether two cells state the same: the same text, or the same number."""
    if one.strip() == other.strip():
        return True
    numbers = table_format.number(one.strip()), table_format.number(other.strip())
    return numbers[0] is not None and numbers[0] == numbers[1]
