"""Top-level names of a plain mmengine config: helpers are free, misspelt settings of a Runner are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from usmm.config import ConfigError
from usmm.config.plain import load_plain

PLAIN = """
dataset_type = 'CustomDataset'
data_preprocessor = dict(num_classes=2)
train_pipeline = [dict(type='PackInputs')]
helper = 3
model2 = dict(type='x')
model = dict(type='mmpretrain.ImageClassifier', copy=model2)
train_dataloader = dict(batch_size=2, dataset=dict(type=dataset_type, pipeline=train_pipeline))
train_cfg = dict(by_epoch=True, max_epochs=1)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))
"""


def test_helpers_are_free(tmp_path: Path) -> None:
    path = tmp_path / 'plain.py'
    path.write_text(PLAIN)
    assert load_plain(path).helper == 3
    child = tmp_path / 'child.py'
    child.write_text("_base_ = './plain.py'\nwork_dirs = 'w'\nwork_dir = work_dirs\n")
    assert load_plain(child).work_dir == 'w'
    path.write_text(f"{PLAIN}load_frm = 'x.pth'\n")
    child.write_text("_base_ = './plain.py'\nload_from = _base_.load_frm\n")
    assert load_plain(child).load_from == 'x.pth'


@pytest.mark.parametrize(
    ('name', 'meant'),
    [
        ('val_dataloder', 'val_dataloader'),
        ('defalt_hooks', 'default_hooks'),
        ('max_epohcs', 'max_epochs'),
        ('load_form', 'load_from'),
        ('custom_hook', 'custom_hooks'),
        ('model_1', None),
        ('val_pipeline', None),
    ],
)
def test_a_name_that_is_nearly_a_setting(tmp_path: Path, name: str, meant: str | None) -> None:
    path = tmp_path / 'plain.py'
    path.write_text(f'{PLAIN}{name} = None\n')
    if meant is None:
        assert name in load_plain(path)
        return
    line = len(PLAIN.splitlines()) + 1
    message = rf"plain\.py:{line}: top level: unknown name '{name}', did you mean '{meant}'"
    with pytest.raises(ConfigError, match=message):
        load_plain(path)
