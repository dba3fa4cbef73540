from __future__ import annotations

from pathlib import Path

import pytest

from usmm.config import ConfigError, load_config

GOOD = """
classes = ('A', 'B')
modalities = ('bus',)
max_epochs = None
batch_size = 4
num_workers = 0
seed = 0
schema = dict(images=dict(bus='bus'), clinical=[dict(name='age', range=(0, 120)), dict(name='sex', values=('F', 'M'))])
stages = [
    dict(name='one', train='all', optimizer=dict(type='Adam', lr=0.1), max_epochs=3),
    dict(name='two', train='all', optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.1)), max_epochs=3),
]
"""


def load(tmp_path: Path, text: str = GOOD, options: dict | None = None):
    path = tmp_path / 'some_config.py'
    path.write_text(text)
    return load_config(path, options)


def test_good_values_pass(tmp_path):
    config = load(tmp_path, options={'max_epochs': 2})
    assert config.max_epochs == 2 and len(config.stages) == 2


@pytest.mark.parametrize(
    ('key', 'value', 'message'),
    [
        ('max_epochs', 0, 'max_epochs must be a whole number of 1 or more, got 0'),
        ('max_epochs', 'two', "max_epochs must be a whole number of 1 or more, got 'two'"),
        ('batch_size', 0, 'batch_size must be a whole number of 1 or more, got 0'),
        ('batch_size', 2.5, 'batch_size must be a whole number of 1 or more, got 2.5'),
        ('num_workers', -1, 'num_workers must be a whole number of 0 or more, got -1'),
        ('stages.0.val_interval', 0, r'stages.0.val_interval must be a whole number of 1 or more, got 0'),
        ('stages', [], 'stages: there must be one or more, got none'),
        ('modalities', ['bus', 'bus'], r"modalities must be different names, got \('bus', 'bus'\)"),
        ('seed', True, 'seed must be a whole number of 0 or more, got True'),
        ('stages.1.max_epochs', -3, r'stages.1.max_epochs must be a whole number of 1 or more, got -3'),
        ('stages.1.name', 'one', r"stages: each needs a name of its own, 'one' stands twice"),
        ('schema.masks_', 'x', "schema: unknown name 'masks_'; did you mean 'masks'"),
        ('schema.clinical.1.valus', 'x', r"schema.clinical.1: unknown name 'valus'; did you mean 'values'"),
        ('schema.clips', {'bus': 'bus'}, r"schema: modalities \['bus'\] are both images and clips"),
        ('schema.clinical.1.name', 'age', 'schema: clinical variables must have different names'),
    ],
)
def test_values_that_no_run_can_use(tmp_path, key, value, message):
    with pytest.raises(ConfigError, match=rf'some_config.py, in the options, {key}=.*?: {message}'):
        load(tmp_path, options={key: value})


@pytest.mark.parametrize(
    ('old', 'message'),
    [
        ("name='one', ", r"stages.0: a stage needs \['name', 'train', 'max_epochs'\], got \['train'"),
        ("optimizer=dict(type='Adam', lr=0.1), max", 'stages.0: a stage needs an optimizer'),
    ],
)
def test_a_stage_needs_name_parts_length_and_optimizer(tmp_path, old, message):
    with pytest.raises(ConfigError, match=rf'some_config.py:\d+: {message}'):
        load(tmp_path, GOOD.replace(old, 'max' if old.endswith('max') else '', 1))


@pytest.mark.parametrize('key', ['pipeline', 'train_conf'])
def test_keys_that_nothing_reads_are_refused(tmp_path, key):
    with pytest.raises(ConfigError, match=f'unknown name {key!r}'):
        load(tmp_path, GOOD.replace("dict(name='one',", f"dict(name='one', {key}=1,"))
    with pytest.raises(ConfigError, match=f'unknown name {key!r}'):
        load(tmp_path, GOOD + f'\n{key} = 1\n')


def test_names_are_text_however_they_are_written(tmp_path):
    config = load(tmp_path, options={'classes': [0, 1], 'positive': 1, 'ignore_labels': 'normal'})
    assert config.classes == ('0', '1') and config.positive == '1' and config.ignore_labels == ('normal',)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ("split = dict(selection='best')", r"split.selection must be one of \['inner', 'last', 'test'\], got 'best'"),
        ("missing = 'ignore'", r"missing must be one of \['error', 'drop', 'keep'\], got 'ignore'"),
        ("bad_cases = 'drop'", r"bad_cases must be one of \['error', 'skip'\], got 'drop'"),
        ("modalities = ('bus', 'cdfii')", "modalities: unknown name 'cdfii'; did you mean 'cdfi'"),
        ("positive = 'SSC'", r"positive must be one of the classes \['ADC', 'SCC'\], got 'SSC', did you mean 'SCC'"),
        ('deterministic = 1', 'deterministic must be True or False, got 1'),
        ("stages = [dict(name='a', train='al', max_epochs=1, optimizer=dict(type='Adam'))]",
         r"stages.0.train must be one of \['all', 'clinical', 'all but clinical'\] or a list of parts, got 'al'"),
        ("stages = [dict(name='a', train=3, max_epochs=1, optimizer=dict(type='Adam'))]", 'stages.0.train .* got 3'),
        ("stages = [dict(name='a', train=[], max_epochs=1, optimizer=dict(type='Adam'))]", r'.*train .*got \[\]'),
        ("stages = [dict(name='a', train='all', max_epochs=1, optimizer='Adam')]",
         "stages.0.optimizer must be a dict, got 'Adam'"),
        ("stages = [dict(name='a', train='all', max_epochs=1, cache='yes', optimizer=dict(type='Adam'))]",
         "stages.0.cache must be True or False, got 'yes'"),
        ('model = dict(encoder=3)', 'model.encoder must be a dict or None, got 3'),
        ('model = dict(head=dict(losses=[]))', r'model.head.losses must be a list of dicts, got \[\]'),
        ("model = dict(head=dict(losses='FocalLoss'))", "model.head.losses must be a list of dicts, got 'FocalLoss'"),
        ("table = '${data_rot}/cases.csv'", r'reference \$\{data_rot\}: unknown name .*; did you mean .data_root.'),
        ("schema = dict(images=['bus'])", r"schema.images must be a dict of modality=column, got \['bus'\]"),
        ('schema = dict(label=None)', 'schema.label must be the name of a column, got None'),
        ('model = dict(type=5)', 'model: type must be the name of a component, got 5'),
        ('evaluator = []', 'evaluator must be one or more, got none'),
        ('modalities = ()', 'modalities must be one or more, got none'),
        ("default_scope = 'mmpretrain'", "default_scope of a config with stages must be 'usmm', got 'mmpretrain'"),
        ('auto_scale_lr = dict(base_batch_size=0)', 'auto_scale_lr.base_batch_size must be a whole number'),
        ('auto_scale_lr = dict(on=True)', "auto_scale_lr: unknown name 'on'"),
        ('env_cfg = dict(cudnn_benchmrk=True)', "env_cfg: unknown name 'cudnn_benchmrk'; did you mean"),
        ("env_cfg = dict(mp_cfg=dict(mp_start='fork'))", "env_cfg.mp_cfg: unknown name 'mp_start'"),
        ('split = dict(folds=2.5)', 'split.folds must be a whole number or None, got 2.5'),
        ('split = dict(fold=7)', 'split.fold must be a whole number from 0, below the 3 folds, got 7'),
        ('split = dict(fold=-1)', 'split.fold must be a whole number from 0, below the 3 folds, got -1'),
        ('split = dict(val_ratio=2)', 'split.val_ratio must lie between 0 and 1, got 2'),
        ('split = dict(selection=None)', r'split.selection must be one of .* got None'),
        ("stages = [dict(name='..', train='all', max_epochs=1, optimizer=dict(type='Adam'))]",
         r"stages.0.name must be one word, .* got '\.\.'"),
        ("stages = [dict(name='a', train='all', max_epochs=1, optimizer=dict(type='Adam'), "
         "optim_wrapper=dict(optimizer=dict(type='SGD')))]", 'stages.0 has two optimizers: '),
        ("stages = [dict(name='a', train='all', max_epochs=1, optimizer=dict(type='Adam'), "
         'optim_wrapper=dict(clip_grad=dict(max_nrom=1)))]', "optim_wrapper.clip_grad: unknown name 'max_nrom'"),
        ("stages = [dict(name='a', train='all', max_epochs=1, optimizer=dict(type='Adam'), "
         'optim_wrapper=dict(clip_grad=3))]', 'stages.0.optim_wrapper.clip_grad must be a dict of one of the types'),
        ("stages = [dict(name='a', train='all', max_epochs=1, optimizer=dict(type='Adam'), "
         'optim_wrapper=dict(clip_gard=dict(max_norm=1)))]', "OptimWrapper.: unknown name 'clip_gard'"),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    config = tmp_path / 'mine.py'
    config.write_text(f"_base_ = 'usmm::msmfn_small_phantom'\n\n{text}\n")
    with pytest.raises(ConfigError, match=rf'mine\.py:3: .*{message}'):
        load_config(config)
