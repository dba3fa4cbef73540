"""A stage that pre-trains the encoder: what it learns from, whom it gives it to, and that it can be resumed."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook

from usmm.config import ConfigError, load_config
from usmm.engine import CrossValidation, Experiment, RunOptions, load_weights, run_fold
from usmm.engine.hooks.collapse import CollapseHook, collapsed
from usmm.engine.pretraining import pair_dataset, store_key
from usmm.models import SimSiam
from usmm.registry import HOOKS

QUIET = RunOptions(progress=False)
BYOL = {'stages.0.model.type': 'BYOL'}
# the tiny config's own settings stand above this text
PAIRS = """
modalities = ('bus', 'ue')
backbone = dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4)
model = dict(
    type='MultiModalClassifier', modalities='${{modalities}}', classes='${{classes}}', positive='${{positive}}',
    encoder=dict(shared=dict(type='SharedEncoder', modalities=('bus', 'ue'), backbone='${{backbone}}')),
    fusion=dict(type='ProjectedFusion', hidden_channels=16, embed_dims=8), head=dict(type='LinearHead'))
stages = [
    dict(name='pretrain', max_epochs=3, batch_size=8, optimizer=dict(type='Adam', lr=1e-3),
         model=dict(type='SimSiam', backbone='${{backbone}}', hidden_channels=16, embed_dims=8),
         dataset=dict(type='PairedViews', modalities=('bus', 'ue'), pipeline=load,
                      augment=[dict(type='RandomFlip'), dict(type='PackCase')])),
    dict(name='linear', train=['head'], max_epochs=1, optimizer=dict(type='Adam', lr=1e-2)),
]
""".replace('{{', '{').replace('}}', '}')


class Killed(Exception):
    """Stands for the end of the process."""


@HOOKS.register_module()
class KillPretraining(Hook):
    """End the run in the middle of an epoch."""

    priority = 'LOWEST'

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if runner.epoch == self.epoch and batch_idx == 1:
            raise Killed


@pytest.fixture
def pair_config(tiny_config: Path) -> Path:
    tiny_config.write_text(tiny_config.read_text() + PAIRS)
    return tiny_config


def train(config: Path, options: dict | None = None, **how) -> dict:
    return Experiment(load_config(config, options), options=QUIET).train(**{'overwrite': True, **how})


def test_the_classifier_gets_the_encoder_and_the_projector(pair_config):
    metrics = train(pair_config)
    stage = metrics['stages']['pretrain']
    assert stage['given_to'] == ['encoder.shared', 'fusion.projector'] and stage['epochs'] == 3
    assert metrics['pretrained_on'] == stage['part'] == 'train'
    assert (stage['cases'], stage['images']) == (metrics['cases']['train'], 2 * metrics['cases']['train'])
    work = pair_config.parent / 'work'
    learnt = load_weights(work / 'pretrain' / 'epoch_3.pth')['state_dict']
    model = load_weights(work / 'model.pth')['state_dict']
    for name, value in learnt.items():
        if name.startswith('backbone.'):
            assert torch.equal(value, model[f'encoder.shared.{name}'])  # frozen since: running statistics too
        if name.startswith('projector.'):
            assert torch.equal(value, model[f'fusion.{name}'])
    assert not torch.equal(
        model['head.fc.weight'], load_weights(work / 'pretrain/selected.pth')['state_dict']['head.fc.weight']
    )


def test_it_learns_from_the_training_part_unless_told_otherwise(pair_config):
    config = load_config(pair_config)
    parts = Experiment(config, options=QUIET).parts
    ids = {case.case_id for case in pair_dataset(config, config.stages[0]).cases}
    assert ids == {case.case_id for case in parts['train'].cases}
    everyone = {case.case_id for case in pair_dataset(config, {**config.stages[0], 'part': 'all'}).cases}
    assert everyone == {case.case_id for part in parts.values() for case in part.cases} and len(everyone) == 19


@pytest.mark.parametrize('method', ['SimSiam', 'BYOL'])
def test_a_killed_pretraining_ends_with_the_weights_of_one_that_was_not(pair_config, tmp_path, method):
    options = {'stages.0.model.type': method}
    whole = {**options, 'work_dir': str(tmp_path / 'whole')}
    train(pair_config, whole)
    with pytest.raises(Killed):
        train(pair_config, {**options, 'stages.0.custom_hooks': [dict(type='KillPretraining', epoch=2)]})
    train(pair_config, options, resume=True)
    for name in ('pretrain/epoch_3.pth', 'model.pth'):
        one, other = (load_weights(tmp_path / folder / name)['state_dict'] for folder in ('whole', 'work'))
        assert one.keys() == other.keys()
        assert [key for key in one if not torch.equal(one[key], other[key])] == []
    if method == 'BYOL':
        state = load_weights(tmp_path / 'work/pretrain/epoch_3.pth')['state_dict']
        averaged = [k for k in state if k.startswith('target.module.') and k.endswith('conv1.weight')]
        assert averaged and all(not torch.equal(state[k], state[k.removeprefix('target.module.')]) for k in averaged)


def test_what_all_patients_taught_is_flagged(pair_config, tmp_path):
    options = {'stages.0.part': 'all', 'max_epochs': 1}
    plan = CrossValidation(str(pair_config), tmp_path / 'cv', 2, None, None, options)
    for task in plan.tasks():
        run_fold(task, QUIET, False)
    metrics = json.loads((tmp_path / 'cv/fold_0/metrics.json').read_text())
    assert metrics['pretrained_on'] == 'all' and metrics['stages']['pretrain']['cases'] == 19
    assert any('pre-trained on all patients' in text for text in plan.gather()['warnings'])


def test_a_collapse_is_said(pair_config, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(SimSiam, 'project', lambda self, image: self.projector[3].bias.expand(len(image), -1))
    plan = CrossValidation(str(pair_config), tmp_path / 'cv', 2, None, None, {'max_epochs': 1})
    with caplog.at_level(logging.WARNING, 'usmm'):
        for task in plan.tasks():
            run_fold(task, QUIET, False)
    assert 'they have collapsed' in caplog.text
    stage = json.loads((tmp_path / 'cv/fold_0/metrics.json').read_text())['stages']['pretrain']
    assert stage['collapsed'] and stage['spread'] == 0
    assert any('collapsed in 2 of 2 folds' in text for text in plan.gather()['warnings'])


def test_the_hook_keeps_the_mean_of_the_epoch():
    model = SimpleNamespace(spread=torch.zeros(()))
    runner = SimpleNamespace(model=model, epoch=0, logger=logging.getLogger('spread'))
    hook = CollapseHook()
    hook.before_train_epoch(runner)
    for value in (0.5, 1.0):
        hook.after_train_iter(runner, 0, outputs={'spread': torch.tensor(value)})
    hook.after_train_epoch(runner)
    assert float(model.spread) == pytest.approx(0.75)
    assert collapsed(float('nan'))


def test_the_store_is_used_again_and_only_for_the_same_pretraining(pair_config, tmp_path):
    options = {'stages.0.store': str(tmp_path / 'store'), 'max_epochs': 1}
    first = train(pair_config, options)['stages']['pretrain']
    (stored,) = (tmp_path / 'store').glob('*.pth')
    again = train(pair_config, {**options, 'modalities': ['ue']})['stages']['pretrain']
    assert 'from' not in first and again['from'] == stored.name and again['spread'] == first['spread']
    # damaged: made anew, with the same result
    stored.write_bytes(stored.read_bytes()[:-200])
    assert 'from' not in train(pair_config, options)['stages']['pretrain']
    train(pair_config, {**options, 'seed': 1})
    assert len([*(tmp_path / 'store').glob('*.pth')]) == 2


@pytest.mark.parametrize(
    'change',
    [{'seed': 1}, {'stages.0.max_epochs': 2}, {'stages.0.optimizer.lr': 0.1}, {'stages.0.dataset.pairs': 'views'},
     {'split.fold': 1}, {'stages.0.model.hidden_channels': 8}, {'deterministic': True}],
    ids=str,
)  # fmt: skip
def test_the_key_of_the_store_depends_on_all_that_decides(pair_config, change):
    def key(options: dict) -> str:
        config = load_config(pair_config, options)
        return store_key(config, config.stages[0], pair_dataset(config, config.stages[0]), QUIET)

    assert key({}) == key({'work_dir': str(pair_config.parent / 'work'), 'stages.1.max_epochs': 7})
    assert key(change) != key({})


def test_pretrainings_that_cannot_be_handed_over_are_refused_before_training(pair_config):
    with pytest.raises(ValueError, match="stage 'pretrain': no encoder of the model can take the weights"):
        train(pair_config, {'stages.0.model.backbone': dict(_delete_=True, type='mmpretrain.ResNet', depth=50)})
    with pytest.raises(ValueError, match="stage 'pretrain': the projector of the fusion and that of the pre-training"):
        train(pair_config, {'stages.0.model.embed_dims': 9})
    with pytest.raises(ValueError, match='its model must be one for pre-training such as SimSiam, got PoolFusion'):
        train(pair_config, {'stages.0.model': dict(_delete_=True, type='PoolFusion', in_channels=dict(a=1))})


@pytest.mark.parametrize(
    ('options', 'message'),
    [({'stages.0.part': 'test'}, r"stages\.0: part must be one of \['train', 'all'\], got 'test'"),
     ({'stages.1.part': 'all'}, r"stages\.1: 'part' is for a stage with a `model` of its own"),
     ({'stages.0.epochs': 3}, 'unknown name')],
)  # fmt: skip
def test_stages_that_make_no_sense(pair_config, options, message):
    with pytest.raises(ConfigError, match=message):
        load_config(pair_config, options)
