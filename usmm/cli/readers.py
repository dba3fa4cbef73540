"""Compare readers with a model on the same cases: metrics of each with intervals, paired tests, and over all readers.

The table has a row for each case: `case_id`, the label, a column for each reader, `patient_id` where patients have
several cases. A reader's column holds calls (names of classes, 0 and 1, yes and no) or scores. The model is a column
too, or the predictions of a run. Over readers: Obuchowski and Rockette with the degrees of freedom of Hillis.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from usmm.cli.command import Command
from usmm.utils import work_files
from usmm.utils.argument_types import out_folder
from usmm.utils.command_parser import CommandParser
from usmm.utils.suggestions import did_you_mean


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument('table', type=Path, help='CSV or XLSX, a row for each case')
    parser.add_argument('--positive', required=True, help='name of the positive class')
    parser.add_argument('--readers', nargs='+', required=True, metavar='COLUMN', help='columns of the readers')
    parser.add_argument('--aided', nargs='+', default=[], metavar='COLUMN', help='the same readers with the model')
    parser.add_argument('--model', metavar='COLUMN', help='column of the scores of the model')
    parser.add_argument('--predictions', type=Path, help='in place of --model: a run or its predictions.csv')
    parser.add_argument('--part', default='test', help='part of --predictions (default: %(default)s)')
    parser.add_argument('--label', default='label', help='column of the labels (default: %(default)s)')
    parser.add_argument('--threshold', type=float, default=0.5, help='of calls of the model (default: %(default)s)')
    parser.add_argument('--reader-threshold', type=float, help="from which a reader's score is a positive call")
    parser.add_argument('--out', type=out_folder, help='folder for report.html, readers.csv, readers.json, figures')


def check(args: argparse.Namespace) -> None:
    """Check arguments that do not go together. Raises ValueError."""
    if args.model and args.predictions:
        raise ValueError('the model is --model COLUMN or --predictions RUN, not both')
    names = [*args.readers, *args.aided, *([args.model] if args.model else [])]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f'these columns are named twice: {twice}')


def predicted(path: Path, part: str, positive: str) -> dict[str, float]:
    """Case id -> score of the positive class, of a part of the predictions of a run.

    Raises:
        ValueError: There is no such class or part, or a case has several rows.
    """
    from usmm.engine.workdir.predictions import PROBABILITY, read_predictions

    table = read_predictions(path / work_files.PREDICTIONS if path.is_dir() else path)
    if table and f'{PROBABILITY}{positive}' not in table[0]:
        classes = [c.removeprefix(PROBABILITY) for c in table[0] if c.startswith(PROBABILITY)]
        raise ValueError(f'{path} has no class {positive!r}; {did_you_mean(positive, classes)}')
    rows = [row for row in table if row['part'] == part]
    if not rows:
        raise ValueError(f'{path} has no rows of the part {part!r}; it has {sorted({row["part"] for row in table})}')
    found = {str(row['case_id']): float(row[f'{PROBABILITY}{positive}']) for row in rows}
    if len(found) < len(rows):
        raise ValueError(f'{path} has several predictions of one case: take the run of one seed')
    return found


def run(args: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.table import Table

    from usmm.evaluation.readers import ReaderTable, compare_readers
    from usmm.visualization.pages.readers_page import HEAD, comparison_lines, report_readers, results_table

    part = None if args.predictions is None else predicted(args.predictions, args.part, args.positive)
    model = 'model' if part is not None else args.model
    if part is not None and 'model' in (*args.readers, *args.aided):
        raise ValueError("a reader's column is named 'model', as the model of --predictions is: rename it")
    columns = [*args.readers, *args.aided, *([args.model] if args.model else [])]
    table = ReaderTable.read(args.table, args.positive, columns, args.label, part)
    results = compare_readers(table, args.readers, model, args.aided, args.threshold, args.reader_threshold)
    shown = Table(*HEAD, title=f'{results.cases} cases of {results.patients} patients')
    for row in results_table(results):
        shown.add_row(*row)
    console = Console(width=None if Console().is_terminal else 200)
    console.print(shown)
    for line in comparison_lines(results):
        console.print(line, soft_wrap=True, markup=False)
    if args.out:
        for path in report_readers(Path(args.out), table, results, args.readers, args.aided):
            console.print(f'written: {path}', soft_wrap=True, markup=False)


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    check=check,
    examples=(
        'usmm readers readings.csv --positive malignant --readers A B C --model score --out readers',
        'usmm readers readings.xlsx --positive malignant --readers A B --predictions work_dirs/fusion',
        'usmm readers readings.csv --positive SCC --readers A1 B1 C1 --aided A2 B2 C2 --model score',
    ),
)
