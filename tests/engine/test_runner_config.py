"""The plain config of a stage: mmengine's Runner trains the weights of `usmm train`, bit for bit, for every system."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from usmm.cli import train
from usmm.config import ConfigError, RunOptions, load_config, runner_config
from usmm.config.runner import runner_text
from usmm.engine import Experiment, load_weights
from usmm.phantoms import make_phantom
from usmm.utils import work_files

NARROW = {'backbone.base_channels': 4, 'backbone.stem_channels': 4}
# system -> (config, phantom, cases, settings that make it small)
SYSTEMS: dict[str, tuple[str, str, int, dict[str, object]]] = {
    'msmfn': (
        'msmfn_small_phantom', 'cla', 12,
        {'static_net.depth': 10, 'static_net.base_channels': 4, 'clip_net.depth': 10, 'clip_net.base_channels': 4,
         'embed_dims': 16, 'clip_size': 16, 'keyframe_step': 0.25, 'schema.split': None, 'split.folds': 2,
         'split.selection': 'inner', 'image_size': 32},
    ),
    'cross_modal_ssl': ('mcl_cgc_small_phantom', 'liver_mr', 8, {**NARROW, 'split.folds': 2, 'batch_size': 4}),
    'fibrosis_al': (
        'mmfn_al_small_phantom', 'fibrosis', 12,
        {'net.base_channels': 4, 'net.stem_channels': 4, 'image_size': 32, 'min_samples': None, 'draws': 2,
         'test_draws': 1, 'split.folds': 2},
    ),
    'clinical_fusion': ('bmode_blood_small_phantom', 'liver_blood', 10, {**NARROW, 'split.folds': 2, 'image_size': 32}),
    'lymph_multitask': (
        'small_phantom', 'lymph', 8,
        {'families.resnet.base_channels': 4, 'families.resnet.stem_channels': 4, 'split.folds': 2, 'batch_size': 4,
         'image_size': 32},
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def write_tasks(root: Path) -> dict[str, object]:
    """Two small tasks for the multi-task pre-training: images with masks, and short clips."""
    draws, tables = np.random.default_rng(0), {'breast': [], 'lung': []}
    for i in range(6):
        image = np.clip(draws.normal(60 + 60 * (i % 2), 30, (40, 40, 3)), 0, 255).astype(np.uint8)
        mask = np.zeros((40, 40), np.uint8)
        mask[10:30, 10:30] = 255
        cv2.imwrite(str(root / f'b{i}.png'), image)
        cv2.imwrite(str(root / f'm{i}.png'), mask)
        writer = cv2.VideoWriter(str(root / f'l{i}.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 10, (32, 32))
        for _ in range(18):
            writer.write(np.clip(draws.normal(60 + 60 * (i % 2), 30, (32, 32, 3)), 0, 255).astype(np.uint8))
        writer.release()
        label = ('benign', 'malignant')[i % 2]
        tables['breast'].append(dict(case_id=f'b{i}', label=label, bus=f'b{i}.png', bus_mask=f'm{i}.png'))
        tables['lung'].append(dict(case_id=f'l{i}', disease=('no', 'yes')[i % 2], clip=f'l{i}.avi'))
    for name, rows in tables.items():
        with (root / f'{name}.csv').open('w', newline='') as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return {'breast_table': str(root / 'breast.csv'), 'lung_table': str(root / 'lung.csv')}


def assert_equal_weights(one: Path, other: Path) -> None:
    first, second = load_weights(one)['state_dict'], load_weights(other)['state_dict']
    assert first.keys() == second.keys()
    different = [name for name in first if not torch.equal(first[name], second[name])]
    assert different == []


@pytest.mark.parametrize('system', SYSTEMS)
def test_a_runner_trains_the_weights_of_usmm_train(system: str, tmp_path: Path) -> None:
    name, preset, cases, small = SYSTEMS[system]
    data = make_phantom(tmp_path / 'data', cases, preset=preset, workers=1, clip_seconds=3.0)
    options = {
        **small, 'data_root': str(data), 'cache_dir': str(tmp_path / 'cache'), 'max_epochs': 2, 'num_workers': 0,
    }  # fmt: skip
    if system == 'lymph_multitask':
        options |= write_tasks(tmp_path)
    mine = load_config(name, {**options, 'work_dir': str(tmp_path / 'usmm')})
    Experiment(mine, options=RunOptions(progress=False)).train()
    theirs = load_config(name, {**options, 'work_dir': str(tmp_path / 'runner')})
    for stage in theirs.stages:
        Runner.from_cfg(runner_config(theirs, stage['name'])).train()
        selected = [tmp_path / of / stage['name'] / work_files.SELECTED for of in ('usmm', 'runner')]
        assert_equal_weights(*selected)
        # what `usmm train` keeps in the work directory is the same config
        kept = Config.fromfile(tmp_path / 'usmm' / stage['name'] / work_files.RUNNER)
        text = runner_text(runner_config(mine, stage['name']), mine.name, stage['name'])
        assert kept._cfg_dict.to_dict() == Config.fromstring(text, '.py')._cfg_dict.to_dict()


def plain(config: Path, stage: str, options: Mapping[str, object] | None = None, **flags: bool) -> Config:
    return runner_config(load_config(config, dict(options or {})), stage, RunOptions(**flags))


def test_flags_and_standard_keys_reach_the_runner(tiny_config: Path) -> None:
    tiny_config.write_text(
        tiny_config.read_text().replace('\nseed = 0\n', '\nseed = 7\n')
        + """
default_hooks = dict(logger=dict(interval=3), checkpoint=dict(interval=2), timer=None)
custom_hooks = [dict(type='EMAHook')]
log_level = 'WARNING'
param_scheduler = dict(type='StepLR', step_size=1)
randomness = dict(seed=7, deterministic=True, diff_rank_seed=True)
env_cfg = dict(cudnn_benchmark=True)
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])
auto_scale_lr = dict(base_batch_size=8)
load_from = 'start.pth'
"""
    )
    config = plain(tiny_config, 'image', auto_scale_lr=True, amp=True)
    assert config.default_hooks.checkpoint.pop('meaning')['classes'] == ['ADC', 'SCC']
    assert config.default_hooks == dict(
        logger=dict(type='LoggerHook', interval=3, log_metric_by_epoch=True), timer=None,
        checkpoint=dict(type='StageCheckpointHook', monitor='auc', interval=2),
    )  # fmt: skip
    assert [hook['type'] for hook in config.custom_hooks] == [
        'EpochSeedHook', 'RunStateHook', 'EMAHook', 'TableFitHook', 'SelectedWeightsHook',
    ]  # fmt: skip
    assert config.log_level == 'WARNING' and config.param_scheduler == dict(type='StepLR', step_size=1)
    assert config.randomness == dict(seed=7, deterministic=True, diff_rank_seed=True)
    assert config.env_cfg.cudnn_benchmark and config.visualizer.type == 'Visualizer'
    assert config.auto_scale_lr == dict(base_batch_size=8, enable=True)
    assert config.load_from == 'start.pth'
    assert config.optim_wrapper.type == 'AmpOptimWrapper'
    assert config.model.model.data_preprocessor.channels_last
    assert config.train_dataloader.dataset.split.seed == 7  # everything that refers to the seed
    # an option of the command line counts more than the file
    assert plain(tiny_config, 'image', {'seed': 3}).randomness.seed == 3


def test_a_stage_of_the_table_starts_from_the_images(tiny_config: Path) -> None:
    config = plain(tiny_config, 'clinical', amp=True)
    before = str(tiny_config.parent / 'work' / 'image' / 'selected.pth')
    assert config.load_from == before
    assert config.train_dataloader.dataset.type == 'CachedScores'
    assert config.train_dataloader.dataset.checkpoint == before
    assert config.optim_wrapper.type == 'OptimWrapper'  # in full precision, as the scores
    assert config.model.train == 'clinical'


def test_without_validation_the_last_epoch_counts(tiny_config: Path) -> None:
    config = plain(tiny_config, 'image', validate=False)
    assert 'val_dataloader' not in config and config.default_hooks.checkpoint.monitor is None


@pytest.mark.parametrize(
    ('options', 'stage', 'message'),
    [
        ({}, 'imge', r"tiny has no stage 'imge'; did you mean 'image'\?"),
        ({'modalities': ['clinical']}, 'image', r"stage 'image': nothing to train for modalities \['clinical'\]"),
        ({'stages.1.fit': True, 'model.clinical.type': 'BoostedTrees'}, 'clinical', 'is fitted once'),
        ({'model.type': 'mmpretrain.ImageClassifier'}, 'image', 'a ImageClassifier cannot be trained in stages'),
    ],
)
def test_a_stage_without_a_runner_is_refused(
    tiny_config: Path, options: dict[str, object], stage: str, message: str
) -> None:
    config = load_config(tiny_config, options, check=False)
    if 'mmpretrain' in str(options):
        backbone = dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4)
        config.model = dict(type='mmpretrain.ImageClassifier', backbone=backbone)
    with pytest.raises(ValueError, match=message):
        runner_config(config, stage)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ("default_hooks = dict(checkpoint=dict(type='CheckpointHook'))", 'must stay a StageCheckpointHook'),
        ('default_hooks = dict(checkpoint=None)', 'must stay a StageCheckpointHook'),
        ('default_hooks = dict(loger=dict(interval=3))', "unknown name 'loger'; did you mean 'logger'"),
        ('default_hooks = dict(logger=3)', 'default_hooks.logger must be a dict or None, got 3'),
        ('default_hooks = dict(logger=dict(intervall=3))', "unknown name 'intervall'; did you mean 'interval'"),
        ('randomness = dict(sed=3)', "randomness: unknown name 'sed'; did you mean 'seed'"),
        ("log_level = 'LOUD'", "log_level must be the name or the number of a level, got 'LOUD'"),
        ('param_scheduler = 3', 'param_scheduler must be a dict, a list of dicts or None, got 3'),
    ],
)
def test_standard_keys_are_checked(tiny_config: Path, text: str, message: str) -> None:
    line = len(tiny_config.read_text().splitlines()) + 1
    tiny_config.write_text(tiny_config.read_text() + text + '\n')
    with pytest.raises(ConfigError, match=rf'tiny\.py:{line}: .*{message}'):
        load_config(tiny_config)


def test_usmm_train_takes_the_file_of_a_run(tiny_config: Path, tmp_path: Path) -> None:
    options = {'max_epochs': 1, 'modalities': ['bus', 'clinical']}
    run = Experiment(load_config(tiny_config, options), options=RunOptions(progress=False))
    run.train()
    for stage in ('image', 'clinical'):
        file = run.work_dir / stage / work_files.RUNNER
        assert train.main([str(file), '--work-dir', str(tmp_path / stage)]) == 0
        assert_equal_weights(tmp_path / stage / work_files.SELECTED, run.work_dir / stage / work_files.SELECTED)
