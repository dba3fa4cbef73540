"""Measure how well two drawings of the same regions agree: Dice, ICC of the pixel counts, Bland and Altman's limits.

Takes two folders of masks with the same file names, two tables, or one table with columns observer and session: then
every observer is compared with themselves (intra) and with the others in the same session (inter). A table has case_id
and mask (a file, relative to the table), box (x0,y0,x1,y1 in pixels) or columns x0, y0, x1, y1, and perhaps spacing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from usmm.cli.arguments import command_parser
from usmm.cli.region_files import Drawing, bounds_of, overlap_of, pairs_of, read_drawings
from usmm.evaluation.stats.agreement import Comparison, Reliability, compare_regions, reliability
from usmm.evaluation.stats.bland_altman import METHODS
from usmm.evaluation.stats.icc import FORMS
from usmm.readers import DataError
from usmm.utils.console import plain_errors
from usmm.visualization.pages.agreement_page import LOWEST, console_tables, lowest, picture_of, write_agreement

ICCS = [name for long, (short, _) in FORMS.items() for name in (long, short)]
Group = tuple[str, list[Drawing]]


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = command_parser('region_agreement', __doc__)
    parser.add_argument('first', type=Path, help='folder of masks, or a table (CSV or XLSX) of masks or boxes')
    parser.add_argument('second', type=Path, nargs='?', help='the other; left out: one table with observer or session')
    parser.add_argument('--out', type=Path, help='folder for report.html, agreement.csv, agreement.json and figures')
    parser.add_argument('--icc', default='ICC(A,1)', choices=ICCS, metavar='FORM', help='%(choices)s; default ICC(A,1)')
    parser.add_argument('--limits', default='exact', choices=METHODS, help='intervals of the limits of agreement')
    parser.add_argument('--column', help='column of masks or boxes (default: mask, else box)')
    parser.add_argument('--pattern', default='*', help='names of the masks in a folder, such as *_tumor.png')
    parser.add_argument('--spacing', type=float, nargs='+', metavar='MM', help='height and width of a pixel in mm')
    parser.add_argument('--common', action='store_true', help='leave out cases that one of the two lacks')
    return parser.parse_args(argv)


def groups_of(drawings: Sequence[Drawing], source: Path) -> list[Group]:
    """Drawings of one table that are compared: each observer's sessions, and each session's observers."""
    observers, sessions = (dict.fromkeys(getattr(d, key) for d in drawings) for key in ('observer', 'session'))
    groups: list[Group] = [('intra', [d for d in drawings if d.observer == who]) for who in observers]
    groups += [('inter', [d for d in drawings if d.session == when]) for when in sessions]
    groups = [(kind, found) for kind, found in groups if len(found) > 1]
    if not groups:
        raise DataError(
            'one table by itself needs two observers, or two sessions of one (columns of these names)', file=source
        )
    return groups


def shared_cases(drawings: Sequence[Drawing], common: bool) -> list[str]:
    """The cases of all drawings, which must be those of each unless only common ones are asked for."""
    first = drawings[0]
    for other in () if common else drawings[1:]:
        for one, two in ((first, other), (other, first)):
            absent = [case for case in one.regions if case not in two.regions]
            if absent:
                raise DataError(
                    f'{len(absent)} cases of {one.name} are not in {two.name}; --common leaves them out',
                    case=absent[0], file=two.source,
                )  # fmt: skip
    return [case for case in first.regions if all(case in d.regions for d in drawings)]


def compare(groups: Sequence[Group], args: argparse.Namespace) -> tuple[list[Comparison], list[Reliability], dict]:
    """Every pair within each group, the ICC of each group, and pictures of the cases that agree least."""
    comparisons: list[Comparison] = []
    found: list[Reliability] = []
    pictures: dict[tuple[int, str], Any] = {}
    for kind, drawings in groups:
        for one, two in pairs_of(drawings):
            cases = shared_cases((one, two), args.common)
            overlaps = {case: overlap_of(one.regions[case], two.regions[case]) for case in cases}
            made = compare_regions(kind, (one.name, two.name), overlaps, args.limits)
            for case in lowest(made, LOWEST):
                pair = one.regions[case], two.regions[case]
                bounds = bounds_of(*pair)
                pictures[len(comparisons), case] = picture_of(*(region.within(bounds) for region in pair))
            comparisons.append(made)
            if len(drawings) == 2:
                pixels = {name: [o.pixels[i] for o in overlaps.values()] for i, name in enumerate(made.names)}
                found.append(reliability(kind, pixels, args.icc))
        if len(drawings) > 2:
            cases = shared_cases(drawings, args.common)
            sizes = {d.name: [overlap_of(d.regions[c], d.regions[c]).pixels[0] for c in cases] for d in drawings}
            found.append(reliability(kind, sizes, args.icc))
    return comparisons, found, pictures


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
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
        for path in write_agreement(args.out, comparisons, found, pictures).values():
            console.print(f'written: {path}', markup=False, soft_wrap=True)
    return 0
