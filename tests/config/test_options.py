"""Overrides of the command line: text settings stay text, the others get mmengine's types."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import DictAction

from usmm.config import ConfigError, load_config, parse_options

CONFIG = """
data_root = 'data'
table = 'cases.csv'
work_dir = 'work_dirs/${name}'
classes = ('1', '2')
positive = '2'
modalities = ('bus',)
cache_dir = 'cache'
seed = 0
image_size = 64
margin = 0.5
load_from = None
schema = dict(images=dict(bus='bus'), masks='{modality}_mask', label='label')
split = dict(folds=3, fold=0, seed='${seed}', file='${work_dir}/folds.csv')
dataset = dict(type='CaseDataset', table='${data_root}/${table}', schema='${schema}', classes='${classes}',
    modalities='${modalities}', split='${split}')
load = [dict(type='Cached', transforms=[dict(type='LoadImage')], cache_dir='${cache_dir}'),
        dict(type='Resize', size='${image_size}'), dict(type='CropLesion', margin='${margin}')]
train_pipeline = [*load, dict(type='PackCase')]
test_pipeline = [*load, dict(type='PackCase')]
model = dict(type='MultiModalClassifier', modalities='${modalities}', classes='${classes}')
stages = [dict(name='image', train='all', optimizer=dict(type='Adam', lr=1e-3), max_epochs=2)]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / 'cfg.py'
    path.write_text(CONFIG)
    return path


@pytest.mark.parametrize(
    ('word', 'key', 'value'),
    [
        ('data_root=2024', 'data_root', '2024'),
        ('data_root=x,y', 'data_root', 'x,y'),
        ('data_root=my data/2024', 'data_root', 'my data/2024'),
        ('data_root=True story', 'data_root', 'True story'),
        ("data_root='2024'", 'data_root', '2024'),
        ('data_root=[a', 'data_root', '[a'),
        ('table=c,1.csv', 'table', 'c,1.csv'),
        ('work_dir=2025', 'work_dir', '2025'),
        ('work_dir=007', 'work_dir', '007'),
        ('work_dir=1e5', 'work_dir', '1e5'),
        ('load_from=1,2', 'load_from', '1,2'),
        ('load_from=None', 'load_from', None),
        ('cache_dir=None', 'cache_dir', None),
        ('cache_dir=(2024)', 'cache_dir', '(2024)'),
        ('split.file=2024', 'split.file', '2024'),
        ('dataset.table=1.0', 'dataset.table', '1.0'),
        ('schema.images.bus=2', 'schema.images.bus', '2'),
        ('schema.label=3', 'schema.label', '3'),
        ('schema.split=1', 'schema.split', '1'),
        ('positive=1', 'positive', '1'),
        ('classes=01,02', 'classes', ('01', '02')),
        ('classes=("1", "2")', 'classes', ('1', '2')),
        ('modalities=[bus]', 'modalities', ('bus',)),
        ('stages.0.name=1', 'stages.0.name', '1'),
        ('seed=3', 'split.seed', 3),
        ('split.seed=4', 'split.seed', 4),
        ('image_size=32', 'image_size', 32),
        ('image_size=(32,48)', 'image_size', (32, 48)),
        ('margin=.25', 'margin', 0.25),
        ('stages.0.optimizer.lr=1e-4', 'stages.0.optimizer.lr', 1e-4),
        ('stages.0.max_epochs=5', 'stages.0.max_epochs', 5),
        ('deterministic=True', 'deterministic', True),
        ('stages.0.train=head,fusion', 'stages.0.train', ['head', 'fusion']),
    ],
)
def test_a_setting_keeps_its_type(config: Path, word: str, key: str, value: object) -> None:
    more = ['positive=None'] if key == 'classes' else []
    found: object = load_config(config, parse_options([word, *more]))
    for part in key.split('.'):
        found = found[int(part)] if part.isdigit() else found[part]
    assert found == value and type(found) is type(value)


def test_what_is_not_text_is_typed_as_mmengine_does(config: Path) -> None:
    for text in ('1', '1.5', 'true', 'x', '1,2', '[a,b]', '[(1,2),3]', '(1,)', '1e-3'):
        options = parse_options([f'stages.0.optimizer.betas={text}'])
        found = load_config(config, options, check=False).stages[0]['optimizer']['betas']
        assert found == DictAction._parse_iterable(text)


def test_brackets_that_are_not_closed(config: Path) -> None:
    with pytest.raises(ConfigError, match=r'--cfg-options image_size=\(1,2: its brackets are not closed'):
        load_config(config, parse_options(['image_size=(1,2']))


@pytest.mark.parametrize(
    ('word', 'message'),
    [
        ('model=3', '--cfg-options model=3: model must be a dict, got 3'),
        ('train_pipeline=x', "train_pipeline must be a list of dicts, got 'x'"),
        ('test_pipeline=1', 'test_pipeline must be a list of dicts, got 1'),
        ('split=3', 'split must be a dict or None, got 3'),
        ('evaluator=1', 'evaluator must be a dict or a list of dicts, got 1'),
        ('stages=1', 'stages must be a list of dicts, got 1'),
        ('data_root=None', 'data_root must be a text, got None'),
        ('custom_hooks=[1]', r'custom_hooks must be a list of dicts, got \[1\]'),
    ],
)
def test_a_setting_of_another_kind_is_refused(config: Path, word: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(config, parse_options([word]))


def test_a_number_in_the_file_is_named_with_its_line(config: Path) -> None:
    config.write_text(CONFIG.replace("data_root = 'data'", 'data_root = 2024'))
    with pytest.raises(ConfigError, match=r'cfg\.py:2: data_root must be a text, got 2024'):
        load_config(config)


def test_standard_settings_that_the_file_lacks_can_be_set() -> None:
    words = ['default_hooks.logger.interval=3', 'auto_scale_lr.enable=True', 'env_cfg.cudnn_benchmark=True']
    words.append('randomness.seed=3')
    config = load_config('msmfn_small_phantom', parse_options(words))
    assert config.default_hooks == {'logger': {'interval': 3}} and config.auto_scale_lr == {'enable': True}
    assert config.env_cfg == {'cudnn_benchmark': True} and config.seed == config.split.seed == 3
    with pytest.raises(ConfigError, match="default_hooks: unknown name 'loger'; did you mean 'logger'"):
        load_config('msmfn_small_phantom', parse_options(['default_hooks.loger.interval=3']))
    with pytest.raises(ConfigError, match="unknown name 'defaut_hooks'"):
        load_config('msmfn_small_phantom', parse_options(['defaut_hooks.logger.interval=3']))
