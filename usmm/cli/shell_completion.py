"""What the shell offers behind `usmm` when Tab is pressed.

argcomplete, not shtab: shtab writes a script from the parsers of all commands, which is out of date after every update
and does not offer the configs of the working directory. argcomplete asks usmm itself at each Tab. This module therefore
builds the parser of one command only, and that imports neither torch nor pandas: an answer takes about 0.2 s.
"""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Sequence
from pathlib import Path

from usmm.cli.completers import complete
from usmm.cli.launchers import SCRIPTS, script_parser


def answer(commands: Sequence[str]) -> None:
    """Write what may follow on the command line that argcomplete's script left in the environment, and end."""
    import argcomplete
    from argcomplete.lexers import split_line

    line, point = os.environ['COMP_LINE'], int(os.environ['COMP_POINT'])
    start = int(os.environ['_ARGCOMPLETE'])  # 1: usmm, 2: python usmm, 3: python -m usmm
    words = split_line(line, point)[3][start:]
    if words and words[0] != 'help':
        os.environ['_ARGCOMPLETE'] = str(start + 1)
        parser = parser_of(words[0].replace('-', '_'), commands)
    else:
        parser = overview_parser(commands)
    argcomplete.autocomplete(parser, always_complete_options='long')


def overview_parser(commands: Sequence[str]) -> argparse.ArgumentParser:
    """A parser of the words `usmm COMMAND` and `usmm help COMMAND`."""
    parser = argparse.ArgumentParser('usmm')
    parser.add_argument('--version', action='store_true', help='print the version')
    parser.add_argument('command', choices=(*commands, 'help'))
    parser.add_argument('topic', nargs='?', choices=commands)
    return parser


def parser_of(name: str, commands: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of a command; of an unknown one, a parser that offers nothing.

    An argument that is a number offers nothing, where argcomplete would offer files.
    """
    if name not in commands:
        return argparse.ArgumentParser()
    parser: argparse.ArgumentParser
    parser = script_parser(name) if name in SCRIPTS else importlib.import_module(f'usmm.cli.{name}').main.parser()
    for action in parser._actions:
        if is_number(action) and 'completer' not in vars(action):
            complete(action, lambda **_: ())
    return parser


def is_number(action: argparse.Action) -> bool:
    """Whether an argument takes a number: one that cannot be the name of a file."""
    if action.type is None or action.type is Path or not callable(action.type):
        return False
    try:
        action.type('no/number')
    except (ValueError, argparse.ArgumentTypeError) as error:
        return isinstance(error, ValueError) or 'number' in str(error)
    return False
