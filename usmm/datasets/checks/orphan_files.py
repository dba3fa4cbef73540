"""Images and clips beside the files of a table that no row names."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from unicodedata import normalize

from usmm.datasets.case_table import CaseTable
from usmm.datasets.checks.duplicate_sheet import SHEET
from usmm.datasets.file_cells import CLIP_SUFFIXES, IMAGE_SUFFIXES
from usmm.readers import read_table

MOST = 100_000  # files that are looked at
SHOWN = 5  # folders named in a note
SUFFIXES = IMAGE_SUFFIXES | CLIP_SUFFIXES


def orphan_note(table: CaseTable, most: int = MOST) -> str | None:
    """How many images and clips in the folders of a table's files are named by no cell of it, or None.

    Every cell counts, of columns that the schema does not read and of rows that are left out as well. Folders in which
    no file of the table lies are not looked into.

    Args:
        table: The table.
        most: Files that are looked at.

    Raises:
        DataError: The table cannot be read again.
    """
    files = [file for case in table.cases for of in (case.files, case.mask_files) for fs in of.values() for file in fs]
    folders = sorted({file.parent for file in files})
    named = {normalize('NFC', str(path)) for path in (*_cells(table), *files)}
    entries = list(islice(_pictures(folders), most + 1))
    orphans = [path for path in entries[:most] if normalize('NFC', str(path)) not in named]
    if not orphans:
        return None
    root = table.path.parent
    counts = Counter(Path(os.path.relpath(path.parent, root)).as_posix() for path in orphans)
    places = ', '.join(f'{count} in {folder!r}' for folder, count in counts.most_common(SHOWN))
    more = f' and {len(counts) - SHOWN} more folders' if len(counts) > SHOWN else ''
    text = f'no row of the table names {len(orphans)} images or clips ({places}{more}), such as {orphans[0].name}'
    return text if len(entries) <= most else f'{text}; only {most:,} files were looked at'


def _pictures(folders: list[Path]) -> Iterator[Path]:
    """The images and clips of folders, in order of their names."""
    for folder in folders:
        if folder.is_dir():
            names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
            yield from (folder / n for n in names if Path(n).suffix.lower() in SUFFIXES and n != SHEET)


def _cells(table: CaseTable) -> Iterator[Path]:
    """Every cell of the table, and of its table of files, as the paths that it may name."""
    form = table.schema.file_table
    tables = [(table.path, table.schema.table_format)]
    if form is not None and form.path is not None:
        tables.append((table.path.parent / form.path, form.table_format))
    for path, table_format in tables:
        frame = read_table(path, keep_words=True, table_format=table_format)
        for cell in {str(cell) for column in frame.columns for cell in frame[column].dropna().unique()}:
            for part in cell.replace('\\', '/').split(';'):
                yield Path(os.path.normpath(path.parent / part.strip()))
