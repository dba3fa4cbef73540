"""Plain mmengine configs through `usmm train` / tools/train.py: mmpretrain's parts alone, and mixed with ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmengine.visualization import Visualizer
from PIL import Image

from usmm.cli import main as cli
from usmm.config import ConfigError
from usmm.config.plain import is_plain, load_plain
from usmm.engine import RunOptions
from usmm.engine.plain_run import runner_of

RUNTIME = """
train_cfg = dict(by_epoch=True, max_epochs=2, val_interval=1)
val_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9))
param_scheduler = dict(type='MultiStepLR', by_epoch=True, milestones=[1], gamma=0.1)
default_hooks = dict(checkpoint=dict(type='CheckpointHook', interval=1), logger=dict(type='LoggerHook', interval=1))
randomness = dict(seed=0)
val_evaluator = dict(type='mmpretrain.Accuracy', topk=1)
model = dict(
    type='mmpretrain.ImageClassifier',
    data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor', mean=[120.0] * 3, std=[60.0] * 3, to_rgb={to_rgb}),
    backbone=dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4),
    neck=dict(type='mmpretrain.GlobalAveragePooling'),
    head=dict(type='mmpretrain.LinearClsHead', num_classes=2, in_channels=32, loss=dict(type={loss!r})))
"""
FOLDERS = """
default_scope = 'mmpretrain'
pipeline = [dict(type='LoadImageFromFile'), dict(type='Resize', scale=32), dict(type='RandomFlip', prob=0.5),
    dict(type='PackInputs')]
train_dataloader = dict(batch_size=4, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'), dataset=dict(type='CustomDataset', data_root={root!r}, pipeline=pipeline))
val_dataloader = dict(batch_size=4, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'), dataset=dict(type='CustomDataset', data_root={root!r}, pipeline=pipeline))
"""
MIXED = """
default_scope = 'usmm'
data = dict(type='usmm.CaseDataset', table={table!r}, schema=dict(images=dict(bus='bus')), classes=('ADC', 'SCC'),
    split=dict(folds=3, fold=0, seed=0, val_ratio=0.25))
load = [dict(type='usmm.LoadImage'), dict(type='usmm.Resize', size=32)]
pack = [dict(type='usmm.PackClassifierInputs', modality='bus')]
train_dataloader = dict(batch_size=4, num_workers=0, drop_last=True,
    sampler=dict(type='usmm.CaseSampler', shuffle=True, seed=0), collate_fn=dict(type='default_collate'),
    dataset=dict(**data, part='train', pipeline=[*load, dict(type='usmm.RandomFlip'), *pack]))
val_dataloader = dict(batch_size=4, num_workers=0, sampler=dict(type='usmm.CaseSampler', shuffle=False, seed=0),
    collate_fn=dict(type='default_collate'), dataset=dict(**data, part='val', pipeline=[*load, *pack]))
"""


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """A config of mmpretrain's parts alone, on class folders."""
    rng = np.random.default_rng(0)
    for k, name in enumerate(('a', 'b')):
        (tmp_path / 'images' / name).mkdir(parents=True)
        for i in range(4):
            pixels = rng.integers(80 * k, 80 * k + 90, (40, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / 'images' / name / f'{i}.png')
    path = tmp_path / 'folders.py'
    text = FOLDERS.format(root=str(tmp_path / 'images'))
    path.write_text(text + RUNTIME.format(to_rgb=True, loss='mmpretrain.CrossEntropyLoss'))
    return path


@pytest.fixture
def mixed(tmp_path: Path, tiny_data: Path) -> Path:
    """Our data set, transforms and loss, mmpretrain's classifier and metric."""
    path = tmp_path / 'mixed.py'
    text = MIXED.format(table=str(tiny_data / 'cases.csv'))
    path.write_text(text + RUNTIME.format(to_rgb=False, loss='usmm.FocalLoss'))
    return path


@pytest.fixture
def train(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., tuple[int, str]]]:
    """`usmm train ...`: exit code and stderr."""

    def run(*words: object) -> tuple[int, str]:
        for kind in (MMLogger, MessageHub, Visualizer):
            kind._instance_dict.clear()  # those of earlier runs, which write to a closed stdout
        code = cli.main(['train', *map(str, words)])
        return code, capsys.readouterr().err

    yield run
    DefaultScope._instance_dict.clear()  # a plain config sets the scope of its process, which is that of other tests


def weights(folder: Path, epoch: int = 2) -> dict[str, torch.Tensor]:
    return torch.load(folder / f'epoch_{epoch}.pth', weights_only=True)['state_dict']


@pytest.mark.parametrize('kind', ['folders', 'mixed'])
def test_it_trains_as_mmengines_runner_does(kind, request, train, tmp_path):
    path = request.getfixturevalue(kind)
    assert is_plain(path)
    code, error = train(path, '--work-dir', tmp_path / 'ours')
    assert code == 0, error
    config = load_plain(path)
    config.work_dir = str(tmp_path / 'theirs')
    Runner.from_cfg(config).train()
    ours, theirs = weights(tmp_path / 'ours'), weights(tmp_path / 'theirs')
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def trained_epochs(work: Path) -> list[int]:
    """The epoch of every training entry of the logs, in the order of time."""
    lines = [line for file in sorted(work.rglob('scalars.json')) for line in file.read_text().splitlines()]
    return [entry['epoch'] for entry in map(json.loads, lines) if 'lr' in entry]


def test_flags_of_mmpretrain(folders, train, tmp_path):
    work = tmp_path / 'work'
    how = ('--work-dir', work, '--cfg-options')
    code, error = train(folders, '--no-validate', '--amp', *how, 'train_cfg.max_epochs=1')
    assert code == 0, error
    (log,) = work.rglob('scalars.json')
    assert not any('accuracy' in line for line in log.read_text().splitlines())
    first = len(trained_epochs(work))
    code, error = train(folders, *how, 'train_cfg.max_epochs=2')
    assert code == 2 and 'holds a run already (epoch_1.pth): go on with it (--resume' in error
    (work / 'last_checkpoint').write_text('epoch_1.pth\nepoch_0.pth')  # as the hook of a stage writes it
    code, error = train(folders, '--resume', *how, 'train_cfg.max_epochs=2')
    assert code == 0, error
    assert set(trained_epochs(work)[first:]) == {2}  # the first epoch is not run again
    code, error = train(folders, '--resume', work / 'epoch_1.pth', *how, 'train_cfg.max_epochs=2')
    assert code == 0, error


def test_scaled_learning_rate_and_deterministic(mixed, tmp_path):
    config = load_plain(mixed, ['auto_scale_lr.base_batch_size=8'])
    config.work_dir = str(tmp_path)
    runner = runner_of(config, RunOptions(auto_scale_lr=True))
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.scale_lr(runner.optim_wrapper, runner.auto_scale_lr)
    assert runner.optim_wrapper.optimizer.param_groups[0]['lr'] == pytest.approx(0.01 * 4 / 8)


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--stage', 'image'], '--stage is for a config with stages'),
        (['--resume', 'nowhere.pth'], 'cannot resume from nowhere.pth: there is no such file'),
        (['--auto-scale-lr'], '--auto-scale-lr needs auto_scale_lr=dict(base_batch_size=N) in the config'),
        (['--amp', '--cfg-options', 'optim_wrapper.type=ApexOptimWrapper'], 'got ApexOptimWrapper'),
        (['--launcher', 'pytorch'], 'wants RANK in the environment'),
        (['--cfg-options', 'model.backbone.type=ResNett'], 'the config cannot be built: ResNett is not in the'),
        (['--cfg-options', 'model.backbone.depth=19'], 'the config cannot be built: '),
        (['--cfg-options', 'train_dataloader.dataset.data_root=nowhere'], 'nowhere'),
        (['--cfg-options', 'train_cfg=None'], "it lacks ['train_cfg']"),
        (['--cfg-options', 'train_cfg'], 'takes KEY=VALUE'),
        (['--cfg-options', 'optim_wraper.clip_grad=1'], "unknown name 'optim_wraper'; did you mean 'optim_wrapper'"),
        (['--cfg-options', 'optim_wrapper.optimizer.lr=-1'], 'the config cannot be built: '),
        (['--cfg-options', 'train_cfg.max_epochs=-1'], 'train_cfg.max_epochs must be 1 or more, got -1'),
        (
            ['--cfg-options', 'train_dataloader.batch_size=100', 'train_dataloader.drop_last=True'],
            'train_dataloader has no batch: fewer samples than batch_size, and drop_last',
        ),
    ],
)
def test_mistakes_end_in_one_line(folders, train, tmp_path, monkeypatch, words, message):
    monkeypatch.delenv('RANK', raising=False)
    code, error = train(folders, '--work-dir', tmp_path / 'work', *words)
    assert code == 2 and message in error and 'Traceback' not in error


def test_weights_go_through_the_safe_loader(folders, train, tmp_path):
    class Bad:
        def __reduce__(self):
            return print, ('run',)

    torch.save({'state_dict': {}, 'meta': Bad()}, tmp_path / 'bad.pth')
    (tmp_path / 'cut.pth').write_bytes((tmp_path / 'bad.pth').read_bytes()[:200])
    for name, message in (('bad.pth', '.print, which is neither'), ('cut.pth', 'cut.pth')):
        how = ('--work-dir', tmp_path / 'work', '--cfg-options', f'load_from={tmp_path / name}')
        for words in (how, ('--resume', tmp_path / name, *how[:2])):
            code, error = train(folders, *words)
            assert code == 2 and message in error and str(tmp_path / name) in error and 'Traceback' not in error


def test_other_commands_state_that_only_train_takes_it(folders, capsys):
    assert cli.main(['print_config', str(folders)]) == 2
    assert 'is a plain config of mmengine, without stages: only usmm train takes it' in capsys.readouterr().err


def test_a_config_of_stages_is_not_plain(tiny_config, tmp_path):
    assert not is_plain(tiny_config)
    broken = tmp_path / 'broken.py'
    broken.write_text('train_dataloader = dict(\n')
    with pytest.raises(ConfigError, match=r'broken\.py:1: a config must be Python'):
        is_plain(broken)


def test_the_sampler_of_mmengine_is_refused_with_our_data(mixed, train, tmp_path):
    words = ['train_dataloader.sampler.type=DefaultSampler', 'train_cfg.max_epochs=3']
    code, error = train(mixed, '--work-dir', tmp_path / 'work', '--cfg-options', *words)
    assert code == 2 and 'is read again without its epoch' in error and 'usmm.CaseSampler' in error


def test_two_processes_end_with_one_model(mixed, warm_python, project_root, tmp_path):
    command = [project_root / 'tools' / 'train.py', mixed, '--launcher', 'pytorch', '--work-dir', tmp_path / 'work']
    warm_python.run_two(command, tmp_path)
    assert all(torch.isfinite(tensor.float()).all() for tensor in weights(tmp_path / 'work').values())
    logs = [json.loads(line) for f in (tmp_path / 'work').rglob('scalars.json') for line in f.read_text().splitlines()]
    assert {entry['step'] for entry in logs if 'accuracy/top1' in entry} == {1, 2}
