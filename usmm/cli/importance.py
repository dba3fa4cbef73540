"""How much does each input matter: shuffled between patients, Shapley values, and one input missing.

Inputs are the images and every clinical variable that the model reads. Writes importance.csv (a row an input),
shapley.csv and missing.csv (a row a case), importance.json, figures/ and report.html.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from usmm.cli.arguments import add_checkpoint, add_config, add_config_file, add_part, options_of
from usmm.cli.command import Command
from usmm.utils.argument_types import out_folder, whole
from usmm.utils.command_parser import CommandParser
from usmm.utils.suggestions import did_you_mean

METRICS = ('auc', 'accuracy', 'balanced_accuracy', 'brier', 'log_loss')


def add_arguments(parser: CommandParser) -> None:
    add_config_file(parser)
    add_checkpoint(parser)
    add_part(parser)
    parser.add_argument('--cases', nargs='+', metavar='ID', help='these cases of the part')
    parser.add_argument('--limit', type=whole(1), help='the first so many cases (default: all of the part)')
    parser.add_argument('--num', type=whole(1), default=8, help='cases that are drawn one by one (default 8)')
    parser.add_argument(
        '--out', type=out_folder, default='importance', help='folder of the results (default importance)'
    )
    parser.add_argument('--class', dest='target', metavar='NAME', help='class to explain (default: the positive one)')
    parser.add_argument('--metric', default='auc', choices=METRICS, help='what shuffling costs (default auc)')
    parser.add_argument('--repeats', type=whole(1), default=10, help='how often inputs are shuffled (default 10)')
    parser.add_argument('--groups', nargs='+', default=[], metavar='NAME=A,B', help='inputs shuffled together')
    parser.add_argument(
        '--absent', default='missing', choices=('missing', 'background'),
        help='an input taken away is missing, or that of training cases in turn (default missing)',
    )  # fmt: skip
    parser.add_argument(
        '--background', type=whole(1), default=20, help='training cases of --absent background (default 20)'
    )
    parser.add_argument('--baseline', choices=('train', 'zero'), help='picture of a missing image, as in explain')
    parser.add_argument(
        '--exact', type=whole(0, 16), default=10, help='all sets of inputs up to this many (default 10, at most 16)'
    )
    parser.add_argument('--orders', type=whole(1), default=200, help='random orders of more inputs (default 200)')
    parser.add_argument('--draws', type=whole(1), default=500, help='of the bootstrap (default 500)')
    parser.add_argument('--seed', type=int, default=0, help='of all that is drawn (default 0)')
    add_config(parser)


def fill_in(args: argparse.Namespace) -> None:
    """The baseline that goes with the part: of all cases no training part is known."""
    if args.baseline is None:
        args.baseline = 'zero' if args.part == 'all' else 'train'


def groups_of(texts: list[str]) -> dict[str, list[str]]:
    """Name -> inputs. Raises ValueError for another form, or a name twice."""
    wrong = [text for text in texts if not all(text.partition('=')[::2])]
    if wrong:
        raise ValueError(f'--groups takes NAME=A,B, got {wrong}')
    pairs = [(name.strip(), [m.strip() for m in members.split(',')]) for name, _, members in
             (text.partition('=') for text in texts)]  # fmt: skip
    if len(dict(pairs)) < len(pairs):
        raise ValueError(f'--groups names one group twice: {[name for name, _ in pairs]}')
    return dict(pairs)


def run(args: argparse.Namespace) -> int:
    from usmm.config import TESTED, load_config

    groups = groups_of(args.groups)
    config = load_config(args.config, options_of(args), needed=TESTED)

    from usmm.apis.importance import ImportanceOptions, measure_importance
    from usmm.cli.importance_cases import open_model, results, show
    from usmm.visualization.pages.importance_page import report_importance

    classes = list(config.classes)
    if args.target is not None and args.target not in classes:
        raise ValueError(f'there is no class {args.target!r}; {did_you_mean(args.target, classes)}')
    opened = open_model(config, args)
    options = ImportanceOptions(
        args.metric, args.repeats, groups, args.absent, args.exact, args.orders, args.draws, args.seed
    )

    def report(step: str) -> None:
        if sys.stdout.isatty():
            print(step)

    found = measure_importance(opened.score, opened.count, options, report)
    of = results(opened, found, classes, args)
    paths = report_importance(Path(args.out), of, args.num)
    show(of)
    for path in paths.values():
        print(path)
    return 0


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    check=fill_in,
    examples=(
        'usmm importance my_config.py work_dirs/my_config/model.pth',
        'usmm importance my_config.py work_dirs/my_config/model.pth --metric brier --groups blood=ast,alt',
    ),
)
