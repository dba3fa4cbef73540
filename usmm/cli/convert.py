"""Convert a public data set to a case table with its schema; without a name: list the data sets.

    usmm convert breast_lesions_usg SRC data/breast

`usmm convert NAME --help` describes the layout that a converter expects and its options.
"""

from __future__ import annotations

import argparse
import ast
import importlib
from collections.abc import Sequence
from pathlib import Path

from usmm.cli.arguments import command_parser
from usmm.datasets import converters
from usmm.utils.console import plain_errors
from usmm.utils.suggestions import did_you_mean


def available() -> dict[str, str]:
    """Name of each converter -> the first line of its description; a converter is a module with a `main`."""
    names = {}
    for path in sorted(Path(converters.__path__[0]).glob('*.py')):
        tree = ast.parse(path.read_text(encoding='utf-8'))
        if any(isinstance(node, ast.FunctionDef) and node.name == 'main' for node in tree.body):
            names[path.stem] = (ast.get_docstring(tree) or '').partition('\n')[0]
    return names


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    names = available()
    width = max(map(len, names))
    listing = '\n'.join(f'  {name:<{width}}  {text}' for name, text in names.items())
    parser = command_parser('convert', f'{__doc__}\nconverters:\n{listing}\n')
    parser.add_argument('name', nargs='?', metavar='NAME', help='the data set')
    parser.add_argument('arguments', nargs=argparse.REMAINDER, metavar='...', help='arguments of the converter')
    args = parser.parse_args(argv)
    if args.name is None:
        parser.print_help()
        parser.exit()
    return args


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    name = args.name.replace('-', '_')
    if name not in available():
        raise ValueError(f'there is no converter {args.name!r}; {did_you_mean(name, available())}')
    return int(importlib.import_module(f'{converters.__name__}.{name}').main(args.arguments))
