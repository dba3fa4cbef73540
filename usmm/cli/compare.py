"""Compare two models on the same cases: AUC of each, their difference, and DeLong's paired test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from usmm.cli.arguments import command_parser
from usmm.engine.workdir.predictions import read_predictions
from usmm.evaluation.stats import delong_interval, delong_test
from usmm.utils import work_files
from usmm.utils.console import plain_errors


def scores_of(path: Path, part: str, positive: str) -> dict[str, tuple[bool, float]]:
    """Case id -> (is positive, score) of the labelled cases of a part."""
    table = read_predictions(path / work_files.PREDICTIONS if path.is_dir() else path)
    column = f'prob_{positive}'
    if table and column not in table[0]:
        raise ValueError(f'{path} has no class {positive!r}; it has {[c for c in table[0] if c.startswith("prob_")]}')
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


@plain_errors
def main(argv: Sequence[str] | None = None) -> None:
    parser = command_parser('compare', __doc__)
    parser.add_argument('first', type=Path, help='work directory or predictions.csv')
    parser.add_argument('second', type=Path, help='work directory or predictions.csv')
    parser.add_argument('--positive', required=True, help='name of the positive class')
    parser.add_argument('--part', default='test', help='part whose cases count (default test)')
    args = parser.parse_args(argv)
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
