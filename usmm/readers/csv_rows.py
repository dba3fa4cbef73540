"""CSV files -> rows of text cells."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from usmm.readers import limits
from usmm.readers.errors import DataError
from usmm.readers.table_limits import Row, check_counts

DELIMITERS = ',;\t|'
SEPARATOR_LINE = re.compile(r'"?sep=([,;\t|])"?[,;\t|]*\r?\n', re.IGNORECASE)
SAMPLE = 20  # rows that must agree with the header on the delimiter
# a letter of two or three bytes of UTF-8, which as Windows-1252 would be a pair such as A with tilde and a quarter
UTF8_LETTER = re.compile(rb'[\xc3-\xdf][\x80-\xbf]|[\xe1-\xec][\x80-\xbf]{2}')
FIRST_BYTES = 400  # that show the encoding
FIRST_LINE = 1_000_000  # characters of a header that is split to find its delimiter


def csv_rows(path: Path, skip_rows: int = 0) -> Iterator[tuple[int, Row]]:
    """The rows of a CSV file that are not blank, with their numbers.

    Args:
        path: The file.
        skip_rows: Rows above the header; one with a line break inside of quotes counts once.

    Raises:
        DataError: It is too large, not text, or a row has fewer cells than the header.
    """
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
    delimiter = named[1] if named else _delimiter(_without_rows(text, skip_rows))
    reader = csv.reader(io.StringIO(text, newline=''), delimiter=delimiter, strict=True)
    width = count = 0
    for number, row in enumerate(reader, 1):
        if number <= skip_rows:
            continue
        count += len(row)
        check_counts(number, count, path)
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        width = width or len(cells)
        if len(cells) < width:
            raise DataError(f'row {number} has {len(cells)} cells, the header has {width}', file=path)
        yield number, cells


def _without_rows(text: str, count: int) -> str:
    """The text behind its first rows; a row goes on where a quotation mark is open."""
    lines = text.splitlines(keepends=True)
    start = 0
    for _ in range(count):
        quotes = 0
        while start < len(lines):
            quotes += lines[start].count('"')
            start += 1
            if quotes % 2 == 0:
                break
    return ''.join(lines[start:])


def _text(path: Path) -> str:
    content = path.read_bytes()
    if content[:2] in (b'\xff\xfe', b'\xfe\xff'):
        return content.decode('utf-16')
    try:
        return content.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        where = error.start
    hint = 'save the table as UTF-8 (in Excel: CSV UTF-8)'
    if mixed := UTF8_LETTER.search(content):
        lines = [1 + content[:place].count(b'\n') for place in (mixed.start(), where)]
        raise DataError(
            f'mixes two encodings: line {lines[0]} has letters in UTF-8, line {lines[1]} has a byte that is not UTF-8; '
            f'{hint}', file=path
        )  # fmt: skip
    try:
        return content.decode('cp1252')
    except UnicodeDecodeError as error:
        line = 1 + content[: error.start].count(b'\n')
        raise DataError(
            f'is neither UTF-8 nor Windows-1252: line {line} has the byte 0x{content[error.start]:02x}; {hint}',
            file=path,
        ) from error


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
