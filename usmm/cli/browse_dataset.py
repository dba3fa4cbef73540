"""Draw samples as the network sees them, all modalities of a case in a row, as PNG sheets.

The cases go through the training pipeline of the config, augmentation included (--pipeline test: without); a clip is
shown as the strip of its chosen frames, with their times. --original shows the files as they are, masks or boxes
outlined.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from usmm.cli.arguments import add_config, add_config_file, add_part, options_of
from usmm.cli.command import Command
from usmm.utils.argument_types import out_folder, whole
from usmm.utils.command_parser import CommandParser


def add_arguments(parser: CommandParser) -> None:
    add_config_file(parser)
    add_part(parser, 'train')
    parser.add_argument('--num', type=whole(1), default=8, help='how many cases are drawn (default 8)')
    parser.add_argument('--cases', nargs='+', metavar='ID', help='these cases, instead of drawn ones')
    parser.add_argument('--epochs', type=whole(1), default=1, help='show each case in that many epochs (default 1)')
    parser.add_argument('--original', action='store_true', help='the files as they are, masks outlined')
    parser.add_argument('--pipeline', default='train', choices=('train', 'test'), help='which pipeline (default train)')
    parser.add_argument('--out', type=out_folder, default='browse', help='folder of the sheets (default browse)')
    parser.add_argument('--rows', type=whole(1), default=8, help='rows of a sheet (default 8)')
    parser.add_argument('--height', type=whole(1), default=144, help='pixels of a picture (default 144)')
    parser.add_argument('--seed', type=int, default=0, help='which cases are drawn (default 0)')
    add_config(parser)


def run(args: argparse.Namespace) -> int:
    from PIL import Image

    from usmm.cli.browse_sheets import build, sheets
    from usmm.config import load_config

    config = load_config(args.config, options_of(args))
    dataset = build(config, args)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    for number, sheet in enumerate(sheets(dataset, config, args), 1):
        path = out / f'{args.part}_{number:02d}.png'
        Image.fromarray(sheet).save(path)
        print(path)
    return 0


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm browse_dataset my_config.py',
        'usmm browse_dataset my_config.py --original --part all --num 20 --out pictures',
        'usmm browse_dataset msmfn_small_phantom --cases c12 c31 --epochs 4',
    ),
)
