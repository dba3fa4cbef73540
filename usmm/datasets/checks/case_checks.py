"""Everything that is wrong with a data set, found in one run; nothing here raises for bad data."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TypedDict

from usmm.datasets.case_table import CaseTable
from usmm.datasets.checks.depth_checks import depth_problems
from usmm.datasets.checks.file_facts import FileFacts
from usmm.datasets.checks.label_leaks import label_leaks, presence_leaks
from usmm.datasets.checks.mask_checks import mask_problems, same_masks
from usmm.datasets.converters.cells import read_records
from usmm.datasets.table_problem import Problem
from usmm.readers import outside
from usmm.structures import CLINICAL, Case, Schema

# Kinds that do not stop a training; every other kind does.
WARNINGS = frozenset(
    {
        'range',
        'unit',
        'id_zeros',
        'no_mask',
        'no_box',
        'two_labels',
        'same_file',
        'near_duplicate',
        'added',
        'removed',
        'depths',
        'dark',
        'scales',
        'colours',
        'label_leak',
        'spellings',
        'mask_column',
        'not_read',
        'blank',
        'small',
        'mask_full',
        'same_mask',
    }
)
SMALL = 32  # pixels; a picture with a shorter side shows no texture
Facts = Mapping[tuple[Path, str], FileFacts]


class _ClipCounts(TypedDict, total=False):
    boxed: int
    frames: list[float]
    seconds: list[float]
    fps: list[float]


class ModalityCounts(_ClipCounts):
    """What the files of one modality are.

    Args:
        cases, files: Cases that have the modality, and its files.
        masked, boxed: Cases with a mask, and with a box (only where there is one).
        sizes: `WIDTHxHEIGHT` in pixels -> number of readable files.
        panels: Files that a split into panels would change.
        frames, seconds, fps: Of clips alone: lowest, median and highest number of frames, duration in s and frames/s.
    """

    cases: int
    files: int
    masked: int
    sizes: dict[str, int]
    panels: int


class DataCounts(TypedDict):
    """How large a data set is.

    Args:
        cases, patients: Numbers of both.
        ignored: Rows that were left out because of their label.
        classes: Class, or `missing` -> `cases` and `patients`.
        modalities: Modality -> its counts.
        missing: Clinical variable -> class, or `cases` for all -> cases without a value; where the classes differ, the
            gap itself gives the label away.
    """

    cases: int
    ignored: int
    patients: int
    classes: dict[str, dict[str, int]]
    modalities: dict[str, ModalityCounts]
    missing: dict[str, dict[str, int]]


def is_blocking(problem: Problem, missing: str = 'error') -> bool:
    """Whether a problem stops a training; a missing modality does unless the config's `missing` allows for it."""
    return problem.kind not in WARNINGS and not (problem.kind == 'no_modality' and missing != 'error')


def files_to_examine(table: CaseTable) -> list[tuple[Path, str]]:
    """(file, role) of all files that the table names and that are there, each once."""
    schema = table.schema
    found: dict[tuple[Path, str], None] = {}
    for case in table.cases:
        for modality, files in case.files.items():
            role = 'clip' if modality in schema.clips else 'image'
            found.update({(file, role): None for file in files})
        found.update({(file, 'mask'): None for files in case.mask_files.values() for file in files})
    return [(file, role) for file, role in found if file.is_file()]


def find_problems(
    table: CaseTable, facts: Facts, modalities: Sequence[str] | None = None, parts: Mapping[str, str] | None = None
) -> list[Problem]:
    """All problems of a table and its files, case by case in the order of the table.

    Args:
        table: The table, with the problems that reading it found.
        facts: What `examine_all` found, by (file, role).
        modalities: Modalities that every case should have (default: all of the schema).
        parts: Case id -> name of its part or fold; patients and files must not be in two.
    """
    wanted = [
        m for m in (table.schema.modalities if modalities is None else modalities) if m in table.schema.modalities
    ]
    masked = {m for case in table.cases for m in case.mask_files}
    boxed = {m for case in table.cases for m in case.boxes}
    problems = list(table.problems)
    for case in table.cases:
        problems += _file_problems(case, facts)
        problems += mask_problems(case, facts, masked)
        problems += _box_problems(case, facts, boxed)
        problems += [
            Problem('no_modality', case.case_id, None, m, f'the case has no {m}') for m in wanted if m not in case.files
        ]
    problems += depth_problems(table.cases, facts)
    problems += same_masks(table.cases, facts)
    problems += _label_problems(table)
    problems += _leaks(table)
    problems += _part_problems(table.cases, {**(parts or {}), **table.parts})
    problems += _same_files(table.cases, facts, {**(parts or {}), **table.parts}, table.schema)
    order = {case.case_id: index for index, case in enumerate(table.cases)}
    return sorted(problems, key=lambda p: order.get(p.case_id or '', -1))


def read_parts(path: str | Path, table: CaseTable) -> tuple[dict[str, str], list[Problem]]:
    """Case id -> `fold <k>` of a folds file, and what does not fit the table; a case in two folds is a problem."""
    parts: dict[str, str] = {}
    problems = []
    for record in read_records(path, ('case_id', 'fold')):
        case_id, name = str(record['case_id']), f'fold {record["fold"]}'
        if parts.setdefault(case_id, name) != name:
            message = f'the case is in {parts[case_id]} and in {name}'
            problems.append(Problem('two_parts', case_id, Path(path), None, message))
    known = {case.case_id for case in table.cases}
    for what, ids in (('only in the folds file', set(parts) - known), ('only in the table', known - set(parts))):
        problems += [Problem('folds', case_id, Path(path), None, f'the case is {what}') for case_id in sorted(ids)]
    return parts, problems


def count(table: CaseTable, facts: Facts) -> DataCounts:
    """How many cases, patients, classes, files; sizes of images, lengths of clips; missing clinical values.

    Returns:
        Plain dicts, lists and numbers, ready for JSON.
    """
    cases, schema = table.cases, table.schema
    labels = Counter('missing' if c.label is None else table.classes[c.label] for c in cases)
    patients: dict[str, set[str]] = defaultdict(set)
    for case in cases:
        patients['missing' if case.label is None else table.classes[case.label]].add(case.patient_id)
    return DataCounts(
        cases=len(cases),
        ignored=table.ignored,
        patients=len({case.patient_id for case in cases}),
        classes={
            name: dict(cases=labels[name], patients=len(patients[name]))
            for name in (*table.classes, *(['missing'] if labels['missing'] else []))
        },
        modalities={
            m: _count_modality(cases, m, 'clip' if m in schema.clips else 'image', facts) for m in schema.modalities
        },
        missing={v.name: _missing(table, v.name) for v in schema.clinical},
    )


def _count_modality(cases: Sequence[Case], modality: str, role: str, facts: Facts) -> ModalityCounts:
    own = [case for case in cases if modality in case.files]
    found = [facts[f, role] for case in own for f in case.files[modality] if (f, role) in facts]
    found = [fact for fact in found if fact.error is None]
    result = ModalityCounts(
        cases=len(own),
        files=sum(len(case.files[modality]) for case in own),
        masked=sum(modality in case.mask_files for case in cases),
        sizes=dict(Counter(f'{fact.width}x{fact.height}' for fact in found).most_common()),
        panels=sum(bool(fact.panels) for fact in found),
    )
    if boxed := sum(modality in case.boxes for case in cases):
        result['boxed'] = boxed
    if role == 'clip' and found:
        result['frames'] = _spread([float(fact.frames) for fact in found])
        result['seconds'] = _spread([fact.seconds for fact in found])
        result['fps'] = _spread([fact.fps for fact in found])
    return result


def _spread(values: Sequence[float]) -> list[float]:
    return [round(v, 2) for v in (min(values), median(values), max(values))]


def _missing(table: CaseTable, variable: str) -> dict[str, int]:
    without = [case for case in table.cases if case.clinical.get(variable) is None]
    return {name: sum(case.label == index for case in without) for index, name in enumerate(table.classes)} | dict(
        cases=len(without)
    )


def _file_problems(case: Case, facts: Facts) -> Iterable[Problem]:
    for files, roles in ((case.files, ('image', 'clip')), (case.mask_files, ('mask',))):
        for modality, paths in files.items():
            for path in paths:
                fact = next((facts[path, role] for role in roles if (path, role) in facts), None)
                if fact is not None and fact.error is not None:
                    yield Problem(fact.kind, case.case_id, path, modality, fact.error)
                elif fact is not None and fact.role == 'clip' and fact.frames == 1:
                    yield Problem('one_frame', case.case_id, path, modality, 'a clip of a single frame')
                if fact is not None and fact.role != 'mask' and 0 < min(fact.width, fact.height) < SMALL:
                    message = f'only {fact.width}x{fact.height} pixels; a picture to learn from has {SMALL} or more'
                    yield Problem('small', case.case_id, path, modality, message)
                if fact is not None and fact.blank:
                    what = 'every frame of the clip' if fact.role == 'clip' else 'the picture'
                    yield Problem('blank', case.case_id, path, modality, f'{what} has one grey level, or nearly')


def _box_problems(case: Case, facts: Facts, boxed: set[str]) -> Iterable[Problem]:
    """Boxes that leave a picture of their modality, or are absent where others have one."""
    for modality, paths in case.files.items():
        box = case.boxes.get(modality)
        if box is None and modality in boxed:
            yield Problem('no_box', case.case_id, None, modality, 'no box; other cases have one')
        found = [facts[path, role] for path in paths for role in ('image', 'clip') if (path, role) in facts]
        for fact in found:
            message = None if box is None or fact.error else outside(box, fact.width, fact.height)
            if message is not None:
                yield Problem('box_outside', case.case_id, fact.path, modality, message)


def _label_problems(table: CaseTable) -> Iterable[Problem]:
    """Patients whose cases have different labels: right for two lesions, wrong for a typing error."""
    labels: dict[str, dict[str, str]] = defaultdict(dict)
    for case in table.cases:
        if case.label is not None:
            labels[case.patient_id].setdefault(table.classes[case.label], case.case_id)
    for patient, found in labels.items():
        if len(found) > 1:
            words = ', '.join(f'{label} (case {case_id})' for label, case_id in found.items())
            yield Problem('two_labels', list(found.values())[1], None, None, f'patient {patient} has labels {words}')


def _leaks(table: CaseTable) -> Iterable[Problem]:
    """Clinical variables that nearly determine the label by themselves."""
    presence = presence_leaks(table.schema.modalities, table.cases, table.classes)
    for name, reason in presence.items():
        text = f'whether a case has {name} seems to contain the label: {reason}'
        yield Problem('label_leak', None, None, name.rpartition(' ')[2], text)
    for name, reason in label_leaks(table.schema, table.cases, table.classes).items():
        yield Problem('label_leak', None, None, CLINICAL, f'{name} seems to contain the label: {reason}')


def _part_problems(cases: Sequence[Case], parts: Mapping[str, str]) -> Iterable[Problem]:
    first: dict[str, Case] = {}
    for case in cases:
        part = parts.get(case.case_id)
        other = first.setdefault(case.patient_id, case) if part is not None else case
        if part is not None and parts[other.case_id] != part:
            message = (
                f'patient {case.patient_id} is in {part} and, with case {other.case_id}, in {parts[other.case_id]}'
            )
            yield Problem('two_parts', case.case_id, None, None, message)


def _same_files(cases: Sequence[Case], facts: Facts, parts: Mapping[str, str], schema: Schema) -> Iterable[Problem]:
    """Equal content under two patients (blocking), or twice under one; masks and blank pictures may be equal."""
    digests = {path: fact.sha256 for (path, _), fact in facts.items() if fact.sha256 and not fact.blank}
    first: dict[str, tuple[Case, Path]] = {}
    for case in cases:
        column_of: dict[Path, tuple[str, str]] = {}  # file -> modality and its column
        for modality, paths in case.files.items():
            for path in paths:
                column = schema.column(modality)
                other_modality, other_column = column_of.setdefault(path, (modality, column))
                if other_column != column:
                    yield Problem(
                        'same_file', case.case_id, path, modality, f'the file is that of {other_modality} too'
                    )
                if path not in digests:
                    continue
                other, other_path = first.setdefault(digests[path], (case, path))
                if (other, other_path) == (case, path):
                    continue
                here, there = parts.get(case.case_id), parts.get(other.case_id)
                words = f' (parts {there} and {here})' if here != there else ''
                who = f'case {other.case_id} of patient {other.patient_id}{words}'
                two = other.patient_id != case.patient_id
                kind = 'same_file_two_patients' if two else 'same_file'
                yield Problem(kind, case.case_id, path, modality, f'the same content as {other_path.name} of {who}')
