"""Case tables: CSV and XLSX -> text cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from usmm.readers import limits
from usmm.readers.csv_rows import csv_rows
from usmm.readers.errors import DataError, existing_file, reading
from usmm.readers.sheet_layout import SheetLayout
from usmm.readers.signatures import check_kind
from usmm.readers.table_limits import Row
from usmm.readers.workbook import UncachedFormula, sheet_rows
from usmm.structures.table_format import TableFormat

# keys of the attributes of a frame
ROW_NUMBERS, SHEETS, MERGED, HIDDEN_ROWS = 'row_numbers', 'sheets', 'merged', 'hidden_rows'


def is_missing(value: str | None) -> bool:
    """Whether a cell says that nothing is known: empty, `NA`, `not available`, a spreadsheet's error, and the like.

    Example:
        >>> is_missing(' Not available '), is_missing('0')
        (True, False)
    """
    return TableFormat().is_missing(value)


def read_table(path: str | Path, keep_words: bool = False, table_format: TableFormat | None = None) -> pd.DataFrame:
    """Read a table as text, so that nothing is guessed: ids keep their zeros, dates their form.

    CSV: comma, semicolon, tab or bar, whichever splits header and first rows alike into most columns, or the one that
    a first line `sep=;` names; UTF-8, UTF-16 with a mark, else Windows-1252. XLSX: the first sheet that is not hidden,
    with the values that its formulas had when it was saved; whole numbers without `.0`, dates as YYYY-MM-DD, zeros kept
    where the format of the cell shows them. Blank rows are skipped.

    Args:
        path: A .csv, .tsv, .txt, .xlsx or .xlsm file.
        keep_words: Keep words such as `NA` and `not available` as text; only empty cells are then None.
        table_format: How the table is written.

    Returns:
        Columns named as in the first row, stripped; cells are stripped text, None where missing. A formula without a
        stored value is an `UncachedFormula`. `attrs[ROW_NUMBERS]` has the number of each row as a spreadsheet shows it,
        `attrs[SHEETS]` the sheet that was read and those that were not, of a workbook; `attrs[MERGED]` for each column
        the (first, last) rows of merged cells that are not filled down, `attrs[HIDDEN_ROWS]` how many rows are hidden.

    Raises:
        DataError: if the file is absent, damaged, of another format, too large, has no header or two columns of one
            name, a row has more or fewer cells than the header, or there is no such sheet or column to fill down.
    """
    path, form = existing_file(path), table_format or TableFormat()
    with reading(path, 'a table'):
        if check_kind(path) == 'workbook':
            sheets, layout, rows = sheet_rows(path, form)
        else:
            if form.sheet is not None:
                raise DataError(f'is text, which has no sheet {form.sheet!r}', file=path)
            sheets, layout, rows = (), SheetLayout(), csv_rows(path, form.skip_rows)
        frame = _frame(rows, path, keep_words, form)
    numbers = set(frame.attrs[ROW_NUMBERS])
    merged: dict[str, list[tuple[int, int]]] = {}
    for column, first, last in layout.merged:
        if column < len(frame.columns) and frame.columns[column] not in form.fill_down and last in numbers:
            merged.setdefault(str(frame.columns[column]), []).append((first, last))
    frame.attrs |= {SHEETS: sheets, MERGED: merged, HIDDEN_ROWS: len(layout.hidden_rows & numbers)}
    return frame


def _frame(rows: Iterator[tuple[int, Row]], path: Path, keep_words: bool, form: TableFormat) -> pd.DataFrame:
    first, header = next(rows, (0, []))
    names = _names(header, path)
    lost = [name for name in form.fill_down if name not in names]
    if lost:
        raise DataError(f'has no column {lost[0]!r} to fill down; it has {names}', file=path)
    down = [names.index(name) for name in form.fill_down]
    above: dict[int, str] = {}
    cells = []
    numbers: list[int] = []
    for number, row in rows:
        if len(row) > len(names) and any(row[len(names) :]):
            text = f'row {number} has {len(row)} cells, the header has {len(names)}'
            title = f': if row {first} is a title, set skip_rows of the table, or remove the rows above the header'
            raise DataError(text + ('' if numbers else title), file=path)
        for column in down:
            row[column] = row[column] or above.get(column, '')
            above[column] = row[column]
        numbers.append(number)
        cells.append([None if _is_absent(cell, keep_words, form) else cell for cell in row[: len(names)]])
    frame = pd.DataFrame(cells, columns=names, dtype=object)
    frame.attrs[ROW_NUMBERS] = numbers
    return frame


def _is_absent(cell: str, keep_words: bool, form: TableFormat) -> bool:
    return not cell if keep_words or isinstance(cell, UncachedFormula) else form.is_missing(cell)


def _names(header: Row, path: Path) -> Row:
    names = [name.strip() or f'column {i}' for i, name in enumerate(header, 1)]
    if not any(name.strip() for name in header):
        raise DataError('has no header', file=path)
    if len(names) > limits.MAX_TABLE_COLUMNS:
        raise DataError(f'has {len(names)} columns, over the limit of {limits.MAX_TABLE_COLUMNS}', file=path)
    if double := sorted(name for name, count in Counter(names).items() if count > 1):
        text = f'has more than one column named {", ".join(map(repr, double))}: give each column a name of its own'
        raise DataError(text, file=path)
    return names
