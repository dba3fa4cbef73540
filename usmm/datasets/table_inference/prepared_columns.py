"""Columns of a prepared table, and the checks of its ids and parts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from usmm.datasets.ids import same_patient
from usmm.datasets.table_inference.name_words import listing_of
from usmm.datasets.table_inference.table_roles import CLIPS, IMAGES, TableRoles
from usmm.readers import DataError
from usmm.structures import Schema


class PreparedColumns:
    """Names of the columns of a prepared table.

    Args:
        roles: The roles of the columns of the table that it is made from.
        columns: All columns of that table.
    """

    def __init__(self, roles: TableRoles, columns: Sequence[str]) -> None:
        self.roles = roles
        self.makes_patients = roles.patient_id is None and roles.patient_pattern is not None
        self.case = roles.case_id or _free_name('case_id', columns)
        self.patient = roles.patient_id or (_free_name('patient_id', columns) if self.makes_patients else 'patient_id')
        if roles.case_per_file and roles.patient_id in (None, roles.case_id):
            # the id of the row stays as the patient's, those of the cases are new
            self.patient = _free_name('patient_id', [c for c in columns if c != roles.patient_id])
            self.case = _free_name('case_id', [c for c in columns if c != roles.case_id])
        self.files = {m.name: _column_of(m.sources, m.name, columns) for m in roles.modalities}
        self.masks = {m.name: _column_of(m.masks, f'{m.name}_mask', columns) for m in roles.modalities if m.masks}

    def schema(self) -> Schema:
        """The schema of the prepared table."""
        roles = self.roles
        return Schema(
            images={m.name: self.files[m.name] for m in roles.modalities if m.kind == IMAGES},
            clips={m.name: self.files[m.name] for m in roles.modalities if m.kind == CLIPS},
            masks=dict(self.masks),
            boxes={m.name: m.boxes for m in roles.modalities if m.boxes is not None},
            clinical=[v.variable for v in roles.variables],
            case_id=self.case,
            patient_id=self.patient,
            label=roles.label.column,
            split=roles.split,
        )


def _column_of(sources: Sequence[str], name: str, columns: Sequence[str]) -> str:
    return sources[0] if len(sources) == 1 and sources[0] in columns else _free_name(name, columns)


def _free_name(name: str, columns: Sequence[str]) -> str:
    while name in columns:
        name = f'{name}_'
    return name


def check_ids(rows: Sequence[Mapping[str, str]], case: str, patient: str, table: Path) -> None:
    """Refuse a case id that stands twice, and patient ids that differ in case or blanks alone.

    Args:
        rows: The prepared rows.
        case, patient: The columns of the ids; the second may be absent.
        table: The table that they are made from, for messages.

    Raises:
        DataError: There are such ids.
    """
    for group in same_patient({row[patient] for row in rows if patient in row}):
        raise DataError(f'patient ids {list(group)} differ in case or blanks alone: write each in one way', file=table)
    counts = Counter(row[case] for row in rows)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise DataError(f'{len(twice)} case ids stand in several rows: {listing_of(twice, 5)}', file=table)


def check_parts(rows: Sequence[Mapping[str, str]], schema: Schema, table: Path) -> None:
    """Refuse a patient in two parts of the split column.

    Args:
        rows: The prepared rows.
        schema: Their schema; without a split column nothing is checked.
        table: The table that they are made from, for messages.

    Raises:
        DataError: There are such patients.
    """
    if schema.split is None:
        return
    parts: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        parts[row.get(schema.patient_id) or row[schema.case_id]].add(row[schema.split])
    if several := [patient for patient, names in parts.items() if len(names) > 1]:
        raise DataError(
            f'{len(several)} patients are in several parts of the column {schema.split!r}, so that the test would '
            f'be on patients of the training: {listing_of(several, 10)}. Correct the column, or let folds be made '
            'by patient with --split none',
            file=table,
        )
