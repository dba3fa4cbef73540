"""List every problem of a data set in one run, count what is in it, and keep a manifest of its files.

Reads the table that a config names, and every file of the table, whole. The first run without a blocking problem writes
manifest.json (the SHA-256 of every file) into the work directory of the config, or into --out; later runs report what
changed since, until --update-manifest accepts it. A manifest that lies beside the table is used in place of the one in
the work directory; nothing else is written there. With --out, the tables are written as CSV too. The exit code is 1 if
a problem would stop a training, 2 if the check could not be done or its files not be written.
"""

from __future__ import annotations

import argparse
import sys

from usmm.cli.arguments import add_config, add_config_file
from usmm.cli.command import Command
from usmm.utils.argument_types import out_folder, whole
from usmm.utils.command_parser import CommandParser


def add_arguments(parser: CommandParser) -> None:
    add_config_file(parser, 'path of a config, or the name of a shipped one; schema.py of a converter will do')
    parser.add_argument(
        '--out', type=out_folder, help='folder for problems.csv, files.csv, summary.json and manifest.json'
    )
    parser.add_argument('--folds', help='folds.csv to check (default: that of the config, where it exists)')
    parser.add_argument(
        '--update-manifest', action='store_true', help='accept what changed since the manifest was written'
    )
    parser.add_argument('--workers', type=whole(1), help='files read at a time (default: one a core)')
    add_config(parser)


def run(args: argparse.Namespace) -> int:
    from rich.console import Console

    from usmm.cli.check_data_tables import SHOWN, check, show, write_results

    console = Console(width=None if sys.stdout.isatty() else 160)
    result = check(args, console)
    show(result, console, SHOWN if args.out else None)
    write_results(result, args.out)
    return 1 if result.blocking else 0


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm check_data my_config.py',
        'usmm check_data data/breast/schema.py --out checked',
        'usmm check_data my_config.py --update-manifest --cfg-options data_root=data/new',
    ),
)
