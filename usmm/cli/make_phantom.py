"""Make synthetic patients with a planted truth: images, clips, masks, case table, truth.json.

The column `split` of the table marks patients for testing: the `--test-cases`, or, without them, every third patient of
each class. Configs that make folds do not read it.

Clips of any length show the same 90-second examination: with a shorter clip, wash-in and wash-out are compressed into
it, so sample key frames with a step that is shorter by the same factor (`key_frame_step` in truth.json).
"""

from __future__ import annotations

import argparse

from usmm.cli.command import Command
from usmm.cli.completers import complete, preset_names
from usmm.utils.argument_types import out_folder, whole
from usmm.utils.command_parser import CommandParser


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument('out', type=out_folder, help='folder to make')
    parser.add_argument('--cases', type=whole(1), required=True, help='number of patients')
    parser.add_argument(
        '--test-cases',
        type=whole(0),
        default=0,
        help='further patients, who test (default: none; a third of --cases tests)',
    )
    parser.add_argument('--seed', type=int, default=0, help='of all that is drawn (default: %(default)s)')
    text = f'one of {", ".join(preset_names())} (default: %(default)s)'
    complete(parser.add_argument('--preset', default='cla', help=text), preset_names)
    parser.add_argument(
        '--strength', type=float, default=1.0, help='factor of the planted separations; 2: an easy task'
    )
    parser.add_argument('--modalities', help='make only these, joined by commas (default: all of the preset)')
    parser.add_argument('--shared', default='', help="modalities that share a latent: 'bus,ue' or 'bus,ue;cdfi,dceus'")
    parser.add_argument('--clip-seconds', type=float, help='length of the clips; see above (default: 90)')
    parser.add_argument('--fps', type=float, default=22.0, help='frames per second of the clips (default: %(default)s)')
    parser.add_argument('--dicom', action='store_true', help='DICOM files instead of PNG and MP4; masks stay PNG')
    parser.add_argument('--workers', type=whole(1), help='processes (default: one per CPU)')
    parser.add_argument('--force', action='store_true', help='replace the phantom in OUT')


def run(args: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from usmm.phantoms import make_phantom

    columns = TextColumn('patients'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task('patients', total=args.cases + args.test_cases)
        options = {k: v for k, v in vars(args).items() if k != 'modalities'}
        out = make_phantom(
            **options,
            modalities=None if args.modalities is None else args.modalities.split(','),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    print(out)
    return 0


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm make_phantom data/phantom --cases 60 --test-cases 40 --strength 2',
        'usmm make_phantom data/phantom --cases 300 --test-cases 500 --strength 2 --clip-seconds 15',
        'usmm make_phantom data/fibrosis --cases 200 --preset fibrosis --seed 1',
    ),
)
