"""What a resumed run would lose with mmengine's checkpoints alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from torch.utils.data import DataLoader

from usmm.config import load_config
from usmm.engine import Experiment, RunOptions, load_weights
from usmm.engine.hooks import run_state
from usmm.engine.hooks.stage_checkpoints import StageCheckpointHook
from usmm.evaluation.metrics import CaseMetrics
from usmm.registry import HOOKS

# two or three steps an epoch, no multiple of the five whose gradients are accumulated; dropout draws from torch
IMAGES = {'modalities': ['bus'], 'stages.0.max_epochs': 4, 'batch_size': 4, 'model.head.dropout': 0.5}
EARLY = dict(type='EarlyStoppingHook', monitor='auc', rule='greater', min_delta=0.0, patience=2)


class Killed(Exception):
    """Stands for the end of the process."""


@HOOKS.register_module()
class KillInEpoch(Hook):
    """End the run in a step of an epoch, or where the stage is trained."""

    priority = 'LOWEST'

    def __init__(self, epoch: int | None = None) -> None:
        self.epoch = epoch

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if runner.epoch == self.epoch and batch_idx == 1:
            raise Killed

    def after_train(self, runner) -> None:
        if self.epoch is None:
            raise Killed


def train(config: Path, options: dict, resume: bool = False, validate: bool = True, hooks: tuple = ()) -> dict:
    options = {**IMAGES, **options, 'stages.0.custom_hooks': [*options.get('stages.0.custom_hooks', ()), *hooks]}
    return Experiment(load_config(config, options), options=RunOptions(progress=False, validate=validate)).train(resume)


def interrupted(config: Path, options: dict, epoch: int | None, validate: bool = True) -> dict:
    """The result of a run that was killed in an epoch, or behind the last, and resumed."""
    with pytest.raises(Killed):
        train(config, options, validate=validate, hooks=(dict(type='KillInEpoch', epoch=epoch),))
    return train(config, options, resume=True, validate=validate)


def differing(one: Path, other: Path, key: str = 'state_dict') -> list[str]:
    first, second = load_weights(one)[key], load_weights(other)[key]
    return [name for name in first if not torch.equal(first[name], second[name])]


@pytest.mark.parametrize(
    'options',
    [
        {'stages.0.optim_wrapper': dict(accumulative_counts=5)},
        {'custom_hooks': [dict(type='EMAHook', momentum=0.1)]},
        {
            'stages.0.param_scheduler': [
                dict(type='CosineAnnealingLR', T_max=4, convert_to_iter_based=True),
                dict(type='MultiStepLR', milestones=[1]),
            ]
        },
    ],
    ids=['accumulated gradients', 'averaged weights', 'scheduler'],
)
def test_a_killed_run_ends_as_one_that_was_not(write_tiny_config, tmp_path, options):
    for name in ('whole', 'killed'):
        (tmp_path / name).mkdir()
    train(write_tiny_config(tmp_path / 'whole'), options)
    interrupted(write_tiny_config(tmp_path / 'killed'), options, epoch=2)
    whole, killed = (tmp_path / name / 'work' for name in ('whole', 'killed'))
    assert differing(whole / 'image' / 'epoch_4.pth', killed / 'image' / 'epoch_4.pth') == []
    assert differing(whole / 'model.pth', killed / 'model.pth') == []


def test_workers_that_stay_change_no_draw(write_tiny_config, tmp_path, monkeypatch):
    """A loader draws one number where it makes its workers: in the first epoch of a run, not in the others."""
    original = DataLoader.__iter__

    def once(self):
        if vars(self).get('made'):
            with torch.random.fork_rng(devices=[]):
                return original(self)
        self.made = True
        return original(self)

    monkeypatch.setattr(DataLoader, '__iter__', once)
    for name in ('whole', 'killed'):
        (tmp_path / name).mkdir()
    train(write_tiny_config(tmp_path / 'whole'), {})
    interrupted(write_tiny_config(tmp_path / 'killed'), {}, epoch=2)
    assert differing(*(tmp_path / name / 'work' / 'image' / 'epoch_4.pth' for name in ('whole', 'killed'))) == []


def test_persistent_workers_is_a_setting(tiny_config, monkeypatch):
    made = []
    original = DataLoader.__init__

    def spy(self, *args, **kwargs):
        made.append(kwargs.get('persistent_workers'))
        original(self, *args, **{**kwargs, 'num_workers': 0, 'persistent_workers': False})

    monkeypatch.setattr(DataLoader, '__init__', spy)
    train(tiny_config, {'num_workers': 2, 'persistent_workers': False, 'max_epochs': 1})
    assert made and not any(made)


@pytest.mark.parametrize('epoch', [2, None])
def test_early_stopping_goes_on_waiting(tiny_config, monkeypatch, epoch):
    """Of the scores 0.5, 0.4, 0.3 the last two are not better: two are waited for, so three epochs are run."""
    # killed in the third epoch, which is run again; or when three are done
    scores = iter([0.5, 0.4, 0.3])
    monkeypatch.setattr(CaseMetrics, 'compute_metrics', lambda self, rows: {'auc': next(scores)})
    options = {'stages.0.custom_hooks': [EARLY], 'stages.0.max_epochs': 6}
    monkeypatch.setattr(Experiment, 'evaluate', lambda self, parts: ({}, []))
    result = interrupted(tiny_config, options, epoch)
    image = result['stages']['image']
    assert (image['epochs'], image['of'], image['epoch'], image['score']) == (3, 6, 1, 0.5)


@pytest.mark.parametrize('killed', [False, True])
def test_without_validation_the_averaged_weights_are_the_result(tiny_config, killed):
    options = {'custom_hooks': [dict(type='EMAHook', momentum=0.1)], 'stages.0.max_epochs': 2}
    if killed:
        interrupted(tiny_config, options, None, validate=False)
    else:
        train(tiny_config, options, validate=False)
    work = tiny_config.parent / 'work'
    # the checkpoint holds the averaged weights as state_dict, the raw ones beside it
    assert differing(work / 'model.pth', work / 'image' / 'epoch_2.pth') == []
    content = load_weights(work / 'image' / 'epoch_2.pth')
    name = 'head.fc.weight'
    assert not torch.equal(
        content['ema_state_dict'][f'module.{name}'], load_weights(work / 'model.pth')['state_dict'][name]
    )


def test_the_best_weights_alone_carry_no_state_of_the_run(tiny_config):
    train(tiny_config, {'stages.0.max_epochs': 1})
    folder = tiny_config.parent / 'work' / 'image'
    assert run_state.KEY in load_weights(folder / 'epoch_1.pth')
    assert run_state.KEY not in load_weights(next(folder.glob('best_*.pth')))


def test_a_save_never_counts_as_a_step_of_the_draws(tiny_config, tmp_path, write_tiny_config, monkeypatch):
    """Drawing a number where the epoch before was saved changes nothing: each epoch is seeded anew."""
    train(tiny_config, {'stages.0.max_epochs': 2})
    original = StageCheckpointHook._save_last

    def drawing(self, runner):
        torch.rand(3)
        original(self, runner)

    monkeypatch.setattr(StageCheckpointHook, '_save_last', drawing)
    (tmp_path / 'other').mkdir()
    train(write_tiny_config(tmp_path / 'other'), {'stages.0.max_epochs': 2})
    assert differing(tiny_config.parent / 'work' / 'model.pth', tmp_path / 'other' / 'work' / 'model.pth') == []


def test_the_seed_stands_in_the_work_directory(tiny_config):
    train(tiny_config, {'stages.0.max_epochs': 1, 'seed': 7})
    work = tiny_config.parent / 'work'
    found = json.loads((work / 'metrics.json').read_text())
    assert found['seed'] == 7 and found['deterministic'] is False
    assert load_weights(work / 'model.pth')['meta']['seed'] == 7
    assert 'seed = 7' in (work / 'config.py').read_text()
