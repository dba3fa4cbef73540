"""Print the code that makes a shell complete commands, options, choices, and names of configs, presets and models.

Load it once in the start file of the shell, as the examples show; `~/.config/fish/config.fish` takes the line of fish.
After that, the Tab key completes what follows `usmm`.
"""

from __future__ import annotations

import argparse

from usmm.cli.command import Command
from usmm.utils.command_parser import CommandParser

SHELLS = ('bash', 'zsh', 'fish')


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument('shell', choices=SHELLS, help='the shell')


def run(args: argparse.Namespace) -> None:
    from argcomplete import shellcode

    print(shellcode(['usmm'], shell=args.shell))


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm completion bash',
        """echo 'eval "$(usmm completion bash)"' >> ~/.bashrc""",
        """echo 'eval "$(usmm completion zsh)"' >> ~/.zshrc""",
        """echo 'usmm completion fish | source' >> ~/.config/fish/config.fish""",
    ),
)
