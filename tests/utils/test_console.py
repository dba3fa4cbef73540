from __future__ import annotations

import errno
import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import DataLoader

import usmm
from usmm.config import load_config
from usmm.readers import DataError, read_image
from usmm.structures import Variable
from usmm.utils.console import plain_errors


def ended(capsys: pytest.CaptureFixture[str], action) -> str:
    """What a tool writes to stderr whose main does `action`; its exit code must be 2."""
    assert plain_errors(action)() == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(('result', 'code'), [(None, 0), (0, 0), (1, 1)])
def test_the_exit_code_is_what_main_returns(result: int | None, code: int) -> None:
    assert plain_errors(lambda given: given)(result) == code


def test_data_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = ended(capsys, lambda: read_image(tmp_path / 'a.png'))
    assert error == f'error: does not exist (file {tmp_path / "a.png"})\n'


def test_a_value_that_usmm_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(capsys, lambda: Variable('')) == 'error: a clinical variable needs a name\n'


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 'No such file or directory' in ended(capsys, (tmp_path / 'nothing').read_text)


def test_a_config_that_is_no_python(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / 'mine.py'
    config.write_text("classes = ('A', 'B'\nseed = 0\n")
    said = ended(capsys, lambda: load_config(config))
    assert said.startswith(f"error: {config}:1: a config must be Python: '(' was never closed")


class Damaged:
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> None:
        raise DataError('is damaged: a strip ends\n  in the middle', file='b.png', case='c1')


def test_an_error_of_a_worker_process_comes_without_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    error = ended(capsys, lambda: list(DataLoader(Damaged(), num_workers=1)))
    assert error == 'error: is damaged: a strip ends\n  in the middle (file b.png, case c1)\n'


@pytest.mark.parametrize('error', [RuntimeError('x'), KeyError('x'), AssertionError('x')])
def test_a_defect_keeps_its_traceback(error: Exception) -> None:
    def main() -> None:
        raise error

    with pytest.raises(type(error), match='x'):
        plain_errors(main)()


def test_a_value_error_from_elsewhere_is_a_defect() -> None:
    with pytest.raises(ValueError, match='need at least one array'):
        plain_errors(lambda: np.concatenate([]))()


def test_the_traceback_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('USMM_TRACEBACK', '1')
    with pytest.raises(ValueError, match='a clinical variable needs a name'):
        plain_errors(lambda: Variable(''))()


def test_an_interrupt_is_one_word(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def main() -> None:
        raise KeyboardInterrupt

    assert plain_errors(main)() == 130
    assert capsys.readouterr().err == 'interrupted\n'
    monkeypatch.setenv('USMM_TRACEBACK', '1')
    with pytest.raises(KeyboardInterrupt):
        plain_errors(main)()


class Output(io.StringIO):
    """A standard output whose buffer cannot be written."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error: OSError | None = error
        self.target = os.open(os.devnull, os.O_WRONLY)

    def fileno(self) -> int:
        return self.target

    def flush(self) -> None:
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(
    ('error', 'code', 'message'),
    [
        (
            OSError(errno.ENOSPC, 'No space left on device'),
            2,
            'error: cannot write the output: No space left on device\n',
        ),
        (BrokenPipeError(errno.EPIPE, 'Broken pipe'), 141, ''),
    ],
)
@pytest.mark.parametrize('when', ['at the end', 'while it runs', 'behind a help text'])
def test_output_that_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: OSError,
    code: int,
    message: str,
    when: str,
) -> None:
    def main() -> None:
        if when == 'while it runs':
            raise error
        if when == 'behind a help text':
            raise SystemExit(0)

    monkeypatch.setattr('sys.stdout', Output(error))
    if when == 'behind a help text':
        with pytest.raises(SystemExit, match=str(code)):
            plain_errors(main)()
    else:
        assert plain_errors(main)() == code
    assert capsys.readouterr().err == message


def test_a_reader_that_has_gone_ends_a_command_quietly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, 'w', buffering=1) as output:
        monkeypatch.setattr('sys.stdout', output)
        assert plain_errors(lambda: print('a line'))() == 141
    assert capsys.readouterr().err == ''


def test_another_pipe_that_breaks_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> None:
        raise BrokenPipeError(errno.EPIPE, 'Broken pipe')

    assert 'Broken pipe' in ended(capsys, main)


def test_a_wrong_command_line_keeps_its_exit_code() -> None:
    def main() -> None:
        raise SystemExit(2)

    with pytest.raises(SystemExit, match='2'):
        plain_errors(main)()


def test_letters_that_the_output_has_no_code_for_are_escaped() -> None:
    code = "from usmm.utils.console import plain_errors\n@plain_errors\ndef main(): print('M\\xfcller')\nmain()"
    environment = {**os.environ, 'PYTHONIOENCODING': 'ascii'}
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, env=environment, timeout=60)
    assert (done.stdout, done.stderr) == (b'M\\xfcller\n', b'')


def test_names_of_files_that_are_not_read_as_utf_8_get_a_hint(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(text: str) -> None:
        raise FileNotFoundError(text)

    hint = 'names of files are read as ascii here; set PYTHONUTF8=1'
    assert hint not in ended(capsys, lambda: fail('M\xfcller is not there'))
    monkeypatch.setattr(sys, 'getfilesystemencoding', lambda: 'ascii')
    assert hint in ended(capsys, lambda: fail('M\xfcller is not there'))
    assert hint in ended(capsys, lambda: fail("'utf-8' codec can't encode it"))
    assert hint not in ended(capsys, lambda: fail('Miller is not there'))


def test_a_folder_that_was_removed(tmp_path: Path) -> None:
    code = 'import os, sys\nfrom usmm.utils.console import plain_errors\n'
    code += 'os.rmdir(os.getcwd())\nsys.exit(plain_errors(print)())'
    folder = tmp_path / 'folder'
    folder.mkdir()
    environment = {**os.environ, 'PYTHONPATH': str(Path(usmm.__file__).parents[1])}
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, env=environment, cwd=folder, timeout=60)
    assert (done.returncode, done.stderr) == (
        2,
        b'error: the current folder was removed: change to one that is there\n',
    )


@pytest.mark.skipif(os.name != 'posix', reason='a shell of its own')
def test_an_output_that_is_closed(tmp_path: Path) -> None:
    code = 'import sys\nfrom usmm.utils.console import plain_errors\n'
    code += 'print(plain_errors(lambda: print(1))(), file=sys.stderr)'
    words = ['sh', '-c', f'exec {shlex.quote(sys.executable)} -c {shlex.quote(code)} >&-']
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, '0\n')
