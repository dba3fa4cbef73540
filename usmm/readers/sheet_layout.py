"""What the layout of a sheet hides from a reader of cells: merged cells, hidden rows, formulas that give no text."""

from __future__ import annotations

import posixpath
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from usmm.readers import limits
from usmm.readers.signatures import workbook_archive
from usmm.utils.unpacking import read_entry

MERGED = re.compile(rb'<(?:\w+:)?mergeCell\b[^>]*\bref="\$?([A-Z]+)\$?(\d+):\$?([A-Z]+)\$?(\d+)"')
HIDDEN_ROW = re.compile(rb'<(?:\w+:)?row\b(?=[^>]*\bhidden="(?:1|true)")[^>]*\br="(\d+)"')
# a formula without a value; with the type of a text it has one of no characters, as `=IF(A1="","",A1)` gives it
EMPTY_TEXT = re.compile(
    rb'<(?:\w+:)?c\b([^>]*)>\s*<(?:\w+:)?f\b[^>]*(?:/>|>[^<]*</(?:\w+:)?f>)\s*<(?:\w+:)?v(?:\s*/>|></(?:\w+:)?v>)'
)
REFERENCE = re.compile(rb'\br="([A-Z]+\d+)"')
RELATION = '{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id'


@dataclass(frozen=True)
class SheetLayout:
    """The layout of one sheet.

    Args:
        merged: (column from 0, first row, last row) of merged cells that span several rows, rows counted from 1.
        hidden_rows: Numbers of the hidden rows, such as those that a filter leaves out.
        empty_texts: Names of cells, such as `F2`, whose formula has an empty text as its stored value.
    """

    merged: tuple[tuple[int, int, int], ...] = ()
    hidden_rows: frozenset[int] = frozenset()
    empty_texts: frozenset[str] = frozenset()

    @classmethod
    def read(cls, path: Path, name: str) -> SheetLayout:
        """The layout of a sheet of a workbook; an empty one where the workbook does not say where the sheet is.

        Args:
            path: The workbook, whose sizes were checked.
            name: Name of the sheet.
        """
        with workbook_archive(path) as archive:
            part = _part_of(archive, name)
            if part not in archive.namelist():
                return cls()
            content = _read(archive, part)
        merged = [
            (column_index(column.decode()), int(first), int(last))
            for column, first, _, last in MERGED.findall(content)
            if int(last) > int(first)
        ]
        empty = [attributes for attributes in EMPTY_TEXT.findall(content) if b't="str"' in attributes]
        names = (REFERENCE.search(attributes) for attributes in empty)
        return cls(
            tuple(merged),
            frozenset(int(number) for number in HIDDEN_ROW.findall(content)),
            frozenset(match[1].decode() for match in names if match),
        )


def column_index(letters: str) -> int:
    """The index of a column from its letters.

    Example:
        >>> column_index('A'), column_index('AB')
        (0, 27)
    """
    index = 0
    for letter in letters:
        index = 26 * index + ord(letter) - ord('A') + 1
    return index - 1


def _part_of(archive: zipfile.ZipFile, name: str) -> str:
    """The part of a workbook that holds a sheet."""
    from defusedxml import ElementTree

    book = ElementTree.fromstring(_read(archive, 'xl/workbook.xml'))
    relation = next((e.get(RELATION) for e in book.iter() if e.get('name') == name and e.get(RELATION)), None)
    links = ElementTree.fromstring(_read(archive, 'xl/_rels/workbook.xml.rels'))
    target = next((e.get('Target', '') for e in links.iter() if relation and e.get('Id') == relation), '')
    return target.lstrip('/') if target.startswith('/') else posixpath.normpath(f'xl/{target}')


def _read(archive: zipfile.ZipFile, part: str) -> bytes:
    return read_entry(archive, archive.getinfo(part), limits.MAX_TABLE_BYTES)
