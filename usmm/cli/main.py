"""The console command `usmm`: every script of the folder `tools` as a subcommand, wherever it is called from."""

from __future__ import annotations

import ast
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

from usmm.home import folder
from usmm.version import __version__

USAGE = 'usage: usmm COMMAND [arguments]     (usmm COMMAND --help tells the arguments)'


def main(argv: Sequence[str] | None = None) -> int:
    """Run a tool, or tell which there are.

    Args:
        argv: The arguments behind `usmm`. None: those of the command line.

    Returns:
        The exit code: 2 for an unknown command, else the tool's own.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ('-h', '--help'):
        print(overview())
        return 0
    if arguments[0] in ('-V', '--version'):
        print(f'usmm {__version__}')
        return 0
    name, tools = _plain(arguments[0]), find_tools()
    if name not in tools:
        print(_unknown(arguments[0], list(tools)), file=sys.stderr)
        return 2
    return run_tool(tools[name], arguments[1:])


def find_tools() -> dict[str, Path]:
    """Name -> script, of every script below `tools`; those in subfolders are named with the folder."""
    root = folder('tools')
    scripts = sorted(p for p in root.rglob('*') if p.suffix in ('.py', '.sh') and not p.name.startswith('_'))
    return {_plain(path.relative_to(root).with_suffix('').as_posix()): path for path in scripts}


def overview() -> str:
    """The text of `usmm --help`: each command with the first line of its script's description."""
    tools = find_tools()
    width = max(map(len, tools), default=0)
    lines = [f'  {name:<{width}}  {summary(path)}'.rstrip() for name, path in tools.items()]
    return '\n'.join(['usmm: diagnosis from multi-modal ultrasound', '', USAGE, '', 'commands:', *lines])


def summary(script: Path) -> str:
    """The first line of a Python script's docstring, or the first comment of a shell script."""
    text = script.read_text(encoding='utf-8')
    if script.suffix == '.py':
        return (ast.get_docstring(ast.parse(text)) or '').partition('\n')[0]
    comments = [line[1:].strip() for line in text.splitlines() if line.startswith('#') and not line.startswith('#!')]
    return comments[0] if comments else ''


def run_tool(script: Path, arguments: Sequence[str]) -> int:
    """Run a script as the interpreter or the shell would, and return its exit code."""
    if script.suffix == '.sh':
        # The scripts call `python`: let that be the one in which usmm is installed.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get('PATH', '')])
        return subprocess.call(['bash', str(script), *arguments], env={**os.environ, 'PATH': path})
    with _as_script(script, [str(script), *arguments]):
        runpy.run_path(str(script), run_name='__main__')
    return 0


@contextmanager
def _as_script(script: Path, argv: list[str]) -> Iterator[None]:
    """`sys.argv` and `sys.path` as a script finds them: its arguments, and its own folder first."""
    before = sys.argv, sys.path
    sys.argv, sys.path = argv, [str(script.parent), *sys.path]
    try:
        yield
    finally:
        sys.argv, sys.path = before


def _plain(name: str) -> str:
    """One spelling of a command: `make-phantom` and `make_phantom.py` are `make_phantom`."""
    return name.removesuffix('.py').removesuffix('.sh').replace('-', '_')


def _unknown(name: str, known: list[str]) -> str:
    """What to say to a command that is not there."""
    nearest = get_close_matches(_plain(name), known, n=1)
    hint = f'did you mean {nearest[0]!r}?' if nearest else f'commands are {", ".join(known)}'
    return f'usmm: unknown command {name!r}; {hint}'


if __name__ == '__main__':
    sys.exit(main())
