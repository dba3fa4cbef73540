"""Multi-task pre-training as a stage: what it returns, resumes from and stores; early stopping; over-sampling."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from mmengine.hooks import Hook

from usmm.config import ConfigError, load_config
from usmm.engine import Experiment, RunOptions, StageCheckpointHook, load_weights
from usmm.engine.hooks.stage_checkpoints import lower_is_better
from usmm.engine.pretraining import pair_dataset, store_key
from usmm.evaluation.metrics import TaskMetrics
from usmm.readers import DataError
from usmm.registry import HOOKS

QUIET = RunOptions(progress=False)
# the tiny config's own settings stand above this text
TASKS = """
modalities = ('bus',)
tasks_root = '{root}'
backbone = dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4)
evaluator = [dict(type='CaseMetrics', classes='${{classes}}', positive='${{positive}}'), dict(type='CaseLoss')]
model = dict(
    type='MultiModalClassifier', modalities='${{modalities}}', classes='${{classes}}', positive='${{positive}}',
    encoder=dict(bus=dict(type='ImageEncoder', modality='bus', backbone='${{backbone}}')),
    fusion=dict(type='PoolFusion'), head=dict(type='MLPHead', hidden_channels=8))
stages = [
    dict(name='pretrain', max_epochs=3, batch_size=8, optimizer=dict(type='Adam', lr=1e-3),
         early_stop=dict(patience=5),
         model=dict(type='MultiTaskLearner', backbone='${{backbone}}', hidden_channels=8),
         dataset=dict(
             type='MultiTaskDataset', pipeline=load, augment=[dict(type='RandomFlip'), dict(type='PackCase')],
             tasks=[
                 dict(name='organs', table='${{tasks_root}}/organs.csv', schema=dict(images=dict(us='file')),
                      classes=('a', 'b', 'c')),
                 dict(name='hearts', table='${{tasks_root}}/hearts.csv', schema=dict(images=dict(us='file')),
                      classes=('a', 'b'))])),
    dict(name='finetune', train='all', oversample=True, max_epochs=2, monitor='loss',
         optimizer=dict(type='Adam', lr=1e-3)),
]
"""


class Killed(Exception):
    """Stands for the end of the process."""


@HOOKS.register_module()
class KillMultiTask(Hook):
    """End the run in the middle of an epoch."""

    priority = 'LOWEST'

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if runner.epoch == self.epoch and batch_idx == 1:
            raise Killed


@pytest.fixture(scope='module')
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('tasks')
    rng = np.random.default_rng(0)
    for name, count, classes in (('organs', 25, 'abc'), ('hearts', 15, 'ab')):
        rows = []
        for i in range(count):
            k = i % len(classes)
            image = np.clip(rng.normal(60 + 60 * k, 30, (40, 40, 3)), 0, 255).astype(np.uint8)
            cv2.imwrite(str(root / f'{name}{i}.png'), image)
            rows.append(dict(case_id=f'{name}{i}', label=classes[k], file=f'{name}{i}.png'))
        pd.DataFrame(rows).to_csv(root / f'{name}.csv', index=False)
    return root


@pytest.fixture
def config(tiny_config: Path, tasks: Path) -> Path:
    tiny_config.write_text(tiny_config.read_text() + TASKS.format(root=tasks))
    return tiny_config


def train(config: Path, options: dict | None = None, run: RunOptions = QUIET, **how) -> dict:
    return Experiment(load_config(config, options), options=run).train(**how)


def scripted(monkeypatch: pytest.MonkeyPatch, losses: list[float]) -> None:
    """Let the validations of the pre-training find these mean losses, one an epoch."""
    left = iter(losses)
    monkeypatch.setattr(TaskMetrics, 'compute_metrics', lambda self, rows: {'loss': next(left), 'auc': 0.5})


def test_the_classifier_gets_the_backbone_of_the_best_epoch(config, monkeypatch):
    scripted(monkeypatch, [0.9, 0.5, 0.7])
    metrics = train(config)
    stage = metrics['stages']['pretrain']
    assert (stage['epochs'], stage['epoch'], stage['selected_by'], stage['score']) == (3, 2, 'loss', 0.5)
    assert stage['given_to'] == ['encoder.bus'] and stage['validation'] == {'loss': 0.5, 'auc': 0.5}
    assert 'collapsed' not in stage and metrics['pretrained_on'] == 'train'
    assert (stage['cases'], stage['patients'], stage['images']) == (40, 40, 32)
    work = config.parent / 'work'
    best = load_weights(work / 'pretrain' / 'best_loss_epoch_2.pth')['state_dict']
    model = load_weights(work / 'pretrain' / 'selected.pth')['state_dict']
    for name, value in best.items():
        if name.startswith('backbone.'):
            assert torch.equal(value, model[f'encoder.bus.{name}'])
    assert not any(name.startswith('heads.') for name in model)
    assert metrics['stages']['finetune']['selected_by'] == 'loss' and 'loss' in metrics['test']


def test_metrics_of_every_task(config):
    train(config, {'max_epochs': 1})
    stage = json.loads((config.parent / 'work/metrics.json').read_text())['stages']['pretrain']
    found = stage['validation']
    assert set(found) == {
        f'{task}{name}' for task in ('', 'organs/', 'hearts/') for name in ('loss', 'accuracy', 'auc')
    }
    assert found['loss'] == pytest.approx((found['organs/loss'] + found['hearts/loss']) / 2) == stage['score']
    (scalars,) = (config.parent / 'work/pretrain').rglob('scalars.json')
    logged = [json.loads(line) for line in scalars.read_text().splitlines()]
    assert any('hearts/auc' in line for line in logged) and any('organs_ce' in line for line in logged)


def test_it_stops_when_the_mean_loss_does_not_fall(config, monkeypatch):
    scripted(monkeypatch, [0.9, 0.4, 0.5, 0.6, 0.3])
    options = {'stages.0.early_stop.patience': 2, 'stages.0.max_epochs': 5}
    stage = train(config, options)['stages']['pretrain']
    assert (stage['epochs'], stage['of'], stage['epoch'], stage['score']) == (4, 5, 2, 0.4)


def test_a_killed_pretraining_ends_with_the_weights_of_one_that_was_not(config, tmp_path):
    train(config, {'work_dir': str(tmp_path / 'whole')})
    with pytest.raises(Killed):
        train(config, {'stages.0.custom_hooks': [dict(type='KillMultiTask', epoch=2)]})
    train(config, resume=True)
    for name in ('pretrain/epoch_3.pth', 'pretrain/selected.pth', 'model.pth'):
        one, other = (load_weights(tmp_path / folder / name)['state_dict'] for folder in ('whole', 'work'))
        assert one.keys() == other.keys()
        assert [key for key in one if not torch.equal(one[key], other[key])] == []
    results = [json.loads((tmp_path / folder / 'metrics.json').read_text()) for folder in ('whole', 'work')]
    assert results[0]['stages']['pretrain']['validation'] == results[1]['stages']['pretrain']['validation']


def test_the_folds_of_a_run_share_one_pretraining(config, tmp_path):
    options = {'stages.0.store': str(tmp_path / 'store'), 'max_epochs': 1}
    first = train(config, options)['stages']['pretrain']
    (stored,) = (tmp_path / 'store').glob('multitasklearner-*.pth')
    again = train(config, {**options, 'split.fold': 1, 'work_dir': str(tmp_path / 'other')})['stages']['pretrain']
    assert 'from' not in first and again['from'] == stored.name and again['validation'] == first['validation']


@pytest.mark.parametrize(
    'change',
    [{'seed': 1}, {'stages.0.max_epochs': 2}, {'stages.0.dataset.order': 'interleaved'},
     {'stages.0.early_stop.patience': 4}, {'stages.0.dataset.val_ratio': 0.4},
     {'stages.0.model.hidden_channels': 4}],
    ids=str,
)  # fmt: skip
def test_the_key_of_the_store_depends_on_all_that_decides(config, change):
    def key(options: dict, run: RunOptions = QUIET) -> str:
        found = load_config(config, options)
        return store_key(found, found.stages[0], pair_dataset(found, found.stages[0]), run)

    assert key({}) == key({'split.fold': 1, 'stages.1.max_epochs': 7})
    assert key(change) != key({}) != key({}, RunOptions(progress=False, validate=False))


def test_labels_are_part_of_the_key(config, tasks, tmp_path):
    for name in tasks.iterdir():
        (tmp_path / name.name).write_bytes(name.read_bytes())
    found = load_config(config, {'tasks_root': str(tmp_path)})
    before = store_key(found, found.stages[0], pair_dataset(found, found.stages[0]), QUIET)
    table = pd.read_csv(tmp_path / 'hearts.csv')
    table.loc[[0, 1], 'label'] = ['b', 'a']
    table.to_csv(tmp_path / 'hearts.csv', index=False)
    assert store_key(found, found.stages[0], pair_dataset(found, found.stages[0]), QUIET) != before


def test_without_validation_the_last_epoch_counts(config):
    quick = RunOptions(progress=False, validate=False)
    metrics = train(config, {'max_epochs': 1, 'split.selection': 'last', 'stages.1.monitor': 'auc'}, quick)
    assert metrics['stages']['pretrain']['epoch'] == 1 and 'validation' not in metrics['stages']['pretrain']


def test_a_pretraining_may_keep_its_last_epoch(config):
    options = {
        'stages.0.selection': 'last',
        'stages.0.early_stop': None,
        'stages.0.max_epochs': 2,
        'stages.1.max_epochs': 1,
    }
    stages = train(config, options)['stages']
    assert stages['pretrain']['epoch'] == 2 and 'validation' not in stages['pretrain']
    assert stages['finetune']['selected_by'] == 'loss'


@pytest.mark.parametrize(
    ('options', 'text'),
    [
        ({'stages.0.selection': 'test'}, r"stages\.0: selection is 'inner' or 'last', .*, got 'test'"),
        ({'stages.1.selection': 'last'}, r'stages\.1: selection is .* of a stage with a `model` of its own'),
        ({'stages.0.selection': 'last'}, r'stages\.0: early_stop selects an epoch'),
    ],
    ids=str,
)
def test_a_selection_that_makes_no_sense(config, options, text):
    with pytest.raises(ConfigError, match=text):
        load_config(config, {'stages.0.early_stop': dict(patience=2), **options})


def test_cases_of_the_run_cannot_teach(config, tiny_data):
    own = dict(name='own', table=str(tiny_data / 'cases.csv'), schema=dict(images=dict(us='bus')),
               classes=('ADC', 'SCC'))  # fmt: skip
    with pytest.raises(DataError, match=r'19 cases are in .*cases.csv too'):
        train(config, {'stages.0.dataset.tasks': [own]})


def test_oversampling_is_of_the_training_part_alone(config, monkeypatch):
    drawn: dict[str, Counter] = {'train': Counter(), 'val': Counter()}

    @HOOKS.register_module(name='CountLabels', force=True)
    class CountLabels(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
            drawn['train'].update(c.label for c in data_batch['data_samples'])

        def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
            drawn['val'].update(c.case_id for c in data_batch['data_samples'])

    given = {'max_epochs': 1, 'stages.1.custom_hooks': [dict(type='CountLabels')]}
    experiment = Experiment(load_config(config, given), options=QUIET)
    train_set, val_set = experiment.parts['train'], experiment.parts['val']
    train_set.leave_out([c.case_id for c in train_set.cases if c.label == 1][2:])  # two of a class
    monkeypatch.setattr(experiment, '_dataset', lambda part, pipeline: train_set)
    experiment.run_stages([experiment.config.stages[1]])
    largest = max(Counter(train_set.labels.tolist()).values())
    assert largest > 2 and drawn['train'] == {0: largest, 1: largest}
    assert drawn['val'] == Counter(c.case_id for c in val_set.cases)


def test_a_model_with_other_tasks_is_refused(config):
    with pytest.raises(ValueError, match=r"the model has the tasks {'organs': \('x', 'y'\)}, the data"):
        train(config, {'stages.0.model.tasks': dict(organs=('x', 'y'))})


def test_early_stopping_needs_a_validation_part(config):
    options = {'split.selection': 'last', 'stages.1.early_stop': dict(patience=2), 'stages.1.monitor': 'auc'}
    with pytest.raises(ConfigError, match=r'stages\.1: early_stop needs a validation part'):
        train(config, options)


@pytest.mark.parametrize('wrong', [3, {}, dict(patience=0), dict(patience=2, wait=1), dict(patience=1, min_delta=-1)])
def test_early_stopping_that_makes_no_sense(config, wrong):
    with pytest.raises(ConfigError, match=r'stages\.1: early_stop must be dict\(patience=N\)'):
        load_config(config, {'stages.1.early_stop': wrong})


def test_a_pretraining_is_not_oversampled(config):
    with pytest.raises(ConfigError, match=r'stages\.0: oversample is for a stage that trains the classifier'):
        load_config(config, {'stages.0.oversample': True})


def test_lower_losses_are_better():
    assert [lower_is_better(name) for name in ('loss', 'a/loss', 'stage_error', 'auc', 'loss/auc')] == [
        True, True, True, False, False,
    ]  # fmt: skip
    assert StageCheckpointHook('loss').monitor == 'loss'
