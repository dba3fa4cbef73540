from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from usmm import __version__
from usmm.cli import launchers
from usmm.cli import main as cli
from usmm.cli.command import Command


def modules() -> list[str]:
    """Every module of the command line that declares a command."""
    files = {path.stem: path.read_text(encoding='utf-8') for path in Path(cli.__file__).parent.glob('*.py')}
    return sorted(name for name, text in files.items() if '\nmain = ' in text)


def test_every_command_module_is_listed_once_and_every_script_exists() -> None:
    assert sorted([*modules(), *cli.SCRIPTS]) == sorted(cli.COMMANDS)
    assert all(cli.script_of(name).is_file() for name in cli.SCRIPTS)


def test_a_command_ends_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def run(args: object) -> None:
        raise FileNotFoundError('no file a.png')

    main = Command('usmm.cli.greet', 'Greet.', lambda parser: None, run)
    assert main([]) == 2
    assert capsys.readouterr().err == 'error: no file a.png\n'


def test_arguments_that_do_not_go_together_end_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    def check(args: object) -> None:
        raise ValueError('name a model, or give --all')

    main = Command('usmm.cli.greet', 'Greet.', lambda parser: None, lambda args: 0, check=check)
    with pytest.raises(SystemExit, match='2'):
        main([])
    assert capsys.readouterr().err == 'error: name a model, or give --all (usmm greet --help)\n'


def test_the_command_line_is_kept() -> None:
    main = Command('usmm.cli.greet', 'Greet.', lambda parser: parser.add_argument('name') and None, lambda args: 0)
    assert main.parse_args(['Ada Lovelace']).command == "usmm greet 'Ada Lovelace'"


@pytest.mark.parametrize('arguments', [[], ['-h'], ['--help'], ['help']])
def test_help_lists_every_command_by_group(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert cli.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    listed = [line.split(None, 1) for line in lines if line.startswith('  ')]
    assert [name for name, _ in listed] == list(cli.COMMANDS)
    assert dict(listed)['print_config'] == 'Print a resolved config, or the plain mmengine config of one of its stages.'
    assert [line[:-1] for line in lines if line.endswith(':') and not line.startswith(' ')] == list(cli.GROUPS)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What `usmm train` is called with, while it only records its arguments and returns 3."""
    calls: list[list[str]] = []
    monkeypatch.setitem(sys.modules, 'usmm.cli.train', SimpleNamespace(main=lambda argv: calls.append(argv) or 3))
    return calls


def test_a_command_gets_its_arguments_and_its_exit_code_is_returned(command: list[list[str]]) -> None:
    assert cli.main(['train', 'C', '--cfg-options', 'a=1', 'b=2']) == 3
    assert command == [['C', '--cfg-options', 'a=1', 'b=2']]


def test_hyphens_and_underscores_are_the_same(usmm) -> None:
    code, out, _ = usmm('print-config', '--help')
    assert code == 0 and out.startswith('usage: usmm print_config ')


def test_a_script_runs_with_this_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    (tmp_path / 'dist_train.sh').write_text('#!/bin/sh\n# Train.\necho "$1,$2,$PYTHON"; exit 5\n')
    monkeypatch.setattr(launchers, 'folder', lambda name: tmp_path)
    assert cli.main(['dist-train', 'config', '2']) == 5
    assert capfd.readouterr().out == f'config,2,{sys.executable}\n'


@pytest.mark.parametrize(
    ('name', 'hint'),
    [
        ('make-fantom', "did you mean 'make_phantom'?"),
        ('Trian', "did you mean 'train'?"),
        ('qqq', 'valid names are init, make_phantom, '),
        ('arguments', 'valid names are'),
        ('main', 'did you mean'),
        ('prove', 'it is now: python proofs/prove.py'),
        ('tools/prove.py', 'it is now: python proofs/prove.py'),
        ('torchvision-resnet', 'it is now: usmm convert_weights'),
        ('tools/dataset_converters/busi.py', 'it is now: usmm convert busi'),
        ('us3m', 'it is now: usmm convert us3m'),
    ],
)
def test_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str], name: str, hint: str) -> None:
    assert cli.main([name]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f'error: unknown command {name!r}; {hint}') and error.count('\n') == 1
    assert cli.main(['help', name]) == 2
    assert capsys.readouterr().err == error


def test_help_of_a_command_by_both_ways(usmm) -> None:
    assert usmm('help', 'print-config') == usmm('print_config', '--help')
    assert usmm('help', 'print_config')[0] == 0


@pytest.mark.parametrize('flag', ['-V', '--version'])
def test_version(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([flag]) == 0
    assert capsys.readouterr().out == f'usmm {__version__}\n'


def test_the_console_command_and_the_module_are_the_same(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name('usmm')
    commands = ([sys.executable, '-m', 'usmm', '--version'], [str(script), '--version'])
    texts = {subprocess.run(c, capture_output=True, text=True, cwd=tmp_path, timeout=60).stdout for c in commands}
    assert texts == {f'usmm {__version__}\n'}


@pytest.mark.parametrize('name', ['train', 'test'])
def test_the_scripts_of_tools_are_the_commands(project_root: Path, tmp_path: Path, name: str) -> None:
    command = [sys.executable, str(project_root / 'tools' / f'{name}.py'), '--help']
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0 and done.stdout.startswith(f'usage: usmm {name} ')
