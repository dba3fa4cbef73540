"""From a table to the roles of its columns: ids, label, files, split, clinical variables, and what is left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from usmm.datasets.table_inference.clinical_columns import infer_variables
from usmm.datasets.table_inference.column_facts import ColumnFacts
from usmm.datasets.table_inference.file_columns import files_in, infer_files
from usmm.datasets.table_inference.file_lookup import FileLookup
from usmm.datasets.table_inference.id_columns import explain_patients, infer_ids, infer_split, patient_of
from usmm.datasets.table_inference.label_classes import infer_label
from usmm.datasets.table_inference.long_form import widen
from usmm.datasets.table_inference.name_words import listing_of
from usmm.datasets.table_inference.number_format import table_decimal
from usmm.datasets.table_inference.table_hints import Question, TableHints, UndecidedError
from usmm.datasets.table_inference.table_roles import UNUSED, Findings, LabelRole, TableRoles
from usmm.readers import DataError, read_table
from usmm.readers.table import ROW_NUMBERS, SHEETS
from usmm.readers.workbook import sheet_names
from usmm.utils.suggestions import did_you_mean

T = TypeVar('T')
Rows = list[dict[str, str | None]]
FEW_EMPTY = 3  # cells
MOST_EMPTY = 0.1  # share of the rows
MOST_WORDS = 0.05  # share of the labels that may be a word for a missing value
FEWEST = 4  # rows; with fewer there is nothing to train and to test on


class CaseRows:
    """A table as it is read for the inference: facts of its columns, its rows, its files.

    Args:
        table: The table.
        hints: What a person stated.

    Raises:
        DataError: The table cannot be read, or has too few rows.
        ValueError: A column that is stated does not exist.
    """

    def __init__(self, table: Path, hints: TableHints) -> None:
        self.table = table.absolute()
        frame = read_table(table, keep_words=True)
        sheets = frame.attrs[SHEETS]
        frame, self.merged = widen(frame, self.table, hints)
        self._numbers = tuple(frame.attrs[ROW_NUMBERS])
        self.names = tuple(str(name) for name in frame.columns)
        self._check_header()
        for name in hints.named:
            if name not in self.names:
                raise ValueError(f'the table {table.name} has no column {name!r}; {did_you_mean(name, self.names)}')
        if len(frame) < FEWEST:
            raise DataError(f'has {len(frame)} rows: training and testing need {FEWEST} cases or more', file=table)
        facts = [ColumnFacts(name, frame[name].tolist(), hints.decimal) for name in self.names]
        own = table_decimal(fact.forms for fact in facts if fact.name not in hints.ignore and not fact.is_date)
        self.facts = {f.name: ColumnFacts(f.name, f.raw, hints.decimal, own) for f in facts}
        cells = zip(*(fact.cells for fact in self.facts.values()))
        self.rows: Rows = [dict(zip(self.names, row)) for row in cells]
        self.lookup = FileLookup(self.table.parent, hints.image_roots)
        self.notes = _notes_on_sheets(self.table, sheets) if sheets else []

    def _check_header(self) -> None:
        """Refuse a title in the place of the names of the columns.

        Raises:
            DataError: Most columns have no name.
        """
        unnamed = sum(name == f'column {i}' for i, name in enumerate(self.names, 1))
        if unnamed >= 2 and 2 * unnamed >= len(self.names):
            raise DataError(
                f'the first row names {len(self.names) - unnamed} of {len(self.names)} columns: if it is a title, '
                'remove the rows above the names of the columns',
                file=self.table,
            )

    def number(self, index: int) -> int:
        """The number of a row as a spreadsheet shows it, blank rows counted.

        Args:
            index: Which of the rows.
        """
        return self._numbers[index]


def _notes_on_sheets(table: Path, sheets: Sequence[str]) -> list[str]:
    """What is not read of a workbook: all sheets but the first that is not hidden."""
    others = [f'{name} (hidden)' if hidden else name for name, hidden in sheet_names(table) if name != sheets[0]]
    if not others:
        return []
    return [f'The sheet {sheets[0]!r} is read, others of the workbook are not: {listing_of(others)}.']


def infer_roles(data: CaseRows, hints: TableHints) -> TableRoles:
    """Infer the role of each column, with a reason; what is not certain is a question.

    Args:
        data: The table.
        hints: What a person stated.

    Raises:
        UndecidedError: Something is open; lists the questions with the flags that answer them.
        DataError: The table cannot be used.
        ValueError: Something that is stated does not fit the table.
    """
    findings = Findings(data.names)
    findings.warnings += data.notes
    findings.assumptions += data.merged
    for name in hints.ignore:
        findings.leave(name, 'stated (--ignore)')
    steps = _Steps()
    label = steps.run(lambda: infer_label(data.facts, hints, findings))
    ids = steps.run(lambda: infer_ids(data.facts, hints, findings))
    modalities = steps.run(lambda: infer_files(data.facts, data.rows, data.lookup, hints, findings))
    case, patient = ids or (None, None)
    _check_filled(data, patient, '--patient')
    _check_filled(data, case, '--id')
    if label is not None and not hints.classes:
        _check_label_filled(data, label.column)
        steps.run(lambda: _ask_for_words(data, label))
    first = [
        next((path.name for m in modalities or () for path in files_in(m, row, data.lookup).files), None)
        for row in data.rows
    ]
    if ids is not None and modalities is not None:
        steps.run(lambda: explain_patients(case, patient, first, hints, findings))
    split = steps.run(lambda: infer_split(data.facts, hints, findings))
    if steps.questions or label is None or modalities is None:
        raise UndecidedError(steps.questions)
    classes = [_class_of(row[label.column], label) for row in data.rows]
    patients = _patients(data, patient, hints.patient_pattern, first)
    _check_classes(label, classes, patients, split)
    _check_case_per_file(hints, len(modalities))
    count = len({p for p, name in zip(patients, classes) if name is not None})
    variables = infer_variables(data.facts, classes, count, hints, findings)
    if not modalities and not variables:
        unused = [f'{c.column} ({c.reason})' for c in findings.roles.values() if c.role == UNUSED]
        text = 'no column names files and no column is a clinical variable, so that there is no input'
        raise DataError(f'{text}; not used: {"; ".join(unused[:5]) or "none"}', file=data.table)
    if variables and hints.clinical in (None, ('all',)):
        findings.warnings.append(
            'The table does not state which clinical columns are known before the diagnosis: check them, and leave '
            'others out with --ignore or --clinical.'
        )
    if hints.case_per_file:
        findings.assumptions.append('Each file is a case with the label and the clinical values of its row.')
    columns = tuple(findings.roles[name] for name in data.names)
    return TableRoles(
        data.table, columns, case, patient, hints.patient_pattern, label, modalities, variables, split,
        hints.case_per_file, tuple(findings.assumptions), tuple(findings.warnings),
    )  # fmt: skip


def like_merged_cells(empty: int, rows: int) -> bool:
    """Whether so many cells of a column are empty that they are not single slips.

    Args:
        empty: Rows whose cell is empty.
        rows: All rows.

    Example:
        >>> like_merged_cells(2, 10), like_merged_cells(20, 60)
        (False, True)
    """
    return empty >= FEW_EMPTY and empty > MOST_EMPTY * rows


def _check_filled(data: CaseRows, column: str | None, flag: str) -> None:
    """Refuse ids that stand once for several rows, as merged cells are read."""
    if column is None:
        return
    rows = [i for i, row in enumerate(data.rows) if row[column] is None]
    if like_merged_cells(len(rows), len(data.rows)) and rows[0] > 0:
        numbers = ', '.join(str(data.number(i)) for i in rows[:8])
        more = f' and {len(rows) - 8} more' if len(rows) > 8 else ''
        raise DataError(
            f'{len(rows)} of {len(data.rows)} rows have no id in {column!r} (rows {numbers}{more}). A merged cell has '
            f'its value in the first row alone: fill in the id in every row, or name another column with {flag}',
            file=data.table,
        )


def _check_label_filled(data: CaseRows, column: str) -> None:
    """Refuse labels that stand once for several rows, as merged cells are read."""
    fact = data.facts[column]
    rows = [i for i, text in enumerate(fact.raw) if text is None]
    if like_merged_cells(len(rows), len(fact.raw)) and rows[0] > 0:
        numbers = ', '.join(str(data.number(i)) for i in rows[:8])
        more = f' and {len(rows) - 8} more' if len(rows) > 8 else ''
        raise DataError(
            f'{len(rows)} of {len(fact.raw)} rows have no label in {column!r} (rows {numbers}{more}). A merged cell '
            'has its value in the first row alone: fill in the label in every row. If these cases have no label, leave '
            'them out with --classes and the names of the classes',
            file=data.table,
        )


def _ask_for_words(data: CaseRows, label: LabelRole) -> None:
    """Ask whether words that are read as missing, such as `none`, are a class.

    Raises:
        UndecidedError: More than one label in twenty is such a word.
    """
    fact = data.facts[label.column]
    words = fact.missing_words
    if words.total() > MOST_WORDS * len(fact.cells):
        shown = ', '.join(f'{word!r} ({count})' for word, count in words.most_common(5))
        names = ' '.join(map(repr, label.classes))
        cells = f'of {len(fact.cells)} cells these are read as missing: {shown}'
        text = f'Is a word of the label {label.column!r} a class? ({cells})'
        flag = f'--classes {names}, to leave these cases out; or write another word, such as "no finding", if it is one'
        raise UndecidedError([Question('classes', text, flag, label.classes)])


class _Steps:
    """Runs steps of the inference, and collects what they leave open, so that it is asked at once."""

    def __init__(self) -> None:
        self.questions: list[Question] = []

    def run(self, step: Callable[[], T]) -> T | None:
        """What a step returns; None where it leaves something open."""
        try:
            return step()
        except UndecidedError as error:
            self.questions += error.questions
            return None


def _class_of(cell: str | None, label: LabelRole) -> str | None:
    name = None if cell is None else label.spelling[cell]
    return name if name in label.classes else None


def _patients(data: CaseRows, column: str | None, pattern: str | None, first: Sequence[str | None]) -> list[str | None]:
    """The patient of each row; a row of its own where there is no column."""
    if column is not None:
        return [row[column] for row in data.rows]
    if pattern is not None:
        return [None if name is None else patient_of(pattern, name) for name in first]
    return [str(number) for number in range(len(data.rows))]


def _check_classes(
    label: LabelRole, classes: Sequence[str | None], patients: Sequence[str | None], split: str | None
) -> None:
    """Refuse a class that cannot be both trained and tested."""
    if split is not None:
        return
    known = {(p, name) for p, name in zip(patients, classes) if p is not None}
    counts = {n: sum(name == n for _, name in known) for n in label.classes}
    small = [name for name, count in counts.items() if count < 2]
    if small:
        rest = [name for name in label.classes if name not in small]
        text = f'What is to become of {small}? (a class needs two patients, to train and to test; patients: {counts})'
        flag = f'--classes {" ".join(map(repr, rest))}, to leave their cases out' if len(rest) > 1 else '--label COLUMN'
        raise UndecidedError([Question('classes', text, flag, tuple(rest))])


def _check_case_per_file(hints: TableHints, modalities: int) -> None:
    if hints.case_per_file and modalities != 1:
        raise ValueError(f'--case-per-file is for a table with one modality of files, this one has {modalities}')
