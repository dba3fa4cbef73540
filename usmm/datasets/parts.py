"""Which cases of a table train, validate and test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any

import numpy as np

from usmm.case import Case
from usmm.datasets.case_table import PARTS, CaseTable, nearest
from usmm.datasets.folds import check_disjoint, inner_split, make_folds, read_folds, write_folds

SELECTIONS = ('inner', 'last', 'test')


@dataclass(frozen=True)
class Split:
    """How a table is divided; ignored in part where the table has its own split column.

    Args:
        folds: Number of folds; None or 1: no test part.
        fold: Which fold tests.
        seed: Of the folds and of the inner cut.
        val_ratio: Share of the training cases that the inner cut takes for validation.
        selection: What chooses the model. `'inner'`: a validation part cut from the training cases by patient.
            `'last'`: nothing, so all non-test cases train and the validation part is empty. `'test'`: the test part,
            as some papers do; all non-test cases train, and validation and test are the same cases.
        file: `folds.csv`: read where present, else written. Not used with a split column.
    """

    folds: int | None = 3
    fold: int = 0
    seed: int = 0
    val_ratio: float = 0.2
    selection: str = 'inner'
    file: str | Path | None = None

    def __post_init__(self) -> None:
        if self.selection not in SELECTIONS:
            hint = nearest(str(self.selection), SELECTIONS)
            raise ValueError(f'selection must be one of {list(SELECTIONS)}, got {self.selection!r}{hint}')
        if self.folds is not None and self.folds < 1:
            raise ValueError(f'folds must be None or 1 or more, got {self.folds}')
        if not 0 <= self.fold < (self.folds or 1):
            raise ValueError(f'fold must lie between 0 and {(self.folds or 1) - 1}, got {self.fold}')
        if not 0 < self.val_ratio < 1:
            raise ValueError(f'val_ratio must lie between 0 and 1, got {self.val_ratio}')

    @classmethod
    def of(cls, value: Split | Mapping[str, Any] | None) -> Split:
        """A split from itself, from a config's dict (an unknown key is an error), or the default from None."""
        if isinstance(value, Split):
            return value
        known = [f.name for f in dataclass_fields(cls)]
        for key in value or {}:
            if key not in known:
                raise ValueError(f'unknown split key {key!r}; valid keys are {known}{nearest(key, known)}')
        return cls(**(value or {}))


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
        part = np.array([table.parts.get(c.case_id, 'train') for c in cases], dtype=object)
    else:
        part = np.where(_test_mask(table, split), 'test', 'train').astype(object)
    if split.selection == 'test' and not (part == 'test').any():
        raise ValueError("selection='test' needs a test part: give folds, or a split column with test cases")
    if split.selection != 'inner':
        part[part == 'val'] = 'train'
    elif not (part == 'val').any():
        _cut_validation(cases, part, split)
    parts = {name: [c for c, p in zip(cases, part) if p == name] for name in PARTS}
    check_disjoint(parts)
    if split.selection == 'test':
        parts['val'] = list(parts['test'])
    return parts


def table_folds(table: CaseTable, split: Split) -> np.ndarray:
    """The fold of each case, (N,) int: read from the split's file where it is present, else made and written there."""
    ids, patients = [c.case_id for c in table.cases], [c.patient_id for c in table.cases]
    folds = split.folds or 1
    if split.file is not None and Path(split.file).is_file():
        return read_folds(split.file, ids, patients, folds)
    result = make_folds(ids, patients, [c.label for c in table.cases], folds, split.seed)
    if split.file is not None:
        names = ['' if c.label is None else table.classes[c.label] for c in table.cases]
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
