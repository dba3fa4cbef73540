"""Compare two models on the same cases: AUC of each, their difference, and DeLong's paired test."""

from __future__ import annotations

import argparse
from pathlib import Path

from usmm.cli.command import Command
from usmm.utils import work_files
from usmm.utils.command_parser import CommandParser
from usmm.utils.suggestions import did_you_mean


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument('first', type=Path, help='work directory or predictions.csv')
    parser.add_argument('second', type=Path, help='work directory or predictions.csv')
    parser.add_argument('--positive', required=True, help='name of the positive class')
    parser.add_argument('--part', default='test', help='part whose cases count (default: %(default)s)')


def scores_of(path: Path, part: str, positive: str) -> dict[str, tuple[bool, float]]:
    """Case id -> (is positive, score) of the labelled cases of a part.

    Raises:
        ValueError: The table has no such class, or no labelled case of the part; the message lists those that it has.
    """
    from usmm.engine.workdir.predictions import read_predictions

    table = read_predictions(path / work_files.PREDICTIONS if path.is_dir() else path)
    column = f'prob_{positive}'
    if table and column not in table[0]:
        classes = [c.removeprefix('prob_') for c in table[0] if c.startswith('prob_')]
        raise ValueError(f'{path} has no class {positive!r}; {did_you_mean(positive, classes)}')
    parts = dict.fromkeys(str(row['part']) for row in table if row['label'])
    if part not in parts:
        raise ValueError(f'{path} has no labelled cases of the part {part!r}; the parts with labels are {[*parts]}')
    return {r['case_id']: (r['label'] == positive, r[column]) for r in table if r['part'] == part and r['label']}


def paired(
    one: dict[str, tuple[bool, float]], other: dict[str, tuple[bool, float]], names: tuple[str, str]
) -> list[str]:
    """The cases of both tables, which must be the same ones with the same labels."""
    if one.keys() != other.keys() or not one:
        only = sorted(one.keys() ^ other.keys())
        raise ValueError(f'{names[0]} and {names[1]} hold different cases ({len(only)}, such as {only[:3]})')
    relabelled = [case for case in one if one[case][0] != other[case][0]]
    if relabelled:
        raise ValueError(f'{names[0]} and {names[1]} label these cases differently: {relabelled[:3]}')
    return sorted(one)


def run(args: argparse.Namespace) -> None:
    from usmm.evaluation.stats import delong_interval, delong_test

    names = (str(args.first), str(args.second))
    tables = [scores_of(path, args.part, args.positive) for path in (args.first, args.second)]
    cases = paired(tables[0], tables[1], names)
    labels = [tables[0][case][0] for case in cases]
    scores = [[table[case][1] for case in cases] for table in tables]
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
    ),
)
