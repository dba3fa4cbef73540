"""Workbooks (XLSX) -> rows of text cells."""

from __future__ import annotations

import datetime
import re
from collections import Counter, deque
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from usmm.readers import limits
from usmm.readers.errors import DataError, existing_file, reading
from usmm.readers.sheet_layout import SheetLayout
from usmm.readers.signatures import workbook_archive
from usmm.readers.table_limits import Row, check_counts
from usmm.structures.table_format import TableFormat
from usmm.utils.unpacking import entry_chunks

ZEROS = re.compile(r'0+')
EXACT = 2**53  # up to which every whole number is a number of double precision
FORMULA = re.compile(rb'<(\w+:)?f[ >/]')
STRICT = b'http://purl.oclc.org/ooxml/spreadsheetml/main'


class SheetNumber(str):
    """The text of a cell that a workbook holds as a number, so that its point is a decimal point without doubt.

    Example:
        >>> SheetNumber('3.125') == '3.125'
        True
    """

    __slots__ = ()


class UncachedFormula(str):
    """Stands for a cell with a formula whose value the workbook does not store; its text is the name of the cell.

    Spreadsheet programs store values when they save; libraries that write workbooks often do not.
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

    @property
    def coordinate(self) -> str:
        """The name of the cell, such as `F2`."""


def sheet_rows(path: Path, form: TableFormat) -> tuple[tuple[str, ...], SheetLayout, Iterator[tuple[int, Row]]]:
    """The sheet of a workbook that is read.

    Args:
        path: The workbook.
        form: Which sheet, and the rows above the header.

    Returns:
        Names of sheets, the one that is read first, then the others, `(hidden)` after those that are; and the layout of
        the first, and its rows that are not blank, with their numbers.

    Raises:
        DataError: There is no such sheet, or all of them are hidden.
    """
    import openpyxl  # half a second, and most tables are CSV

    if not openpyxl.DEFUSEDXML:
        raise DataError('is XLSX, which is read with the package defusedxml only: pip install defusedxml', file=path)
    has_formulas = _check_zip(path)
    names = sheet_names(path)
    if not names:
        raise DataError('has no sheet of cells', file=path)
    visible = [name for name, hidden in names if not hidden]
    if form.sheet is not None and form.sheet not in dict(names):
        raise DataError(f'has no sheet {form.sheet!r}; it has {[name for name, _ in names]}', file=path)
    if form.sheet is None and not visible:
        raise DataError(
            f'has hidden sheets alone ({[name for name, _ in names]}): name the one to read (sheet=...)', file=path
        )
    chosen = visible[0] if form.sheet is None else form.sheet
    others = (f'{name} (hidden)' if hidden else name for name, hidden in names if name != chosen)
    layout = SheetLayout.read(path, chosen)
    return (chosen, *others), layout, _rows(path, chosen, form.skip_rows, has_formulas, layout.empty_texts)


def _rows(
    path: Path, name: str, skip_rows: int, has_formulas: bool, empty_texts: Collection[str]
) -> Iterator[tuple[int, Row]]:
    import openpyxl

    # by its content: given a path, openpyxl refuses a workbook with another suffix, such as .xls
    with path.open('rb') as file, path.open('rb') as again:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        formulas = openpyxl.load_workbook(again, read_only=True) if has_formulas else None
        sheet = book[name]
        sheet.reset_dimensions()  # the stated size is a claim, and each row would be padded to it
        texts = None
        if formulas is not None:
            formulas[name].reset_dimensions()
            texts = formulas[name].iter_rows()
        for number, row in _filled(sheet.iter_rows(), texts, path, empty_texts):
            if number > skip_rows:
                yield number, row


def sheet_names(path: str | Path) -> list[tuple[str, bool]]:
    """The sheets of a workbook in their order, and whether each is hidden; `read_table` reads the first that is not.

    Raises:
        DataError: The file is absent, damaged or too large.
    """
    import openpyxl

    path = existing_file(path)
    with reading(path, 'a table'):
        _check_zip(path)
        with path.open('rb') as file:
            book = openpyxl.load_workbook(file, read_only=True)
            return [(sheet.title, sheet.sheet_state != 'visible') for sheet in book.worksheets]


def _check_zip(path: Path) -> bool:
    """Whether a sheet has formulas.

    A spreadsheet that unpacks to more than the limit is refused; bytes are counted while they come out.

    Within that, each XML tag becomes an object, some of a thousand bytes: so tags are counted before they are parsed.
    """
    with workbook_archive(path) as archive:
        size = sum(part.file_size for part in archive.infolist())
        if size > limits.MAX_TABLE_BYTES:
            raise DataError(f'unpacks to {size} bytes, over the limit of {limits.MAX_TABLE_BYTES}', file=path)
        tags: Counter[str] = Counter()
        has_formulas = False
        for part in archive.infolist():
            # every part is unpacked, for what openpyxl reads of it later: none has more than is stated
            chunks = entry_chunks(archive, part, limits.MAX_TABLE_BYTES)
            if not part.filename.endswith(('.xml', '.rels', '.vml')):
                deque(chunks, maxlen=0)
            else:
                content, kind = b''.join(chunks), _kind_of_part(part.filename)
                tags[kind] += content.count(b'<')
                has_formulas = has_formulas or (kind == 'sheets' and FORMULA.search(content) is not None)
                if part.filename == 'xl/workbook.xml' and STRICT in content:
                    raise DataError(
                        'is a workbook of the kind Strict Open XML: save it as "Excel Workbook (*.xlsx)" or as CSV',
                        file=path,
                    )
    most = dict(sheets=limits.MAX_SHEET_TAGS, texts=limits.MAX_STRING_TAGS, others=limits.MAX_BOOK_TAGS)
    for kind, limit in most.items():
        if tags[kind] > limit:
            raise DataError(f'has {tags[kind]} XML tags ({kind}), over the limit of {limit}: save it as CSV', file=path)
    return has_formulas


def _kind_of_part(name: str) -> str:
    if name == 'xl/sharedStrings.xml':
        return 'texts'
    return 'sheets' if name.startswith('xl/worksheets/') else 'others'


def _filled(
    rows: Iterator[Sequence[SheetCell]],
    formulas: Iterator[Sequence[SheetCell]] | None,
    path: Path,
    empty_texts: Collection[str] = (),
) -> Iterator[tuple[int, Row]]:
    """Rows with content, as text, all as long as the header unless there is content behind it."""
    width = count = 0
    for number, cells in enumerate(rows, 1):
        count += len(cells)
        check_counts(number, count, path)
        row = [_cell(cell) for cell in cells]
        if formulas is not None:
            row = [text or _formula(cell, empty_texts) for text, cell in zip(row, next(formulas), strict=True)]
        while row and not row[-1]:
            row.pop()
        if not row:
            continue
        width = width or len(row)
        yield number, row + [''] * (width - len(row))


def _formula(cell: SheetCell, empty_texts: Collection[str]) -> str:
    """The formula of a cell whose value is not stored; empty for a cell without one, or with an empty text as value."""
    text = getattr(cell.value, 'text', cell.value)  # the formula of several cells is an object
    is_formula = isinstance(text, str) and text.startswith('=')
    return UncachedFormula(cell.coordinate) if is_formula and cell.coordinate not in empty_texts else ''


def _cell(cell: SheetCell) -> str:
    """The text of a cell."""
    value = cell.value
    if value is None:
        return ''
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        if not value.is_integer():
            return SheetNumber(format(value, '.15g'))
        if abs(value) > EXACT:  # all digits, as another number of so many digits would else look the same
            return SheetNumber(format(value, '.17g'))
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
