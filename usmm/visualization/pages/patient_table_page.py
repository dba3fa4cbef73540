"""The patient table as files: CSV, Markdown, LaTeX and HTML."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

from usmm.evaluation.stats.tables import PatientTable, TableRow
from usmm.visualization.pages.page import Page, Section, Table, Text, render, write_report

LATEX = {
    '\\': r'\textbackslash{}', '&': r'\&', '%': r'\%', '$': r'\$', '#': r'\#', '_': r'\_', '{': r'\{', '}': r'\}',
    '~': r'\textasciitilde{}', '^': r'\textasciicircum{}', '±': r'$\pm$', '<': '$<$', '>': '$>$', '\u2003': r'\quad ',
}  # fmt: skip
INDENT = '\u2003'
WORD_JOINER = '\u2060'  # draws nothing, and keeps the blank behind it from being trimmed


def pvalue_text(value: float | None) -> str:
    """A p value as papers print it.

    Example:
        >>> pvalue_text(0.00004), pvalue_text(0.0126), pvalue_text(1), pvalue_text(float('nan'))
        ('<0.001', '0.013', '1.000', '-')
    """
    if value is None or math.isnan(value):
        return '-'
    return '<0.001' if value < 0.001 else f'{value:.3f}'


def table_cells(table: PatientTable) -> tuple[list[str], list[list[str]]]:
    """The head and the lines of a table, all of one length; lines of categories are indented."""
    holm = any(row.adjusted is not None for row in table.rows)
    head = ['variable', *[f'{name} (n = {size})' for name, size in table.sizes.items()], 'missing', 'p']
    return [*head, *(['p, Holm'] if holm else []), 'test'], [
        line for row in table.rows for line in _lines(row, [*table.sizes], holm)
    ]


def to_csv(table: PatientTable) -> str:
    """As CSV, with the reason of every test."""
    head, lines = table_cells(table)
    reasons = [text for row in table.rows for text in (row.test.reason, *[''] * (_height(row) - 1))]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator='\n')
    writer.writerow([*head, 'why'])
    writer.writerows([*line, reason] for line, reason in zip(lines, reasons))
    return buffer.getvalue()


def to_markdown(table: PatientTable) -> str:
    """As Markdown, the notes below."""
    head, lines = table_cells(table)

    def row(cells: Sequence[str]) -> str:
        plain = [c.replace('\\', '\\\\').replace('|', '\\|').replace('<', '&lt;').replace('\n', ' ') for c in cells]
        return f'| {" | ".join(c.replace(INDENT, "&emsp;") for c in plain)} |'

    rule = '|' + ' --- |' + ' ---: |' * (len(head) - 2) + ' --- |'
    notes = [row.replace('<', '&lt;') for row in table.notes]
    return '\n'.join([row(head), rule, *map(row, lines), '', *[f'{note}  ' for note in notes]]) + '\n'


def to_latex(table: PatientTable) -> str:
    """As a LaTeX table for the booktabs package, the notes below."""
    head, lines = table_cells(table)

    def row(cells: Sequence[str]) -> str:
        return ' & '.join(''.join(LATEX.get(c, c) for c in cell.replace('\n', ' ')) for cell in cells) + r' \\'

    notes = [row([note]).removesuffix(r' \\') for note in table.notes]
    columns = 'l' + 'r' * (len(head) - 2) + 'l'
    start = ['% needs \\usepackage{booktabs}', f'\\begin{{tabular}}{{{columns}}}', r'\toprule', row(head), r'\midrule']
    end = [r'\bottomrule', r'\end{tabular}', '', *[rf'\par\footnotesize {note}' for note in notes]]
    return '\n'.join([*start, *map(row, lines), *end]) + '\n'


def to_html(table: PatientTable, title: str, subtitle: str = '', alerts: Sequence[str] = ()) -> str:
    """As one HTML page, with the reason of every test; every text is escaped."""
    head, lines = table_cells(table)
    tests = [
        [row.name, row.test.test, _number(row.test.statistic), pvalue_text(row.test.pvalue), row.test.reason]
        for row in table.rows
    ]
    sections = [
        Section(
            'Patients',
            [
                Table(head, [[_unbroken(c) for c in line] for line in lines], '', False),
                *[Text(note, 'note') for note in table.notes],
            ],
        ),
        Section('How each test was chosen', [Table(['variable', 'test', 'statistic', 'p', 'why'], tests, '', False)]),
    ]
    return render(Page(title, subtitle, sections, alerts))


def write_patient_table(
    table: PatientTable, out: str | Path, title: str, subtitle: str = '', alerts: Sequence[str] = ()
) -> list[Path]:
    """Write `patient_table.csv`, `.md`, `.tex` and `.html` into a folder; each whole or not at all.

    Args:
        table: The table.
        out: The folder.
        title, subtitle: Of the page.
        alerts: What a reader of the page must see first.
    """
    texts = dict(csv=to_csv(table), md=to_markdown(table), tex=to_latex(table))
    texts['html'] = to_html(table, title, subtitle, alerts)
    return [write_report(Path(out, f'patient_table.{suffix}'), text) for suffix, text in texts.items()]


def _lines(row: TableRow, groups: Sequence[str], holm: bool) -> list[list[str]]:
    gone = [row.missing[g] for g in groups]
    missing = f'{gone[0]} ({" / ".join(map(str, gone[1:]))})' if gone[0] else '0'
    end = [missing, pvalue_text(row.test.pvalue), *([pvalue_text(row.adjusted)] if holm else []), row.test.test]
    if len(row.lines) == 1 and not row.lines[0][0]:
        return [[row.name, *[row.lines[0][1][g] for g in groups], *end]]
    below = [[INDENT + level, *[cells[g] for g in groups], *[''] * len(end)] for level, cells in row.lines]
    return [[row.name, *[''] * len(groups), *end], *below]


def _height(row: TableRow) -> int:
    return 1 if len(row.lines) == 1 and not row.lines[0][0] else 1 + len(row.lines)


def _unbroken(cell: str) -> str:
    """A cell for a page: an indent that is not trimmed away, and numbers that stay on one line."""
    if cell.startswith(INDENT):
        return f'{WORD_JOINER}{cell}'
    return cell.replace(' ±', '\u00a0±').replace('± ', '±\u00a0') if cell[:1].isdigit() else cell


def _number(value: float) -> str:
    return '-' if math.isnan(value) else f'{value:.4g}'
