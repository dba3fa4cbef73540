"""The long form of a case table: one row per file, grouped into the views of each case."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from usmm.datasets.file_cells import CLIP_SUFFIXES, IMAGE_SUFFIXES, FileCells
from usmm.datasets.table_problem import Problem
from usmm.readers import DataError, read_table
from usmm.readers.table import ROW_NUMBERS, SHEETS
from usmm.readers.workbook import UncachedFormula
from usmm.structures import FileTable, Schema, TableFormat, View
from usmm.utils.suggestions import suggestion

Row = Mapping[str, str | None]
CaseViews = Mapping[str, tuple[View, ...]]


@dataclass
class FileRows:
    """The files of a file table.

    Args:
        path: The table.
        views: Case id -> modality -> its views. Views whose name occurs in more modalities of the case come first, else
            they stand as in the table, so that the first images of several modalities show one slice where the table
            names one.
        problems: What is wrong with the rows.
        notes: What a reader of the table should know: rows that are not used.
    """

    path: Path
    views: dict[str, CaseViews] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path, schema: Schema) -> FileRows:
        """Read a file table of its own.

        Args:
            path: The table.
            schema: Names its columns in `file_table`, and the modalities.

        Raises:
            DataError: There is no such table, or it cannot be read as one.
        """
        form = _stated(schema)
        if not path.is_file():
            raise DataError('there is no such file table, which schema.file_table names', file=path)
        frame = read_table(path, keep_words=True, table_format=form.table_format)
        rows = cls.of_frame(frame, path, schema, form.table_format)
        sheet, *others = frame.attrs[SHEETS] or ('',)
        if others:
            rows.notes.append(f'the sheet {sheet!r} of {path.name} is read, not {others}')
        return rows

    @classmethod
    def of_frame(cls, frame: pd.DataFrame, path: Path, schema: Schema, table_format: TableFormat) -> FileRows:
        """The files of a table that was read.

        Args:
            frame: Text cells, see `read_table`.
            path: The table.
            schema: Names its columns in `file_table`, and the modalities.
            table_format: How the table is written.
        """
        rows = cls(path)
        _Grouping(rows, frame, schema, table_format).run()
        return rows

    def check_cases(self, known: Sequence[str], left_out: Sequence[str] = ()) -> None:
        """Report the files of cases that the case table does not have; those of rows that it leaves out are expected.

        Args:
            known: Ids of the case table.
            left_out: Ids of rows that the case table leaves out because of their label.
        """
        cases = set(known)
        texts = [text for case_id in known if (text := other_views(self.views.get(case_id, {})))]
        if texts:
            self.notes.append(f'{len(texts)} cases whose first files are of different views, such as: {texts[0]}')
        strange = [case_id for case_id in self.views if case_id not in cases and case_id not in set(left_out)]
        for case_id in strange:
            hint = suggestion(case_id, cases, cutoff=0.8)
            files = sum(len(views) for views in self.views[case_id].values())
            message = (
                f'{self.path.name} has {files} files of case {case_id!r}, which the case table does not have{hint}'
            )
            self.problems.append(Problem('unknown_case', case_id, self.path, None, message))


def other_views(of_case: CaseViews) -> str | None:
    """What a case has to report where the first files of its modalities are of views with different names, or None.

    Example:
        >>> views = {'bus': (View(Path('a.png'), name='long'),), 'cdfi': (View(Path('b.png'), name='short'),)}
        >>> other_views(views)
        'the first files are of different views: bus long, cdfi short'
    """
    names = {m: views[0].name for m, views in of_case.items() if views and views[0].name is not None}
    if len({_plain(name) for name in names.values()}) < 2:
        return None
    return 'the first files are of different views: ' + ', '.join(f'{m} {name}' for m, name in names.items())


class _Grouping:
    """Fills `FileRows` from the text cells of its table."""

    def __init__(self, rows: FileRows, frame: pd.DataFrame, schema: Schema, table_format: TableFormat) -> None:
        self.rows, self.schema, self.form, self.format = rows, schema, _stated(schema), table_format
        self.columns = [str(c) for c in frame.columns]
        self.numbers: Sequence[int] = frame.attrs[ROW_NUMBERS]
        self.cells: list[Row] = [{str(k): v for k, v in row.items()} for row in frame.to_dict('records')]
        self.words = {schema.column(m): m for m in schema.modalities}
        self.words |= {m: m for m in schema.modalities if m not in self.words}  # its own name is its name as well
        self.other: Counter[str] = Counter()  # words for modalities that the schema does not have
        self.case_id: str | None = None
        self.paths = FileCells(rows.path.parent, self._problem)

    def run(self) -> None:
        absent = [column for column in self.form.required if column not in self.columns]
        for column in [*absent, *self._named_columns()]:
            hint = suggestion(column, self.columns) or f'; the table has {self.columns}'
            self._problem('column', f'the file table {self.rows.path.name} has no column {column!r}{hint}')
        if absent:
            return
        views: dict[str, dict[str, list[View]]] = defaultdict(lambda: defaultdict(list))
        seen: dict[tuple[str, str, Path], int] = {}
        for number, row in zip(self.numbers, self.cells, strict=True):
            entry = self._entry(row, number)
            if entry is None:
                continue
            case_id, modality, view = entry
            first = seen.setdefault((case_id, modality, view.file), number)
            if first != number:
                self._problem('duplicate', f'the file stands in line {first} and again in line {number}', modality,
                              view.file)  # fmt: skip
                continue
            views[case_id][modality].append(view)
        self.rows.views = {case_id: _in_order(of_case) for case_id, of_case in views.items()}
        self._count_others()

    def _named_columns(self) -> list[str]:
        """Optional columns that are absent though the config names them, or the table has one of nearly their name."""
        usual = FileTable()
        pairs = [
            (self.form.mask, usual.mask), (self.form.view, usual.view), (self.form.time, usual.time),
            (self.form.site, usual.site),
        ]  # fmt: skip
        absent = [name for name, default in pairs if name != default and name not in self.columns]
        plain = [column.casefold().replace('_', '').replace(' ', '') for column in self.columns]
        if self.form.mask not in self.columns and set(plain) & {'mask', 'masks', 'maskfile', 'maskfiles'}:
            absent += [self.form.mask] if self.form.mask not in absent else []
        return absent

    def _entry(self, row: Row, number: int) -> tuple[str, str, View] | None:
        """Case, modality and view of a row; None where it is not used, or reported as a problem."""
        cells = {column: self._cell(row, column) for column in self.form.columns}
        empty = [column for column in self.form.required if cells[column] is None]
        case_id, word, file = (cells[column] for column in self.form.required)
        self.case_id = case_id
        if len(empty) == len(self.form.required) or (self.form.path is None and empty == list(self.form.required[1:])):
            return None  # of a case without files, in a table that states the cases as well
        if case_id is None or word is None or file is None:
            words = ', '.join(map(repr, empty))
            self._problem('file_row', f'line {number} of {self.rows.path.name} has an empty cell in {words}')
            return None
        modality = self.words.get(word)
        if modality is None:
            self.other[word] += 1
            return None
        suffixes = IMAGE_SUFFIXES if modality in self.schema.images else CLIP_SUFFIXES
        path = self.paths.files(file, modality, suffixes)
        if len(path) != 1:
            self._problem(
                'file_row', f'line {number} of {self.rows.path.name} must name one file, got {file!r}', modality
            )
            return None
        masks = self.paths.files(cells[self.form.mask], modality, IMAGE_SUFFIXES)
        name, time, site = (cells[column] for column in (self.form.view, self.form.time, self.form.site))
        return case_id, modality, View(path[0], masks, name, time, site)

    def _count_others(self) -> None:
        """Rows of modalities that the schema does not have: probably misspelt, or not used."""
        self.case_id = None
        if not self.words:  # no files are wanted
            return
        used = {m for of_case in self.rows.views.values() for m in of_case}
        for modality in [m for m in self.schema.modalities if m not in used and self.rows.views]:
            self._problem(
                'modality', f'no row of {self.rows.path.name} has the modality {self.schema.column(modality)!r}; they '
                f'have {sorted({*self.other, *(self.schema.column(m) for m in used)})}', modality, self.rows.path
            )  # fmt: skip
        names = [self.schema.column(modality) for modality in self.schema.modalities]
        if self.other and not self.rows.views:
            self._problem(
                'modality', f'no row of {self.rows.path.name} has a modality of the schema, {names}; they '
                f'have {sorted(self.other)}', file=self.rows.path
            )  # fmt: skip
            return
        for word, count in self.other.items():
            hint = suggestion(word, self.words, cutoff=0.8)
            text = f'{count} row{"" if count == 1 else "s"} of {self.rows.path.name}'
            if hint:
                self._problem('modality', f'{text} have the modality {word!r}, which the schema does not have{hint}',
                              file=self.rows.path)  # fmt: skip
            else:
                self.rows.notes.append(f'{text} are not used: the schema has no modality {word!r}')

    def _cell(self, row: Row, column: str) -> str | None:
        text = row.get(column)
        if isinstance(text, UncachedFormula):
            self._problem('formula', f'cell {text} in column {column!r} holds a formula without a stored value',
                          file=self.rows.path)  # fmt: skip
            return None
        if text is None or (column == self.form.modality and text.strip() in self.words):
            return text if text is None else text.strip()
        return None if self.format.is_missing(text) else text.strip()

    def _problem(self, kind: str, message: str, modality: str | None = None, file: Path | None = None) -> None:
        self.rows.problems.append(Problem(kind, self.case_id, file, modality, message))


def _stated(schema: Schema) -> FileTable:
    if schema.file_table is None:
        raise ValueError('the schema has no file_table')
    return schema.file_table


def _in_order(of_case: Mapping[str, Sequence[View]]) -> dict[str, tuple[View, ...]]:
    """The views of each modality, those whose name is in more modalities first."""
    names = Counter(
        name for views in of_case.values() for name in {_plain(v.name) for v in views if v.name is not None}
    )
    return {
        m: tuple(sorted(views, key=lambda view: -names[_plain(view.name)] if view.name is not None else 0))
        for m, views in of_case.items()
    }


def _plain(name: str | None) -> str:
    """The name of a view without upper case and blanks."""
    return ' '.join((name or '').casefold().split())
