# PYTHON_ARGCOMPLETE_OK
"""The console command `usmm`: finds the module of a command and runs its `main`.

Only the module of the command that is run is imported, so `usmm --help` needs neither torch nor pandas.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from usmm.cli.launchers import SCRIPTS, run_script, script_of
from usmm.cli.summaries import summary_of
from usmm.utils.command_parser import FAILED, is_coloured
from usmm.utils.console import plain_errors
from usmm.utils.suggestions import did_you_mean
from usmm.version import __version__

TITLE = 'usmm: diagnosis from multi-modal ultrasound'
USAGE = 'usage: usmm COMMAND [arguments]     (usmm help COMMAND describes the arguments)'

# Group -> its commands. `usmm NAME` runs `main` of the module `usmm.cli.NAME`; of SCRIPTS, the shell script in `tools`.
GROUPS: Mapping[str, tuple[str, ...]] = {
    'data': (
        'init', 'make_phantom', 'convert', 'check_data', 'browse_dataset', 'patient_table', 'time_intensity',
        'region_agreement',
    ),
    'training': (
        'train', 'dist_train', 'slurm_train', 'cross_validate', 'study', 'active_learn', 'list', 'print_config',
        'complexity', 'benchmark', 'demo',
    ),
    'evaluation': (
        'test', 'dist_test', 'slurm_test', 'compare', 'calibrate', 'explain', 'importance', 'compare_maps',
        'probe_latents', 'readers', 'power',
    ),
    'models': ('predict', 'serve', 'export', 'publish', 'download', 'convert_weights'),
    'shell': ('completion',),
}  # fmt: skip
COMMANDS = tuple(name for names in GROUPS.values() for name in names)


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run a command, or list the commands.

    Args:
        argv: The arguments after `usmm`; None: those of the command line.

    Returns:
        The exit code: 2 for an unknown command, else the command's own.
    """
    if '_ARGCOMPLETE' in os.environ:  # the shell asks what may follow, as Tab was pressed
        from usmm.cli.shell_completion import answer

        answer(COMMANDS)
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ['help']:
        words = [*words[1:2], '--help']
    if not words or words[0] in ('-h', '--help'):
        show_overview()
        return 0
    if words[0] in ('-V', '--version'):
        print(f'usmm {__version__}')
        return 0
    name = words[0].replace('-', '_')
    if name not in COMMANDS:
        print(f'error: unknown command {words[0]!r}; {instead_of(words[0])} (usmm --help)', file=sys.stderr)
        return FAILED
    if name in SCRIPTS:
        return run_script(name, words[1:])
    return int(importlib.import_module(f'usmm.cli.{name}').main(words[1:]))


def instead_of(word: str) -> str:
    """What was probably meant by an unknown command."""
    from usmm.cli.renamed import hint

    moved = hint(word)
    return f'it is now: {moved}' if moved else did_you_mean(word.replace('-', '_'), COMMANDS)


def overview() -> str:
    """The text of `usmm --help`: the commands by group, each with the first line of its description."""
    width = max(map(len, COMMANDS))
    lines = [TITLE, '', USAGE]
    for group, names in GROUPS.items():
        lines += ['', f'{group}:', *(f'  {name:<{width}}  {summary(name)}'.rstrip() for name in names)]
    return '\n'.join(lines)


def show_overview() -> None:
    """Print the overview, on a terminal with the colours of the other help texts."""
    if not is_coloured():
        print(overview())
        return
    from rich.console import Console
    from rich.text import Text

    text = Text(overview())
    text.highlight_regex(r'(?m)^\w+:(?=$)', 'dark_orange')
    text.highlight_regex(r'(?m)^  \w+', 'cyan')
    Console(soft_wrap=True).print(text)


def summary(name: str) -> str:
    """The first line of what a command states about itself; the command's module is read, not imported."""
    return summary_of(script_of(name) if name in SCRIPTS else Path(__file__).with_name(f'{name}.py'))


if __name__ == '__main__':
    sys.exit(main())
