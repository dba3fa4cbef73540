#!/usr/bin/env python
"""Make the patient table of a paper: every variable by class, with missing values, p value and the test behind it.

Takes a config (or the schema.py of a converter), or a case table by itself, whose kinds of columns are then guessed.
Numbers that are normal in every class (Shapiro-Wilk) are mean and SD, compared by Welch's t test or analysis of
variance; others median and quartiles, Mann-Whitney U or Kruskal-Wallis; categories n (%), chi-squared or Fisher's exact
test. One row a patient: of several cases the first known value. Writes patient_table.csv, .md, .tex and .html.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from usmm.cli.arguments import command_parser
from usmm.config import load_config, parse_options
from usmm.evaluation.cohort import UNITS, Cohort, guess_schema, read_cohort
from usmm.evaluation.stats.tables import PatientTable, make_table
from usmm.utils.console import plain_errors
from usmm.visualization.pages.patient_table_page import table_cells, write_patient_table

TABLES = ('.csv', '.tsv', '.xlsx')


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = command_parser('patient_table', __doc__)
    parser.add_argument('source', help='a config, the schema.py of a converter, or a table (CSV or XLSX)')
    parser.add_argument('--out', required=True, help='folder for patient_table.csv, .md, .tex and .html')
    parser.add_argument('--columns', nargs='+', metavar='NAME', help='variables or columns (default: all variables)')
    parser.add_argument('--unit', choices=UNITS, default='patient', help='what a row stands for (default: patient)')
    parser.add_argument('--holm', action='store_true', help='also correct the p values for the number of variables')
    parser.add_argument(
        '--equal-variances', action='store_true', help="Student's t test and plain ANOVA instead of Welch's"
    )
    parser.add_argument('--label', default='label', help='label column of a table without a config')
    parser.add_argument('--case-id', default='case_id', help='case id column of a table without a config')
    parser.add_argument('--patient-id', default='patient_id', help='patient id column of a table without a config')
    parser.add_argument('--cfg-options', nargs='+', metavar='KEY=VALUE', help='override settings of the config')
    return parser.parse_args(argv)


def read(args: argparse.Namespace) -> tuple[Path, Cohort]:
    """The table that is meant, and its patients."""
    if Path(args.source).suffix.lower() in TABLES:
        path = Path(args.source)
        schema, classes = guess_schema(path, args.label, args.case_id, args.patient_id)
        return path, read_cohort(path, schema, classes, args.columns, args.unit)
    config = load_config(args.source, parse_options(args.cfg_options))
    path = Path(config.get('data_root', '.'), config.get('table') or 'cases.csv')
    ignored = config.get('ignore_labels') or ()
    return path, read_cohort(path, config.schema.to_dict(), config.classes, args.columns, args.unit, ignored)


def show(table: PatientTable, console: Console) -> None:
    """Print the table and its notes."""
    head, lines = table_cells(table)
    shown = Table()
    for i, name in enumerate(head):
        shown.add_column(name, justify='left' if i in (0, len(head) - 1) else 'right')
    for line in lines:
        shown.add_row(*line)
    console.print(shown, markup=False)
    for note in table.notes:
        console.print(note, markup=False)


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    path, cohort = read(args)
    what = f'{cohort.patients} patients, {cohort.cases} cases; one row a {args.unit}'
    notes = [f'{what}.'] if cohort.cases > cohort.patients else []
    table = make_table(
        cohort.columns, cohort.groups, cohort.order, args.holm, equal_variances=args.equal_variances, notes=notes
    )
    files = write_patient_table(table, args.out, 'Patients by class', f'{path.name}: {what}', cohort.warnings)
    console = Console(width=None if sys.stdout.isatty() else 160)
    show(table, console)
    for text in [*(f'warning: {w}' for w in cohort.warnings), *(f'written: {file}' for file in files)]:
        console.print(text, markup=False, soft_wrap=True)
    return 0
