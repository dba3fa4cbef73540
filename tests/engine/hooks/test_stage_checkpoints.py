"""Checkpoints to resume from: what is kept, what happens to damaged ones, and folders that cannot take them."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub

from usmm.config import load_config
from usmm.engine import Experiment, RunOptions, load_weights
from usmm.engine.hooks.stage_checkpoints import _forget_lost_best, resumable
from usmm.engine.workdir.outputs import check_room, check_whole
from usmm.utils import work_files

THREE = {'modalities': ['bus'], 'stages.0.max_epochs': 3}


def train(config: Path, options: dict | None = None, **how) -> dict:
    return Experiment(load_config(config, options), options=RunOptions(progress=False)).train(**how)


@pytest.fixture(scope='module')
def three(write_tiny_config, tmp_path_factory) -> Path:
    """The stage folder of a run of three epochs."""
    path = write_tiny_config(tmp_path_factory.mktemp('three'))
    train(path, THREE)
    return path.parent / 'work' / 'image'


@pytest.fixture
def stage(three, tmp_path) -> Path:
    """A copy of it, in another place."""
    return Path(shutil.copytree(three, tmp_path / 'image'))


def flip(path: Path) -> None:
    """Change a bit in the largest tensor, which torch loads without a word."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def test_the_newest_whole_checkpoint_of_a_folder_that_was_moved(stage, tmp_path):
    assert (stage / 'last_checkpoint').read_text().split('\n') == ['epoch_3.pth', 'epoch_2.pth']
    assert resumable(stage) == stage / 'epoch_3.pth'
    assert resumable(tmp_path / 'absent') is None


@pytest.mark.parametrize('harm', [flip, cut, Path.unlink])
def test_the_one_before_a_damaged_checkpoint_is_used(stage, harm):
    harm(stage / 'epoch_3.pth')
    assert resumable(stage) == stage / 'epoch_2.pth'


def test_a_damaged_list_of_checkpoints_is_not_needed(stage):
    (stage / 'last_checkpoint').write_bytes(b'\xff\x00')
    assert resumable(stage) == stage / 'epoch_3.pth'


def test_nothing_is_begun_anew_where_all_checkpoints_are_damaged(stage):
    flip(stage / 'epoch_3.pth')
    cut(stage / 'epoch_2.pth')
    with pytest.raises(ValueError, match=r'epoch_3.pth is damaged: the checksum of .*epoch_2.pth is damaged: .*anew'):
        resumable(stage)


def test_a_run_goes_on_from_the_checkpoint_before_a_damaged_one(tiny_config, three, caplog):
    train(tiny_config, THREE)
    work = tiny_config.parent / 'work'
    (work / 'stages.json').write_text('{}')
    flip(work / 'image' / 'epoch_3.pth')
    train(tiny_config, THREE, resume=True)
    log = ''.join(path.read_text() for path in (work / 'image').rglob('*.log'))
    assert 'epoch_3.pth is damaged: the checksum of' in caplog.text and 'resumed epoch: 2' in log
    new, old = (load_weights(folder / 'epoch_3.pth')['state_dict'] for folder in (work / 'image', three))
    assert all(torch.equal(new[name], old[name]) for name in old)


def test_a_lost_best_epoch_is_said_and_the_next_ones_select(tiny_config):
    train(tiny_config, {**THREE, 'stages.0.max_epochs': 2})
    work = tiny_config.parent / 'work'
    for path in (work / 'image').glob('best_*'):
        flip(path)
    image = train(tiny_config, THREE, resume=True)['stages']['image']
    assert image['epoch'] == 3
    log = ''.join(path.read_text() for path in (work / 'image').rglob('*.log'))
    assert 'it was the best epoch; the best of the epochs to come is selected' in log


def test_leftovers_of_a_killed_save_go(tiny_config):
    stage = tiny_config.parent / 'work' / 'image'
    stage.mkdir(parents=True)
    for left in (
        stage / '.epoch_3.pth.123',
        stage / '.room.5',
        stage.parent / '.model.pth.77',
        stage.parent / f'.folds.csv.{"0a" * 16}',
    ):
        left.write_text('half')
    train(tiny_config, {**THREE, 'stages.0.max_epochs': 1})
    assert [path.name for path in (*stage.glob('.*'), *stage.parent.glob('.*'))] == [work_files.LOCK]


def test_what_is_damaged_and_what_is_absent(three, tmp_path):
    check_whole(three / 'epoch_3.pth')
    with pytest.raises(ValueError, match=r'no checkpoint at .*x.pth'):
        check_whole(tmp_path / 'x.pth')
    (tmp_path / 'x.pth').write_bytes(b'')
    with pytest.raises(ValueError, match=r'x.pth is damaged: File is not a zip file'):
        check_whole(tmp_path / 'x.pth')


def test_a_full_disk_is_found_before_training(tiny_config, monkeypatch):
    usage = namedtuple('usage', 'total used free')
    monkeypatch.setattr(shutil, 'disk_usage', lambda folder: usage(2**30, 2**30, 2**20))
    with pytest.raises(OSError, match=r'checkpoints in .*image need .* MiB, and 1\.0 MiB are free') as caught:
        train(tiny_config, THREE)
    assert caught.value.errno == errno.ENOSPC
    assert not [*(tiny_config.parent / 'work').rglob('*.pth')]


@pytest.mark.skipif(not hasattr(os, 'posix_fallocate'), reason='needs posix_fallocate')
def test_room_is_reserved_and_given_back(tmp_path, monkeypatch):
    check_room(tmp_path / 'new', 2**20, 2**20)
    assert not [*(tmp_path / 'new').iterdir()]

    def refuse(handle: int, offset: int, size: int) -> None:
        raise OSError(errno.EDQUOT, 'Disk quota exceeded')

    monkeypatch.setattr(os, 'posix_fallocate', refuse)
    with pytest.raises(OSError, match=r'cannot save checkpoints of 1\.0 MiB in .*new: Disk quota exceeded'):
        check_room(tmp_path / 'new', 2**20, 2**20)
    assert not [*(tmp_path / 'new').iterdir()]


def test_faults_while_saving_are_survived(project_root, warm_python):
    """The short version of `proofs/prove.py saving`."""
    (found,) = warm_python.run([project_root / 'proofs' / 'prove.py', 'saving', '--runs', '7'], project_root)
    assert found.returncode == 0, found.stdout + found.stderr
    assert 'saving: 7 of 7 faults survived' in found.stdout


@pytest.mark.parametrize(('harm', 'kept'), [(None, True), (flip, False), (Path.unlink, False)])
def test_a_score_counts_as_long_as_its_weights_are_there(stage, harm, kept, caplog):
    """Else no epoch to come beats a score whose weights are lost, and the stage ends without weights."""
    best = next(stage.glob('best_*'))
    hub = MessageHub.get_instance(f'a score counts {kept} {harm}')
    hub.update_info_dict({'best_score': 0.99, 'best_ckpt': str(best)})
    if harm is not None:
        harm(best)
    runner = SimpleNamespace(message_hub=hub, work_dir=str(stage), logger=logging.getLogger('usmm'))
    _forget_lost_best(runner)
    assert hub.runtime_info == ({'best_score': 0.99, 'best_ckpt': str(best)} if kept else {})
    assert ('the best of the epochs to come is selected' in caplog.text) != kept
