"""The case table: one row a case, read with the schema into typed `Case`s and a list of problems."""

from __future__ import annotations

import logging
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from mmengine.logging import print_log

from usmm.datasets.checks.spellings import alike_categories
from usmm.datasets.checks.units import unit_problems
from usmm.datasets.file_cells import CLIP_SUFFIXES, IMAGE_SUFFIXES, FileCells
from usmm.datasets.file_rows import FileRows
from usmm.datasets.ids import perhaps_same_patient, same_patient, unknown_ids
from usmm.datasets.repeated_rows import merge_rows
from usmm.datasets.table_problem import Problem
from usmm.readers import DataError, read_box, read_table
from usmm.readers.table import HIDDEN_ROWS, MERGED, ROW_NUMBERS, SHEETS
from usmm.readers.workbook import SheetNumber, UncachedFormula
from usmm.structures import Case, Schema, Settings, Variable
from usmm.structures.settings import CLINICAL
from usmm.utils.suggestions import suggestion

PARTS = ('train', 'val', 'test')
TABLE_SUFFIXES = frozenset({'.csv', '.tsv', '.xlsx'})
SHOWN = 5  # places that a message names
LARGEST = float(np.finfo(np.float32).max)  # what the networks compute with

NO_TABLE = (
    'there is no case table here. To convert a data set use `usmm convert`, to make synthetic patients '
    '`usmm make_phantom`; then point data_root at the folder that holds the table'
)

NO_PATIENTS = (
    'patients unknown: the table has no patient column, so each case counts as a patient of its own; if patients have '
    'several cases, folds leak and intervals are too narrow'
)


@dataclass
class CaseTable:
    """The rows of a case table as cases without pixels.

    Args:
        path: The table.
        schema: Which columns it has.
        classes: The class names, in order of their index.
        cases: One `Case` a row, in the order of the table: label index or None, typed clinical values, absolute files.
        problems: Everything that is wrong, in one list.
        parts: Case id -> `train`, `val` or `test`, where the schema names a split column.
        ignored: How many rows were left out because of their label.
        notes: What a reader of the table should know: the sheet that was read, where there are others, and errors of
            the spreadsheet that count as missing.
        has_patients: Whether the table has the patient column, filled in; else each case counts as a patient.
    """

    path: Path
    schema: Schema
    classes: tuple[str, ...]
    cases: list[Case] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    parts: dict[str, str] = field(default_factory=dict)
    ignored: int = 0
    notes: list[str] = field(default_factory=list)
    has_patients: bool = True

    @classmethod
    def read(
        cls,
        path: str | Path,
        schema: Schema | Settings,
        classes: Sequence[str],
        ignore_labels: Sequence[str] = (),
    ) -> CaseTable:
        """Read a table; what is wrong with its rows is collected in `problems`, not raised.

        Args:
            path: CSV or XLSX file.
            schema: The schema, or its dict from a config.
            classes: Class names; the label column holds one of them.
            ignore_labels: Rows with one of these labels are left out.

        Raises:
            DataError: There is no such table, or it cannot be read as one.
            ValueError: Fewer than two classes, or one is given twice.
        """
        path = Path(path).absolute()
        names = tuple(str(c) for c in classes)
        if len(names) < 2 or len(set(names)) < len(names):
            raise ValueError(f'classes must be two or more different names, got {names}')
        if not path.is_file():
            raise DataError(NO_TABLE + _others(path), file=path)
        table = cls(path, Schema.of(schema), names)
        frame = read_table(path, keep_words=True, table_format=table.schema.table_format)
        _RowReader(table, frame, {str(x) for x in ignore_labels}).run()
        return table


def _others(path: Path) -> str:
    """The tables that lie where one was looked for, as the end of a sentence."""
    found = sorted(p.name for p in path.parent.glob('*') if p.suffix.lower() in TABLE_SUFFIXES)
    return f'; this folder holds {found}: set `table` to one of them' if found else ''


def _plain(name: str) -> str:
    """A name of a column without case, blanks, signs and characters that are not drawn."""
    return ''.join(letter for letter in unicodedata.normalize('NFKC', name).casefold() if letter.isalnum())


class _RowReader:
    """Fills a `CaseTable` from the text cells of its file."""

    def __init__(self, table: CaseTable, frame: pd.DataFrame, ignore_labels: set[str]) -> None:
        self.table, self.schema, self.ignore = table, table.schema, ignore_labels
        self.columns = [str(c) for c in frame.columns]
        self.rows: list[dict[str, str | None]] = [
            {str(k): v for k, v in row.items()} for row in frame.to_dict('records')
        ]
        self.numbers: list[int] = frame.attrs[ROW_NUMBERS]  # blank rows are counted
        self.form = table.schema.table_format
        self.errors: dict[str, dict[tuple[int, str], None]] = {}  # error of the spreadsheet -> line and column
        self.line = 0  # of the row that is read
        self.reported: set[tuple[str, str]] = set()
        self.merged: dict[str, list[tuple[int, int]]] = frame.attrs[MERGED]
        if hidden := frame.attrs[HIDDEN_ROWS]:
            table.notes.append(f'{hidden} of the rows are hidden in the sheet, such as by a filter; they are read')
        sheet, *others = frame.attrs[SHEETS] or ('',)
        if others:
            table.notes.append(f'the sheet {sheet!r} is read, not {others}; schema.table_format.sheet names another')
        column = table.schema.patient_id
        table.has_patients = column in self.columns and any(row[column] for row in self.rows)
        self.labels: set[str] = set()  # of all rows, those that are left out included
        self.case_id: str | None = None
        self.row: dict[str, str | None] = {}
        self.paths = FileCells(table.path.parent, self.problem)
        self.left_out: list[str] = []  # ids of the rows that are left out
        self.files = self.read_files(frame)

    def run(self) -> None:
        if not self.rows:
            self.problem('column', 'the table has no rows')
        self.check_columns()
        seen: dict[str, int] = {}
        for number, row in zip(self.numbers, self.rows, strict=True):
            self.row, self.line = row, number
            self.case_id = self.cell(self.schema.case_id)
            text = self.cell(self.schema.label, (*self.table.classes, *self.ignore))
            self.labels.add(text or '')
            if text in self.ignore:
                self.table.ignored += 1
                self.left_out += [self.case_id] if self.case_id else []
                continue
            if self.case_id is None:
                if self.schema.case_id in self.columns:
                    self.problem('case_id', f'line {number} has an empty case id ({self.schema.case_id!r})')
                continue
            first = seen.setdefault(self.case_id, number)
            if first != number:
                self.problem('duplicate', f'case id stands in line {first} and again in line {number}')
            self.table.cases.append(self.read_case(self.case_id, number))
        self.case_id = None
        self.take_files_problems(list(seen))
        for word, cells in self.errors.items():
            places = ', '.join(f'line {number} in {column!r}' for number, column in [*cells][:SHOWN])
            more = ', ...' if len(cells) > SHOWN else ''
            count = f'{len(cells)} cell{"s hold" if len(cells) > 1 else " holds"} the error {word} of a spreadsheet'
            self.table.notes.append(f'{count} and count{"" if len(cells) > 1 else "s"} as missing: {places}{more}')
        for variable in self.schema.clinical:
            if text := alike_categories(variable, self.table.cases):
                self.problem('spellings', text, CLINICAL)
        self.check_ignored()
        self.check_patients()
        for message in unit_problems(self.schema.clinical, self.table.cases):
            self.problem('unit', message, CLINICAL, self.table.path)

    def read_files(self, frame: pd.DataFrame) -> FileRows | None:
        """The files of the long form, from a table of their own or from this one, whose rows of a case are merged."""
        form = self.schema.file_table
        if form is None:
            return None
        path = self.table.path
        if form.path is not None:
            return FileRows.read(path.parent / form.path, self.schema)
        rows = FileRows.of_frame(frame, path, self.schema, self.form)
        merged = merge_rows(self.rows, self.numbers, self.schema.case_id, self.case_columns(), self.form)
        self.rows, self.numbers = merged.rows, merged.numbers
        self.table.notes += merged.notes
        self.table.problems += [Problem(kind, case_id, path, None, text) for kind, case_id, text in merged.problems]
        return rows

    def case_columns(self) -> list[str]:
        """The columns that state something of a case, which the table has."""
        schema = self.schema
        names = [schema.case_id, schema.patient_id, schema.label, *(v.source for v in schema.clinical)]
        names += [schema.split] if schema.split else []
        names += [column for m in schema.modalities if (column := schema.box_column(m))]
        return [name for name in dict.fromkeys(names) if name in self.columns]

    def take_files_problems(self, known: Sequence[str]) -> None:
        """What is wrong with the file table, once the cases are read."""
        if self.files is not None:
            self.files.check_cases(known, self.left_out)
            self.table.problems += self.files.problems
            self.table.notes += self.files.notes

    def check_merged(self, columns: Sequence[str]) -> None:
        """Merged cells over several rows, of which the first alone has the value."""
        for column in dict.fromkeys(name for name in columns if name in self.merged):
            ranges = self.merged[column]
            rows = ', '.join(f'{first} to {last}' for first, last in ranges[:SHOWN]) + ', ...' * (len(ranges) > SHOWN)
            self.problem(
                'merged', f'column {column!r} has cells merged over several rows ({rows}); the first of them alone has '
                f'the value: set schema.table_format.fill_down=({column!r},), or fill in the value in every row'
            )  # fmt: skip

    def check_ignored(self) -> None:
        """Labels to leave out that no row has: a misspelt one leaves in what it is meant to leave out."""
        for name in sorted(self.ignore - self.labels):
            hint = suggestion(name, self.labels - self.ignore, cutoff=0.75)
            if hint:
                self.problem('ignored', f'ignore_labels has {name!r}, which no row has as its label{hint}')
            else:
                text = f'{self.table.path}: no row has the label {name!r} of ignore_labels'
                print_log(text, 'current', logging.WARNING)

    def check_patients(self) -> None:
        """Ids that look like one patient written in two ways: such a patient would be dealt into two parts."""
        ids = {case.patient_id for case in self.table.cases}
        for group in same_patient(ids):
            self.problem(
                'patient_id', f'patient ids {list(group)} differ in case or blanks alone: write each in one way'
            )
        if self.schema.patient_id != self.schema.case_id:
            cases = Counter(case.patient_id for case in self.table.cases)
            for name in unknown_ids(cases):
                self.problem(
                    'patient_id', f'patient id {name!r} of {cases[name]} cases is a word for "not known", and would '
                    'count as one patient: write an id for each, or leave the cases out'
                )  # fmt: skip
        for group in perhaps_same_patient(ids):
            self.problem(
                'id_zeros',
                f'patient ids {list(group)} differ in signs, leading zeros, decimals, accents or letters that '
                'look alike alone: is this one patient?',
            )

    def check_columns(self) -> None:
        """Columns that the schema names and the table lacks; a default patient column and masks may be absent."""
        schema = self.schema
        wanted: list[tuple[str, str | None]] = [(schema.case_id, None), (schema.label, None)]
        wanted += [(schema.column(m), m) for m in schema.modalities] if self.files is None else []
        wanted += [(v.source, CLINICAL) for v in schema.clinical]
        wanted += [(schema.split, None)] if schema.split else []
        wanted += [(schema.patient_id, None)] if schema.patient_id != Schema.patient_id else []
        for name, columns in (('masks', schema.masks if self.files is None else {}), ('boxes', schema.boxes)):
            stated = {} if isinstance(columns, str) else columns
            for own, source in stated.items():
                if source not in self.columns:
                    words = f'the table has no column {source!r}, which schema.{name} names'
                    self.problem('mask_column', f'{words}{suggestion(source, self.columns)}', own)
        for column, modality in wanted:
            if column not in self.columns:
                hint = suggestion(column, self.columns) or f'; the table has {self.columns}'
                kind = 'no_label' if column == schema.label else 'column'
                self.problem(kind, f'the table has no column {column!r}{hint}', modality)
        others = {schema.case_id, schema.label, *(v.source for v in schema.clinical)}
        free = {_plain(name): name for name in self.columns if name not in others}
        if schema.patient_id == Schema.patient_id not in self.columns and _plain(schema.patient_id) in free:
            self.problem(
                'column', f'the table has no column {schema.patient_id!r}, did you mean '
                f'{free[_plain(schema.patient_id)]!r}? Set patient_id of the schema to the column of the patient'
            )  # fmt: skip
        self.check_merged([column for column, _ in wanted] + self.case_columns())

    def read_case(self, case_id: str, number: int) -> Case:
        schema = self.schema
        patient = self.cell(schema.patient_id)
        if patient is None and self.table.has_patients:
            column = schema.patient_id
            self.problem(
                'patient_id',
                f'line {number} has an empty patient id ({column!r}): fill it in; of merged cells the first alone has '
                f'a value, which schema.table_format.fill_down=({column!r},) repeats',
            )
        case = Case(case_id, patient or case_id, label=self.label())
        for modality in schema.modalities:
            if self.files is None:
                suffixes = IMAGE_SUFFIXES if modality in schema.images else CLIP_SUFFIXES
                files = self.paths.files(self.cell(schema.column(modality)), modality, suffixes)
                masks = self.paths.files(self.cell(schema.mask_column(modality)), modality, IMAGE_SUFFIXES)
            else:
                views = self.files.views.get(case_id, {}).get(modality, ())
                files, masks = tuple(v.file for v in views), tuple(mask for v in views for mask in v.masks)
                case.views.update({modality: views} if views else {})
            case.files.update({modality: files} if files else {})
            case.mask_files.update({modality: masks} if masks else {})
            self.box(case, modality)
        case.clinical = {v.name: self.value(v) for v in schema.clinical}
        if schema.split in self.columns:
            self.part(case_id)
        return case

    def label(self) -> int | None:
        classes = self.table.classes
        text = self.cell(self.schema.label, classes)
        if text is None:
            if self.schema.label in self.columns:
                self.problem('no_label', 'the label is missing')
            return None
        if text not in classes:
            self.problem('label', f'label {text!r} is none of the classes {list(classes)}{suggestion(text, classes)}')
            return None
        return classes.index(text)

    def part(self, case_id: str) -> None:
        text = self.cell(self.schema.split)
        if text is None or text.lower() not in PARTS:
            self.problem('split', f'part {text!r} in column {self.schema.split!r} must be one of {list(PARTS)}')
        else:
            self.table.parts[case_id] = text.lower()

    def value(self, variable: Variable) -> float | str | None:
        declared = () if isinstance(variable.values, str) else variable.values or ()
        text = self.cell(variable.source, declared)
        if text is None:
            return None
        if not variable.is_category:
            return self.number(variable, text)
        if variable.values != 'auto' and text not in (variable.values or ()):
            valid = tuple(variable.values or ())
            self.problem(
                'category', f'{variable.name} {text!r} is none of {list(valid)}{suggestion(text, valid)}', CLINICAL
            )
        return text

    def number(self, variable: Variable, text: str) -> float | None:
        value = float(text) if isinstance(text, SheetNumber) else self.form.number(text)
        if value is None:
            self.problem('number', f'{variable.name} {text!r} is not a number ({self.form.example})', CLINICAL)
            return None
        if not abs(value) <= LARGEST:
            self.problem('number', f'{variable.name} {text!r} is too large for a number of single precision', CLINICAL)
            return None
        for kind, message in (('number', variable.log_problem(value)), ('range', variable.range_problem(value))):
            if message is not None:
                self.problem(kind, message, CLINICAL, self.table.path)
        return value

    def box(self, case: Case, modality: str) -> None:
        text = self.cell(self.schema.box_column(modality))
        if text is None:
            return
        try:
            case.boxes[modality] = read_box(text)
        except ValueError as error:
            self.problem('box', str(error), modality, self.table.path)

    def cell(self, column: str | None, declared: Collection[str] = ()) -> str | None:
        """The text of a cell; None where it is missing. Names that are declared are never words for missing."""
        text = self.row.get(column) if column else None
        if text is None or text.strip() in declared:
            return text if isinstance(text, SheetNumber) or text is None else text.strip()
        if text.strip().casefold() in {name.casefold() for name in declared}:
            return text.strip()  # `na` for a declared `NA` is a misspelt name, not a word for missing
        if isinstance(text, UncachedFormula):
            self.formula(column or '', text)
            return None
        if self.form.is_missing(text):
            if text.startswith('#'):
                self.errors.setdefault(text.strip(), {})[self.line, column or ''] = None
            return None
        return text if isinstance(text, SheetNumber) else text.strip()

    def formula(self, column: str, cell: str) -> None:
        """A formula whose value is not stored, once a column."""
        if (column, 'formula') not in self.reported:
            self.reported.add((column, 'formula'))
            self.problem(
                'formula', f'cell {cell} in column {column!r} holds a formula without a stored value: open the file in '
                'a spreadsheet program and save it there, or save it as CSV', file=self.table.path
            )  # fmt: skip

    def problem(self, kind: str, message: str, modality: str | None = None, file: Path | None = None) -> None:
        self.table.problems.append(Problem(kind, self.case_id, file, modality, message))
