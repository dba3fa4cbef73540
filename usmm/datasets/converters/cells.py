"""Cells of a converted case table: files, terms as yes/no columns, labels and patients that rows share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from usmm.datasets.data_digest import data_digest
from usmm.readers import DataError, read_table


@dataclass(frozen=True)
class Made:
    """A cell with a file that the source does not have, such as a mask drawn from an outline.

    Args:
        name: Path below the folder `made` of the case table.
        content: The bytes of the file.
    """

    name: str
    content: bytes = field(repr=False)


Cell = str | int | float | None | Path | Sequence[Path] | Made
IDS = ('case_id', 'patient_id', 'patient', 'patientid', 'case', 'caseid', 'id', 'number', 'no', 'subject')
# What a spreadsheet would run: = and @, and + and - unless all that follows is a number.
FORMULA = re.compile(r'\s*(?:[=@]|[+-](?!\s*$)(?![\d.]+(?:[eE][+-]?\d+)?\s*$))')
LABELS = ('label', 'class', 'classification', 'diagnosis', 'pathology', 'category')


def files_of(cell: Cell) -> tuple[Path, ...]:
    """The source files of a cell; none where it holds text or nothing."""
    if isinstance(cell, Path):
        return (cell,)
    if cell is None or isinstance(cell, (str, int, float, Made)):
        return ()
    return tuple(cell)


def no_formula(text: str, case: str) -> str:
    """The text itself; DataError where a spreadsheet would run it when somebody opens the case table.

    Example:
        >>> no_formula('-3.5', 'c1')
        '-3.5'
    """
    if FORMULA.match(text):
        raise DataError(f'a cell that a spreadsheet would run as a formula: {text[:60]!r}', case=case)
    return text


def read_records(path: str | Path, columns: Sequence[str] = ()) -> list[dict[str, str | None]]:
    """The rows of a table as dicts of text, None where missing. Raises DataError where a column is absent."""
    table = read_table(path)
    absent = [name for name in columns if name not in table.columns]
    if absent:
        raise DataError(f'expected the columns {list(columns)}, without {absent}', file=path)
    records = table.to_dict('records')
    return [{str(k): v if isinstance(v, str) else None for k, v in record.items()} for record in records]


def yes_no(text: str | None, terms: Mapping[str, str], none: str = 'no', sign: str = '&') -> dict[str, str | None]:
    """A cell of several terms as one yes/no column a term; all missing where the cell is.

    Args:
        text: Terms joined by `sign`, or `none`, or None where missing.
        terms: Column -> term.
        none: The word for no term at all.
        sign: What joins the terms.

    Raises:
        ValueError: A term that is not in `terms`.

    Example:
        >>> yes_no('redness&warmth', dict(redness='redness', scar='breast scar', warmth='warmth'))
        {'redness': 'yes', 'scar': 'no', 'warmth': 'yes'}
    """
    if text is None:
        return dict.fromkeys(terms)
    found = {term.strip() for term in text.split(sign)} - {none}
    unknown = sorted(found - set(terms.values()))
    if unknown:
        raise ValueError(f'expected terms among {[none, *terms.values()]}, got {unknown}')
    return {column: 'yes' if term in found else 'no' for column, term in terms.items()}


def by_case(
    found: Mapping[tuple[str, int], Mapping[str, Path]], modalities: Sequence[str], cases: str = 'view'
) -> list[dict[str, Cell]]:
    """Rows from numbered views of patients: (patient, number) -> modality -> file.

    Args:
        found: The views.
        modalities: Columns of every row; empty where a view lacks the modality.
        cases: `view`: one row a number. `patient`: one row a patient, the files of a modality in order of numbers.

    Raises:
        ValueError: Another word for `cases`.

    Example:
        >>> rows = by_case({('7', 2): dict(bus=Path('b')), ('7', 1): dict(bus=Path('a'))}, ('bus',), 'patient')
        >>> [str(path) for path in rows[0]['bus']]
        ['a', 'b']
    """
    if cases not in ('view', 'patient'):
        raise ValueError(f"cases must be 'view' or 'patient', got {cases!r}")
    groups: dict[str, tuple[str, list[Mapping[str, Path]]]] = {}
    for patient, number in sorted(found):
        case = patient if cases == 'patient' else f'{patient}-{number}'
        groups.setdefault(case, (patient, []))[1].append(found[patient, number])
    rows: list[dict[str, Cell]] = []
    for case, (patient, views) in groups.items():
        files = {m: tuple(view[m] for view in views if m in view) for m in modalities}
        rows.append({'case_id': case, 'patient_id': patient, 'label': None, **files})
    return rows


def read_labels(path: str | Path) -> dict[str, str | None]:
    """Case or patient id -> label, from a CSV or XLSX whose columns are named so that they can be told.

    Raises:
        DataError: No id or no label column, or one id with two labels.
    """
    records = read_records(path)
    columns = list(records[0]) if records else []
    column_id, column_label = _column(columns, IDS, path), _column(columns, LABELS, path)
    labels: dict[str, str | None] = {}
    for record in records:
        name, label = record[column_id], record[column_label]
        if name is not None and labels.setdefault(name, label) != label:
            raise DataError(f'{name!r} has two labels, {labels[name]!r} and {label!r}', file=path)
    return labels


def give_labels(rows: Iterable[dict[str, Cell]], labels: Mapping[str, str | None] | None) -> list[str]:
    """Put labels into rows, by case id, else by patient id, where `1` also stands for `001`. Returns notes.

    Example:
        >>> rows = [dict(case_id='001-1', patient_id='001', label=None)]
        >>> give_labels(rows, {'1': 'benign', '2': 'malignant'}), rows[0]['label']
        (["1 labels belong to no case: '2'"], 'benign')
    """
    rows = list(rows)
    exact, used = dict(labels or {}), set()
    loose = {name.lstrip('0') or '0': name for name in exact}
    for row in rows:
        ids = [str(row['case_id']), str(row['patient_id'])]
        names = [*ids, *[loose.get(name.lstrip('0') or '0', '') for name in ids]]
        match = next((name for name in names if name in exact), None)
        if match is not None:
            row['label'] = exact[match]
            used.add(match)
    notes = []
    bare = [str(row['case_id']) for row in rows if row.get('label') is None]
    if bare:
        notes.append(f'{len(bare)} cases have no label: {some(bare)}' + ('' if labels else '; give them with --labels'))
    if set(exact) - used:
        notes.append(f'{len(set(exact) - used)} labels belong to no case: {some(sorted(set(exact) - used))}')
    return notes


def join_same_files(rows: Iterable[dict[str, Cell]], column: str) -> list[str]:
    """Give rows with byte-identical files one patient, so that no split separates them. Returns notes.

    Args:
        rows: Rows with one file in `column` each; `patient_id` is changed.
        column: The files to compare.
    """
    groups: dict[str, list[dict[str, Cell]]] = {}
    for row in rows:
        for path in files_of(row[column]):
            if path.is_file():
                groups.setdefault(data_digest(path), []).append(row)
    notes = []
    for members in (group for group in groups.values() if len(group) > 1):
        for row in members:
            row['patient_id'] = members[0]['patient_id']
        text = f'the same file, taken as one patient: {some([row["case_id"] for row in members], limit=10)}'
        labels = sorted({str(row.get('label')) for row in members})
        notes.append(text + (f'; labelled {" and ".join(labels)}' if len(labels) > 1 else ''))
    return notes


def classes_of(rows: Iterable[Mapping[str, Cell]], order: Sequence[str] = ()) -> tuple[str, ...]:
    """The labels that occur, those of `order` first, others sorted."""
    found = {str(row['label']) for row in rows if row.get('label') is not None}
    return (*[name for name in order if name in found], *sorted(found - set(order)))


def some(names: Sequence[object], limit: int = 5) -> str:
    """The first few of many names, for a message."""
    return ', '.join(repr(str(name)) for name in names[:limit]) + (', ...' if len(names) > limit else '')


def _column(columns: Iterable[str], names: Sequence[str], path: str | Path) -> str:
    """The first column with one of some names, whatever its case, spaces and underscores."""
    plain = {str(c).lower().replace(' ', '').replace('_', ''): str(c) for c in columns}
    for name in names:
        if name.replace('_', '') in plain:
            return plain[name.replace('_', '')]
    raise DataError(f'expected a column named like one of {list(names)}, found {list(plain.values())}', file=path)
