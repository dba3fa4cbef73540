"""Heat-maps of several models side by side, on the same cases: a row a case and modality, a column a model.

Each model is the work directory of a run (or a fold of a cross-validation) with config.py and model.pth; several of
them under one name, where each modality has a network of its own. Writes the sheets, and heat.csv: how much of each
model's heat is on the lesion, where lesions are outlined.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from usmm.cli.arguments import add_config, add_part
from usmm.cli.command import Command
from usmm.utils.argument_types import out_folder, whole
from usmm.utils.command_parser import CommandParser

METHODS = ('layercam', 'gradcam')


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument('models', nargs='+', metavar='NAME=WORK_DIR[,WORK_DIR...]', help='two models or more')
    add_part(parser)
    parser.add_argument('--cases', nargs='+', metavar='ID', help='cases that all models have (default: the first)')
    parser.add_argument('--num', type=whole(1), default=4, help='cases that are drawn without --cases (default 4)')
    parser.add_argument('--modalities', nargs='+', metavar='NAME', help='draw these alone')
    parser.add_argument('--class', dest='target', metavar='NAME', help="class to explain (default: the case's own)")
    parser.add_argument('--method', default='layercam', choices=METHODS, help='kind of heat-map (default: %(default)s)')
    parser.add_argument('--score', default='margin', choices=('logit', 'margin'), help='what the heat is a gradient of')
    parser.add_argument('--height', type=whole(1), default=128, help='pixels of a picture (default 128)')
    parser.add_argument('--rows', type=whole(1), default=4, help='cases of a sheet (default 4)')
    parser.add_argument(
        '--out', type=out_folder, default='compared_maps', help='folder of the results (default: %(default)s)'
    )
    add_config(parser, 'override settings of all configs')


def check(args: argparse.Namespace) -> None:
    """Check the form of the models. Raises ValueError."""
    wrong = [text for text in args.models if not all(text.partition('=')[::2])]
    if wrong or len(args.models) < 2 or len({m.partition('=')[0] for m in args.models}) < len(args.models):
        raise ValueError(
            f'expected two models or more as NAME=WORK_DIR, each with a name of its own, got {args.models}'
        )


def run(args: argparse.Namespace) -> int:
    from usmm.cli.compare_maps_sheets import choose, draw, explain, explainer_of, on_lesion
    from usmm.cli.explain_drawing import show

    named = {name: folders.split(',') for name, _, folders in (m.partition('=') for m in args.models)}
    explainers = {name: [explainer_of(Path(f), args) for f in folders] for name, folders in named.items()}
    cases = [{name: explain(e, i, args) for name, e in explainers.items()} for i in choose(explainers, args)]
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    classes = next(iter(explainers.values()))[0].experiment.config.classes
    for path in draw(cases, classes, args, out):
        print(path)
    found = {f'{name}, {m}': s for name in named for m, s in on_lesion(cases, name).items()}
    if found:
        show(found)
        with (out / 'heat.csv').open('w', newline='', encoding='utf-8') as file:
            writer = csv.writer(file)
            writer.writerow(['model', 'modality', 'cases', 'heat_inside', 'hits', 'random'])
            writer.writerows(
                [*key.rsplit(', ', 1), s.cases, s.share, s.hits.estimate, s.random] for key, s in found.items()
            )
    return 0


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    check=check,
    examples=(
        'usmm compare_maps fusion=work_dirs/fusion bmode=work_dirs/bmode',
        "usmm compare_maps 'fine-tuned=work_dirs/t1,work_dirs/t2' 'CGC=work_dirs/cgc' --num 8 --out maps",
    ),
)
