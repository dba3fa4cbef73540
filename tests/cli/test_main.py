from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from usmm import __version__, cli, home

ECHO = '''"""Say what was given. This is the rest of the line.

Not this.
"""
import sys
from sibling import word

if __name__ == '__main__':
    print(word, *sys.argv)
    sys.exit(3 if 'fail' in sys.argv else 0)
'''


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of tools: two Python scripts, one in a subfolder, one shell script."""
    folder = tmp_path / 'clone' / 'tools'
    (folder / 'dataset_converters').mkdir(parents=True)
    (folder / 'make_phantom.py').write_text(ECHO)
    (folder / 'sibling.py').write_text("word = 'ran'")
    (folder / '_private.py').write_text('')
    (folder / 'dataset_converters' / 'us3m.py').write_text('"""Convert US3M."""')
    (folder / 'dist_train.sh').write_text('#!/bin/sh\n# Train on several GPUs.\n# More.\necho "$1,$2"; exit 5\n')
    monkeypatch.setattr(home, 'PACKAGE', tmp_path / 'clone' / 'usmm')
    return folder


@pytest.mark.parametrize('arguments', [[], ['-h'], ['--help']])
def test_help_lists_every_tool_with_its_first_line(
    tools: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert cli.main(arguments) == 0
    lines = [line.split(None, 1) for line in capsys.readouterr().out.splitlines() if line.startswith('  ')]
    assert lines == [
        ['dataset_converters/us3m', 'Convert US3M.'],
        ['dist_train', 'Train on several GPUs.'],
        ['make_phantom', 'Say what was given. This is the rest of the line.'],
        ['sibling'],
    ]


@pytest.mark.parametrize('spelling', ['make_phantom', 'make-phantom', 'make_phantom.py'])
def test_a_tool_runs_as_a_script_with_its_arguments(
    tools: Path, capsys: pytest.CaptureFixture[str], spelling: str
) -> None:
    before = sys.argv, list(sys.path)
    with pytest.raises(SystemExit) as ended:
        cli.main([spelling, 'OUT', '--cases', '3'])
    sys.modules.pop('sibling')
    assert ended.value.code == 0
    assert capsys.readouterr().out == f'ran {tools / "make_phantom.py"} OUT --cases 3\n'
    assert (sys.argv, sys.path) == before


def test_the_exit_code_is_the_tools_own(tools: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(['make_phantom', 'fail'])
    sys.modules.pop('sibling')
    assert ended.value.code == 3
    assert cli.main(['dataset-converters/us3m']) == 0
    assert cli.main(['dist-train', 'config', '2']) == 5
    assert capfd.readouterr().out.splitlines()[-1] == 'config,2'


@pytest.mark.parametrize(
    ('name', 'hint'),
    [
        ('make-fantom', "did you mean 'make_phantom'?"),
        ('qqq', 'commands are dataset_converters/us3m, dist_train, make_phantom, sibling'),
        ('_private', 'commands are'),
    ],
)
def test_an_unknown_command_names_the_nearest(
    tools: Path, capsys: pytest.CaptureFixture[str], name: str, hint: str
) -> None:
    assert cli.main([name]) == 2
    assert f'usmm: unknown command {name!r}; {hint}' in capsys.readouterr().err


@pytest.mark.parametrize('flag', ['-V', '--version'])
def test_version(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([flag]) == 0
    assert capsys.readouterr().out == f'usmm {__version__}\n'


def test_every_tool_that_is_shipped_says_what_it_is() -> None:
    silent = [name for name, path in cli.find_tools().items() if not cli.summary(path)]
    assert silent == []


def test_the_console_command_and_the_module_are_the_same(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name('usmm')
    commands = ([sys.executable, '-m', 'usmm.cli', '--version'], [str(script), '--version'])
    texts = {subprocess.run(c, capture_output=True, text=True, cwd=tmp_path, timeout=60).stdout for c in commands}
    assert texts == {f'usmm {__version__}\n'}
