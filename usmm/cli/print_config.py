"""Print a config as it is after inheritance, overrides and references."""

from __future__ import annotations

import argparse

from usmm.cli.arguments import add_config, add_config_file, options_of
from usmm.cli.command import Command
from usmm.utils.command_parser import CommandParser


def add_arguments(parser: CommandParser) -> None:
    add_config_file(parser)
    add_config(parser)


def run(args: argparse.Namespace) -> None:
    from usmm.config import load_config

    print(load_config(args.config, options_of(args)).pretty_text)


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm print_config msmfn_small_phantom',
        'usmm print_config my_config.py --cfg-options max_epochs=5',
    ),
)
