"""The patient table of a paper: every variable by group, with what is missing, the p value and the test behind it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from usmm.evaluation.stats.group_tests import GroupTest, compare_categories, compare_numbers, shapiro_pvalue
from usmm.evaluation.stats.multiple import holm as correct
from usmm.evaluation.stats.validation import Floats

ALL = 'all'
NONE = '-'


@dataclass(frozen=True)
class Column:
    """One variable of a cohort.

    Args:
        name: Name of the variable.
        values: A value a patient: number or category, None or nan where missing.
        unit: Unit of a number.
        levels: The categories in their order; None: a number. Categories that are not named follow, sorted.
    """

    name: str
    values: Sequence[float | str | None]
    unit: str | None = None
    levels: tuple[str, ...] | None = None


@dataclass(frozen=True)
class TableRow:
    """One variable, with one line of cells (a number) or one line a category.

    Args:
        name: The variable with its unit and what its cells are, such as `age (year), mean ± SD`.
        lines: (category or '', group -> cell) of each line.
        missing: Group -> patients without a value.
        test: The comparison of the groups.
        adjusted: p value after Holm's correction over the rows of the table; None where it was not asked.
    """

    name: str
    lines: tuple[tuple[str, Mapping[str, str]], ...]
    missing: Mapping[str, int]
    test: GroupTest
    adjusted: float | None = None


@dataclass(frozen=True)
class PatientTable:
    """The rows, and what stands around them.

    Args:
        sizes: Column -> patients: all, then each group.
        rows: One a variable.
        notes: What a reader must know: how cells were made, who was left out.
    """

    sizes: dict[str, int]
    rows: tuple[TableRow, ...]
    notes: tuple[str, ...] = field(default=())


def make_table(
    columns: Sequence[Column],
    groups: Sequence[Hashable | None],
    order: Sequence[str] | None = None,
    holm: bool = False,
    equal_variances: bool = False,
    notes: Sequence[str] = (),
) -> PatientTable:
    """Describe and compare the variables of a cohort.

    A number is mean ± SD (n - 1) where Shapiro-Wilk finds every group normal, else median [first to third quartile]; a
    category is n (%) of those with a value. `group_tests` chooses the tests.

    Args:
        columns: The variables, each with a value for every patient.
        groups: The group of each patient; None: counted in `all`, not compared.
        order: The groups in the order of the table; default: sorted.
        holm: Correct the p values for the number of tested variables.
        equal_variances: See `compare_numbers`.
        notes: Further notes.

    Raises:
        ValueError: No variable, a column of another length, or a group that is not in `order` or called `all`.

    Example:
        >>> table = make_table([Column('age', [40, 50, 60, 41, 52, 66], 'year')], list('aaabbb'))
        >>> table.rows[0].name, table.rows[0].lines[0][1]['b']
        ('age (year), mean ± SD', '53.0 ± 12.5')
    """
    known = [g is not None for g in groups]
    names = [str(g) for g in groups]
    found = sorted({n for n, k in zip(names, known) if k})
    order = found if order is None else [str(g) for g in order]
    _check(columns, len(groups), found, order)
    masks = {ALL: np.ones(len(groups), dtype=bool)}
    masks |= {g: np.array([k and n == g for n, k in zip(names, known)], dtype=bool) for g in order}
    rows = [_row(column, masks, equal_variances) for column in columns]
    if holm:
        adjusted = correct([row.test.pvalue for row in rows])
        rows = [replace(row, adjusted=float(p)) for row, p in zip(rows, adjusted)]
    return PatientTable(
        {name: int(mask.sum()) for name, mask in masks.items()},
        tuple(rows),
        (*_notes(rows, known.count(False), holm), *notes),
    )


def _row(column: Column, masks: Mapping[str, np.ndarray], equal_variances: bool) -> TableRow:
    grouped = [(i, g) for g, mask in masks.items() if g != ALL for i in np.flatnonzero(mask)]
    groups = [g for _, g in grouped]
    if column.levels is None:
        numbers = np.array([math.nan if v is None else float(v) for v in column.values])
        test = compare_numbers(numbers[[i for i, _ in grouped]], groups, equal_variances=equal_variances)
        normal = test.normal if test.normal is not None else _normal(numbers[~np.isnan(numbers)])
        what = 'mean ± SD' if normal else 'median [IQR]'
        unit = f' ({column.unit})' if column.unit else ''
        cells = {g: _number_cell(numbers[mask], normal) for g, mask in masks.items()}
        gone = np.isnan(numbers)
        return TableRow(
            f'{column.name}{unit}, {what}', (('', cells),), {g: int((gone & m).sum()) for g, m in masks.items()}, test
        )
    values = [None if v is None or v != v else str(v) for v in column.values]
    test = compare_categories([values[i] for i, _ in grouped], groups)
    others = sorted({v for v in values if v is not None} - set(column.levels))
    parts = {g: [values[i] for i in np.flatnonzero(mask)] for g, mask in masks.items()}
    lines = [(level, {g: _share(part, level) for g, part in parts.items()}) for level in (*column.levels, *others)]
    return TableRow(f'{column.name}, n (%)', tuple(lines), {g: p.count(None) for g, p in parts.items()}, test)


def _normal(known: Floats) -> bool:
    """Whether all values together look normal: what decides where the groups could not be compared."""
    return len(known) >= 3 and shapiro_pvalue(known) >= 0.05


def _number_cell(values: Floats, normal: bool) -> str:
    known = values[~np.isnan(values)]
    if not len(known):
        return NONE
    quartiles = [float(q) for q in np.percentile(known, [25, 50, 75])]
    spread = float(known.std(ddof=1)) if len(known) > 1 else math.nan
    numbers = [float(known.mean()), spread] if normal else quartiles
    digits = _digits(numbers)
    if normal:
        return f'{numbers[0]:.{digits}f} ± {numbers[1]:.{digits}f}'
    return f'{quartiles[1]:.{digits}f} [{quartiles[0]:.{digits}f} to {quartiles[2]:.{digits}f}]'


def _digits(numbers: Sequence[float]) -> int:
    """Decimals that leave three digits of the largest number, one at least, four at most."""
    largest = max((abs(n) for n in numbers if math.isfinite(n)), default=0.0)
    return 1 if largest == 0 else max(1, min(4, 2 - math.floor(math.log10(largest))))


def _share(part: Sequence[str | None], level: str) -> str:
    known = len(part) - part.count(None)
    count = part.count(level)
    return f'{count} ({100 * count / known:.1f})' if known else NONE


def _notes(rows: Sequence[TableRow], without_group: int, holm: bool) -> list[str]:
    notes = ['p: two-sided, not corrected for the number of variables.'] if not holm else []
    if holm:
        tested = sum(row.test.tested for row in rows)
        notes.append(f'p: two-sided; corrected p: Holm, over the {tested} variables that were tested.')
    if any(sum(row.missing.values()) for row in rows):
        notes.append('Percentages are of the patients with a value; missing: all (by group).')
    notes += [f'{row.name.rpartition(",")[0]}: not tested, {row.test.reason}.' for row in rows if not row.test.tested]
    if without_group:
        notes.append(f'{without_group} patients without a group are counted in "{ALL}" and not compared.')
    return notes


def _check(columns: Sequence[Column], length: int, found: Sequence[str], order: Sequence[str]) -> None:
    if not columns:
        raise ValueError('a patient table needs one variable or more, got none')
    for column in columns:
        if len(column.values) != length:
            raise ValueError(f'{column.name!r} has {len(column.values)} values for {length} patients')
    twice = [c for c, n in Counter(c.name for c in columns).items() if n > 1]
    if twice:
        raise ValueError(f'variables are given twice: {twice}')
    if set(found) - set(order) or ALL in order:
        raise ValueError(f'groups must be among {list(order)} and none may be called {ALL!r}, got {list(found)}')
