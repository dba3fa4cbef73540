"""Files of an active-learning run: what is labelled, what is asked for, and the answers."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from usmm.utils.atomic_files import atomic_binary, atomic_text

FORMULA = ('=', '+', '-', '@', '\t', '\r')  # a spreadsheet takes such a cell for a formula
SHEETS = ('.csv', '.xlsx')


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a CSV file, whole or not at all."""
    with atomic_text(path) as file:
        writer = csv.DictWriter(file, list(columns))
        writer.writeheader()
        writer.writerows(rows)


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file that `write_rows` wrote."""
    with path.open(newline='', encoding='utf-8') as file:
        return list(csv.DictReader(file))


def write_labelled(path: Path, names: Sequence[str], labels: Mapping[str, str]) -> None:
    """Write the samples that a round may train on, as the data set's `only` takes them.

    Args:
        path: The file.
        names: Ids of the samples.
        labels: Id -> name of the class.
    """
    write_rows(path, ('sample_id', 'label'), [{'sample_id': n, 'label': labels[n]} for n in names])


def read_labelled(path: Path) -> dict[str, str]:
    """Id -> name of the class, of a file that `write_labelled` wrote."""
    return {row['sample_id']: row['label'] for row in read_rows(path)}


def safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula.

    Example:
        >>> safe('=1+1'), safe('C1#0-2')
        ("'=1+1", 'C1#0-2')
    """
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def unsafe(cell: str) -> str:
    """The cell that `safe` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


def write_sheet(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write rows for a person to fill in: CSV, or XLSX where every cell is text.

    Args:
        path: Ends in `.csv` or `.xlsx`.
        rows: All with the same columns.

    Raises:
        ValueError: Another suffix.
    """
    check_sheet(path)
    cells = [{k: safe(str(v)) for k, v in row.items()} for row in rows]
    if path.suffix.lower() == '.csv':
        write_rows(path, list(rows[0]), cells)
        return
    import openpyxl  # half a second, and most sheets are CSV

    book = openpyxl.Workbook()
    sheet = book.active
    for values in [list(rows[0]), *[list(row.values()) for row in cells]]:
        sheet.append(values)
        for cell in sheet[sheet.max_row]:
            cell.data_type = 's'
    with atomic_binary(path) as file:
        book.save(file)


def check_sheet(path: Path) -> None:
    """See that a sheet has a suffix that can be written.

    Raises:
        ValueError: It has not.
    """
    if path.suffix.lower() not in SHEETS:
        raise ValueError(f'a sheet of questions ends in one of {list(SHEETS)}, got {path.name!r}')


def answers_of(rows: Sequence[Mapping[str, object]], asked: Sequence[str], classes: Sequence[str]) -> dict[str, str]:
    """The labels that a person filled in.

    Args:
        rows: Of the sheet as it was read back, with `unit` and `label`.
        asked: The units that were asked for.
        classes: Names of the classes.

    Returns:
        Unit -> name of the class, of those that have an answer.

    Raises:
        ValueError: A label that is no class, or rows of other units.
    """
    found = {unsafe(str(row['unit'])): str(row['label'] or '').strip() for row in rows}
    if set(found) != set(asked):
        lost, new = sorted(set(asked) - set(found)), sorted(set(found) - set(asked))
        raise ValueError(f'the sheet does not hold what was asked: {len(lost)} rows are gone {lost[:3]}, new {new[:3]}')
    wrong = {unit: label for unit, label in found.items() if label and label not in classes}
    if wrong:
        raise ValueError(f'these labels are none of the classes {list(classes)}: {wrong}')
    return {unit: label for unit, label in found.items() if label}
