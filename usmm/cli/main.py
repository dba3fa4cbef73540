"""The console command `usmm`: finds the module of a command and runs its `main`.

Only the module of the command that is run is imported, so `usmm --help` needs neither torch nor pandas.
"""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from usmm.utils.locations import folder
from usmm.utils.suggestions import did_you_mean
from usmm.version import __version__

USAGE = 'usage: usmm COMMAND [arguments]     (usmm COMMAND --help describes the arguments)'

# Group -> its commands. `usmm NAME` runs `main` of the module `usmm.cli.NAME`; of SCRIPTS, the shell script in `tools`.
GROUPS: Mapping[str, tuple[str, ...]] = {
    'data': (
        'make_phantom', 'convert', 'init', 'check_data', 'browse_dataset', 'patient_table', 'time_intensity',
        'region_agreement',
    ),
    'training': (
        'train', 'dist_train', 'slurm_train', 'cross_validate', 'study', 'active_learn', 'list', 'print_config',
        'complexity', 'benchmark', 'demo',
    ),
    'evaluation': (
        'test', 'dist_test', 'slurm_test', 'compare', 'calibrate', 'explain', 'importance', 'compare_maps',
        'probe_latents',
    ),
    'models': ('predict', 'serve', 'export', 'publish', 'download', 'convert_weights'),
}  # fmt: skip
COMMANDS = tuple(name for names in GROUPS.values() for name in names)
SCRIPTS = ('dist_train', 'dist_test', 'slurm_train', 'slurm_test')


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command, or list the commands.

    Args:
        argv: The arguments after `usmm`; None: those of the command line.

    Returns:
        The exit code: 2 for an unknown command, else the command's own.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ('-h', '--help'):
        print(overview())
        return 0
    if arguments[0] in ('-V', '--version'):
        print(f'usmm {__version__}')
        return 0
    name = arguments[0].replace('-', '_')
    if name not in COMMANDS:
        print(f'usmm: unknown command {arguments[0]!r}; {did_you_mean(name, COMMANDS)}', file=sys.stderr)
        return 2
    if name in SCRIPTS:
        return run_script(name, arguments[1:])
    return int(importlib.import_module(f'usmm.cli.{name}').main(arguments[1:]))


def overview() -> str:
    """The text of `usmm --help`: the commands by group, each with the first line of its description."""
    width = max(map(len, COMMANDS))
    lines = ['usmm: diagnosis from multi-modal ultrasound', '', USAGE]
    for group, names in GROUPS.items():
        lines += ['', f'{group}:', *(f'  {name:<{width}}  {summary(name)}'.rstrip() for name in names)]
    return '\n'.join(lines)


def summary(name: str) -> str:
    """The first line of what a command states about itself; the command's module is read, not imported."""
    if name in SCRIPTS:
        lines = script_of(name).read_text(encoding='utf-8').splitlines()
        return next(line[1:].strip() for line in lines if line.startswith('# '))
    text = Path(__file__).with_name(f'{name}.py').read_text(encoding='utf-8')
    return (ast.get_docstring(ast.parse(text)) or '').partition('\n')[0]


def script_of(name: str) -> Path:
    """The shell script of a command.

    Raises:
        FileNotFoundError: The installation lacks its folder `tools`.
    """
    return folder('tools') / f'{name}.sh'


def run_script(name: str, arguments: Sequence[str]) -> int:
    """Run a shell script of `tools`, with the interpreter in which usmm is installed, and return its exit code."""
    return subprocess.call(['bash', str(script_of(name)), *arguments], env={**os.environ, 'PYTHON': sys.executable})


if __name__ == '__main__':
    sys.exit(main())
