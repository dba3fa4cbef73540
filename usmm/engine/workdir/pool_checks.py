"""What must hold before the predictions of folds are pooled: unchanged files, the same data, the same training."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmengine.logging import print_log

from usmm.engine.workdir.data_record import SHOWN, CaseRecord, changed_cases, other_cases, read_records
from usmm.engine.workdir.fold_record import check_same_flags, read_fold_record
from usmm.utils import work_files
from usmm.utils.digests import file_digest

Rows = Sequence[Mapping[str, object]]


def check_pool(folds: Mapping[Path, Rows]) -> list[str]:
    """See that folds had the same data and flags, and that their predictions are as they were written.

    Args:
        folds: Work directory of a fold -> the rows of its test part, as `read_predictions` returns them.

    Returns:
        What could not be compared, one sentence each, as in folds of an earlier version; it is logged, too.

    Raises:
        ValueError: Predictions are not those of the fold, or flags or data changed between two folds; names the cases.
    """
    unsigned = []
    for folder, rows in folds.items():
        _check_once(folder, rows)
        record = read_fold_record(folder)
        if record is None or record.predictions is None:
            unsigned.append(folder)
    check_same_flags([*folds])
    unrecorded = _check_data(folds)
    for folder in folds:  # after the data, which name the lines that differ
        _check_digest(folder)
    texts = []
    if unsigned:
        texts.append(
            f'{_folds(unsigned, folds)} without a record of flags and a checksum of predictions '
            f'({work_files.FOLD_RECORD}): whether predictions are as they were written is not known'
        )
    if unrecorded:
        texts.append(
            f'{_folds(unrecorded, folds)} without a record of the data ({work_files.DATA}): whether the table and '
            'the files were the same as in the other folds is not known'
        )
    processes = {record.processes for f in folds if (record := read_fold_record(f)) is not None}
    if len(processes) > 1:
        texts.append(f'the folds were trained by different numbers of processes: {sorted(processes)}')
    for text in texts:
        print_log(text, 'current', logging.WARNING)
    return texts


def _check_data(folds: Mapping[Path, Rows]) -> list[Path]:
    """Compare the records of the data; returns the folds that have none."""
    first: tuple[Path, Sequence[CaseRecord]] | None = None
    unrecorded = []
    for folder, rows in folds.items():
        records = read_records(folder)
        if records is None:
            unrecorded.append(folder)
            continue
        first = first or (folder, records)
        changed = [*other_cases(first[1], records), *changed_cases(first[1], records)]
        if changed:
            raise ValueError(
                f'the data have changed between {first[0]} and {folder}: {"; ".join(changed)}; their predictions '
                'cannot be pooled. Remove the folds of one of both states and run them again'
            )
        _check_predictions(folder, [record for record in records if record.part == 'test'], rows)
    return unrecorded


def _check_once(folder: Path, rows: Rows) -> None:
    twice = [case for case, count in Counter(str(row['case_id']) for row in rows).items() if count > 1]
    if twice:
        raise ValueError(
            f'{folder / work_files.PREDICTIONS} has several lines of the test part for {len(twice)} cases '
            f'({", ".join(twice[:SHOWN])}). Remove {folder} and run the fold again'
        )


def _check_digest(folder: Path) -> None:
    record, path = read_fold_record(folder), folder / work_files.PREDICTIONS
    if record is not None and record.predictions is not None and record.predictions != file_digest(path):
        raise ValueError(
            f'{path} was changed after the fold: its SHA-256 is not the one in {work_files.FOLD_RECORD}. Restore the '
            f'file, or remove {folder} and run the fold again'
        )


def _check_predictions(folder: Path, records: Sequence[CaseRecord], rows: Rows) -> None:
    expected = {r.case_id: (r.patient_id, r.label) for r in records}
    got = {str(row['case_id']): (str(row['patient_id']), str(row['label'])) for row in rows}
    texts = {
        'lost': sorted(expected.keys() - got.keys()),
        'of cases that are not in the test part': sorted(got.keys() - expected.keys()),
        'with another patient or label': sorted(c for c in expected.keys() & got.keys() if expected[c] != got[c]),
    }
    wrong = [f'{len(ids)} {text} ({", ".join(ids[:SHOWN])})' for text, ids in texts.items() if ids]
    if wrong:
        raise ValueError(
            f'{folder / work_files.PREDICTIONS} was changed after the fold: lines {"; ".join(wrong)}. Remove {folder} '
            'and run the fold again'
        )


def _folds(some: Sequence[Path], folds: Mapping[Path, Rows]) -> str:
    names = [
        str(Path(f.parent.name, f.name)) if f.parent.name.startswith(work_files.SEED_PREFIX) else f.name for f in some
    ]
    more = ', ...' if len(names) > SHOWN else ''
    return f'{len(some)} of {len(folds)} folds ({", ".join(names[:SHOWN])}{more}) {"is" if len(some) == 1 else "are"}'
