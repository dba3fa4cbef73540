"""From the record of a caller (paths, arrays, a row of a table) to a case, with its warnings and its error."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np

from usmm.apis.record_values import clip_pixels, image_pixels, is_empty, is_pixels, mask_pixels, paths_of
from usmm.apis.table_records import TableRecord
from usmm.datasets.case_table import LARGEST
from usmm.datasets.file_rows import other_views
from usmm.readers import read_box
from usmm.readers.workbook import SheetNumber, UncachedFormula
from usmm.structures import CLINICAL, Case, Schema, Variable
from usmm.utils.suggestions import nearest

NESTED = ('masks', 'boxes', CLINICAL)
FIXED = ('case_id', 'patient_id', 'label')
Record: TypeAlias = Mapping[str, object]  # what a caller states of one case, see `CaseReader.read`


@dataclass
class CaseInput:
    """A case before its files are read.

    Args:
        case: The case.
        label: Its class, if the record names one.
        warnings: Problems that do not prevent a prediction.
        error: The problem that does, or None.
    """

    case: Case
    label: str | None = None
    warnings: list[str] = field(default_factory=list)
    error: str | None = None


class CaseReader:
    """Makes cases of records for one model.

    Args:
        schema: Its schema, categories settled.
        modalities: Its modalities; `'clinical'` for the table.
        classes: Its classes.
        missing_modalities: From the modalities that a case does not have to those that the model needs.
        frames: Clip -> number of frames that the model takes.
        clinical: Names of the clinical variables in use; None: all.
        seed: Seed of random steps of the pipeline.
        strict: Values outside their range and unknown categories are errors, not warnings.
        streams: The sets of modalities that are used together or not at all.
    """

    def __init__(
        self,
        schema: Schema,
        modalities: Sequence[str],
        classes: Sequence[str],
        missing_modalities: Callable[[Collection[str]], list[str]],
        frames: Mapping[str, int] | None = None,
        clinical: Sequence[str] | None = None,
        seed: int = 0,
        strict: bool = False,
        streams: Sequence[Sequence[str]] = (),
    ) -> None:
        self.schema, self.classes, self.missing_modalities = schema, tuple(classes), missing_modalities
        self.seed, self.strict = seed, strict
        self.streams = [tuple(stream) for stream in streams]
        self.modalities = tuple(m for m in modalities if m != CLINICAL)
        wanted = CLINICAL in modalities
        self.variables = [v for v in schema.clinical if wanted and (clinical is None or v.name in clinical)]
        self.frames = dict(frames or {})
        self.keys = self._keys()

    def read(self, record: Record | TableRecord, number: int, root: Path | None = None) -> CaseInput:
        """The case of a record. A mistake in the record does not raise: it becomes a warning or the error of the case.

        Args:
            record: Modality (or its column) -> path, `;`-separated paths, list of paths, or pixels; `<modality>_mask`
                (or `masks`: modality -> mask) likewise; `<modality>_box` (or `boxes`: modality -> box) -> `x0,y0,x1,y1`
                or four numbers; clinical variable (or its column, or `clinical`: variable ->
                value) -> value in the schema's unit; `case_id`, `patient_id`, `label`.
            number: Place among the cases, from 1.
                A row of a table may have its files from a file table.
            root: Folder that relative paths start from; None: the working directory.
        """
        entry = CaseInput(Case(f'case_{number}', f'case_{number}', seed=self.seed))
        if isinstance(record, TableRecord):
            self._take_views(entry, record)
            record = record.cells
        try:
            self._fill(entry, self._flat(record, entry), root or Path())
        except (ValueError, TypeError) as error:
            entry.error = str(error)
        return entry

    def unknown(self, names: Collection[str]) -> dict[str, str | None]:
        """Names that this model does not have -> the most similar name that it has, or None."""
        valid = list(self.keys)
        strange = [name for name in names if name not in self.keys]
        return {name: next(iter(nearest(name, valid)), None) for name in strange}

    def _keys(self) -> dict[str, tuple[str, str]]:
        """Every key that a record may have -> (kind, name)."""
        schema = self.schema
        keys: dict[str, tuple[str, str]] = {}
        for v in schema.clinical:
            keys |= dict.fromkeys([v.source, v.name], (CLINICAL, v.name))
        for m in schema.modalities:
            masks = [name for name in (schema.mask_column(m), f'{m}_mask') if name]
            boxes = [name for name in (schema.box_column(m), f'{m}_box') if name]
            keys |= dict.fromkeys(boxes, ('box', m))
            keys |= dict.fromkeys(masks, ('mask', m)) | dict.fromkeys([schema.column(m), m], ('file', m))
        for kind in FIXED:
            keys |= dict.fromkeys([getattr(schema, kind), kind], (kind, kind))
        return keys | ({schema.split: ('split', 'split')} if schema.split else {})

    def _flat(self, record: Record, entry: CaseInput) -> dict[tuple[str, str], object]:
        """(kind, name) -> value, for all keys of the record that are not empty."""
        if not isinstance(record, Mapping):
            raise TypeError(f'a case is a mapping from modalities to paths or pixels, got {type(record).__name__}')
        cells: dict[tuple[str, str], object] = {}
        for key, value in record.items():
            if key in NESTED and isinstance(value, Mapping):
                kind = {'masks': 'mask', 'boxes': 'box'}.get(str(key), CLINICAL)
                named = {(kind, str(name)): item for name, item in value.items()}
                cells |= {key: item for key, item in named.items() if not self._is_empty(key, item)}
            elif str(key) in self.keys and not self._is_empty(self.keys[str(key)], value):
                cells[self.keys[str(key)]] = value
        patient = cells.get(('patient_id', 'patient_id'))
        if self.schema.case_id == self.schema.patient_id and patient is not None:  # one column for both
            cells.setdefault(('case_id', 'case_id'), patient)
        self._identify(entry, cells)
        for name, near in self.unknown([str(k) for k in record if k not in NESTED]).items():
            if near is not None and self.keys[near] not in cells and nearest(name, [near], cutoff=0.8):
                entry.warnings.append(f'{name!r} means nothing to this model; did you mean {near!r}?')
        return cells

    def _is_empty(self, key: tuple[str, str], value: object) -> bool:
        """Whether a value is missing; a declared category or class is not, though it may be a word for missing."""
        kind, name = key
        if isinstance(value, str):
            text = value.strip()
            if kind == CLINICAL:
                variable = next((v for v in self.schema.clinical if v.name == name), None)
                declared = () if variable is None or isinstance(variable.values, str) else variable.values or ()
                if text in declared:
                    return False
            elif kind == 'label' and text in self.classes:
                return False
            return self.schema.table_format.is_missing(text)
        return is_empty(value)

    def _identify(self, entry: CaseInput, cells: Mapping[tuple[str, str], object]) -> None:
        names = {kind: _name(cells[kind, kind]) for kind in FIXED if (kind, kind) in cells}
        case = entry.case
        case.case_id = names.get('case_id', case.case_id)
        case.patient_id = names.get('patient_id', case.case_id)
        label = names.get('label')
        if label in self.classes:
            entry.label, case.label = label, self.classes.index(label)
        elif label is not None:
            entry.warnings.append(f'label {label!r} is none of the classes {list(self.classes)}')

    def _fill(self, entry: CaseInput, cells: Mapping[tuple[str, str], object], root: Path) -> None:
        case = entry.case
        case.info['table'] = dict(
            modalities=self.modalities, clips=tuple(m for m in self.modalities if m in self.schema.clips)
        )
        for modality in self.modalities:
            if ('file', modality) in cells:
                if modality in case.views:
                    raise ValueError(f'{modality}: both the case table and the file table state files; leave one out')
                self._take(case, modality, cells['file', modality], root)
            if ('mask', modality) in cells:
                self._take_mask(case, modality, cells['mask', modality], root)
            if ('box', modality) in cells:
                case.boxes[modality] = _box(modality, cells['box', modality])
        absent = [m for m in self.modalities if m not in case.files and m not in case.data]
        needed = self.missing_modalities(absent)
        if needed:
            raise ValueError(f'lacks {", ".join(needed)}: this model needs {"it" if len(needed) == 1 else "them"}')
        if absent:
            entry.warnings.append(f'made without {", ".join(absent)}')
        for stream in self.streams:
            idle = [m for m in stream if m not in absent]
            if idle and len(idle) < len(stream):
                missing = ', '.join(m for m in stream if m in absent)
                entry.warnings.append(f'{", ".join(idle)} not used: this model reads it together with {missing}')
        self._take_values(entry, {name: value for (kind, name), value in cells.items() if kind == CLINICAL})

    def _take_views(self, entry: CaseInput, record: TableRecord) -> None:
        """The files that a file table states of a case."""
        entry.warnings += record.warnings
        if text := other_views({m: views for m, views in record.views.items() if m in self.modalities}):
            entry.warnings.append(text)
        for modality, views in record.views.items():
            if modality in self.modalities:
                entry.case.files[modality] = tuple(view.file for view in views)
                entry.case.views[modality] = tuple(views)
                if masks := tuple(mask for view in views for mask in view.masks):
                    entry.case.mask_files[modality] = masks

    def _take(self, case: Case, modality: str, value: object, root: Path) -> None:
        if not is_pixels(value):
            case.files[modality] = paths_of(value, root, modality)
            return
        try:
            if modality in self.schema.clips:
                case.data[modality] = clip_pixels(value, self.frames.get(modality))
            else:
                case.data[modality] = image_pixels(value)
        except ValueError as error:
            raise ValueError(f'{modality}: {error}') from error

    def _take_mask(self, case: Case, modality: str, value: object, root: Path) -> None:
        if not is_pixels(value):
            case.mask_files[modality] = paths_of(value, root, f'the mask of {modality}')
            return
        try:
            mask = mask_pixels(value)
        except ValueError as error:
            raise ValueError(f'the mask of {modality}: {error}') from error
        size = np.shape(case.data[modality])[-3:-1] if modality in case.data else mask.shape
        if mask.shape != size:
            raise ValueError(f'the mask of {modality} is {mask.shape}, its image {size} (height, width)')
        case.masks[modality] = mask

    def _take_values(self, entry: CaseInput, values: Mapping[str, object]) -> None:
        """The clinical values; a value outside its range is used unchanged, as in a test, with a warning."""
        clinical = {v.name: self._value(v, values[v.name], entry) if v.name in values else None for v in self.variables}
        entry.case.clinical = clinical
        empty = [name for name in clinical if name not in values]
        if empty:
            entry.warnings.append(f'not given, so filled in by the model: {", ".join(empty)}')

    def _value(self, variable: Variable, value: object, entry: CaseInput) -> float | str:
        if isinstance(value, UncachedFormula):
            raise ValueError(f'{variable.name}: cell {value} holds a formula without a stored value')
        if not variable.is_category:
            return self._number(variable, value, entry)
        text = str(value).strip()
        if isinstance(value, (float, np.floating)) and float(value).is_integer():
            text = str(int(value))
        known = variable.values or ()
        if text not in known:
            self._report(entry, f'{variable.name} {text!r} is none of {list(known)}: the model takes it as unknown')
        return text

    def _number(self, variable: Variable, value: object, entry: CaseInput) -> float:
        if isinstance(value, str):
            read = float(value) if isinstance(value, SheetNumber) else self.schema.table_format.number(value.strip())
            value = value if read is None else read
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
            raise ValueError(f'{variable.name} {value!r} is not a number ({self.schema.table_format.example})')
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise ValueError(f'{variable.name} {number} is not finite')
        if abs(number) > LARGEST:
            raise ValueError(f'{variable.name} {number} is too large for a number of single precision')
        if (text := variable.log_problem(number)) is not None:
            raise ValueError(text)
        if (text := variable.range_problem(number)) is not None:
            self._report(entry, text)
        return number

    def _report(self, entry: CaseInput, text: str) -> None:
        if self.strict:
            raise ValueError(text)
        entry.warnings.append(text)


def _name(value: object) -> str:
    """An id or label as text; a whole number has no decimals, also where a column of pandas made it a float."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        value = int(value)
    return str(value).strip()


def _box(modality: str, value: object) -> tuple[int, int, int, int]:
    if not isinstance(value, (str, Sequence, np.ndarray)):
        raise ValueError(f'{modality}: a box is four numbers, x0,y0,x1,y1, got {value!r}')
    try:
        return read_box(value.tolist() if isinstance(value, np.ndarray) else value)
    except ValueError as error:
        raise ValueError(f'{modality}: {error}') from error
