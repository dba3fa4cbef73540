"""Configs whose own code fails: one error that names file, line and cause."""

from __future__ import annotations

from pathlib import Path

import pytest

from usmm.cli import main as cli
from usmm.config import ConfigError, load_config
from usmm.config.failure import failures_told, parsed

FINE = "classes = ('A', 'B')\nmodalities = ('bus',)\n"


def write(folder: Path, text: str, name: str = 'mine.py') -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('batch_size = sise\n', r"mine\.py:3: the code of the config fails: NameError: name 'sise' is not defined"),
        ('a = 1 / 0\n', r'mine\.py:3: the code of the config fails: ZeroDivisionError'),
        ('def f():\n    return {}[0]\nbatch_size = f()\n', r'mine\.py:4: the code of the config fails: KeyError: 0'),
        ('stages = [dict(]\n', r"mine\.py:3: a config must be Python: closing parenthesis '\]' does not match"),
        (
            "_base_ = 'a' + name\n",
            r"mine\.py:3: _base_ must be a path, .* .* got the expression 'a' \+ name",
        ),
        (
            "custom_imports = dict(imports=['no_such_module_of_usmm'])\n",
            r"mine\.py:3: custom_imports: no module 'no_such_module_of_usmm' is installed or lies in a",
        ),
    ],
)
def test_file_line_and_cause(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(write(tmp_path, FINE + text))
    assert len(str(caught.value).splitlines()) == 1


def test_the_failing_line_of_a_base_is_named(tmp_path):
    write(tmp_path, 'seed = nothing\n', 'base.py')
    child = write(tmp_path, f"_base_ = './base.py'\n{FINE}")
    with pytest.raises(ConfigError, match=r'base\.py:1: the code of the config fails: NameError'):
        load_config(child)


@pytest.mark.parametrize(
    ('code', 'message'),
    [
        ('x = 1\ny = x + absent\n', r"custom_imports: NameError: name 'absent' is not defined \(.*broken_a\.py:2\)"),
        ('from math import nothing_like_this\n', r'custom_imports: ImportError: cannot import name .*broken_b\.py:1\)'),
    ],
)
def test_a_module_of_the_config_that_fails_is_named_with_its_line(tmp_path, monkeypatch, code, message):
    name = 'broken_a' if 'absent' in code else 'broken_b'
    write(tmp_path, code, f'{name}.py')
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match=rf'mine\.py:3: {message}'):
        load_config(write(tmp_path, f'{FINE}custom_imports = dict(imports=[{name!r}])\n'))


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_bytes(b'\xff\xfe\x00')
    with pytest.raises(ConfigError, match=r'mine\.py: a config must be Python: .*codec'):
        parsed(path)


def test_missing_files_and_errors_that_are_told_already_stay_as_they_are(tmp_path):
    with pytest.raises(FileNotFoundError, match='absent'), failures_told([tmp_path]):
        raise FileNotFoundError('absent')
    told = ConfigError('known')
    with pytest.raises(ConfigError, match='known') as caught, failures_told([tmp_path]):
        raise told
    assert caught.value is told


def test_a_tool_ends_with_one_line(tmp_path, capsys):
    assert cli.main(['train', str(write(tmp_path, 'seed = nothing\n'))]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f'error: {tmp_path / "mine.py"}:1: ') and 'Traceback' not in error


@pytest.mark.parametrize(
    ('texts', 'message'),
    [
        (
            {'a.py': '_base_ = [3]'},
            r'a\.py:1: _base_ must be a path, .*, got \[3\]',
        ),
        ({'a.py': "_base_ = './a.py'"}, r'a\.py: _base_ goes in a circle: a\.py -> a\.py'),
        ({'a.py': "_base_ = './b.py'", 'b.py': "_base_ = ['./a.py']"}, r'circle: a\.py -> b\.py -> a\.py'),
        ({'a.py': 'import sys; sys.exit(0)'}, 'the code of the config ends the process: SystemExit: 0'),
    ],
)
def test_files_that_cannot_be_read_are_one_line(tmp_path: Path, texts: dict[str, str], message: str) -> None:
    for name, text in texts.items():
        (tmp_path / name).write_text(text + '\n')
    with pytest.raises(ConfigError, match=message):
        load_config(tmp_path / 'a.py')
