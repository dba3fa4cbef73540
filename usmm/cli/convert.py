"""Convert a public data set to a case table with its schema; without a name: list the data sets.

`usmm convert NAME --help` describes the layout that a converter expects and its options.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from usmm.cli.command import Command
from usmm.cli.completers import complete
from usmm.cli.summaries import docstring_of
from usmm.utils.command_parser import CommandParser
from usmm.utils.locations import PACKAGE
from usmm.utils.suggestions import did_you_mean

CONVERTERS = 'usmm.datasets.converters'


def available() -> dict[str, str]:
    """Name of each converter -> the first line of its description; a converter is a module with a `main`."""
    names = {}
    for path in sorted((PACKAGE / 'datasets' / 'converters').glob('*.py')):
        text = path.read_text(encoding='utf-8')
        if '\ndef main(' in text:
            names[path.stem] = docstring_of(text).partition('\n')[0]
    return names


def add_arguments(parser: CommandParser) -> None:
    names = available()
    width = max(map(len, names))
    listing = '\n'.join(f'  {name:<{width}}  {text}' for name, text in names.items())
    parser.description = f'{parser.description}\nconverters:\n{listing}\n'
    complete(parser.add_argument('name', nargs='?', metavar='NAME', help='the data set'), lambda **_: names)
    text = 'SRC, OUT and the options of the converter'
    parser.add_argument('arguments', nargs=argparse.REMAINDER, metavar='...', help=text)


class ConvertCommand(Command):
    """A command that leaves the words behind the name of a converter to the converter."""

    def parse_args(self, argv: Sequence[str] | None = None) -> argparse.Namespace:
        """The name, and the words behind it as they are."""
        words = sys.argv[1:] if argv is None else argv
        args = super().parse_args(words[:1])
        args.arguments = [*words[1:]]
        return args


def run(args: argparse.Namespace) -> int:
    if args.name is None:
        main.parser().print_help()
        return 0
    name = args.name.replace('-', '_')
    if name not in available():
        raise ValueError(f'there is no converter {args.name!r}; {did_you_mean(name, available())}')
    return int(importlib.import_module(f'{CONVERTERS}.{name}').main(args.arguments))


main = ConvertCommand(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm convert    # the names of all converters',
        'usmm convert breast_lesions_usg SRC data/breast',
        'usmm convert busi SRC data/busi --link --skip-bad',
    ),
)
