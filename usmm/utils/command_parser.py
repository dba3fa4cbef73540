"""The parser of every command: one-line errors that name the nearest valid word, and a help text with examples.

It stays on argparse, because the options of OpenMMLab (`--cfg-options a=1 b=2`) take several values, which parsers
built on click do not have.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import NoReturn

from usmm.utils.suggestions import did_you_mean, suggestion

FAILED = 2  # the exit code of a wrong command line


class CommandParser(argparse.ArgumentParser):
    """The parser of one command. Options cannot be abbreviated: a new option must not change what an old script does.

    Args:
        name: Words of the command after `usmm`, such as `train` or `convert busi`.
        description: What the command does; its first line is the summary. It is shown as it is written.
        examples: Command lines that the help shows at its end, each perhaps with a comment behind ` # `.

    Example:
        >>> parser = CommandParser('train', 'Train a model.', ['usmm train my_config.py'])
        >>> _ = parser.add_argument('config', help='path of a config')
        >>> parser.format_help().splitlines()[-2:]
        ['examples:', '  usmm train my_config.py']
    """

    def __init__(self, name: str, description: str | None, examples: Sequence[str] = ()) -> None:
        epilog = '\n'.join(['examples:', *(f'  {line}' for line in examples)]) if examples else None
        super().__init__(
            prog=f'usmm {name}', description=description, epilog=epilog, allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """The arguments; a wrong command line ends the process with one line and exit code 2."""
        words = list(sys.argv[1:] if args is None else args)
        self.check_options(words)
        return super().parse_args(words, namespace)

    def check_options(self, words: Iterable[str]) -> None:
        """End with an error at the first word that looks like an option and is none.

        argparse reports missing arguments first, and then the person who misspelt an option looks for them in vain.
        """
        known = [name for name in self._option_string_actions if name.startswith('--')]
        for word in words:
            if word == '--':
                return
            name = word.partition('=')[0]
            if name.startswith('--') and ' ' not in name and name not in known:
                self.error(f'unknown option {name!r}{suggestion(name, known)}')

    def error(self, message: str) -> NoReturn:
        """End with one line on the standard error and exit code 2."""
        text = re.sub(r'^argument ([^:]+): ', r'\1: ', message)
        self.exit(FAILED, f'error: {text} ({self.prog} --help)\n')

    def format_help(self) -> str:
        """The help: with colours on a terminal, plain text elsewhere and where NO_COLOR is set."""
        if is_coloured():
            self.formatter_class = _rich_formatter()
        return super().format_help()

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """Name the nearest choice where a value is none of them."""
        if action.choices is not None and value not in action.choices:
            text = f'unknown value {value!r}; {did_you_mean(str(value), map(str, action.choices))}'
            raise argparse.ArgumentError(action, text)


def is_coloured() -> bool:
    """Whether the standard output is a terminal that shows colours, and NO_COLOR (no-color.org) does not object."""
    return sys.stdout.isatty() and not os.environ.get('NO_COLOR') and os.environ.get('TERM') != 'dumb'


def _rich_formatter() -> type[argparse.HelpFormatter]:
    # here, for only a help text on a terminal needs it
    from rich_argparse import RawDescriptionRichHelpFormatter

    class Formatter(RawDescriptionRichHelpFormatter):
        """Headings as argparse writes them; brackets in texts are brackets, no markup."""

        group_name_formatter = str
        text_markup = False
        help_markup = False

    return Formatter
