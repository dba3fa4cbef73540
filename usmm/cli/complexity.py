"""Parameters, multiply-adds and time of a config's network, or of every row of a study, for one case."""

from __future__ import annotations

import argparse
import copy
from typing import TYPE_CHECKING

from usmm.cli.arguments import add_config, options_of
from usmm.cli.command import Command
from usmm.cli.completers import complete, config_names
from usmm.utils.argument_types import config_file, whole
from usmm.utils.command_parser import CommandParser

if TYPE_CHECKING:
    from mmengine.config import Config


def add_arguments(parser: CommandParser) -> None:
    complete(
        parser.add_argument('study', type=config_file, help='path or name of a config or of a study'), config_names
    )
    text = "the config that the rows of a study change (default: the study's)"
    complete(parser.add_argument('--config', type=config_file, help=text), config_names)
    parser.add_argument(
        '--size', type=whole(1), default=200, help='height and width of the images (default: %(default)s)'
    )
    parser.add_argument('--frames', type=whole(1), default=10, help='frames of the clips (default: %(default)s)')
    parser.add_argument('--repeats', type=whole(0), default=5, help='timed passes (default: %(default)s)')
    add_config(parser)


def configs_of(args: argparse.Namespace) -> dict[str, Config]:
    """Name of a row -> its config."""
    from usmm.config import load_config
    from usmm.engine import StudySpec
    from usmm.utils.locations import find_config

    options = options_of(args)
    if 'studies' not in find_config(args.study).parts:
        return {args.study: load_config(args.study, options)}
    spec = StudySpec.read(args.study)
    rows = {v.name: (v.config or args.config or spec.config, {**options, **v.options}) for v in spec.variants}
    return {name: load_config(config, given) for name, (config, given) in rows.items()}


def run(args: argparse.Namespace) -> None:
    import torch
    from rich.console import Console
    from rich.table import Table

    from usmm.models.complexity import classifier_complexity
    from usmm.registry import MODELS
    from usmm.structures.settings import CLINICAL

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


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm complexity msmfn_r50_r2plus1d',
        'usmm complexity cross_modal_ssl/studies/cgc --size 64 --repeats 1',
    ),
)
