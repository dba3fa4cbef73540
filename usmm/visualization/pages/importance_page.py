"""The report of importance: importance.csv, shapley.csv, missing.csv, importance.json, figures, and one page."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from usmm.evaluation.stats.permutation_importance import Drop
from usmm.utils import work_files
from usmm.visualization.figures.fold_figures import draw
from usmm.visualization.figures.importance_figures import bars_figure, swarm_figure, waterfall_figure
from usmm.visualization.pages.page import Block, Page, Pictures, Section, Table, Text, render, write_report
from usmm.visualization.pages.wording import interval, metric_label, number

MINUS = {'brier': 'Brier score', 'log_loss': 'log loss'}  # metrics of which less is better
InputRow = dict[str, str | float]
"""Column of importance.csv -> its cell."""

FORMULA = ('=', '+', '-', '@', '\t', '\r')


@dataclass(frozen=True, eq=False)
class ImportanceResults:
    """What the report tells.

    Args:
        players: Inputs: images, then clinical variables.
        drops: Input or group -> loss of the metric; empty where the cases have too few labels.
        members: Group -> inputs.
        metric: Of the drops.
        case_ids: Of the N cases.
        labels: Class of each case, '' where unknown.
        explained: Class of each case whose probability is told.
        values, se: (n, N) Shapley values of that probability, and the error of their sampling.
        empty, full: (N,) probability with nothing and with everything.
        without: (n, N) probability with one input missing.
        levels: (n, N) from 0 to 1, the colour of a value.
        given: (n, N) values in words, '' for an image.
        classes: Class names.
        facts: Name -> text, for the page and importance.json.
        notes: How things were done.
        alerts: What must be seen before any number.
    """

    players: Sequence[str]
    drops: Mapping[str, Drop]
    members: Mapping[str, Sequence[str]]
    metric: str
    case_ids: Sequence[str]
    labels: Sequence[str]
    explained: Sequence[str]
    values: NDArray[np.float64]
    se: NDArray[np.float64]
    empty: NDArray[np.float64]
    full: NDArray[np.float64]
    without: NDArray[np.float64]
    levels: NDArray[np.float64]
    given: Sequence[Sequence[str]]
    classes: Sequence[str]
    facts: Mapping[str, object] = field(default_factory=dict)
    notes: Sequence[str] = ()
    alerts: Sequence[str] = ()


def report_importance(folder: str | Path, of: ImportanceResults, cases: int = 8) -> dict[str, Path]:
    """Write everything.

    Args:
        folder: Where.
        of: The results.
        cases: Waterfalls to draw, of the first cases.

    Returns:
        Paths by `csv`, `shapley`, `missing`, `json`, `html`.

    Raises:
        ValueError: The Shapley values of a case do not add up.
    """
    gap = np.abs(of.values.sum(0) + of.empty - of.full)
    if gap.size and gap.max() > 1e-6:
        worst = of.case_ids[int(gap.argmax())]
        raise ValueError(f'the Shapley values of case {worst} miss the difference that they share by {gap.max():.2g}')
    out, rows = Path(folder), summary_rows(of)
    facts = [dict(case_id=c, label=y, explained=k) for c, y, k in zip(of.case_ids, of.labels, of.explained)]
    ends = [(float(a), float(b)) for a, b in zip(of.empty, of.full)]
    shares = [dict(zip(of.players, of.values[:, i].tolist())) for i in range(len(facts))]
    removed = [{f'without {p}': float(of.without[j, i]) for j, p in enumerate(of.players)} for i in range(len(facts))]
    content = {
        **of.facts,
        'metric': of.metric,
        'cases': len(facts),
        'inputs': rows,
        'notes': list(of.notes),
        'alerts': list(of.alerts),
    }
    return {
        'csv': write_report(out / 'importance.csv', _csv(rows)),
        'shapley': write_report(
            out / 'shapley.csv', _csv([{**f, 'none': e[0], **s, 'all': e[1]} for f, e, s in zip(facts, ends, shares)])
        ),
        'missing': write_report(
            out / 'missing.csv', _csv([{**f, 'all': e[1], **x} for f, e, x in zip(facts, ends, removed)])
        ),
        'json': write_report(out / 'importance.json', json.dumps(_plain(content), indent=2) + '\n'),
        'html': write_report(out / work_files.REPORT, render(_page(out, of, rows, cases))),
    }


def summary_rows(of: ImportanceResults) -> list[InputRow]:
    """A row for each input, then one for each group (which has no Shapley value of its own)."""
    rows = []
    for name in [*of.players, *(g for g in of.drops if g not in of.players)]:
        drop = of.drops.get(name)
        row: InputRow = dict(input=name, members=';'.join(of.members.get(name, (name,))))
        limits = (math.nan, math.nan) if drop is None else drop.ci
        row |= dict(drop=math.nan if drop is None else drop.estimate, low=limits[0], high=limits[1])
        row['repeats_se'] = math.nan if drop is None else drop.repeats_se
        known = name in of.players
        i = list(of.players).index(name) if known else 0
        row['mean_abs_shapley'] = float(np.abs(of.values[i]).mean()) if known else math.nan
        for c in of.classes:
            mine = np.array([label == c for label in of.labels])
            row[f'mean_shapley_{c}'] = float(of.values[i, mine].mean()) if known and mine.any() else math.nan
        change = of.without[i] - of.full
        row['mean_change_without'] = float(change.mean()) if known else math.nan
        row['mean_abs_change_without'] = float(np.abs(change).mean()) if known else math.nan
        rows.append(row)
    return rows


def _page(folder: Path, of: ImportanceResults, rows: Sequence[InputRow], cases: int) -> Page:
    sections = [
        Section('Shuffled between patients', _shuffled(folder, of)),
        Section('Shapley values', _shapley(folder, of, rows)),
        Section('One input missing', _missing(folder, of, rows)),
        Section('Cases', _cases(folder, of, cases)),
        Section('How it was done', [*(Text(note) for note in of.notes), _facts(of)]),
    ]
    title = f'What matters to {of.facts.get("model", "the model")}'
    subtitle = f'{len(of.players)} inputs, {len(of.case_ids)} cases of part {of.facts.get("part", "test")}'
    return Page(title, subtitle, sections, of.alerts)


def _shuffled(folder: Path, of: ImportanceResults) -> list[Block]:
    if not of.drops:
        return [Text('These cases have too few labels to measure with.')]
    name = MINUS.get(of.metric, metric_label(of.metric))
    label = f'rise of the {name}' if of.metric in MINUS else f'loss of {name}'
    values = {name: d.estimate for name, d in of.drops.items()}
    figure = bars_figure(values, label, {name: d.ci for name, d in of.drops.items()})
    whole = next(iter(of.drops.values()))
    full = -whole.full if of.metric in MINUS else whole.full
    caption = f'{name} with everything as it is: {number(full)}. Lines: 95 % interval, {whole.method}.'
    table = Table(
        ['Input', label, '95 % interval', 'error of the shuffling'],
        [[n, number(d.estimate, sign=True), interval(d.ci, sign=True), number(d.repeats_se)] for n, d in
         sorted(of.drops.items(), key=lambda item: -item[1].estimate)],
    )  # fmt: skip
    note = (
        'Inputs that say the same stand in for one another: each may lose little alone and much together. '
        'The interval is that of the cases; the error of the shuffling shrinks with more repeats.'
    )
    return [Pictures([draw(figure, folder, 'permutation', f'Bars of the {label}', caption, wide=True)]), table,
            Text(note, 'note')]  # fmt: skip


def _shapley(folder: Path, of: ImportanceResults, rows: Sequence[InputRow]) -> list[Block]:
    score = _score(of)
    mean = {str(row['input']): float(row['mean_abs_shapley']) for row in rows if row['input'] in of.players}
    bars = bars_figure(mean, f'mean |Shapley value| of the {score}')
    swarm = swarm_figure(of.values, of.players, of.levels, f'Shapley value of the {score}')
    head = ['Input', 'mean |value|', *(f'mean of {c}' for c in of.classes)]
    by_name = {str(row['input']): row for row in rows}
    table = Table(head, [
        [name, number(value), *(number(by_name[name][f'mean_shapley_{c}'], sign=True) for c in of.classes)]
        for name, value in sorted(mean.items(), key=lambda item: -item[1])
    ])  # fmt: skip
    pictures = Pictures([
        draw(bars, folder, 'shapley_bars', 'Bars of the mean absolute Shapley value', 'Over all cases.', wide=True),
        draw(swarm, folder, 'shapley_swarm', 'Shapley value of every case by input',
             'A point a case. Colours of numbers are ranks, of categories the order of the values.', wide=True),
    ])  # fmt: skip
    blocks: list[Block] = [pictures, table]
    if of.se.any():
        blocks.append(
            Text(f'Largest standard error of a value, from the drawing of orders: {of.se.max():.4f}.', 'note')
        )
    return blocks


def _missing(folder: Path, of: ImportanceResults, rows: Sequence[InputRow]) -> list[Block]:
    label = f'change of the {_score(of)} when it is missing'
    change = of.without - of.full
    figure = swarm_figure(change, of.players, of.levels, label)
    ranked = sorted((r for r in rows if r['input'] in of.players), key=lambda r: -float(r['mean_abs_change_without']))
    table = Table(
        ['Input', 'mean change', 'mean |change|', 'largest |change|'],
        [[str(r['input']), number(r['mean_change_without'], sign=True), number(r['mean_abs_change_without']),
          number(float(np.abs(change[list(of.players).index(str(r['input']))]).max()))] for r in ranked],
    )  # fmt: skip
    alt = 'Change of the score of every case with one input missing'
    return [Pictures([draw(figure, folder, 'missing', alt, 'A point a case.', wide=True)]), table]


def _cases(folder: Path, of: ImportanceResults, cases: int) -> list[Block]:
    items = []
    for i, case in enumerate(of.case_ids[:cases]):
        words = [f'{p} = {g[i]}' if g[i] else p for p, g in zip(of.players, of.given)]
        values = dict(zip(words, of.values[:, i].tolist()))
        title = f'{case}: probability of {of.explained[i]}'
        figure = waterfall_figure(values, float(of.empty[i]), float(of.full[i]), 'probability', title)
        caption = f'Label: {of.labels[i] or "unknown"}.'
        items.append(draw(figure, folder, f'case_{i + 1:02d}', f'Shapley values of case {case}', caption))
    return [Pictures(items)] if items else [Text('No case was drawn.')]


def _facts(of: ImportanceResults) -> Table:
    return Table(['Fact', 'value'], [[name, str(value)] for name, value in of.facts.items()], numbers=False)


def _score(of: ImportanceResults) -> str:
    named = set(of.explained)
    return f'probability of {next(iter(named))}' if len(named) == 1 else 'probability of the predicted class'


def _csv(rows: Sequence[Mapping[str, str | float]]) -> str:
    """CSV text; no cell is a formula to a spreadsheet."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator='\n')
    writer.writerow([_safe(name) for name in (rows[0] if rows else ())])
    for row in rows:
        writer.writerow([f'{round(v, 6) + 0.0:.6f}' if isinstance(v, float) else _safe(v) for v in row.values()])
    return buffer.getvalue()


def _safe(value: object) -> str:
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _plain(value: object) -> object:
    """For JSON: NaN is null."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
