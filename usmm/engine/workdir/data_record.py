"""The record of a run's data: what each case was when the run began, to notice when table or files change later."""

from __future__ import annotations

import csv
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.logging import print_log

from usmm.datasets import CaseDataset
from usmm.datasets.data_digest import data_digest
from usmm.structures import Case
from usmm.utils import work_files
from usmm.utils.atomic_files import atomic_text
from usmm.utils.digests import value_digest

COLUMNS = ('case_id', 'patient_id', 'part', 'label', 'values', 'files')
# column of the record -> how a message names it
CHANGES = {'label': 'label', 'patient_id': 'patient id', 'values': 'clinical values or boxes', 'files': 'files'}
SHOWN = 5  # cases named for each kind of change


@dataclass(frozen=True)
class CaseRecord:
    """A case as a run used it.

    Args:
        case_id, patient_id, label: As in predictions.csv; the label is a class name, or empty where unknown.
        part: `train`, `val` or `test`.
        values: Digest of its clinical values and boxes.
        files: Digest of the content of its files and masks.
    """

    case_id: str
    patient_id: str
    part: str
    label: str
    values: str
    files: str


def keep_record(
    folder: Path, parts: Mapping[str, CaseDataset], classes: Sequence[str], origin: Path | None = None
) -> None:
    """Write the record of a run that starts, unless its data are not those of the runs that it belongs to.

    Args:
        folder: Its work directory; the folds beside that of a fold must have the same data.
        parts: Part -> its data set.
        classes: Class names.
        origin: Work directory of the run that it goes on from, with the data of that run; None: it starts anew.

    Raises:
        ValueError: The data have changed; names the cases.
    """
    problem: list[str | None] = [None]
    if is_main_process():
        records = record_cases(parts, classes)
        try:
            _check_same(folder, records, origin)
            write_records(folder, records)
        except ValueError as error:
            problem = [str(error)]
    broadcast_object_list(problem)  # all processes stop, or none does
    if problem[0] is not None:
        raise ValueError(problem[0])


def check_finished(
    folder: Path, parts: Mapping[str, CaseDataset], classes: Sequence[str], skipped: Collection[str] = ()
) -> None:
    """See that a finished fold, which is not run again, has the data of now.

    Args:
        folder: Its work directory; without a record nothing is compared.
        parts, classes: As in `keep_record`.
        skipped: Cases that the fold left out because their files could not be used.

    Raises:
        ValueError: The data have changed; names the cases.
    """
    before = read_records(folder)
    if before is None:
        return
    kept, left_out = {record.case_id for record in before}, set(skipped)
    cases = [(case, part) for part, data in parts.items() for case in data.cases]
    now = [_record(case, part, classes) for case, part in cases if case.case_id in kept or case.case_id not in left_out]
    _refuse(folder, [*other_cases(before, now), *changed_cases(before, now)])


def report_changes(run: Path, data: CaseDataset, classes: Sequence[str]) -> list[str]:
    """Log how cases that a model is tested on differ from what they were when its training began.

    Args:
        run: Folder of the weights: the work directory, or a stage in it. Without a record nothing is compared.
        data: The cases to test on.
        classes: Class names.

    Returns:
        What was logged, one sentence for each kind of change.
    """
    folder = next((f for f in (run, run.parent) if (f / work_files.DATA).is_file()), None)
    before = read_records(folder) if folder is not None else None
    if not before or not is_main_process():
        return []
    ids = {record.case_id for record in before}
    changed = changed_cases(before, [_record(case, '', classes) for case in data.cases if case.case_id in ids])
    for text in changed:
        message = f'part {data.part or "all"!r}: the data have changed since the training in {folder}: {text}'
        print_log(message, 'current', logging.WARNING)
    return changed


def record_cases(parts: Mapping[str, CaseDataset], classes: Sequence[str]) -> list[CaseRecord]:
    """The records of the cases of a run; every file is read once for its digest.

    Args:
        parts: Part -> its data set.
        classes: Class names.
    """
    return [_record(case, part, classes) for part, data in parts.items() for case in data.cases]


def write_records(folder: Path, records: Sequence[CaseRecord]) -> None:
    """Write `data_record.csv` into a work directory, whole or not at all."""
    with atomic_text(folder / work_files.DATA) as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(COLUMNS)
        writer.writerows([getattr(record, column) for column in COLUMNS] for record in records)


def read_records(folder: Path) -> list[CaseRecord] | None:
    """The records of a work directory; None where it has none, as one of an earlier version.

    Raises:
        ValueError: The file is damaged.
    """
    path = folder / work_files.DATA
    if not path.is_file():
        return None
    with path.open(newline='', encoding='utf-8') as file:
        try:
            return [CaseRecord(**{column: row[column] for column in COLUMNS}) for row in csv.DictReader(file)]
        except (KeyError, csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f'{path} is damaged ({error}): use another work_dir, or remove this folder') from error


def changed_cases(before: Iterable[CaseRecord], now: Iterable[CaseRecord]) -> list[str]:
    """How the cases that both records hold differ, one sentence for each kind of change.

    Args:
        before, now: Records; parts are not compared, as they differ from fold to fold.

    Example:
        >>> before = [CaseRecord('c1', 'p1', 'test', 'benign', 'v', 'f')]
        >>> changed_cases(before, [CaseRecord('c1', 'p1', 'train', 'malignant', 'v', 'f')])
        ['label of 1 case (c1: benign -> malignant)']
    """
    old = {record.case_id: record for record in before}
    pairs = [(old[record.case_id], record) for record in now if record.case_id in old]
    texts = []
    for column, name in CHANGES.items():
        differing = [(a, b) for a, b in pairs if getattr(a, column) != getattr(b, column)]
        if not differing:
            continue
        shown = [
            f'{a.case_id}: {getattr(a, column)} -> {getattr(b, column)}' if column in ('label', 'patient_id')
            else a.case_id for a, b in differing[:SHOWN]
        ]  # fmt: skip
        more = ', ...' if len(differing) > SHOWN else ''
        texts.append(f'{name} of {_cases(len(differing))} ({", ".join(shown)}{more})')
    return texts


def moved_cases(before: Iterable[CaseRecord], now: Iterable[CaseRecord]) -> list[str]:
    """Which cases are in another part than before, as a sentence.

    Args:
        before, now: Records of one run.
    """
    old = {record.case_id: record.part for record in before}
    moved = [f'{r.case_id}: {old[r.case_id]} -> {r.part}' for r in now if old.get(r.case_id, r.part) != r.part]
    more = ', ...' if len(moved) > SHOWN else ''
    return [f'part of {_cases(len(moved))} ({", ".join(moved[:SHOWN])}{more})'] if moved else []


def other_cases(before: Iterable[CaseRecord], now: Iterable[CaseRecord]) -> list[str]:
    """Which cases only one of two records holds, one sentence for each."""
    old, new = {r.case_id for r in before}, {r.case_id for r in now}
    return [
        f'{_cases(len(ids))} {text} ({", ".join(sorted(ids)[:SHOWN])}{", ..." if len(ids) > SHOWN else ""})'
        for text, ids in (('no longer there', old - new), ('added', new - old))
        if ids
    ]


def _check_same(folder: Path, records: Sequence[CaseRecord], origin: Path | None) -> None:
    before = read_records(origin) if origin is not None else None
    if origin is not None and before is not None:
        moved = moved_cases(before, records)
        _refuse(origin, [*other_cases(before, records), *moved, *changed_cases(before, records)])
    elif origin is not None:
        text = f'{origin} has no {work_files.DATA}, so that the data of the run there cannot be compared'
        print_log(text, 'current', logging.WARNING)
    if folder.name.startswith(work_files.FOLD_PREFIX):
        for other in sorted(folder.parent.glob(f'{work_files.FOLD_PREFIX}*')):
            if other.name != folder.name:
                theirs = read_records(other)
                if theirs is not None:
                    _refuse(other, [*other_cases(theirs, records), *changed_cases(theirs, records)])


def _refuse(folder: Path, changed: Sequence[str]) -> None:
    if changed:
        raise ValueError(
            f'the data have changed since {folder} was begun: {"; ".join(changed)}; go on with the data of that time, '
            'or start anew in another work_dir'
        )


def _cases(count: int) -> str:
    return f'{count} case{"" if count == 1 else "s"}'


def _record(case: Case, part: str, classes: Sequence[str]) -> CaseRecord:
    label = '' if case.label is None else str(classes[case.label])
    values = value_digest([case.clinical, case.boxes], default=str)[:16]
    return CaseRecord(case.case_id, case.patient_id, part, label, values, _digest_of_files(case))


def _digest_of_files(case: Case) -> str:
    content = [
        {modality: [data_digest(file) for file in files] for modality, files in of.items()}
        for of in (case.files, case.mask_files)
    ]
    views = {m: [[view.name, len(view.masks)] for view in views] for m, views in case.views.items()}
    return value_digest([*content, views] if views else content)[:16]
