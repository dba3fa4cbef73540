"""Models and data sets that do not offer what the engine needs are refused with the members that they lack."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.utils.data import Dataset

from usmm.cli.benchmark_steps import plain_training, random_batch
from usmm.config import load_config
from usmm.engine import Experiment, collect_scores
from usmm.models import MultiModalClassifier
from usmm.registry import DATASETS, MODELS


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch):
    """Register classes for one test."""

    def register(registry, cls: type) -> type:
        monkeypatch.setitem(registry._module_dict, cls.__name__, cls)
        return cls

    return register


def test_a_model_that_cannot_be_trained_in_stages_is_refused(registered, tiny_config: Path) -> None:
    class AlmostClassifier(nn.Module):
        modalities, classes, positive = ('bus',), ('A', 'B'), 1

        def init_weights(self) -> None:
            raise AssertionError('a model that is refused is not initialised')

    registered(MODELS, AlmostClassifier)
    config = load_config(tiny_config)
    config.model = dict(type='AlmostClassifier')
    lacks = r"\['cam_layers', .*'freeze_unfitted', .*'trainable'\]"
    with pytest.raises(ValueError, match=rf'a AlmostClassifier cannot be trained in stages, it lacks {lacks}'):
        Experiment(config)


def test_an_mmpretrain_classifier_is_refused(tiny_config: Path) -> None:
    config = load_config(tiny_config)
    backbone = dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4)
    config.model = dict(type='mmpretrain.ImageClassifier', backbone=backbone)
    with pytest.raises(ValueError, match='a ImageClassifier cannot be trained in stages, it lacks'):
        Experiment(config)


def test_a_data_set_of_other_samples_is_refused(registered, tiny_config: Path) -> None:
    class Numbers(Dataset):
        def __init__(self, **settings: object) -> None:
            self.cases: list[object] = []

        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> int:
            return index

    registered(DATASETS, Numbers)
    config = load_config(tiny_config)
    config.dataset = dict(type='Numbers')
    lacks = r"\['labels', 'leave_out', 'modalities', 'pipeline'\]"
    with pytest.raises(ValueError, match=rf'a Numbers is not a data set of cases, it lacks {lacks}'):
        Experiment(config)


def test_scores_of_images_need_a_model_that_reads_images(tiny_config: Path) -> None:
    data = Experiment(load_config(tiny_config), parts=['train']).parts['train']

    class Blind(nn.Module):
        data_preprocessor = staticmethod(lambda batch: batch)

        def forward(self, **batch: object) -> SimpleNamespace:
            return SimpleNamespace(image_logits=None)

    with pytest.raises(ValueError, match='scores of the images are cached, but a Blind reads none'):
        collect_scores(Blind(), data, 4, 0)


def test_a_benchmark_needs_a_model_with_images(tiny_config: Path) -> None:
    config = load_config(tiny_config)
    clinical = dict(type='ClinicalFusionHead', variables=[dict(name='age')])
    model = MultiModalClassifier(('clinical',), ('A', 'B'), clinical=clinical, schema=dict(clinical=[dict(name='age')]))
    config.image_size = config.clip_size = 32
    with pytest.raises(ValueError, match='a benchmark needs a model with images'):
        plain_training(model, random_batch(config, 2), 'cpu')
    assert torch.is_grad_enabled()
