"""A component that refuses its arguments is named with the path and the line that it has in the config."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import OPTIMIZERS

from usmm.config import ConfigError, load_config
from usmm.config.build_failure import components_named
from usmm.registry import MODELS, TRANSFORMS

TEXT = """
train_pipeline = [
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomFlip',
         prob=1.5),
]
model = dict(
    type='SharedEncoder',
    backbone=dict(
        type='mmpretrain.ResNet',
        depth=19))
stages = [dict(name='a', train='all', max_epochs=1,
               optimizer=dict(type='SGD', lr=-1.0))]
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / 'mine.py').write_text(TEXT)
    return load_config(tmp_path / 'mine.py')


def test_argument_and_line(config: Config) -> None:
    message = r'mine\.py:5: train_pipeline\.1\.prob=1\.5: RandomFlip cannot be built: prob must lie between 0 and 1'
    with pytest.raises(ConfigError, match=message), components_named(config):
        for step in config.train_pipeline:
            TRANSFORMS.build(step)


def test_the_innermost_component_is_named(config: Config) -> None:
    message = r'mine\.py:11: model\.backbone.depth=19: mmpretrain\.ResNet cannot be built: .*invalid depth 19'
    with pytest.raises(ConfigError, match=message), components_named(config):
        MODELS.build(config.model)


def test_arguments_that_are_added_when_it_is_built(config: Config) -> None:
    optimizer = {**config.stages[0]['optimizer'], 'params': [torch.nn.Parameter(torch.zeros(1))]}
    message = r'mine\.py:13: stages\.0\.optimizer: SGD cannot be built: Invalid learning rate'
    with pytest.raises(ConfigError, match=message), components_named(config):
        OPTIMIZERS.build(optimizer)


def test_an_error_that_a_wrapper_turned_into_another_keeps_its_cause(config: Config) -> None:
    with pytest.raises(ConfigError, match=r'train_pipeline\.1\.prob=1\.5'), components_named(config):
        try:
            TRANSFORMS.build(config.train_pipeline[1])
        except ValueError as error:
            raise ValueError('the pipeline cannot be built') from error


@pytest.mark.parametrize('step', [dict(type='RandomFlip', prob=2.0), dict(type='CropLesion', margin=-1.0)])
def test_a_component_that_is_not_of_the_config_keeps_its_error(config: Config, step: dict[str, object]) -> None:
    with pytest.raises(ValueError, match='must') as caught, components_named(config):
        TRANSFORMS.build(step)
    assert not isinstance(caught.value, ConfigError)


def test_errors_of_something_else_and_of_another_config_stay(config: Config) -> None:
    with pytest.raises(ValueError, match='elsewhere'), components_named(config):
        raise ValueError('elsewhere')
    with pytest.raises(ConfigError, match='known'), components_named(config):
        raise ConfigError('known')
    other = Config(dict(a=dict(config.train_pipeline[1])))
    with pytest.raises(ValueError, match='prob must') as caught, components_named(other):
        TRANSFORMS.build(config.train_pipeline[1])
    assert not isinstance(caught.value, ConfigError)
