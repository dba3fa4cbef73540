"""Print a resolved config, or the plain mmengine config of one of its stages.

A resolved config is what a run uses: after inheritance, overrides and references.
"""

from __future__ import annotations

import argparse

from usmm.cli.arguments import add_config, add_config_file, options_of
from usmm.cli.command import Command
from usmm.utils.command_parser import CommandParser


def add_arguments(parser: CommandParser) -> None:
    add_config_file(parser)
    text = "print the plain mmengine config of a stage, which mmengine's Runner takes"
    parser.add_argument('--runner', action='store_true', help=text)
    parser.add_argument('--stage', help='the stage whose plain config --runner prints (default: the only one)')
    add_config(parser)


def check(args: argparse.Namespace) -> None:
    if args.stage is not None and not args.runner:
        raise ValueError('--stage goes with --runner, which prints the plain config of that stage')


def run(args: argparse.Namespace) -> None:
    from usmm.config import load_config, runner_config
    from usmm.config.runner import runner_text
    from usmm.config.text import config_text

    config = load_config(args.config, options_of(args))
    if not args.runner:
        print(config_text(config._cfg_dict.to_dict()), end='')
        return
    stages = [stage['name'] for stage in config.stages]
    if args.stage is None and len(stages) > 1:
        raise ValueError(f'{args.config} has the stages {stages}: choose one with --stage')
    stage = args.stage or stages[0]
    print(runner_text(runner_config(config, stage), config.name, stage), end='')


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm print_config msmfn_small_phantom',
        'usmm print_config my_config.py --cfg-options max_epochs=5',
        'usmm print_config msmfn_small_phantom --runner --stage image',
    ),
    check=check,
)
