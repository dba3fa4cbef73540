from __future__ import annotations

from pathlib import Path

import pytest

from usmm.config import ConfigError, load_config

GOOD = """
classes = ('A', 'B')
modalities = ('bus',)
half = 0.5
split = dict(folds=3)
train_pipeline = [dict(type='Resize', size=32)]
model = dict(type='LinearHead', num_classes=2, in_channels=4, losses=[dict(type='FocalLoss', gamma=2.0)])
stages = [dict(name='one', train='all', optimizer=dict(type='Adam', lr=half, betas=(0.9, 0.99)), max_epochs=3)]
"""


def load(tmp_path: Path, text: str):
    path = tmp_path / 'some_config.py'
    path.write_text(text)
    return load_config(path)


def test_good_config_passes_and_helper_names_are_allowed(tmp_path):
    assert load(tmp_path, GOOD).stages[0]['optimizer']['betas'] == (0.9, 0.99)


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('half = 0.5', 'max_epoch = 5; half = 0.5', "unknown name 'max_epoch'; did you mean 'max_epochs'"),
        ('max_epochs=3', 'max_epohcs=3', "stages.0: unknown name 'max_epohcs'; did you mean 'max_epochs'"),
        ('folds=3', 'fold_s=3', "split: unknown name 'fold_s'; did you mean 'folds' or 'fold'"),
        ("'FocalLoss'", "'FocalLos'", "losses.0.type: unknown name 'FocalLos'; did you mean 'FocalLoss'"),
        ('gamma=2.0', 'gama=2.0', r"\(FocalLoss\): unknown name 'gama'; did you mean 'gamma'"),
        ("'FocalLoss'", "'mmpretrain.FocalLos'", "did you mean 'mmpretrain.FocalLoss'"),
        ("'FocalLoss'", "'nowhere.FocalLoss'", "unknown name 'nowhere.FocalLoss'; did you mean"),
        ("'Resize'", "'Resise'", "unknown name 'Resise'; did you mean 'Resize'"),
        ("'Adam'", "'Adamm'", "unknown name 'Adamm'; did you mean 'Adam'"),
        ('betas=', 'beta=', r"\(Adam\): unknown name 'beta'; did you mean 'betas'"),
    ],
)  # fmt: skip
def test_every_misspelling_names_file_line_key_and_nearest_name(tmp_path, old, new, message):
    assert old in GOOD
    text = GOOD.replace(old, new)
    with pytest.raises(ConfigError, match=message) as caught:
        load(tmp_path, text)
    wrong = next(i for i, (a, b) in enumerate(zip(text.splitlines(), GOOD.splitlines()), 1) if a != b)
    assert f'some_config.py:{wrong}: ' in str(caught.value)


def test_component_of_another_package_may_take_what_its_bases_take(tmp_path):
    text = GOOD.replace(
        "type='LinearHead', num_classes=2, in_channels=4", "type='mmpretrain.ResNet', depth=18, init_cfg=None"
    )
    text = text.replace(", losses=[dict(type='FocalLoss', gamma=2.0)]", '')
    assert load(tmp_path, text).model.depth == 18


def test_keys_that_the_runner_takes_out_are_allowed(tmp_path):
    scheduler = "param_scheduler=[dict(type='CosineAnnealingLR', T_max=3, by_epoch=True, convert_to_iter_based=True)]"
    config = load(tmp_path, GOOD.replace('max_epochs=3', f'max_epochs=3, {scheduler}'))
    assert config.stages[0]['param_scheduler'][0]['convert_to_iter_based']


@pytest.mark.parametrize(
    ('old', 'new', 'where'),
    [
        ("dict(type='Resize', size=32)", 'dict(size=32)', r'train_pipeline\.0'),
        ("dict(type='LinearHead', num", 'dict(num', 'model'),
        ("dict(type='Adam', lr", 'dict(lr', r'stages\.0\.optimizer'),
    ],
)
def test_a_component_without_a_type(tmp_path, old, new, where):
    assert old in GOOD
    with pytest.raises(ConfigError, match=rf"some_config.py:\d+: {where}: a component needs a 'type', got the keys"):
        load(tmp_path, GOOD.replace(old, new))


def test_initialisers_are_looked_up_where_they_are(tmp_path):
    path = tmp_path / 'start.py'
    text = "model = dict(type='SharedEncoder', backbone=dict(type='mmpretrain.ResNet', depth=18, init_cfg={}))\n"
    for good in ("dict(type='Pretrained', checkpoint='x.pth')", "[dict(type='Kaiming', layer='Conv2d')]", 'None'):
        path.write_text(text.format(good))
        assert load_config(path)
    path.write_text(text.format("dict(type='Pretrainde', checkpoint='x.pth')"))
    with pytest.raises(
        ConfigError, match=r"backbone\.init_cfg\.type: unknown name 'Pretrainde'; did you mean 'Pretrained'"
    ):
        load_config(path)
