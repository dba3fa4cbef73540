"""The page, table and JSON of a comparison of readers with a model."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path

from usmm.evaluation.readers import RATES, ReaderResults, ReaderRow, ReaderTable
from usmm.evaluation.stats import ReaderEstimate
from usmm.evaluation.stats.rate_intervals import Rate
from usmm.utils import work_files
from usmm.utils.json_types import JsonValue
from usmm.visualization.figures.fold_figures import draw
from usmm.visualization.figures.reader_figure import Point, reader_figure
from usmm.visualization.pages.page import Block, Page, Pictures, Section, Table, Text, render, write_report
from usmm.visualization.pages.study_tables import harmless
from usmm.visualization.pages.wording import NOTHING, interval, metric_label, number, p_value

HEAD = ['Reader', 'AUC', *map(metric_label, RATES), 'only the reader right', 'only the model right', 'p']
CAPTION = 'Curve: scores. Points: calls, with intervals of both rates; empty points: with the model.'
READERS = (
    'Readers and cases are taken as samples: the result is about other readers and other patients of the same kind.'
)


def results_table(results: ReaderResults) -> list[list[str]]:
    """A row for each reader and the model, as text."""
    return [
        [
            row.name, _with(row.auc), *(_with(row.rates.get(name)) for name in RATES),
            *(NOTHING if count is None else str(count) for count in (row.better, row.worse)), p_value(row.pvalue),
        ]
        for row in results.rows
    ]  # fmt: skip


def comparison_lines(results: ReaderResults) -> list[str]:
    """What is known over all readers, as sentences."""
    lines = []
    if (found := results.against_model) is not None:
        lines.append(f'Mean of the readers less the model, {results.figure_of_merit}: {_difference(found)}.')
    if (study := results.conditions) is not None:
        alone, aided = (f'{number(mean.estimate)} {interval(mean.ci)}' for mean in study.means)
        lines.append(f'Readers alone {alone}, with the model {aided}, {results.figure_of_merit}.')
        lines.append(f'Alone less with the model: {_difference(study.differences[0, 1])}.')
    return lines


def report_readers(
    folder: Path, table: ReaderTable, results: ReaderResults, readers: Sequence[str], aided: Sequence[str] = ()
) -> list[Path]:
    """Write report.html, readers.csv, readers.json and the figure into a folder.

    Args:
        folder: Where.
        table, results: Of `compare_readers`.
        readers, aided: The columns.
    """
    curves = {row.name: (table.labels, table.values[row.name]) for row in results.rows if row.name not in table.calls}
    by_name = {row.name: row for row in results.rows}
    points = [{n: p for n in names if (p := _point(by_name[n])) is not None} for names in (readers, aided)]
    figure = reader_figure(curves, points[0], points[1])
    picture = draw(figure, folder, 'readers', f'{len(results.rows)} readers and models on the ROC plane', CAPTION, True)
    blocks: list[Block] = [Table(HEAD, results_table(results))]
    tests = dict.fromkeys(row.test for row in results.rows if row.test)
    methods = dict.fromkeys(rate.method for row in results.rows for rate in (row.auc, *row.rates.values()) if rate)
    blocks += [Text(f'p: that the reader and the model are right equally often; {test}.', 'note') for test in tests]
    blocks += [Text(f'Intervals: {"; ".join(methods)}.', 'note')]
    over: list[Block] = [Text(line) for line in comparison_lines(results)]
    over += [Text(READERS, 'note')] if over else [Text('One reader, or no model: nothing is compared over readers.')]
    subtitle = f'{results.cases} cases of {results.patients} patients, {results.positives} of {table.positive}'
    sections = [
        Section('ROC plane', [Pictures([picture])]),
        Section('Each reader', blocks),
        Section('Over readers', over),
    ]
    written = [write_report(folder / work_files.REPORT, render(Page('Readers and model', subtitle, sections)))]
    written.append(write_report(folder / 'readers.csv', _csv(results)))
    text = json.dumps(_json(results), indent=2, allow_nan=False) + '\n'
    return [*written, write_report(folder / 'readers.json', text)]


def _difference(found: ReaderEstimate) -> str:
    limits = f'{number(found.estimate, sign=True)} {interval(found.ci, sign=True)}'
    return f'{limits}, p = {p_value(found.pvalue)} ({found.method}, df {number(found.df, 1)})'


def _with(rate: Rate | None) -> str:
    if rate is None:
        return NOTHING
    limits = interval(rate.ci)
    return number(rate.estimate) + ('' if limits == NOTHING else f' {limits}')


def _point(row: ReaderRow) -> Point | None:
    if not row.rates:
        return None
    tpr, tnr = row.rates['tpr'], row.rates['tnr']
    return (tpr.estimate, tpr.ci), (tnr.estimate, tnr.ci)


def _csv(results: ReaderResults) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator='\n')
    names = ('auc', *RATES)
    head = [f'{name}_{part}' for name in names for part in ('estimate', 'ci95_low', 'ci95_high')]
    writer.writerow(['reader', *head, 'only_reader_right', 'only_model_right', 'p', 'test'])
    for row in results.rows:
        cells: list[object] = [harmless(row.name)]
        for name in names:
            rate = row.auc if name == 'auc' else row.rates.get(name)
            low, high = rate.ci if rate is not None and rate.ci is not None else ('', '')
            cells += ['' if rate is None else rate.estimate, low, high]
        p = '' if math.isnan(row.pvalue) else row.pvalue
        writer.writerow([*cells, *('' if n is None else n for n in (row.better, row.worse)), p, row.test])
    return out.getvalue()


def _json(results: ReaderResults) -> dict[str, JsonValue]:
    def plain(found: ReaderEstimate) -> dict[str, JsonValue]:
        return {
            'estimate': found.estimate, 'se': found.se, 'df': _finite(found.df),
            'ci95': [_finite(limit) for limit in found.ci],
            'pvalue': _finite(found.pvalue), 'method': found.method,
        }  # fmt: skip

    study = results.conditions
    return {
        'cases': results.cases, 'patients': results.patients, 'positives': results.positives,
        'figure_of_merit': results.figure_of_merit,
        'readers_less_model': None if results.against_model is None else plain(results.against_model),
        'alone': None if study is None else plain(study.means[0]),
        'with_model': None if study is None else plain(study.means[1]),
        'alone_less_with_model': None if study is None else plain(study.differences[0, 1]),
    }  # fmt: skip


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
