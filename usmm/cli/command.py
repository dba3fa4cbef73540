"""The declaration of a command: what it is called, what it takes, what it does, and examples of its use."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from usmm.utils.command_parser import CommandParser
from usmm.utils.console import plain_errors


@dataclass(frozen=True)
class Command:
    """A command of usmm: `main` of its module, which is called with the words of the command line.

    The module imports only what the arguments need, and `run` imports the rest, so that `usmm COMMAND --help` and the
    completion of the shell load neither torch nor pandas.

    Args:
        module: `__name__` of the module; its last part is the name of the command.
        description: `__doc__` of the module; its first line is the summary.
        arguments: Adds the arguments to a parser.
        run: Does the work; returns an exit code, or None for 0.
        examples: Two or three command lines for the help.
        check: Raises ValueError for arguments that do not go together; may fill in defaults.

    Example:
        >>> def add_arguments(parser: argparse.ArgumentParser) -> None:
        ...     parser.add_argument('name', help='who is greeted')
        >>> def run(args: argparse.Namespace) -> None:
        ...     print(f'Good morning, {args.name}.')
        >>> main = Command('usmm.cli.greet', 'Greet a person.', add_arguments, run, ('usmm greet Ada',))
        >>> main(['Ada'])
        Good morning, Ada.
        0
    """

    module: str
    description: str | None
    arguments: Callable[[CommandParser], None]
    run: Callable[[argparse.Namespace], int | None]
    examples: Sequence[str] = ()
    check: Callable[[argparse.Namespace], None] | None = None

    @property
    def name(self) -> str:
        """The word after `usmm`."""
        return self.module.rpartition('.')[2]

    def parser(self) -> CommandParser:
        """A parser with the arguments of the command."""
        parser = CommandParser(self.name, self.description, self.examples)
        self.arguments(parser)
        return parser

    def parse_args(self, argv: Sequence[str] | None = None) -> argparse.Namespace:
        """The arguments, and the whole command line as `args.command`; a wrong one ends the process with exit code 2.

        Args:
            argv: Words after the name of the command; None: those of the command line.
        """
        parser = self.parser()
        words = list(sys.argv[1:] if argv is None else argv)
        args = parser.parse_args(words)
        args.command = shlex.join(['usmm', self.name, *words])
        if self.check is not None:
            try:
                self.check(args)
            except ValueError as error:
                parser.error(str(error))
        return args

    @plain_errors
    def __call__(self, argv: Sequence[str] | None = None) -> int:
        """Run the command and return its exit code."""
        return self.run(self.parse_args(argv)) or 0
