"""The table of a study as CSV (every number), Markdown and LaTeX (what a paper prints)."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from usmm.evaluation.stats import auc_word
from usmm.visualization.pages.content import Content, items_of, name_of, part_of
from usmm.visualization.pages.wording import (
    METRICS,
    NOTHING,
    interval,
    is_number,
    mean_std,
    metric_label,
    number,
    p_value,
)

PRINTED = ('auc', 'accuracy', 'tpr', 'tnr', 'precision', 'f1')
FORMULA = ('=', '+', '-', '@', '\t', '\r')  # with these a spreadsheet takes a cell for a formula
LATEX = {
    '\\': r'\textbackslash{}', '&': r'\&', '%': r'\%', '$': r'\$', '#': r'\#', '_': r'\_', '{': r'\{', '}': r'\}',
    '~': r'\textasciitilde{}', '^': r'\textasciicircum{}', '<': r'\textless{}', '>': r'\textgreater{}',
    '±': r'$\pm$', NOTHING: '--',
}  # fmt: skip
MARKDOWN = {'\\': r'\\', '|': r'\|', '&': '&amp;', '<': '&lt;', '>': '&gt;', '*': r'\*', '_': r'\_', '`': r'\`'}


def metric_names(rows: Sequence[Content]) -> list[str]:
    """Metrics that a row has, the usual ones first."""
    found = dict.fromkeys(name for row in rows for name in part_of(row, 'metrics'))
    return [name for name in METRICS if name in found] + [name for name in found if name not in METRICS]


def published_metrics(rows: Sequence[Content]) -> list[str]:
    """Metrics that a row has published numbers of."""
    found = dict.fromkeys(name for row in rows for name in part_of(row, 'published'))
    return [name for name in METRICS if name in found] + [name for name in found if name not in METRICS]


def grid(rows: Sequence[Content], reference: str, with_published: bool = False) -> tuple[list[str], list[list[str]]]:
    """Head and cells of the printed table.

    Args:
        rows: As `report_study` takes them.
        reference: Name of the row that the others are compared with.
        with_published: Whether published numbers get columns.
    """
    shown = [name for name in metric_names(rows) if name in PRINTED]
    best = any(is_number(row.get('known_best')) for row in rows)
    published = published_metrics(rows) if with_published else []
    head = ['', *map(metric_label, shown), 'AUC 95 %', f'AUC difference to {reference}', 'p', 'p (Holm)']
    head += ['best possible AUC'] * best + [f'{metric_label(name)}, published' for name in published]
    table = []
    for row in rows:
        cells = [name_of(row), *(mean_std(part_of(row, 'metrics', name)) for name in shown)]
        cells += [interval(part_of(row, 'metrics', 'auc').get('ci95')), *difference_cells(row)]
        cells += [number(row.get('known_best'))] * best
        table.append([*cells, *(str(part_of(row, 'published').get(name, NOTHING)) for name in published)])
    return head, table


def difference_cells(row: Content) -> list[str]:
    """Difference with its interval, p and p after Holm; the reference has none."""
    if row.get('difference') is None:
        return ['reference', NOTHING, NOTHING]
    found = part_of(row, 'difference')
    limits = interval(found.get('ci95'), sign=True)
    estimate = number(found.get('estimate'), sign=True)
    together = estimate if limits == NOTHING else f'{estimate} {limits}'
    return [together, p_value(found.get('pvalue')), p_value(found.get('p_holm'))]


def word_of(row: Content) -> str:
    """What the AUC of a row is called, as it is printed: 0.7996 is 0.800, and good; '' without one."""
    mean = part_of(row, 'metrics', 'auc').get('mean')
    return auc_word(round(mean, 3)) if is_number(mean) else ''


def csv_text(rows: Sequence[Content], with_published: bool = False) -> str:
    """Every number of the rows, unrounded; a name that a spreadsheet would run as a formula gets an apostrophe."""
    names = metric_names(rows)
    published = published_metrics(rows) if with_published else []
    head = ['name', 'cases', 'patients', 'seconds']
    head += [f'{name}_{part}' for name in names for part in ('mean', 'std', 'ci95_low', 'ci95_high')]
    head += [
        'auc_word',
        'difference_auc',
        'difference_ci95_low',
        'difference_ci95_high',
        'p',
        'p_holm',
        'test',
        'best_possible_auc',
    ]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator='\n')
    writer.writerow([*head, *(f'published_{name}' for name in published)])
    for row in rows:
        cells: list[object] = [harmless(name_of(row)), *(row.get(key) for key in ('cases', 'patients', 'seconds'))]
        for name in names:
            entry = part_of(row, 'metrics', name)
            cells += [entry.get('mean'), entry.get('std'), *_pair(entry)]
        found = part_of(row, 'difference')
        cells += [
            word_of(row),
            found.get('estimate'),
            *_pair(found),
            found.get('pvalue'),
            found.get('p_holm'),
        ]
        cells += [found.get('test'), row.get('known_best')]
        cells += [part_of(row, 'published').get(name) for name in published]
        writer.writerow(['' if isinstance(cell, float) and not is_number(cell) else cell for cell in cells])
    return out.getvalue()


def markdown_text(head: Sequence[str], table: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> str:
    """A table in Markdown, and notes below it."""
    lines = [_markdown_row(head), '| --- |' + ' ---: |' * (len(head) - 1), *map(_markdown_row, table)]
    return '\n'.join(lines) + '\n' + ''.join(f'\n{_replaced(note, MARKDOWN)}\n' for note in notes)


def latex_text(head: Sequence[str], table: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> str:
    """A plain `tabular`, without packages; notes are comments above it."""
    comments = [f'% {" ".join(note.split())}' for note in notes]
    lines = [*comments, rf'\begin{{tabular}}{{l{"r" * (len(head) - 1)}}}', r'\hline', _latex_row(head), r'\hline']
    return '\n'.join([*lines, *map(_latex_row, table), r'\hline', r'\end{tabular}']) + '\n'


def _pair(entry: Content) -> tuple[object, object]:
    """The limits of an interval; None where there is none."""
    low, high = items_of(entry, 'ci95') or (None, None)
    return low, high


def harmless(name: str) -> str:
    """A name for a cell of a CSV file: one that a spreadsheet would run as a formula gets an apostrophe."""
    return f"'{name}" if name.startswith(FORMULA) else name


def _replaced(text: str, signs: Mapping[str, str]) -> str:
    """One pass, so that what a sign becomes is not replaced again; a line break would end a row."""
    return ''.join(signs.get(sign, sign) for sign in ' '.join(str(text).split()))


def _markdown_row(cells: Sequence[str]) -> str:
    return '| ' + ' | '.join(_replaced(cell, MARKDOWN) for cell in cells) + ' |'


def _latex_row(cells: Sequence[str]) -> str:
    return ' & '.join(_replaced(cell, LATEX) for cell in cells) + r' \\'
