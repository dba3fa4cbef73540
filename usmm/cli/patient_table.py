"""Make the patient table of a paper: every variable by class, with missing values, p value and the test behind it.

Takes a config (or the schema.py of a converter), or a case table by itself, whose kinds of columns are then guessed.
Numbers that are normal in every class (Shapiro-Wilk) are mean and SD, compared by Welch's t test or analysis of
variance; others median and quartiles, Mann-Whitney U or Kruskal-Wallis; categories n (%), chi-squared or Fisher's exact
test. One row a patient: of several cases the first known value. Writes patient_table.csv, .md, .tex and .html.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from usmm.cli.arguments import add_config, options_of
from usmm.cli.command import Command
from usmm.cli.completers import complete, config_names
from usmm.utils.argument_types import config_file, out_folder
from usmm.utils.command_parser import CommandParser

if TYPE_CHECKING:
    from rich.console import Console

    from usmm.evaluation.cohort import Cohort
    from usmm.evaluation.stats.tables import PatientTable

UNITS = ('patient', 'case')
TABLES = ('.csv', '.tsv', '.xlsx')


def add_arguments(parser: CommandParser) -> None:
    text = 'a config, the schema.py of a converter, or a table (CSV or XLSX)'
    complete(parser.add_argument('source', type=config_file, help=text), config_names)
    parser.add_argument(
        '--out', type=out_folder, required=True, help='folder for patient_table.csv, .md, .tex and .html'
    )
    parser.add_argument('--columns', nargs='+', metavar='NAME', help='variables or columns (default: all variables)')
    parser.add_argument('--unit', choices=UNITS, default='patient', help='what a row stands for (default: patient)')
    parser.add_argument('--holm', action='store_true', help='also correct the p values for the number of variables')
    parser.add_argument(
        '--equal-variances', action='store_true', help="Student's t test and plain ANOVA instead of Welch's"
    )
    parser.add_argument('--label', default='label', help='label column of a table without a config')
    parser.add_argument('--case-id', default='case_id', help='case id column of a table without a config')
    parser.add_argument('--patient-id', default='patient_id', help='patient id column of a table without a config')
    add_config(parser)


def read(args: argparse.Namespace) -> tuple[Path, Cohort]:
    """The table that is meant, and its patients."""
    from usmm.config import load_config
    from usmm.evaluation.cohort import guess_schema, read_cohort

    if Path(args.source).suffix.lower() in TABLES:
        path = Path(args.source)
        schema, classes = guess_schema(path, args.label, args.case_id, args.patient_id)
        return path, read_cohort(path, schema, classes, args.columns, args.unit)
    config = load_config(args.source, options_of(args))
    path = Path(config.get('data_root', '.'), config.get('table') or 'cases.csv')
    ignored = config.get('ignore_labels') or ()
    return path, read_cohort(path, config.schema.to_dict(), config.classes, args.columns, args.unit, ignored)


def show(table: PatientTable, console: Console) -> None:
    """Print the table and its notes."""
    from rich.table import Table

    from usmm.visualization.pages.patient_table_page import table_cells

    head, lines = table_cells(table)
    shown = Table()
    for i, name in enumerate(head):
        shown.add_column(name, justify='left' if i in (0, len(head) - 1) else 'right')
    for line in lines:
        shown.add_row(*line)
    console.print(shown, markup=False)
    for note in table.notes:
        console.print(note, markup=False)


def run(args: argparse.Namespace) -> int:
    from rich.console import Console

    from usmm.evaluation.stats.tables import make_table
    from usmm.visualization.pages.patient_table_page import write_patient_table

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


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm patient_table my_config.py --out table',
        'usmm patient_table data/breast/cases.csv --out table --columns age size --holm',
    ),
)
