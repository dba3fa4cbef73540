"""The scripts of `tools` that start several processes of `usmm train` or `usmm test`, as commands."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from usmm.utils.command_parser import CommandParser
from usmm.utils.locations import folder
from usmm.utils.parent_death import end_with_parent

# Script -> the command that its processes run, the words before the arguments of the command, and those behind its
# positional arguments.
SCRIPTS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    'dist_train': ('train', (), ('gpus',)),
    'dist_test': ('test', (), ('gpus',)),
    'slurm_train': ('train', ('partition', 'job_name'), ()),
    'slurm_test': ('test', ('partition', 'job_name'), ()),
}


def script_of(name: str) -> Path:
    """The shell script of a command.

    Raises:
        FileNotFoundError: The installation lacks its folder `tools`.
    """
    return folder('tools') / f'{name}.sh'


def run_script(name: str, arguments: Sequence[str]) -> int:
    """Run a shell script of `tools`, with the interpreter in which usmm is installed, and return its exit code."""
    environment = {**os.environ, 'PYTHON': sys.executable, 'USMM_COMMAND': f'usmm {name}'}
    words = ['bash', str(script_of(name)), *arguments]
    # the script becomes torchrun: a kill of this process must reach it, and by it those that train
    code = subprocess.call(words, env=environment, preexec_fn=end_with_parent if os.name == 'posix' else None)
    return code if code >= 0 else 128 - code  # ended by a signal: as a shell states it


def script_parser(name: str) -> CommandParser:
    """A parser that takes what a script takes; the script itself reads its first words and passes the others on."""
    command, before, after = SCRIPTS[name]
    parser = CommandParser(name, None)
    for word in before:
        parser.add_argument(word, help='of Slurm')
    importlib.import_module(f'usmm.cli.{command}').main.arguments(parser)
    for word in after:
        parser.add_argument(word, type=int, help='processes, one a GPU')
    return parser
