"""Compare two models on the same cases: AUC of each, their difference, and DeLong's paired test."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from usmm.cli.command import Command
from usmm.utils import work_files
from usmm.utils.command_parser import CommandParser
from usmm.utils.suggestions import did_you_mean


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument('first', type=Path, help='work directory or predictions.csv')
    parser.add_argument('second', type=Path, help='work directory or predictions.csv')
    parser.add_argument('--positive', required=True, help='name of the positive class')
    parser.add_argument('--part', default='test', help='part whose cases count (default: %(default)s)')
    parser.add_argument('--seed', type=int, help='seed whose rows count, of a cross-validation with several')


def rows_of(path: Path, part: str, positive: str, seed: int | None) -> dict[str, Mapping[str, Any]]:
    """Case id -> its row, of the labelled cases of a part.

    Raises:
        ValueError: The table has no such class, no labelled case of the part or no rows of the seed; or several rows
            of a case, or several seeds of which none is chosen.
    """
    from usmm.engine.workdir.predictions import PROBABILITY, read_predictions

    table = read_predictions(path / work_files.PREDICTIONS if path.is_dir() else path)
    if table and f'{PROBABILITY}{positive}' not in table[0]:
        classes = [c.removeprefix(PROBABILITY) for c in table[0] if c.startswith(PROBABILITY)]
        raise ValueError(f'{path} has no class {positive!r}; {did_you_mean(positive, classes)}')
    parts = dict.fromkeys(str(row['part']) for row in table if row['label'])
    if part not in parts:
        raise ValueError(f'{path} has no labelled cases of the part {part!r}; the parts with labels are {[*parts]}')
    rows = [row for row in table if row['part'] == part and row['label']]
    seeds = sorted({str(row['seed']) for row in rows})
    if seed is not None:
        rows = [row for row in rows if row['seed'] == str(seed)]
        if not rows:
            raise ValueError(f'{path} has no rows of seed {seed} in the part {part!r}; it has the seeds {seeds}')
    elif len(seeds) > 1:
        raise ValueError(f'{path} has rows of the seeds {seeds}, and one is compared at a time: choose it with --seed')
    twice = [case for case, count in Counter(str(row['case_id']) for row in rows).items() if count > 1]
    if twice:
        raise ValueError(f'{path} has several rows of {len(twice)} cases in the part {part!r}: {", ".join(twice[:5])}')
    unlabelled = sum(row['part'] == part and not row['label'] for row in table)
    if unlabelled:
        print(f'{path}: {unlabelled} rows of the part {part!r} without a label are not compared')
    return {str(row['case_id']): row for row in rows}


def paired(
    one: Mapping[str, Mapping[str, Any]], other: Mapping[str, Mapping[str, Any]], names: tuple[str, str]
) -> list[str]:
    """The cases of both tables, which must be the same ones, of the same patients and with the same labels."""
    if one.keys() != other.keys() or not one:
        only = sorted(one.keys() ^ other.keys())
        raise ValueError(f'{names[0]} and {names[1]} hold different cases ({len(only)}, such as {only[:3]})')
    for column, what in (('label', 'labels'), ('patient_id', 'patients')):
        differing = [
            f'{case}: {one[case][column]} and {other[case][column]}'
            for case in one
            if one[case][column] != other[case][column]
        ]
        if differing:
            raise ValueError(
                f'{names[0]} and {names[1]} have different {what} for {len(differing)} cases '
                f'({"; ".join(differing[:3])}): they are predictions of different data'
            )
    return sorted(one)


def run(args: argparse.Namespace) -> None:
    from usmm.evaluation.stats import delong_interval, delong_test

    names = (str(args.first), str(args.second))
    tables = [rows_of(path, args.part, args.positive, args.seed) for path in (args.first, args.second)]
    cases = paired(tables[0], tables[1], names)
    labels = [tables[0][case]['label'] == args.positive for case in cases]
    scores = [[table[case][f'prob_{args.positive}'] for case in cases] for table in tables]
    for name, values in zip(names, scores):
        found = delong_interval(labels, values)
        print(f'AUC {found.estimate:.3f} [{found.ci[0]:.3f}, {found.ci[1]:.3f}]  {name}')
    test = delong_test(labels, scores[0], scores[1])
    low, high = test.ci
    print(
        f'difference {test.estimate:+.3f} [{low:+.3f}, {high:+.3f}], p = {test.pvalue:.2g} (DeLong, {len(cases)} cases)'
    )


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm compare work_dirs/fusion work_dirs/bmode --positive malignant',
        'usmm compare fusion/predictions.csv bmode/predictions.csv --positive SCC --part val',
        'usmm compare work_dirs/fusion_cv work_dirs/bmode_cv --positive malignant --seed 0',
    ),
)
