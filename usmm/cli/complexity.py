"""Parameters, multiply-adds and time of a config's network, or of every row of a study, for one case."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Sequence

from mmengine.config import Config
from rich.console import Console
from rich.table import Table

from usmm.cli.arguments import command_parser
from usmm.config import load_config, parse_options
from usmm.structures.settings import CLINICAL
from usmm.utils.console import plain_errors


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = command_parser('complexity', __doc__)
    parser.add_argument('study', help='path or name of a config or of a study')
    parser.add_argument('--config', help="the config that the rows of a study change (default: the study's)")
    parser.add_argument('--size', type=int, default=200, help='height and width of the images (default: %(default)s)')
    parser.add_argument('--frames', type=int, default=10, help='frames of the clips (default: %(default)s)')
    parser.add_argument('--repeats', type=int, default=5, help='timed passes (default: %(default)s)')
    parser.add_argument('--cfg-options', nargs='+', metavar='KEY=VALUE', help='override settings')
    return parser.parse_args(argv)


def configs_of(args: argparse.Namespace) -> dict[str, Config]:
    """Name of a row -> its config."""
    from usmm.engine import StudySpec
    from usmm.utils.locations import find_config

    options = parse_options(args.cfg_options)
    if 'studies' not in find_config(args.study).parts:
        return {args.study: load_config(args.study, options)}
    spec = StudySpec.read(args.study)
    rows = {v.name: (v.config or args.config or spec.config, {**options, **v.options}) for v in spec.variants}
    return {name: load_config(config, given) for name, (config, given) in rows.items()}


@plain_errors
def main(argv: Sequence[str] | None = None) -> None:
    args = parse_args(argv)
    import torch

    from usmm.models.complexity import classifier_complexity
    from usmm.registry import MODELS

    table = Table('row', 'part', 'parameters', 'multiply-adds, M', 'time, ms')
    for name, config in configs_of(args).items():
        model = MODELS.build(copy.deepcopy(config.model))
        side, clips = (args.size, args.size), config.schema.get('clips', {})
        modalities = [m for names in model.readers.values() for m in names if m != CLINICAL]
        inputs = {m: torch.zeros(1, 3, *((args.frames,) if m in clips else ()), *side) for m in modalities}
        for part, cost in classifier_complexity(model, inputs, args.repeats).items():
            seconds = '' if cost.seconds is None else f'{1000 * cost.seconds:.1f}'
            table.add_row(name, part, f'{cost.parameters:,}', f'{cost.multiply_adds / 1e6:,.2f}', seconds)
            name = ''
    Console().print(table)
