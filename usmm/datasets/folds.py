"""Folds and parts of a cohort: stratified by label, grouped by patient, the same for the same seed in any row order."""

from __future__ import annotations

import csv
import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from usmm.datasets.case_table import PARTS, CaseTable
from usmm.datasets.checks.picture_digests import Picture, first_picture, picture_digest
from usmm.datasets.data_digest import data_digest
from usmm.datasets.split_settings import Split
from usmm.readers import DataError
from usmm.registry import FUNCTIONS
from usmm.structures import Case, patient_key
from usmm.utils.atomic_files import atomic_text

COLUMNS = ('case_id', 'patient_id', 'label', 'fold')


@FUNCTIONS.register_module()
def make_folds(
    case_ids: Sequence[str],
    patient_ids: Sequence[str],
    labels: Sequence[int | str | None],
    folds: int,
    seed: int = 0,
) -> np.ndarray:
    """Deal patients into folds so that each fold has its share of every label.

    Patients are dealt one by one, those with most cases first, each to the fold that has least of the patient's
    labels (then fewest cases). With one case a patient, folds differ by at most one case in size and in every label.

    Args:
        case_ids, patient_ids: One id a case; all cases of a patient get the same fold.
        labels: Label of each case; None (unknown) counts as a label of its own.
        folds: How many.
        seed: Another seed deals differently.

    Returns:
        (N,) int, the fold of each case, from 0.

    Raises:
        ValueError: Lists of different lengths, a case id twice, or fewer patients than folds.

    Example:
        >>> make_folds(['a', 'b', 'c', 'd'], ['p1', 'p1', 'p2', 'p2'], [0, 0, 1, 1], folds=2).tolist() in (
        ...     [0, 0, 1, 1], [1, 1, 0, 0])
        True
    """
    patients, counts = _patients(case_ids, patient_ids, labels)
    if not 2 <= folds <= len(patients):
        raise ValueError(f'{folds} folds need 2 or more folds and as many patients, got {len(patients)} patients')
    share = counts / np.maximum(counts.sum(0), 1)
    order = sorted(range(len(patients)), key=lambda i: (-counts[i].sum(), *(-counts[i]), _hash(seed, patients[i])))
    turn = np.random.default_rng(seed).permutation(folds)
    held, fold_of = np.zeros((folds, counts.shape[1])), np.empty(len(patients), dtype=int)
    for i in order:
        cost = held @ share[i]
        best = min(turn, key=lambda f: (round(float(cost[f]), 9), held[f].sum()))
        fold_of[i] = best
        held[best] += counts[i]
    index = {patient: i for i, patient in enumerate(patients)}
    return np.array([fold_of[index[str(p)]] for p in patient_ids], dtype=int)


def inner_split(
    case_ids: Sequence[str],
    patient_ids: Sequence[str],
    labels: Sequence[int | str | None],
    val_ratio: float = 0.2,
    seed: int = 0,
) -> np.ndarray:
    """Cut a validation part from the training cases: by patient, with its share of every label.

    Starting from nothing, the patient who brings the part closest to its share of every label and of all cases is
    moved over, until nobody brings it closer.

    Args:
        case_ids, patient_ids, labels: As in `make_folds`.
        val_ratio: Share of the cases, between 0 and 1.
        seed: Another seed cuts differently.

    Returns:
        (N,) bool, True for validation; at least one patient on each side.

    Raises:
        ValueError: A ratio outside (0, 1), or fewer than two patients.
    """
    patients, counts = _patients(case_ids, patient_ids, labels)
    if not 0 < val_ratio < 1:
        raise ValueError(f'val_ratio must lie between 0 and 1, got {val_ratio}')
    if len(patients) < 2:
        raise ValueError(f'a validation part needs 2 or more patients, got {len(patients)}')
    counts = np.concatenate([counts, counts.sum(1, keepdims=True)], axis=1)  # the last column: all cases
    weight = 1 / np.maximum(counts.sum(0), 1)
    order = np.array(sorted(range(len(patients)), key=lambda i: _hash(seed, patients[i])))
    missing = val_ratio * counts.sum(0)
    chosen = np.zeros(len(patients), dtype=bool)
    while chosen.sum() < len(patients) - 1:
        free = order[~chosen[order]]
        gain = ((missing**2 - (missing - counts[free]) ** 2) * weight).sum(1).round(9)
        best = int(np.argmax(gain))
        if gain[best] <= 0 and chosen.any():
            break
        chosen[free[best]] = True
        missing = missing - counts[free[best]]
    held_out = {patients[i] for i in np.flatnonzero(chosen)}
    return np.array([str(p) in held_out for p in patient_ids], dtype=bool)


def write_folds(
    path: str | Path,
    case_ids: Sequence[str],
    patient_ids: Sequence[str],
    labels: Sequence[str],
    folds: Sequence[int] | np.ndarray,
) -> None:
    """Write `folds.csv` (case_id, patient_id, label, fold; labels as class names), whole or not at all."""
    with atomic_text(path) as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(COLUMNS)
        writer.writerows(zip(case_ids, patient_ids, labels, [int(f) for f in folds], strict=True))


def read_folds(
    path: str | Path,
    case_ids: Sequence[str],
    patient_ids: Sequence[str],
    folds: int,
    labels: Sequence[str] | None = None,
) -> np.ndarray:
    """Read `folds.csv` for these cases.

    Args:
        path: The file.
        case_ids, patient_ids: The cases of the table, which must be those of the file.
        folds: How many folds the file must have.
        labels: Class names of the cases, which must be those of the file where it has labels; None: not compared.

    Returns:
        (N,) int, the fold of each case, in the order of `case_ids`.

    Raises:
        DataError: Other columns, other cases, patients or labels, another number of folds, or a patient in two folds;
            names them.
    """
    path = Path(path)
    with path.open(newline='', encoding='utf-8-sig') as file:
        rows = list(csv.DictReader(file))
    if rows and not {'case_id', 'fold'} <= set(rows[0]):
        raise DataError(f'expected the columns {list(COLUMNS)}, got {list(rows[0])}', file=path)
    found = {row['case_id']: row['fold'] for row in rows}
    only_file = sorted(set(found) - set(case_ids))
    only_table = sorted(set(case_ids) - set(found))
    if only_file or only_table or len(found) < len(rows):
        twice = len(rows) - len(found)
        raise DataError(
            f'the folds were made for other cases: {len(only_file)} are only in this file ({_few(only_file)}), '
            f'{len(only_table)} only in the case table ({_few(only_table)}), {twice} lines are double; '
            'delete the file to make new folds',
            file=path,
        )
    for column, values in (('patient_id', patient_ids), ('label', labels)):
        if rows and column in rows[0] and values is not None:
            _check_column(path, rows, column, dict(zip(case_ids, values)))
    wrong = sorted({fold for fold in found.values() if fold not in {str(k) for k in range(folds)}})
    if wrong or len(set(found.values())) != folds:
        got = sorted(set(found.values()))
        raise DataError(
            f'expected folds 0 to {folds - 1}, got {got}; delete the file to make new folds, or use another work_dir',
            file=path,
        )
    result = np.array([int(found[c]) for c in case_ids], dtype=int)
    _check_grouped(path, patient_ids, result)
    return result


def _check_column(path: Path, rows: Sequence[Mapping[str, str]], column: str, now: Mapping[str, str]) -> None:
    pairs = [(row['case_id'], row[column], now[row['case_id']]) for row in rows]
    changed = [f'{case}: {old} -> {new}' for case, old, new in pairs if old != new]
    if changed:
        raise DataError(
            f'the folds were made with another {column.replace("_", " ")} for {len(changed)} cases ({_few(changed)}); '
            'the case table has changed since: use the table of that time, or another work_dir with new folds',
            file=path,
        )


def check_disjoint(parts: Mapping[str, Sequence[Case]]) -> None:
    """Check that no patient, no file and no copy of a file stands in two parts.

    Ids that differ in case or blanks alone are one patient here. Files are compared by content (SHA-256), but only
    those of one size are read.

    Args:
        parts: Name of a part -> its cases.

    Raises:
        DataError: Names the parts and the patients or files that cross them.

    Example:
        >>> check_disjoint({'train': [Case('a', 'p1')], 'test': [Case('b', 'p2')]})
    """
    names = list(parts)
    patients = {name: {c.patient_id for c in parts[name]} for name in names}
    keys = {name: {patient_key(p): p for p in sorted(patients[name])} for name in names}
    files = {name: {os.path.realpath(f) for c in parts[name] for fs in c.files.values() for f in fs} for name in names}
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            for what, sets in (('patients', patients), ('files', files)):
                shared = sorted(sets[one] & sets[other])
                if shared:
                    raise DataError(f'{len(shared)} {what} are both in {one} and in {other}: {_few(shared)}')
            twins = [f'{keys[one][k]!r} and {keys[other][k]!r}' for k in sorted(keys[one].keys() & keys[other].keys())]
            if twins:
                raise DataError(
                    f'patients in {one} and in {other} have ids that differ in case or blanks alone: {_few(twins)}'
                )
    _check_copies(files)


def _check_copies(files: Mapping[str, set[str]]) -> None:
    """Check that no file has the same content as one of another part."""
    by_size: dict[int, list[tuple[str, str]]] = {}
    for part, paths in files.items():
        for path in paths:
            if Path(path).is_file():  # absent and empty files are other checks' business
                by_size.setdefault(Path(path).stat().st_size, []).append((part, path))
    for size, group in by_size.items():
        if size == 0 or len({part for part, _ in group}) < 2:
            continue
        seen: dict[str, tuple[str, str]] = {}
        for part, path in sorted(group):
            other, twin = seen.setdefault(data_digest(path), (part, path))
            if other != part and not _is_blank(Path(path)):
                raise DataError(f'the same picture is in {other} ({twin}) and in {part}', file=path)


def _is_blank(path: Path) -> bool:
    """Whether a file shows nothing, as black pictures of two patients may; one that cannot be read is not blank."""
    for find in (Picture, first_picture):
        try:
            return picture_digest(find(path)).blank
        except DataError:
            continue
    return False


def _patients(
    case_ids: Sequence[str], patient_ids: Sequence[str], labels: Sequence[int | str | None]
) -> tuple[list[str], np.ndarray]:
    """Sorted patients, and (patients, labels) counts of their cases."""
    if not len(case_ids) == len(patient_ids) == len(labels):
        raise ValueError(f'{len(case_ids)} case ids, {len(patient_ids)} patient ids and {len(labels)} labels')
    if len(set(case_ids)) < len(case_ids):
        raise ValueError('a case id is given twice')
    patients = sorted({str(p) for p in patient_ids})
    names = sorted({str(label) for label in labels})
    row, column = {p: i for i, p in enumerate(patients)}, {n: i for i, n in enumerate(names)}
    counts = np.zeros((len(patients), len(names)))
    for patient, label in zip(patient_ids, labels):
        counts[row[str(patient)], column[str(label)]] += 1
    return patients, counts


def _hash(seed: int, patient: str) -> str:
    """A seeded order of patients that does not depend on their rows."""
    return hashlib.sha256(f'{seed}\x1f{patient}'.encode()).hexdigest()


def _check_grouped(path: Path, patient_ids: Sequence[str], folds: np.ndarray) -> None:
    seen: dict[str, int] = {}
    crossing = sorted({str(p) for p, f in zip(patient_ids, folds) if seen.setdefault(str(p), int(f)) != f})
    if crossing:
        raise DataError(f'{len(crossing)} patients are in two folds: {_few(crossing)}', file=path)


def _few(names: Sequence[str], limit: int = 5) -> str:
    """The first few names, for a message."""
    return ', '.join(names[:limit]) + (', ...' if len(names) > limit else '') if names else 'none'


def split_cases(table: CaseTable, split: Split) -> dict[str, list[Case]]:
    """Divide the cases of a table, and check that no patient and no file crosses.

    A table with a split column keeps its own parts: its `test` cases test; its `val` cases validate when selection
    is `'inner'` (without any, the cut is made) and train otherwise.

    Args:
        table: The table; every case of it takes part, so that all models of a study see the same folds.
        split: How.

    Returns:
        `train`, `val` and `test`, each in the order of the table.

    Raises:
        DataError: A patient or a file is in two parts, or a folds file that does not fit.
        ValueError: selection `'test'` without a test part.
    """
    cases = table.cases
    if table.schema.split is not None:
        if split.fold != 0:
            raise ValueError(
                f'split.fold={split.fold} has no effect: the parts are those of the column {table.schema.split!r}; '
                'remove the setting, or schema.split to make folds'
            )
        part = np.array([table.parts.get(c.case_id, 'train') for c in cases], dtype=object)
    else:
        part = np.where(_test_mask(table, split), 'test', 'train').astype(object)
    if split.selection == 'test' and not (part == 'test').any():
        raise ValueError("selection='test' needs a test part: give folds, or a split column with test cases")
    if split.selection != 'inner':
        if moved := int((part == 'val').sum()):
            text = f'{moved} cases that the column {table.schema.split!r} marks for validation are trained on'
            print_log(f'{table.path}: {text}, as split.selection is {split.selection!r}', 'current', logging.WARNING)
        part[part == 'val'] = 'train'
    elif not (part == 'val').any():
        _cut_validation(cases, part, split)
    parts = {name: [c for c, p in zip(cases, part) if p == name] for name in PARTS}
    check_disjoint(parts)
    if split.selection == 'test':
        parts['val'] = list(parts['test'])
    return parts


def forget_folds(config: Mapping[str, Any]) -> None:
    """Remove the folds that an earlier run made in the work directory of a config, so that a new start makes its own.

    Args:
        config: A resolved config; a file of folds elsewhere stays.
    """
    file = (config.get('split') or {}).get('file')
    if file is not None and Path(file).absolute().parent == Path(config['work_dir']).absolute():
        Path(file).unlink(missing_ok=True)


def table_folds(table: CaseTable, split: Split) -> np.ndarray:
    """The fold of each case, (N,) int: read from the split's file where it is present, else made and written there."""
    ids, patients = [c.case_id for c in table.cases], [c.patient_id for c in table.cases]
    folds = split.folds or 1
    names = ['' if c.label is None else table.classes[c.label] for c in table.cases]
    if split.file is not None and Path(split.file).is_file():
        kept = read_folds(split.file, ids, patients, folds, names)
        if folds > 1 and (kept != make_folds(ids, patients, [c.label for c in table.cases], folds, split.seed)).any():
            text = f'the folds are those of {split.file}, which the seed {split.seed} would make differently'
            print_log(f'{text}; remove the file to make them anew', 'current', logging.INFO)
        return kept
    result = make_folds(ids, patients, [c.label for c in table.cases], folds, split.seed)
    if split.file is not None:
        write_folds(split.file, ids, patients, names, result)
    return result


def _test_mask(table: CaseTable, split: Split) -> np.ndarray:
    if split.folds is None or split.folds == 1:
        return np.zeros(len(table.cases), dtype=bool)
    return table_folds(table, split) == split.fold


def _cut_validation(cases: list[Case], part: np.ndarray, split: Split) -> None:
    """Turn some of the `train` entries of `part` into `val`; every fold gets its own cut."""
    rows = np.flatnonzero(part == 'train')
    train = [cases[i] for i in rows]
    val = inner_split(
        [c.case_id for c in train],
        [c.patient_id for c in train],
        [c.label for c in train],
        split.val_ratio,
        seed=split.seed * 1000 + split.fold,
    )
    part[rows[val]] = 'val'
