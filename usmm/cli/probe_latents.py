"""What of a phantom's planted scores can be read off a model's features, linearly: R^2 of each score.

Each work directory is a run with config.py and model.pth (a fold of a cross-validation). A ridge regression from the
vector that the head gets is fitted on the run's training part and measured on its test part.
"""

from __future__ import annotations

import argparse
import csv
import glob
from pathlib import Path

from usmm.cli.arguments import add_config, options_of
from usmm.cli.command import Command
from usmm.utils.argument_types import out_file
from usmm.utils.command_parser import CommandParser


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument('truth', type=Path, help='truth.json of the phantom')
    parser.add_argument('models', nargs='+', metavar='NAME=WORK_DIRS', help='runs of one kind; a pattern for several')
    parser.add_argument('--out', type=out_file, help='CSV file of the results')
    add_config(parser, 'override settings of all configs')


def check(args: argparse.Namespace) -> None:
    """Check the form of the models. Raises ValueError."""
    wrong = [text for text in args.models if not all(text.partition('=')[::2])]
    if wrong or len({m.partition('=')[0] for m in args.models}) < len(args.models):
        raise ValueError(f'expected NAME=WORK_DIRS, each with a name of its own, got {args.models}')


def run(args: argparse.Namespace) -> int:
    import numpy as np

    from usmm.cli.latent_probes import probe, read_latents, show

    latents, options = read_latents(args.truth), options_of(args)
    rows: list[dict[str, object]] = []
    for name, _, pattern in (text.partition('=') for text in args.models):
        folders = [Path(found) for found in sorted(glob.glob(pattern))]  # noqa: PTH207  an absolute pattern, too
        if not folders:
            raise ValueError(f'there is no folder {pattern}')
        runs = [probe(folder, latents, options) for folder in folders]
        values = {key: np.array([run[key] for run in runs]) for key in runs[0]}
        rows.append({'model': name, 'runs': len(runs), **{k: (v.mean(), v.std()) for k, v in values.items()}})
    show(rows)
    if args.out is not None:
        with Path(args.out).open('w', newline='', encoding='utf-8') as file:
            writer = csv.writer(file)
            writer.writerow([*rows[0]])
            writer.writerows([f'{v[0]:.4f}' if isinstance(v, tuple) else v for v in row.values()] for row in rows)
    return 0


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    check=check,
    examples=(
        "usmm probe_latents data/liver_mr_phantom/truth.json 'MCL=work_dirs/mcl/fold_*' 'SCL=work_dirs/scl/fold_*'",
        'usmm probe_latents data/phantom/truth.json net=work_dirs/run --out r2.csv',
    ),
)
