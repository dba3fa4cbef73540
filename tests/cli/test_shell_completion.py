"""What is offered behind `usmm` when Tab is pressed."""

from __future__ import annotations

import argparse
from pathlib import Path

import argcomplete
import pytest

from usmm.cli import main as cli
from usmm.cli.completers import config_names, preset_names
from usmm.cli.shell_completion import answer, is_number, parser_of
from usmm.phantoms import PRESETS
from usmm.utils.argument_types import config_file, out_folder, whole
from usmm.zoo import list_models


class Ended(BaseException):
    """In the place of `os._exit`."""


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The words that the shell is given for a line that ends at the cursor."""
    complete = argcomplete.autocomplete

    def end(code: int) -> None:
        raise Ended(code)

    # it would take file descriptor 9 for its messages, and close it, whoever it belongs to in this process
    monkeypatch.setattr(argcomplete.CompletionFinder, '_init_debug_stream', lambda finder: None)
    monkeypatch.setattr(argcomplete, 'autocomplete', lambda *a, **k: complete(*a, exit_method=end, **k))
    monkeypatch.chdir(tmp_path)

    def run(line: str, start: int = 1) -> list[str]:
        out = tmp_path.parent / f'{tmp_path.name}.words'
        given = {'COMP_LINE': line, 'COMP_POINT': str(len(line)), '_ARGCOMPLETE': str(start), '_ARGCOMPLETE_IFS': '\n',
                 '_ARGCOMPLETE_STDOUT_FILENAME': str(out)}  # fmt: skip
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(Ended, match='0'):
            cli.main([])
        return [word.strip() for word in out.read_text().split('\n') if word]

    return run


def test_commands(offered) -> None:
    assert offered('usmm tr') == ['train']
    assert set(offered('usmm ')) == {*cli.COMMANDS, 'help', '--help', '--version'}
    assert offered('usmm help check') == ['check_data']
    assert offered('python -m usmm browse', start=3) == ['browse_dataset']


def test_options_and_choices(offered) -> None:
    assert offered('usmm train c --work') == ['--work-dir']
    assert offered('usmm train c --launcher ') == ['none', 'pytorch', 'slurm', 'mpi']
    assert offered('usmm list lo') == ['losses']
    assert offered('usmm print-config c --cfg-options max') == ['max_epochs=']
    assert offered('usmm dist_train c 4 --am') == ['--amp'] and offered('usmm completion z') == ['zsh']


def test_names(offered, tmp_path: Path) -> None:
    assert offered('usmm train msmfn_small') == ['msmfn_small_phantom']
    assert offered('usmm train msmfn/msmfn_small') == ['msmfn/msmfn_small_phantom']
    assert offered('usmm study msmfn/studies/inp') == ['msmfn/studies/inputs']
    assert offered('usmm make_phantom o --preset liver_m') == ['liver_mr']
    assert offered('usmm convert bus') == ['busi'] and offered('usmm predict msmfn_small_b') == ['msmfn_small_breast']
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'configs' / 'of_this_folder.py').touch()
    assert offered('usmm train of_') == ['of_this_folder']


def test_files(offered, tmp_path: Path) -> None:
    (tmp_path / 'mine.py').touch()
    (tmp_path / 'mine.csv').touch()
    assert offered('usmm train mi') == ['mine.py']
    assert sorted(offered('usmm predict m --table mi')) == ['mine.csv', 'mine.py']
    assert offered('usmm convert busi mine.c') == ['mine.csv']
    assert offered('usmm make_phantom o --cases ') == []  # a number
    assert offered('usmm nothing mine.c') == []


def test_a_name_that_occurs_twice_has_its_folder() -> None:
    names = config_names('')
    assert {'clinical_fusion/studies/fusions', 'msmfn/studies/fusions'} <= {*names} and 'fusions' not in names


def test_names_are_those_of_the_library() -> None:
    assert preset_names() == sorted(PRESETS)
    assert {*list_models()} <= {*parser_of('predict', cli.COMMANDS)._actions[1].completer('')}


@pytest.mark.parametrize(
    ('kind', 'expected'),
    [
        (int, True),
        (float, True),
        (whole(1), True),
        (None, False),
        (Path, False),
        (out_folder, False),
        (config_file, False),
    ],
)
def test_what_is_a_number(kind: object, expected: bool) -> None:
    assert is_number(argparse.ArgumentParser().add_argument('--x', type=kind)) is expected


def test_the_shell_code_names_the_command(usmm) -> None:
    for shell, line in (('bash', 'complete '), ('zsh', '#compdef usmm'), ('fish', 'complete --command usmm')):
        code, out, _ = usmm('completion', shell)
        assert code == 0 and line in out and 'usmm' in out
    assert usmm('completion', 'zhs')[2].startswith("error: shell: unknown value 'zhs'; did you mean 'zsh'?")
    assert callable(answer)
