"""Work directories in which something is damaged, or that cannot be written."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest
import torch

from usmm.config import load_config
from usmm.engine import Experiment, RunOptions, load_weights
from usmm.engine.hooks.stage_checkpoints import check_resumable
from usmm.engine.workdir.outputs import check_folder
from usmm.engine.workdir.progress import Progress

SMALL = {'modalities': ['bus', 'clinical'], 'stages.0.max_epochs': 2, 'stages.1.max_epochs': 2}


def train(config: Path, work: Path, resume: str | bool = True, **how) -> dict:
    options = {**SMALL, 'work_dir': str(work), **how.pop('options', {})}
    return Experiment(load_config(config, options), options=RunOptions(progress=False)).train(resume, **how)


@pytest.fixture(scope='module')
def finished(write_tiny_config, tmp_path_factory) -> tuple[Path, Path]:
    """A config, and the work directory of both of its stages."""
    folder = tmp_path_factory.mktemp('finished')
    config = write_tiny_config(folder)
    train(config, folder / 'work', resume=False)
    return config, folder / 'work'


@pytest.fixture
def work(finished, tmp_path) -> Path:
    """A copy of the work directory."""
    return Path(shutil.copytree(finished[1], tmp_path / 'work'))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def assert_as(work: Path, whole: Path) -> None:
    """The same weights, and the same results but for the clock."""
    for name in ('image/selected.pth', 'clinical/selected.pth', 'model.pth'):
        one, other = (load_weights(folder / name)['state_dict'] for folder in (work, whole))
        assert [key for key in other if not torch.equal(one[key], other[key])] == []
    results = [json.loads((folder / 'stages.json').read_text()) for folder in (work, whole)]
    for stages in results:
        for result in stages.values():
            result.pop('seconds', None)
    assert results[0] == results[1]


def logs(folder: Path) -> str:
    return ''.join(path.read_text() for path in folder.rglob('*.log'))


@pytest.mark.parametrize(
    'content', [b'', b'{"image": {"epochs": 2', b'[1]', b'{"image": 3}', b'\xff\x00'], ids=range(5)
)
def test_a_damaged_list_of_stages_is_found_anew_from_their_weights(finished, work, caplog, content):
    (work / 'stages.json').write_bytes(content)
    before = (work / 'clinical' / 'selected.pth').stat().st_mtime_ns
    train(finished[0], work)
    assert f'{work}/stages.json is damaged: ' in caplog.text
    assert "by their weights the stages ['image', 'clinical'] are done" in caplog.text
    assert_as(work, finished[1])
    assert (work / 'clinical' / 'selected.pth').stat().st_mtime_ns == before  # nothing was trained again


def test_one_stage_alone_after_a_damaged_list(finished, work):
    (work / 'stages.json').write_bytes(b'{')
    train(finished[0], work, resume=False, stage='clinical', overwrite=True)
    assert_as(work, finished[1])


@pytest.mark.parametrize('harm', [flip, cut, Path.unlink])
@pytest.mark.parametrize('stage', ['image', 'clinical'])
def test_lost_weights_of_a_stage_are_made_again_from_its_last_checkpoint(finished, work, caplog, stage, harm):
    before = (work / stage / 'selected.pth').read_bytes()
    harm(work / stage / 'selected.pth')
    steps = logs(work).count('Epoch(train)')
    train(finished[0], work)
    assert f'{work}/{stage}/selected.pth' in caplog.text
    assert f"stage '{stage}' goes on from its last checkpoint" in caplog.text
    assert (work / stage / 'selected.pth').read_bytes() == before
    assert_as(work, finished[1])
    assert logs(work).count('Epoch(train)') == steps  # no epoch of any stage was run again


def test_both_damaged_at_once(finished, work):
    flip(work / 'image' / 'selected.pth')
    cut(work / 'stages.json')
    train(finished[0], work)
    assert_as(work, finished[1])


def test_weights_of_an_earlier_run_are_not_taken_for_those_of_this_one(finished, work, monkeypatch):
    monkeypatch.setattr(Experiment, '_run_stage', lambda self, spec, resume: 1 / 0)
    with pytest.raises(ZeroDivisionError):  # another run is begun in the folder, and dies
        train(finished[0], work, resume=False, options={'seed': 5}, overwrite=True)
    (work / 'stages.json').write_bytes(b'{')
    assert Progress(work, {'image': 2, 'clinical': 2}).done() == {}


@pytest.mark.parametrize('harm', [flip, cut])
def test_a_checkpoint_given_by_its_path_must_be_whole(finished, work, harm):
    harm(work / 'image' / 'epoch_2.pth')
    with pytest.raises(ValueError, match=r'cannot resume: .*epoch_2\.pth is damaged: '):
        train(finished[0], work, resume=str(work / 'image' / 'epoch_2.pth'))
    assert json.loads((work / 'stages.json').read_text())  # nothing was forgotten


def test_weights_alone_cannot_be_resumed(finished, work):
    with pytest.raises(ValueError, match=r'selected\.pth: it holds weights alone; take one of the epoch_N\.pth'):
        check_resumable(work / 'image' / 'selected.pth')
    with pytest.raises(ValueError, match=r'cannot resume: no checkpoint at .*absent\.pth'):
        check_resumable(work / 'absent.pth')
    check_resumable(work / 'image' / 'epoch_1.pth')


def test_a_work_directory_that_is_a_file(finished, tmp_path):
    (tmp_path / 'work').write_text('here')
    how = {'split.file': str(finished[1] / 'folds.csv')}
    with pytest.raises(OSError, match=rf'cannot write into {tmp_path}/work: it is a file, not a folder'):
        train(finished[0], tmp_path / 'work', resume=False, options=how)
    assert (tmp_path / 'work').read_text() == 'here'


def test_a_work_directory_that_may_not_be_written(finished, work, monkeypatch):
    """Whoever runs the tests may be allowed everything, so the system's answer is put on."""
    real = Path.write_bytes

    def refuse(self: Path, content: bytes) -> int:
        if self.parent == work:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(self, content)

    monkeypatch.setattr(Path, 'write_bytes', refuse)
    with pytest.raises(OSError, match=rf'cannot write into {work}: Permission denied') as caught:
        train(finished[0], work)
    assert caught.value.errno == errno.EACCES


def test_a_folder_is_left_as_it_was(tmp_path):
    check_folder(tmp_path / 'new')
    assert not [*(tmp_path / 'new').iterdir()]


def test_the_config_is_written_whole_or_not_at_all(finished, work, monkeypatch):
    before = (work / 'config.py').read_text()
    experiment = Experiment(load_config(finished[0], {**SMALL, 'work_dir': str(work), 'seed': 0}))

    def fail(handle: int) -> None:
        raise OSError(errno.EIO, 'Input/output error')

    monkeypatch.setattr(os, 'fsync', fail)
    experiment.source = 'seed = 1\n'
    with pytest.raises(OSError, match=r'cannot write .*config\.py: Input/output error'):
        experiment._write_config()
    assert (work / 'config.py').read_text() == before
