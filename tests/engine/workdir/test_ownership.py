"""One process at a time writes into a work directory."""

import json
import os
import socket
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from usmm.apis.training import train
from usmm.engine.workdir.ownership import Ownership
from usmm.utils import work_files

IN_USE = r'run is in use: another training of this process on .*, since .*, works in it; wait for its end'


def test_a_second_owner_is_refused_until_the_first_ends(tmp_path):
    first, second = Ownership(tmp_path / 'run'), Ownership(tmp_path / 'run')
    with first.held():
        assert first.is_held and not second.is_held
        with pytest.raises(OSError, match=IN_USE), second.held():
            pytest.fail('two owners at once')
        with first.held():
            assert first.is_held
        assert first.is_held, 'the inner block does not release the lock of the outer one'
    with second.held():
        assert second.is_held


def test_the_lock_ends_with_an_error(tmp_path):
    ownership = Ownership(tmp_path)
    with pytest.raises(ZeroDivisionError), ownership.held():
        raise ZeroDivisionError
    with Ownership(tmp_path).held():
        assert not ownership.is_held


def test_a_training_in_a_work_directory_in_use_is_refused_and_writes_no_result(tiny_config, tmp_path):
    folder = tmp_path / 'run'
    with Ownership(folder).held(), pytest.raises(OSError, match='run is in use: another training of this process'):
        train(tiny_config, {'max_epochs': 1}, work_dir=folder)
    assert not (folder / work_files.CONFIG).exists()
    assert not folder.exists(), 'a folder that was made for the lock alone is removed'


def test_the_message_names_the_process_that_owns_the_folder(tmp_path):
    text = (
        'import sys, time\nfrom usmm.engine.workdir.ownership import Ownership\n'
        f'with Ownership({str(tmp_path)!r}).held():\n    print("held", flush=True)\n    time.sleep(120)\n'
    )
    with subprocess.Popen([sys.executable, '-c', text], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == 'held\n'
        name = f'process {other.pid} on {socket.gethostname()}, since 20'
        with pytest.raises(OSError, match=f'{tmp_path.name} is in use: {name}'), Ownership(tmp_path).held():
            pytest.fail('two owners at once')
        other.kill()
        other.wait()
    with Ownership(tmp_path).held():  # the note of the one that was killed is there, its lock is not
        assert json.loads((tmp_path / work_files.LOCK).read_text())['pid'] == os.getpid()
    assert (tmp_path / work_files.LOCK).read_text() == ''


def test_jobs_that_share_a_folder_keep_out_one_that_wants_it_alone(tmp_path):
    one, other, alone = Ownership(tmp_path, shared=True), Ownership(tmp_path, shared=True), Ownership(tmp_path)
    with one.held(), other.held(), pytest.raises(OSError, match='is in use'), alone.held():
        pytest.fail('it is not alone')
    with Ownership(tmp_path).held(), pytest.raises(OSError, match='is in use'), Ownership(tmp_path, True).held():
        pytest.fail('the other wants to be alone')


def test_processes_beside_the_main_one_take_no_lock(tmp_path, monkeypatch):
    monkeypatch.setattr('usmm.engine.workdir.ownership.is_main_process', lambda: False)
    ownership = Ownership(tmp_path / 'run')
    with ownership.held():
        assert not ownership.is_held and not (tmp_path / 'run').exists()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / 'file').write_text('')
    ownership = Ownership(tmp_path / 'file' / 'run')
    with pytest.raises(OSError, match=r'cannot write into .*file/run: Not a directory'), ownership.held():
        pytest.fail('there is no folder')


def test_overwrite_of_a_training_that_runs_leaves_its_folds(tiny_config, tmp_path):
    folds = Path(tmp_path / 'work' / work_files.FOLDS)
    with Ownership(tmp_path / 'work').held():
        folds.write_text('of the training that runs')
        with pytest.raises(OSError, match='work is in use'):
            train(tiny_config, overwrite=True)
        for command, words in {
            'train': ['--overwrite'],
            'test': [str(tmp_path / 'none.pth'), '--work-dir', str(tmp_path / 'work')],
            'cross_validate': ['--work-dir', str(tmp_path / 'work')],
            'active_learn': ['--query', '2', '--work-dir', str(tmp_path / 'work')],
        }.items():
            assert import_module(f'usmm.cli.{command}').main([str(tiny_config), *words]) == 2, command
    assert folds.read_text() == 'of the training that runs'
