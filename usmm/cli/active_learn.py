"""Active learning: curves of query strategies, or one strategy whose questions a person answers in a spreadsheet.

Run it again to go on after a kill, or with more rounds, seeds or strategies. With --sheet it writes the questions into
that file and stops; fill in the column `label`, and run it again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usmm.cli.arguments import add_config, add_config_file, options_of
from usmm.cli.command import Command
from usmm.utils.argument_types import out_file, out_folder, whole
from usmm.utils.command_parser import CommandParser

if TYPE_CHECKING:
    import numpy as np

WAITING = 3  # exit code: labels are missing


def add_arguments(parser: CommandParser) -> None:
    add_config_file(parser)
    parser.add_argument('--strategies', nargs='+', default=['rand', 'es'],
                        help='of rand, es, esd, margin, lc, bald, coreset, badge (default: rand es)')  # fmt: skip
    parser.add_argument('--rounds', type=whole(1), default=8, help='queries after the first labelled set')
    parser.add_argument('--query', type=whole(1), required=True, help='units that a round asks for')
    parser.add_argument('--start', type=whole(1), help='units of the first labelled set (default: as --query)')
    parser.add_argument('--unit', choices=('sample', 'image', 'patient'), default='sample', help='what is asked for')
    parser.add_argument(
        '--how', choices=('mean', 'max', 'sum'), default='mean', help="a unit's score from its samples'"
    )
    parser.add_argument('--training', choices=('anew', 'fine-tune'), default='anew', help='how a round trains')
    parser.add_argument('--passes', type=int, default=10, help='passes with dropout (esd, bald)')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0], help='one curve a seed (default: 0)')
    parser.add_argument('--fold-seed', type=int, help='one split of the patients for all seeds')
    parser.add_argument('--metric', default='auc', help='the score of the curves (default: %(default)s)')
    parser.add_argument('--no-full', action='store_true', help='do not train on the whole pool as well')
    parser.add_argument('--sheet', type=out_file, help='ask a person: CSV or XLSX file with the questions')
    parser.add_argument('--report-only', action='store_true', help='write the report of the rounds that are done')
    parser.add_argument('--work-dir', type=out_folder, help='folder (default: work_dirs/<config>_al)')
    parser.add_argument('--quiet', action='store_true', help='no progress lines')
    add_config(parser)


def read_sheet(path: Path) -> list[dict[str, object]]:
    from usmm.readers import read_table

    return [{str(k): v for k, v in row.items()} for row in read_table(path).to_dict('records')]


def picture(file: str) -> np.ndarray | None:
    """An image for the report; frames of clips are not shown."""
    from usmm.readers import DataError, read_image

    try:
        return read_image(Path(file))
    except (DataError, OSError):
        return None


def truth_of(root: Path, modalities: tuple[str, ...]) -> tuple[list[str] | None, dict[str, float]]:
    """Of a phantom: files that are noise, and the best scores of these modalities."""
    path = root / 'truth.json'
    if not path.is_file():
        return None, {}
    truth = json.loads(path.read_text(encoding='utf-8'))
    noisy = [str((root / f).absolute()) for case in truth['latents'].values() for f in case.get('noisy', {})]
    wanted, best = frozenset(modalities), {}
    for name in ('auc', 'accuracy'):
        for key, value in truth.get(f'best_{name}', {}).items():
            if frozenset(key.split('+')) == wanted:
                best[name] = value
    return noisy, best


def run(args: argparse.Namespace) -> int:
    import numpy as np

    from usmm.config import load_config

    options = options_of(args)
    config = load_config(args.config, options)

    from usmm.engine import ActiveLearning, AnswersMissing, RunOptions, gather_curves
    from usmm.engine.active import STRATEGIES
    from usmm.visualization.pages.active_learning_page import report_active_learning

    work_dir = Path(args.work_dir or str(options.pop('work_dir', '')) or f'work_dirs/{config.name}_al')
    sheet = None if args.sheet is None else Path(args.sheet)
    plan = ActiveLearning(
        args.config, work_dir, tuple(args.strategies), tuple(args.seeds), args.rounds, args.query, args.start,
        args.unit, args.how, args.training, args.passes, not args.no_full, args.fold_seed, sheet, options,
    )  # fmt: skip
    if not args.report_only:
        try:
            plan.run(RunOptions(progress=not args.quiet), read_sheet)
        except AnswersMissing as waiting:
            print(waiting)
            return WAITING
    noisy, best = truth_of(Path(config.data_root), config.modalities)
    content: Any = gather_curves(plan, args.metric, noisy)
    titles = {name: strategy.title for name, strategy in STRATEGIES.items()}
    page = report_active_learning(work_dir, content, titles, picture, noisy, best.get(args.metric))
    for name, found in content['strategies'].items():
        last, area = found['curve'][-1], np.array([*found['area'].values()])
        area_text = f'area {area.mean():.3f} ± {area.std():.3f}, ' if area.size else ''
        score = 'no score' if last['mean'] is None else f'{args.metric} {last["mean"]:.3f}'
        print(f'{titles[name]}: {area_text}{score} at {100 * last["share"]:.1f} % of the labels')
    print(f'report: {page}')
    return 0


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm active_learn mmfn_al_small_phantom --strategies rand es esd --rounds 8 --query 100 --seeds 0 1 2 3 4',
        'usmm active_learn my_config.py --strategies es --query 20 --sheet questions.xlsx    # a person answers',
    ),
)
