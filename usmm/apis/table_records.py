"""The rows of a case table as records to predict, with their files from a file table where there is one."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
from mmengine.logging import print_log

from usmm.datasets.checks.verify import listing
from usmm.datasets.file_rows import FileRows
from usmm.datasets.repeated_rows import merge_rows
from usmm.datasets.table_problem import Problem
from usmm.readers import DataError, read_table
from usmm.readers.table import ROW_NUMBERS
from usmm.structures import FileTable, Schema, View

OF_A_CASE = frozenset({'duplicate', 'no_file', 'two_files', 'suffix'})  # the rest may concern any case


@dataclass(frozen=True)
class TableRecord:
    """A row of a case table.

    Args:
        cells: Column -> cell.
        views: Modality -> the views that a file table states; empty without one.
        warnings: Problems of its rows in the file table.
    """

    cells: Mapping[str, object]
    views: Mapping[str, tuple[View, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def table_records(path: Path, schema: Schema, columns: Collection[str], file_table: Path | None) -> list[TableRecord]:
    """The records of a case table.

    Args:
        path: The case table.
        schema: The schema of the model.
        columns: The names that a column of files may have, for a table that states the files itself.
        file_table: A table with one row per file; None: the one that the schema names, unless the case table has one of
            these columns.

    Raises:
        DataError: A table cannot be read, the case table has no rows, or the rows of the file table contradict each
            other or cannot be assigned to a case.
    """
    frame = read_table(path, keep_words=True, table_format=schema.table_format)
    if not len(frame):
        raise DataError('the table has no rows', file=path)
    names = [str(name) for name in frame.columns]
    form = schema.file_table
    own = any(name in columns for name in names)
    if file_table is not None:
        same = file_table.absolute() == path.absolute()  # one table of both
        form = replace(form or FileTable(), path=None if same else str(file_table.absolute()))
    elif own and form is not None and form.path is not None and (path.parent / form.path).is_file():
        raise DataError(
            f'both this table and {form.path} state files: remove the columns of files here, or the file table',
            file=path,
        )
    elif form is None or own:
        return [TableRecord(cells) for cells in records_of(frame)]
    schema = replace(schema, file_table=form)
    if form.path is not None:
        files, rows = FileRows.read(path.parent / form.path, schema), records_of(frame)
        problems = list(files.problems)
    else:
        files = FileRows.of_frame(frame, path, schema, schema.table_format)
        plain = [{str(k): v for k, v in row.items()} for row in frame.to_dict('records')]
        stated = [name for name in names if name not in form.columns or name == schema.case_id]
        merged = merge_rows(plain, frame.attrs[ROW_NUMBERS], schema.case_id, stated, schema.table_format)
        rows = [dict(row) for row in merged.rows]
        problems = [Problem(kind, case_id, path, None, text) for kind, case_id, text in merged.problems]
        problems += files.problems
    ids = [str(row.get(schema.case_id) or '').strip() for row in rows]
    if blocking := [p for p in problems if p.kind not in OF_A_CASE or p.case_id is None]:
        raise DataError(listing(f'{len(blocking)} problems of the files', blocking), file=files.path)
    files.problems = []
    files.check_cases(ids)
    for text in [*files.notes, *map(str, files.problems)]:
        print_log(text, 'current', logging.WARNING)
    warnings = defaultdict(list)
    for problem in problems:
        warnings[problem.case_id].append(str(problem))
    return [
        TableRecord(cells, files.views.get(case_id, {}), tuple(warnings.get(case_id, ())))
        for case_id, cells in zip(ids, rows, strict=True)
    ]


def records_of(table: pd.DataFrame) -> list[dict[str, object]]:
    """The rows of a table as records."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict('records')]
