"""Measure how well two drawings of the same regions agree: Dice, ICC of the pixel counts, Bland and Altman's limits.

Takes two folders of masks with the same file names, two tables, or one table with columns observer and session: then
every observer is compared with themselves (intra) and with the others in the same session (inter). A table has case_id
and mask (a file, relative to the table), box (x0,y0,x1,y1 in pixels) or columns x0, y0, x1, y1, and perhaps spacing.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from usmm.cli.command import Command
from usmm.utils.argument_types import out_folder
from usmm.utils.command_parser import CommandParser

ICCS = (
    'ICC(1,1)', 'ICC(1)', 'ICC(2,1)', 'ICC(A,1)', 'ICC(3,1)', 'ICC(C,1)',
    'ICC(1,k)', 'ICC(k)', 'ICC(2,k)', 'ICC(A,k)', 'ICC(3,k)', 'ICC(C,k)',
)  # fmt: skip
METHODS = ('exact', 'approximate')


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument('first', type=Path, help='folder of masks, or a table (CSV or XLSX) of masks or boxes')
    parser.add_argument('second', type=Path, nargs='?', help='the other; left out: one table with observer or session')
    parser.add_argument(
        '--out', type=out_folder, help='folder for report.html, agreement.csv, agreement.json and figures'
    )
    parser.add_argument('--icc', default='ICC(A,1)', choices=ICCS, metavar='FORM', help='%(choices)s; default ICC(A,1)')
    parser.add_argument(
        '--limits', default='exact', choices=METHODS, help='intervals of the limits of agreement (default: %(default)s)'
    )
    parser.add_argument('--column', help='column of masks or boxes (default: mask, else box)')
    parser.add_argument('--pattern', default='*', help='names of the masks in a folder, such as *_tumor.png')
    parser.add_argument('--spacing', type=float, nargs='+', metavar='MM', help='height and width of a pixel in mm')
    parser.add_argument('--common', action='store_true', help='leave out cases that one of the two lacks')


def run(args: argparse.Namespace) -> int:
    from rich.console import Console

    from usmm.cli.region_files import read_drawings
    from usmm.cli.region_groups import compare, groups_of
    from usmm.readers import DataError
    from usmm.visualization.pages.agreement_page import console_tables, write_agreement

    if args.spacing is not None and (len(args.spacing) > 2 or min(args.spacing) <= 0):
        raise ValueError(f'--spacing is one or two positive lengths in mm, got {args.spacing}')
    spacing = (args.spacing[0], args.spacing[-1]) if args.spacing else None
    sets = [read_drawings(p, args.column, args.pattern, spacing) for p in (args.first, args.second) if p is not None]
    if args.second is None:
        groups = groups_of(sets[0], args.first)
    else:
        several = [p for p, drawings in zip((args.first, args.second), sets) if len(drawings) > 1]
        if several:
            raise DataError('holds several observers or sessions: give it as the only table', file=several[0])
        first, second = sets[0][0], sets[1][0]
        if first.name == second.name:
            first.name, second.name = str(args.first), str(args.second)
        if first.name == second.name:
            raise ValueError(f'the two sets are the same: {args.first}')
        groups = [('two sets', [first, second])]
    comparisons, found, pictures = compare(groups, args)
    console = Console(width=160)
    for table in console_tables(comparisons, found):
        console.print(table, markup=False)
    if args.out is not None:
        for path in write_agreement(Path(args.out), comparisons, found, pictures).values():
            console.print(f'written: {path}', markup=False, soft_wrap=True)
    return 0


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm region_agreement masks/reader_1 masks/reader_2 --out agreement',
        "usmm region_agreement readings.csv --icc 'ICC(C,1)' --spacing 0.1",
        "usmm region_agreement masks/reader_1 masks/reader_2 --pattern '*_tumor.png' --common",
    ),
)
