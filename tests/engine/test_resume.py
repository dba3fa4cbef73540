"""Runs that are killed, resumed, started again: what they must give."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook

from usmm.config import load_config
from usmm.engine import Experiment, RunOptions, load_weights
from usmm.evaluation.metrics import CaseMetrics
from usmm.registry import HOOKS

QUIET = RunOptions(progress=False)
FOUR = {'stages.0.max_epochs': 4, 'stages.1.max_epochs': 2}


class Killed(Exception):
    """Stands for the end of the process."""


@HOOKS.register_module()
class KillAt(Hook):
    """End the run in the middle of an epoch, after some of its steps, or when the epoch has just been validated."""

    priority = 'LOWEST'
    armed = True  # off: the same config runs to its end

    def __init__(self, epoch: int, validated: bool = False) -> None:
        self.epoch, self.validated = epoch, validated

    def after_val_epoch(self, runner, metrics=None) -> None:
        if self.armed and self.validated and runner.epoch == self.epoch:
            raise Killed

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if self.armed and not self.validated and runner.epoch == self.epoch and batch_idx == 1:
            raise Killed


def train(config: Path, options: dict | None = None, **how) -> dict:
    return Experiment(load_config(config, options), options=QUIET).train(**how)


OTHER = r'cannot resume: .*work holds a run of another config \(it differs in modalities\)'


def kill_at(stage: int, epoch: int, **how) -> dict:
    """Settings of a run that ends early."""
    return {f'stages.{stage}.custom_hooks': [dict(type='KillAt', epoch=epoch, **how)]}


def killed(config: Path, options: dict, stage: int, epoch: int, **how) -> Path:
    """The work directory of a run that ended early."""
    with pytest.raises(Killed):
        train(config, {**options, **kill_at(stage, epoch)}, **how)
    return config.parent / 'work'


@pytest.fixture
def disarmed(monkeypatch):
    """Call it, and no run is ended any more."""
    return lambda: monkeypatch.setattr(KillAt, 'armed', False)


def assert_equal(one: Path, other: Path) -> None:
    first, second = load_weights(one)['state_dict'], load_weights(other)['state_dict']
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


@pytest.fixture(scope='module')
def whole(write_tiny_config, tmp_path_factory) -> Path:
    """The work directory of a run that was never stopped."""
    path = write_tiny_config(tmp_path_factory.mktemp('whole'))
    train(path, FOUR)
    return path.parent / 'work'


@pytest.mark.parametrize(('stage', 'epoch'), [(0, 1), (0, 3), (1, 1)])
def test_a_killed_run_ends_with_the_weights_of_one_that_was_not(whole, tiny_config, disarmed, stage, epoch):
    work = killed(tiny_config, FOUR, stage, epoch)
    disarmed()
    metrics = train(tiny_config, {**FOUR, **kill_at(stage, epoch)}, resume=True)
    assert metrics['stages']['image']['epochs'] == 4
    for name in ('image/epoch_4.pth', 'clinical/epoch_2.pth', 'model.pth'):
        assert_equal(work / name, whole / name)


def test_the_best_and_the_last_two_epochs_are_kept_and_no_others(whole):
    result = json.loads((whole / 'metrics.json').read_text())['stages']['image']
    found = {path.name for path in (whole / 'image').glob('*.pth')}
    last = {'epoch_3.pth', 'epoch_4.pth'}
    best = {
        Path(load_weights(whole / 'image' / name)['message_hub']['runtime_info']['best_ckpt']).name for name in last
    }
    assert f'best_auc_epoch_{result["epoch"]}.pth' in best
    assert found == {*last, *best, 'selected.pth'}
    assert not list(whole.rglob('.*.pth*'))  # nothing half-written


def test_a_run_killed_between_two_files_can_go_on(tiny_config, monkeypatch, disarmed):
    """The better epoch is written, the checkpoint to resume from still knows the one before: both must be there."""
    scores = iter([0.1, 0.2, 0.3])
    monkeypatch.setattr(CaseMetrics, 'compute_metrics', lambda self, rows: {'auc': next(scores)})
    options = {'modalities': ['bus'], 'stages.0.max_epochs': 4, **kill_at(0, 3, validated=True)}
    with pytest.raises(Killed):
        train(tiny_config, options)
    disarmed()
    monkeypatch.setattr(CaseMetrics, 'compute_metrics', lambda self, rows: {'auc': 0.0})
    image = train(tiny_config, options, resume=True)['stages']['image']
    assert (image['epochs'], image['epoch'], image['score']) == (4, 2, 0.2)


def test_an_earlier_run_in_the_same_folder_is_not_taken_for_this_one(tiny_config):
    once = {'max_epochs': 1}
    train(tiny_config, once)
    work = killed(tiny_config, {'stages.0.max_epochs': 2, 'seed': 1}, 0, 0, overwrite=True)
    assert json.loads((work / 'stages.json').read_text()) == {}
    assert not (work / 'image' / 'last_checkpoint').exists() and not (work / 'clinical' / 'last_checkpoint').exists()


def test_a_stage_that_is_run_again_makes_the_later_ones_undone(tiny_config):
    train(tiny_config, {'max_epochs': 1})
    with pytest.raises(ValueError, match=r'work holds a run already \(image/best_auc_epoch_1.pth, .*--overwrite'):
        train(tiny_config, {'max_epochs': 1}, stage='image')
    train(tiny_config, {'max_epochs': 1}, stage='image', overwrite=True)
    assert list(json.loads((tiny_config.parent / 'work' / 'stages.json').read_text())) == ['image']


def test_a_checkpoint_given_by_its_path_is_gone_on_from_though_the_stage_is_done(tiny_config):
    train(tiny_config, {'max_epochs': 2})
    work = tiny_config.parent / 'work'
    before = (work / 'clinical' / 'selected.pth').stat().st_mtime_ns
    metrics = train(tiny_config, {'stages.0.max_epochs': 3}, resume=str(work / 'image' / 'epoch_2.pth'))
    assert metrics['stages']['image']['epochs'] == 3
    assert (work / 'clinical' / 'selected.pth').stat().st_mtime_ns > before


def test_a_finished_run_that_is_to_run_longer_goes_on(tiny_config):
    train(tiny_config, {'max_epochs': 1, 'modalities': ['bus']})
    longer = train(tiny_config, {'max_epochs': 2, 'modalities': ['bus']}, resume=True)
    assert longer['stages']['image']['epochs'] == 2
    log = ''.join(p.read_text() for p in (tiny_config.parent / 'work' / 'image').rglob('*.log'))
    assert 'resumed epoch: 1' in log


def test_checkpoints_that_cannot_be_resumed(tiny_config):
    train(tiny_config, {'max_epochs': 1})
    work = tiny_config.parent / 'work'
    with pytest.raises(ValueError, match=r'epoch_9\.pth: there is no such file'):
        train(tiny_config, resume=str(work / 'image' / 'epoch_9.pth'))
    with pytest.raises(ValueError, match="is a checkpoint of stage 'image', not of 'clinical'"):
        train(tiny_config, resume=str(work / 'image' / 'epoch_1.pth'), stage='clinical')
    with pytest.raises(ValueError, match=OTHER):
        train(tiny_config, {'modalities': ['bus'], 'max_epochs': 1}, resume=True)
    with pytest.raises(ValueError, match=OTHER):
        train(tiny_config, {'modalities': ['bus']}, resume=str(work / 'image' / 'epoch_1.pth'))
    (work / 'stages.json').unlink()
    with pytest.raises(ValueError, match="stage 'clinical' needs stage 'image', which is not done"):
        train(tiny_config, resume=str(work / 'clinical' / 'epoch_1.pth'))
