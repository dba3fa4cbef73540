"""The cases of a table with inferred roles: as they stand in it, or as a case table that has to be written."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from usmm.datasets.converters.cells import no_formula
from usmm.datasets.ids import perhaps_same_patient
from usmm.datasets.table_inference.file_columns import files_in, united_files
from usmm.datasets.table_inference.file_lookup import SUFFIXES, CellFiles
from usmm.datasets.table_inference.file_uses import FileUses
from usmm.datasets.table_inference.id_columns import patient_of
from usmm.datasets.table_inference.infer_roles import CaseRows, like_merged_cells
from usmm.datasets.table_inference.name_words import PARTS, listing_of
from usmm.datasets.table_inference.number_format import POINT
from usmm.datasets.table_inference.prepared_columns import PreparedColumns, check_ids, check_parts
from usmm.datasets.table_inference.table_roles import ModalityRole, TableRoles
from usmm.readers import DataError
from usmm.structures import Schema

Row = dict[str, str]
RUNS = 'work_dirs'  # where trainings write figures
NO_LABEL = 'the label is missing'


@dataclass
class FileCounts:
    """Files of one modality.

    Args:
        files: All files that the cases name.
        cases: Cases with a file.
        several: Files beyond the first of a case.
        masks: Cases with a mask.
        without_mask: Class -> cases with a file and without a mask.
        absent: Names of files that do not exist.
        largest: The largest file, or None.
    """

    files: int = 0
    cases: int = 0
    several: int = 0
    masks: int = 0
    without_mask: Counter[str] = field(default_factory=Counter)
    absent: list[str] = field(default_factory=list)
    largest: Path | None = None


@dataclass
class PreparedTable:
    """The cases that take part.

    Args:
        rows: One row a case, column -> text.
        changes: What differs from the table, sentence by sentence; empty where the table can be read as it is.
        left_out: Reason -> the ids, or numbers of the rows, that take no part.
        classes: Class -> cases.
        patients: Class -> patients.
        files: Modality -> its counts.
        missing: Clinical variable -> cases without a value.
        incomplete: Cases without a file of one of the modalities.
        schema: The schema of the rows.
        parts: Part -> class -> cases, where the table has a split column.
        idle_files: Folder -> images and clips in it that no case names, of all folders that are searched.
        warnings: What a person should look at, a sentence each.
    """

    rows: list[Row]
    changes: list[str]
    left_out: dict[str, list[str]]
    classes: dict[str, int]
    patients: dict[str, int]
    files: dict[str, FileCounts]
    missing: dict[str, int]
    incomplete: int
    schema: Schema
    parts: dict[str, Counter[str]] = field(default_factory=dict)
    idle_files: dict[Path, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def num_patients(self) -> int:
        """Number of patients."""
        column = self.schema.patient_id
        return len({row.get(column) or row[self.schema.case_id] for row in self.rows})

    def text(self) -> str:
        """The rows as CSV.

        Raises:
            DataError: A cell that a spreadsheet would run as a formula.
        """
        stream = io.StringIO()
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        writer = csv.DictWriter(stream, columns, lineterminator='\n')
        writer.writeheader()
        for row in self.rows:
            case = row[self.schema.case_id]
            writer.writerow({name: no_formula(cell, case) for name, cell in row.items()})
        return stream.getvalue()


def prepare_table(data: CaseRows, roles: TableRoles, folder: Path) -> PreparedTable:
    """The cases of a table, with its files resolved and its numbers and categories in one form.

    Args:
        data: The table.
        roles: The roles of its columns.
        folder: Where a case table would be written; its file columns are relative to it.

    Raises:
        DataError: A name that several files have, masks that fit no file or are the image itself, a case id that stands
            twice, one file of two patients, or one patient in two parts.
    """
    return _Preparation(data, roles, folder).run()


class _Preparation:
    def __init__(self, data: CaseRows, roles: TableRoles, folder: Path) -> None:
        self.data, self.roles, self.folder = data, roles, folder.absolute()
        self.changed: dict[str, int] = defaultdict(int)
        self.left_out: dict[str, list[str]] = defaultdict(list)
        self.files = {m.name: FileCounts() for m in roles.modalities}
        self.names = PreparedColumns(roles, data.names)
        self.numbers = {
            v.column: data.facts[v.column].numbers.values for v in roles.variables if not v.variable.is_category
        }
        self.serial: Counter[str] = Counter()
        self.used_files: set[Path] = set()
        self.uses = FileUses(data.table)

    def run(self) -> PreparedTable:
        rows: list[Row] = []
        for index, row in enumerate(self.data.rows):
            rows += self._cases(index, row)
        if self.data.merged:
            self.changed['rows of the files of one case are one row'] += len(rows)
        check_ids(rows, self.names.case, self.names.patient, self.data.table)
        if self.roles.patient_id is None and Schema.patient_id in self.data.names and not self.names.makes_patients:
            self.changed[f'the column {Schema.patient_id!r} is not the id of the patient'] += 1
        schema = self.names.schema()
        classes = Counter(row[schema.label] for row in rows)
        patients = defaultdict(set)
        for case in rows:
            patients[case[schema.label]].add(case.get(schema.patient_id) or case[schema.case_id])
        parts: dict[str, Counter[str]] = {}
        if schema.split is not None:
            for case in rows:
                parts.setdefault(case[schema.split], Counter())[case[schema.label]] += 1
        check_parts(rows, schema, self.data.table)
        self.uses.check()
        changes = [f'{text} ({count})' for text, count in self.changed.items()]
        order = self.roles.label.classes
        return PreparedTable(
            rows,
            changes,
            dict(self.left_out),
            {name: classes[name] for name in order},
            {name: len(patients[name]) for name in order},
            self.files,
            {v.variable.name: sum(not row[v.column] for row in rows) for v in self.roles.variables},
            sum(any(not row[self.names.files[m.name]] for m in self.roles.modalities) for row in rows),
            schema,
            parts,
            self._idle_files(),
            [*self._warnings(), *self._warnings_of_patients(rows), *self.uses.warnings()],
        )

    def _cases(self, index: int, row: Mapping[str, str | None]) -> list[Row]:
        """The cases of a row: none where it takes no part, several where each file is one."""
        number, roles, out = f'row {self.data.number(index)}', self.roles, Row()
        cell = row[roles.label.column]
        if cell is None:
            return self._leave(NO_LABEL, self._id_of(row, number))
        label = roles.label.spelling[cell]
        if label not in roles.label.classes:
            self.left_out[f'the label is {label!r}'].append(self._id_of(row, number))
            self._same(cell, label, 'spellings of the label')
            return []
        if roles.case_id is not None and row[roles.case_id] is None:
            return self._leave('the case id is missing', number)
        if roles.patient_id is not None and row[roles.patient_id] is None:
            return self._leave('the patient id is missing', self._id_of(row, number))
        files = {m.name: self._existing(m, files_in(m, row, self.data.lookup), number) for m in roles.modalities}
        masks = {
            m.name: self._existing(m, united_files(m.masks, row, self.data.lookup, bare=True), number)
            for m in roles.modalities
        }
        if roles.modalities and not any(files.values()) and not roles.variables:
            return self._leave('no file exists', self._id_of(row, number))
        first = next((paths[0].name for paths in files.values() if paths), None)
        out[self.names.case] = row[roles.case_id] if roles.case_id is not None else ''  # type: ignore[assignment]
        if self.names.makes_patients:
            if first is None:
                return self._leave('no file, whose name would have the patient', number)
            out[self.names.patient] = patient_of(str(roles.patient_pattern), first)
        elif roles.patient_id is not None:
            out[roles.patient_id] = str(row[roles.patient_id])
        if roles.case_id is None:
            out[self.names.case] = self._made_id(out.get(self.names.patient), index)
        out[roles.label.column] = self._same(cell, label, 'spellings of the label')
        self._add_variables(out, row, index)
        if roles.split is not None:
            text = str(row[roles.split])
            out[roles.split] = self._same(
                text, PARTS[text.lower()], 'names of parts', text.lower() in ('train', 'val', 'test')
            )
        for modality in roles.modalities:
            if modality.boxes is not None:
                out[modality.boxes] = row[modality.boxes] or ''
            patient = out.get(self.names.patient) or out[self.names.case]
            self.uses.add(modality.name, number, patient, files[modality.name], masks[modality.name])
        return self._with_files(out, row, files, masks, label)

    def _with_files(
        self,
        out: Row,
        row: Mapping[str, str | None],
        files: Mapping[str, tuple[Path, ...]],
        masks: Mapping[str, tuple[Path, ...]],
        label: str,
    ) -> list[Row]:
        if not self.roles.case_per_file:
            for m in self.roles.modalities:
                self._count(m, files[m.name], masks[m.name], label)
                out[self.names.files[m.name]] = self._file_cell(m.sources, row, files[m.name])
                if m.masks:
                    out[self.names.masks[m.name]] = self._file_cell(m.masks, row, masks[m.name])
            return [out]
        (modality,) = self.roles.modalities
        paths, own_masks = files[modality.name], masks[modality.name]
        if own_masks and len(own_masks) != len(paths):
            raise DataError(
                f'has {len(paths)} files and {len(own_masks)} masks: with --case-per-file each file needs one, or none',
                file=self.data.table, case=out[self.names.case], modality=modality.name,
            )  # fmt: skip
        self.changed['cases, one for each file'] += len(paths)
        cases = []
        for k, path in enumerate(paths):
            mask = own_masks[k : k + 1]
            self._count(modality, (path,), mask, label)
            name = out[self.names.case]
            cell = {
                self.names.case: f'{name}-{k + 1}' if len(paths) > 1 else name,
                self.names.patient: out.get(self.names.patient, name),
            }
            cells = {self.names.files[modality.name]: self._path(path)}
            cells |= {self.names.masks[modality.name]: ''.join(map(self._path, mask))} if modality.masks else {}
            cases.append({**cell, **{k: v for k, v in out.items() if k not in cell}, **cells})
        if not paths:
            return self._leave('no file exists', out[self.names.case])
        return cases

    def _add_variables(self, out: Row, row: Mapping[str, str | None], index: int) -> None:
        for v in self.roles.variables:
            text = row[v.column]
            if text is None:
                out[v.column] = ''
            elif v.variable.is_category:
                out[v.column] = self._same(
                    text, v.spelling.get(text, ''), f'spellings of {v.column!r}'
                )  # '': a code of a missing value
            else:
                value = self.numbers[v.column][index]
                same = POINT.fullmatch(text) and float(text) == value  # 3.400 may be 3400
                plain = '' if value is None else text if same else format(value, '.15g')
                out[v.column] = self._same(text, plain, f'numbers of {v.column!r}')

    def _same(self, old: str, new: str, what: str, alike: bool = False) -> str:
        if old != new and not alike:
            self.changed[f'{what} are rewritten'] += 1
        return new

    def _file_cell(self, sources: Sequence[str], row: Mapping[str, str | None], paths: Sequence[Path]) -> str:
        """The cell of these files, and whether it differs from what a reader of the table itself would find."""
        cell = row.get(sources[0]) if len(sources) == 1 else None
        parts = [p.strip() for p in cell.split(';') if p.strip()] if cell else []
        here = [_of_cell(self.data.table.parent, part) for part in parts]
        if here != [*paths]:
            self.changed['names of files are written as paths from the case table'] += 1
        return ';'.join(map(self._path, paths))

    def _path(self, path: Path) -> str:
        """A file as a cell names it: from the folder of the case table where it is near, else absolute."""
        near = os.path.relpath(path, self.folder)
        text = str(path) if near.startswith(f'..{os.sep}..') else Path(near).as_posix()
        if ';' in text:
            raise DataError("a path with ';' cannot stand in a case table: rename the file", file=path)
        return text

    def _existing(self, modality: ModalityRole, cell: CellFiles, number: str) -> tuple[Path, ...]:
        if cell.unclear:
            raise DataError(
                f'{number}: {self.data.lookup.described(cell.unclear, bare=True)}: write the folder too, or name the '
                'folder that counts with --image-root',
                file=self.data.table, modality=modality.name,
            )  # fmt: skip
        self.files[modality.name].absent += cell.absent
        if cell.absent:
            self.changed['names of files that do not exist are left out'] += len(cell.absent)
        self.used_files.update(cell.files)
        return cell.files

    def _idle_files(self) -> dict[Path, int]:
        """Folder -> files in it that are in no cell that was read."""
        try:
            listed = self.data.lookup.files
        except ValueError:  # too many to look through: no column needed them
            folders = sorted({path.parent for path in self.used_files})
            listed = [p for folder in folders for p in folder.iterdir() if p.suffix.lower() in SUFFIXES]
        idle = [p for p in listed if p not in self.used_files and RUNS not in p.parts]
        return dict(sorted(Counter(path.parent for path in idle).items()))

    def _count(self, modality: ModalityRole, paths: Sequence[Path], masks: Sequence[Path], label: str) -> None:
        counts = self.files[modality.name]
        counts.files += len(paths)
        candidates = [*paths, *([counts.largest] if counts.largest else [])]
        counts.largest = max(candidates, key=lambda path: path.stat().st_size, default=None)
        counts.cases += bool(paths)
        counts.several += max(0, len(paths) - 1)
        counts.masks += bool(masks)
        if paths and not masks:
            counts.without_mask[label] += 1

    def _leave(self, reason: str, name: str) -> list[Row]:
        self.left_out[reason].append(name)
        self.changed[f'cases are left out: {reason}'] += 1
        return []

    def _id_of(self, row: Mapping[str, str | None], number: str) -> str:
        return (row[self.roles.case_id] if self.roles.case_id is not None else None) or number

    def _made_id(self, patient: str | None, index: int) -> str:
        self.changed['ids of cases are made'] += 1
        if patient is None:
            return f'row_{self.data.number(index)}'
        self.serial[patient] += 1
        return f'{patient}-{self.serial[patient]}'

    def _warnings(self) -> list[str]:
        """Rows that take no part because an id, or many labels, are missing."""
        texts = []
        ids = [names for reason, names in self.left_out.items() if reason.endswith('id is missing')]
        if ids:
            texts.append(
                f'{sum(map(len, ids))} rows without an id are left out. Fill in the id, which merged cells lack.'
            )
        labels = len(self.left_out.get(NO_LABEL, ()))
        if like_merged_cells(labels, len(self.data.rows)):
            texts.append(
                f'{labels} of {len(self.data.rows)} rows have no label and are left out. A merged cell has its value '
                'in the first row alone: fill in the label in every row.'
            )
        return texts

    def _warnings_of_patients(self, rows: Sequence[Row]) -> list[str]:
        """Ids that may be one patient, patients with several labels, and pictures that no column names."""
        texts = []
        if groups := perhaps_same_patient({row.get(self.names.patient) or row[self.names.case] for row in rows}):
            shown = '; '.join(', '.join(map(repr, group)) for group in groups[:5])
            more = f' and {len(groups) - 5} more pairs' if len(groups) > 5 else ''
            texts.append(
                f'Patient ids differ in leading zeros alone: {shown}{more}. If they are one patient, write the id in '
                'one way: else images of a patient train and test.'
            )
        labels: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            if self.names.patient in row:
                labels[row[self.names.patient]].add(row[self.roles.label.column])
        if several := [patient for patient, names in labels.items() if len(names) > 1]:
            texts.append(
                f'{len(several)} of {len(labels)} patients have cases of several classes: {listing_of(several, 5)}. Is '
                'the label that of the case, or should the patient have one?'
            )
        if not self.roles.modalities and (idle := self._idle_files()):
            folder, count = next(iter(idle.items()))
            more = f', and {sum(idle.values()) - count} in other folders' if len(idle) > 1 else ''
            texts.append(
                f'{count} images or clips are in {folder}{more}, and no column names them. If they belong to the '
                f'cases, use {self._pattern(folder)}.'
            )
        return texts

    def _pattern(self, folder: Path) -> str:
        """The flag that would name the files of a folder by a column."""
        paths = [path for path in self.data.lookup.files if path.parent == folder]
        stems, suffix = {path.stem for path in paths}, Counter(path.suffix for path in paths).most_common(1)[0][0]
        near = Path(os.path.relpath(folder, self.data.table.parent))
        columns = [
            name for name, fact in self.data.facts.items() if 2 * sum(fact.counts[s] for s in stems) >= fact.filled > 0
        ]
        column = columns[0] if columns else 'COLUMN'
        return f"--files 'image={(near / f'{{{column}}}{suffix}').as_posix()}'"


def _of_cell(folder: Path, part: str) -> Path:
    """The file that a case table in a folder names, see `CaseTable`."""
    path = Path(os.path.normpath(folder / part))
    return path if path.is_file() or '\\' not in part else Path(os.path.normpath(folder / part.replace('\\', '/')))
