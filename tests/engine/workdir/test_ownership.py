"""One process at a time writes into a work directory."""

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
