"""Summaries on the console: of a cross-validation, and of the rows of a study."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

SPREAD = 'mean of the folds ± SD (n - 1)'


def summary_table(summary: Mapping[str, Any]) -> Table:
    """Estimate, interval, mean, spread and fold values of every metric in the content of a summary.json."""
    seeds, folds = len(summary['seeds']), summary['folds']
    about = f'{summary["cases"]} cases, {summary["patients"]} patients, {folds} folds'
    about += f', {seeds} seeds' if seeds > 1 else ''
    table = Table(title=f'{summary["config"]}: {about}')
    for name, side in (
        ('metric', 'left'),
        ('estimate', 'right'),
        ('95 % interval', 'right'),
        ('of', 'left'),
        (SPREAD, 'right'),
    ):
        table.add_column(name, justify=side)  # type: ignore[arg-type]
    shown = folds * seeds <= 6
    if shown:
        table.add_column('folds', justify='right')
    for name, found in summary['metrics'].items():
        spread = f'{number(found["mean"])} ± {number(found["std"])}'
        cells = [number(found['estimate']), interval(found['ci95']), found['of'], spread]
        table.add_row(name, *cells, *([' '.join(number(v) for v in found['folds'])] if shown else []))
    return table


def study_table(rows: Sequence[Mapping[str, Any]], reference: str) -> Table:
    """AUC and accuracy of every row of a study, and the paired difference of the AUC to the reference."""
    table = Table(title=f'differences to {reference}')
    best = any(row.get('known_best') is not None for row in rows)
    columns = [
        'row',
        'AUC',
        '95 % interval',
        *(['best possible'] if best else []),
        'accuracy',
        'difference',
        'p (Holm)',
    ]
    for i, name in enumerate(columns):
        table.add_column(name, justify='left' if i == 0 else 'right')
    for row in rows:
        auc, accuracy, found = row['metrics']['auc'], row['metrics']['accuracy'], row['difference']
        change = '-' if found is None else f'{found["estimate"]:+.3f} {interval(found["ci95"], "+.3f")}'
        p = '-' if found is None else f'{found["pvalue"]:.2g} ({found["p_holm"]:.2g})'
        known = [number(row['known_best'])] if best else []
        spread = f'{number(auc["estimate"])} ± {number(auc["std"])}'
        table.add_row(row['name'], spread, interval(auc['ci95']), *known, number(accuracy['estimate']), change, p)
    return table


def number(value: float | None) -> str:
    """Three decimals, or a dash."""
    return '-' if value is None or math.isnan(value) else f'{value:.3f}'


def interval(limits: Sequence[float] | None, form: str = '.3f') -> str:
    """`[low, high]`, or a dash."""
    return '-' if limits is None else f'[{limits[0]:{form}}, {limits[1]:{form}}]'
