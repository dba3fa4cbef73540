"""Sections of a study's page: ROC curves of all rows, sensitivity and specificity, and tests among the rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from usmm.engine.workdir.gather import CrossValidation, gather
from usmm.utils import work_files
from usmm.visualization.figures.curves import roc_rows_figure
from usmm.visualization.figures.fold_figures import draw
from usmm.visualization.pages.content import Content, items_of, name_of, part_of
from usmm.visualization.pages.page import Block, Pictures, Table, Text
from usmm.visualization.pages.study_tables import harmless, word_of
from usmm.visualization.pages.wording import NOTHING, estimate_with, interval, is_number, listed, number, p_value

WORDS = (
    'The word beside an AUC: below 0.6 fail, from 0.6 poor, 0.7 fair, 0.8 good, 0.9 excellent (the scale of school '
    'marks; Tape, Interpreting Diagnostic Tests). It is of the estimate alone: read the interval, too.'
)
ROC = 'Mean of the folds at each false positive rate; AUC and interval as in the table.'
RATES = 'The more probable class counts; of all folds together.'
HEAD = ['second', 'first', 'AUC of the second less the first', 'p', 'p (Holm)', 'cases']


def read_rows_of(folder: Path, slugs: Mapping[str, str]) -> dict[str, CrossValidation]:
    """Row -> its cross-validation, of those whose folder can be read; slugs: name -> folder in `rows/`."""
    found = {}
    for name, slug in slugs.items():
        try:
            found[name] = gather(folder / work_files.ROWS / slug)
        except (OSError, ValueError):
            continue
    return found


def roc_blocks(folder: Path, rows: Sequence[Content], runs: Mapping[str, CrossValidation]) -> list[Block]:
    """The ROC curves of all rows of two classes in one figure."""
    many = [name for name, run in runs.items() if len(run.classes) > 2]
    two = {name: run for name, run in runs.items() if len(run.classes) == 2}
    curves = {name: folds for name, run in two.items() if (folds := run.against_rest(run.drawn[0]))}
    legend = {name_of(row): _legend(row) for row in rows}
    blocks: list[Block] = []
    if curves:
        figure = roc_rows_figure(curves, legend)
        wide = figure.get_figwidth() > 6
        blocks.append(Pictures([draw(figure, folder, 'roc', f'ROC curves of {len(curves)} variants', ROC, wide)]))
    if many:
        words = (
            f'{listed(many)}: with more than two classes the AUC is a mean over classes (macro), which has no curve.'
        )
        blocks.append(Text(f'{words} The curves of each class are on the page of the row.'))
    left = [name for name in map(name_of, rows) if name not in curves and name not in many]
    if left:
        blocks.append(
            Text(f'Without a curve, for there are no test predictions of both kinds: {listed(left)}.', 'note')
        )
    return blocks


def rate_blocks(rows: Sequence[Content]) -> list[Block]:
    """Sensitivity and specificity of every row, with the intervals of its summary."""
    table: list[list[str]] = []
    methods: dict[str, None] = {}
    for row in rows:
        entries = [part_of(row, 'metrics', name) for name in ('tpr', 'tnr')]
        methods.update({str(e['method']): None for e in entries if e.get('method') and e.get('ci95')})
        table.append([name_of(row), *map(estimate_with, entries)])
    if all(cells == [NOTHING, NOTHING] for _, *cells in table):
        return [Text('No row has a sensitivity.')]
    blocks: list[Block] = [Table(['Variant', 'Sensitivity', 'Specificity'], table), Text(RATES, 'note')]
    return blocks + [Text(f'Intervals: {method}.', 'note') for method in methods]


def pair_blocks(pairs: Sequence[Content]) -> list[Block]:
    """The paired tests among the rows, as `Study.pairs` gives them."""
    table = [
        [
            str(p['second']), str(p['first']), _with(p.get('estimate'), p.get('ci95'), True), p_value(p.get('pvalue')),
            p_value(p.get('p_holm')), str(p.get('cases', NOTHING)),
        ]
        for p in pairs
    ]  # fmt: skip
    tests = dict.fromkeys(p['test'] for p in pairs if p.get('test'))
    words = 'Paired, on the cases that both have. p (Holm) is corrected for all paired tests of this page.'
    return [Table(HEAD, table), Text(words, 'note'), *[Text(f'Test: {test}.', 'note') for test in tests]]


def pairs_csv(pairs: Sequence[Content]) -> str:
    """The paired tests, unrounded; an empty cell where a number does not exist."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator='\n')
    head = ['first', 'second', 'difference_auc', 'ci95_low', 'ci95_high', 'p', 'p_holm', 'test', 'cases']
    writer.writerow(head)
    for p in pairs:
        numbers = [p.get('estimate'), *(items_of(p, 'ci95') or (None, None)), p.get('pvalue'), p.get('p_holm')]
        cells = [value if is_number(value) else '' for value in numbers]
        writer.writerow([harmless(str(p['first'])), harmless(str(p['second'])), *cells, p.get('test'), p.get('cases')])
    return out.getvalue()


def _legend(row: Content) -> str:
    entry = part_of(row, 'metrics', 'auc')
    return f'{_with(entry.get("mean"), entry.get("ci95"))}, {word_of(row) or NOTHING}'


def _with(value: object, limits: object, sign: bool = False) -> str:
    around = interval(limits, sign=sign)
    return number(value, sign=sign) + ('' if around == NOTHING else f' {around}')
