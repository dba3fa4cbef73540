"""Case tables: CSV and XLSX -> text cells."""

from __future__ import annotations

import csv
import datetime
import io
import itertools
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import pandas as pd

from usmm.readers import limits
from usmm.readers.errors import DataError, existing_file, reading

MISSING_WORDS = frozenset(
    {'', 'na', 'n/a', 'nan', 'none', 'null', 'not available', 'not applicable', 'missing', '-', '?'}
)
SHEET_ERRORS = frozenset({'#n/a', '#null!', '#div/0!', '#value!', '#ref!', '#name?', '#num!'})
DELIMITERS = ',;\t|'
SEPARATOR_LINE = re.compile(r'sep=([,;\t|])\r?\n', re.IGNORECASE)
SAMPLE = 20  # rows that must agree with the header on the delimiter
ZEROS = re.compile(r'0+')
FIRST_BYTES = 400  # that show the encoding
ROW_NUMBERS = 'row_numbers'
FIRST_LINE = 1_000_000  # characters of a header that is split to find its delimiter

Row = list[str]


class SheetNumber(str):
    """The text of a cell that a workbook holds as a number, so that its point is a decimal point without doubt.

    Example:
        >>> SheetNumber('3.125') == '3.125'
        True
    """

    __slots__ = ()


class SheetCell(Protocol):
    """What is read of a cell of a workbook; an empty one has the value None."""

    @property
    def value(self) -> str | float | datetime.date | datetime.time | datetime.timedelta | None:
        """The content, as openpyxl types it."""

    @property
    def number_format(self) -> str | None:
        """The format by which a spreadsheet shows a number, such as `000`."""


def is_missing(value: str | None) -> bool:
    """Whether a cell says that nothing is known: empty, `NA`, `not available`, a spreadsheet's error, and the like.

    Example:
        >>> is_missing(' Not available '), is_missing('0')
        (True, False)
    """
    return value is None or value.strip().lower() in MISSING_WORDS or value.strip().lower() in SHEET_ERRORS


def read_table(path: str | Path, keep_words: bool = False) -> pd.DataFrame:
    """Read a table as text, so that nothing is guessed: ids keep their zeros, dates their form.

    CSV: comma, semicolon, tab or bar, whichever splits header and first rows alike into most columns, or the one that
    a first line `sep=;` names; UTF-8, UTF-16 with a mark, else Windows-1252. XLSX: the first sheet, with the values
    that its formulas had when it was saved; whole numbers without `.0`, dates as YYYY-MM-DD, zeros kept where the
    format of the cell shows them. Blank rows are skipped.

    Args:
        path: A .csv, .tsv, .txt, .xlsx or .xlsm file.
        keep_words: Keep words such as `NA` and `not available` as text; only empty cells are then None.

    Returns:
        Columns named as in the first row, stripped; cells are stripped text, None where missing. `attrs[ROW_NUMBERS]`
        has the number of each row as a spreadsheet shows it.

    Raises:
        DataError: if the file is absent, damaged, too large, has no header or two columns of one name, or a row has
            more or fewer cells than the header.
    """
    path = existing_file(path)
    with reading(path, 'a table'):
        with path.open('rb') as stream:
            zipped = stream.read(4) == b'PK\x03\x04'
        return _frame(_sheet_rows(path) if zipped else _csv_rows(path), path, keep_words)


def _frame(rows: Iterator[tuple[int, Row]], path: Path, keep_words: bool) -> pd.DataFrame:
    first, header = next(rows, (0, []))
    names = _names(header, path)
    cells = []
    numbers: list[int] = []
    for number, row in rows:
        if len(row) > len(names) and any(row[len(names) :]):
            text = f'row {number} has {len(row)} cells, the header has {len(names)}'
            title = f': if row {first} is a title, remove the rows above the names of the columns'
            raise DataError(text + ('' if numbers else title), file=path)
        numbers.append(number)
        cells.append([None if _is_absent(cell, keep_words) else cell for cell in row[: len(names)]])
    frame = pd.DataFrame(cells, columns=names, dtype=object)
    frame.attrs[ROW_NUMBERS] = numbers
    return frame


def _is_absent(cell: str, keep_words: bool) -> bool:
    return not cell if keep_words else is_missing(cell)


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


def _csv_rows(path: Path) -> Iterator[tuple[int, Row]]:
    if path.stat().st_size > limits.MAX_TABLE_BYTES:
        raise DataError(f'is a table over the limit of {limits.MAX_TABLE_BYTES} bytes', file=path)
    text = _text(path)
    if '\0' in text:
        if _is_unmarked_utf16(text):
            raise DataError(
                'looks like UTF-16 without its byte order mark: save it as UTF-8 (in Excel: CSV UTF-8)', file=path
            )
        raise DataError('is not a table: it holds zero bytes', file=path)
    if named := SEPARATOR_LINE.match(text):  # how Excel is told the separator
        text = text[named.end() :]
    delimiter = named[1] if named else _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=''), delimiter=delimiter, strict=True)
    width = count = 0
    for number, row in enumerate(reader, 1):
        count += len(row)
        _check_counts(number, count, path)
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        width = width or len(cells)
        if len(cells) < width:
            raise DataError(f'row {number} has {len(cells)} cells, the header has {width}', file=path)
        yield number, cells


def _text(path: Path) -> str:
    content = path.read_bytes()
    if content[:2] in (b'\xff\xfe', b'\xfe\xff'):
        return content.decode('utf-16')
    try:
        return content.decode('utf-8-sig')
    except UnicodeDecodeError:
        return content.decode('cp1252', errors='replace')


def _is_unmarked_utf16(text: str) -> bool:
    """Whether every other byte of the beginning is zero, as in UTF-16 of Latin letters, read byte by byte."""
    start = text[:FIRST_BYTES]
    even, odd = start[::2].count('\0'), start[1::2].count('\0')
    return max(even, odd) > 0.8 * len(start) / 2 and min(even, odd) < 0.1 * len(start) / 2 + 1


def _delimiter(text: str) -> str:
    """The delimiter that splits header and first rows into the same number of cells, and into most; else the comma.

    A header such as `size, in mm;age` has a comma too, so the rows are asked as well. Where two delimiters do equally
    well, it is not the comma, which may stand inside of names and numbers.
    """
    lines = itertools.islice(io.StringIO(text, newline=''), limits.MAX_TABLE_ROWS)
    sample = [*itertools.islice((line for line in lines if line.strip(DELIMITERS + ' \r\n')), SAMPLE)]
    if not sample:
        return ','
    if sum(map(len, sample)) > FIRST_LINE:  # each part of them would become a string
        return max(DELIMITERS, key=sample[0].count)
    widths = {mark: _widths(sample, mark) for mark in DELIMITERS}
    fitting = [mark for mark in ';\t|,' if widths[mark] and set(widths[mark]) == {widths[mark][0]}]
    if any(widths[mark][0] > 1 for mark in fitting):
        return max(fitting, key=lambda mark: widths[mark][0])
    return max(DELIMITERS, key=lambda mark: len(next(csv.reader(sample[:1], delimiter=mark))))


def _widths(lines: Sequence[str], mark: str) -> list[int]:
    """Cells of each of the first rows, without the last where the sample may cut it; none where it is not CSV."""
    try:
        widths = [len(row) for row in csv.reader(lines, delimiter=mark, strict=True)]
    except csv.Error:
        return []
    return widths[:-1] if len(lines) == SAMPLE else widths


def _sheet_rows(path: Path) -> Iterator[tuple[int, Row]]:
    import openpyxl  # half a second, and most tables are CSV

    if not openpyxl.DEFUSEDXML:
        raise DataError('is XLSX, which is read with the package defusedxml only: pip install defusedxml', file=path)
    _check_zip(path)
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        if not book.worksheets:
            raise DataError('has no sheet of cells', file=path)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # the stated size is a claim, and each row would be padded to it
        yield from _filled(sheet.iter_rows(), path)
    finally:
        book.close()


def sheet_names(path: str | Path) -> list[tuple[str, bool]]:
    """The sheets of a workbook in their order, and whether each is hidden; `read_table` reads the first.

    Raises:
        DataError: The file is absent, damaged or too large.
    """
    import openpyxl

    path = existing_file(path)
    with reading(path, 'a table'):
        _check_zip(path)
        book = openpyxl.load_workbook(path, read_only=True)
        try:
            return [(sheet.title, sheet.sheet_state != 'visible') for sheet in book.worksheets]
        finally:
            book.close()


def _check_zip(path: Path) -> None:
    """Refuse a spreadsheet that unpacks to more than the limit; zipfile itself never yields more than is stated.

    Within that, each XML tag becomes an object, some of a thousand bytes: so tags are counted before they are parsed.
    """
    with zipfile.ZipFile(path) as archive:
        size = sum(part.file_size for part in archive.infolist())
        if size > limits.MAX_TABLE_BYTES:
            raise DataError(f'unpacks to {size} bytes, over the limit of {limits.MAX_TABLE_BYTES}', file=path)
        tags: Counter[str] = Counter()
        for part in archive.infolist():
            if part.filename.endswith(('.xml', '.rels', '.vml')):
                tags[_kind_of_part(part.filename)] += archive.read(part).count(b'<')
    most = dict(sheets=limits.MAX_SHEET_TAGS, texts=limits.MAX_STRING_TAGS, others=limits.MAX_BOOK_TAGS)
    for kind, limit in most.items():
        if tags[kind] > limit:
            raise DataError(f'has {tags[kind]} XML tags ({kind}), over the limit of {limit}: save it as CSV', file=path)


def _kind_of_part(name: str) -> str:
    if name == 'xl/sharedStrings.xml':
        return 'texts'
    return 'sheets' if name.startswith('xl/worksheets/') else 'others'


def _check_counts(rows: int, cells: int, path: Path) -> None:
    if rows > limits.MAX_TABLE_ROWS:
        raise DataError(f'holds over {limits.MAX_TABLE_ROWS} rows', file=path)
    if cells > limits.MAX_TABLE_CELLS:
        raise DataError(f'holds over {limits.MAX_TABLE_CELLS} cells', file=path)


def _filled(rows: Iterator[Sequence[SheetCell]], path: Path) -> Iterator[tuple[int, Row]]:
    """Rows with content, as text, all as long as the header unless there is content behind it."""
    width = count = 0
    for number, cells in enumerate(rows, 1):
        count += len(cells)
        _check_counts(number, count, path)
        row = [_cell(cell) for cell in cells]
        while row and not row[-1]:
            row.pop()
        if not row:
            continue
        width = width or len(row)
        yield number, row + [''] * (width - len(row))


def _cell(cell: SheetCell) -> str:
    """The text of a cell."""
    value = cell.value
    if value is None:
        return ''
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        if not value.is_integer() or abs(value) >= 1e15:
            return SheetNumber(format(value, '.15g'))
        value = int(value)
    form = cell.number_format or ''
    if isinstance(value, int) and ZEROS.fullmatch(form):
        return str(value).zfill(len(form))
    if isinstance(value, int):
        return SheetNumber(value)
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value).strip()
