"""A small MSMFN and a batch for it, both for any subset of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

import usmm.models  # noqa: F401  before any test imports torchvision: importing the models mends what needs it
from usmm.registry import MODELS
from usmm.structures import Case

IMAGES = ('bus', 'cdfi', 'ue')
ALL = (*IMAGES, 'dceus', 'clinical')
SCHEMA = dict(
    images={m: m for m in IMAGES},
    clips=dict(dceus='dceus'),
    clinical=[dict(name='age', unit='year'), dict(name='gender', values=('F', 'M'))],
)
LOSSES = [
    dict(type='FocalLoss', gamma=2, alpha=(0.4, 0.6)),
    dict(type='DeepSupervisionLoss', loss_weight=0.3),
    dict(type='OrthogonalLoss', loss_weight=0.1),
]


@pytest.fixture(autouse=True)
def one_thread_one_seed() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def config() -> Callable[..., dict[str, Any]]:
    """Config of MSMFN: paper sizes with `base_channels=64, depth=50`, else small."""

    def make(
        modalities: Sequence[str] = ALL, base_channels: int = 8, depth: int = 18, **changes: Any
    ) -> dict[str, Any]:
        clip = dict(type='R2Plus1D', depth=18, base_channels=base_channels)
        cfg: dict[str, Any] = dict(
            type='MultiModalClassifier',
            modalities=tuple(modalities),
            classes=('ADC', 'SCC'),
            positive='SCC',
            encoder=dict(
                static=dict(type='GuidedEncoder', depth=depth, base_channels=base_channels),
                dynamic=dict(type='ClipEncoder', backbone=clip),
            ),
            fusion=dict(type='TransformerFusion'),
            head=dict(type='LinearHead', losses=LOSSES),
            clinical=dict(type='ClinicalFusionHead'),
            schema=SCHEMA,
        )
        return {**cfg, **changes}

    return make


@pytest.fixture
def build(config: Callable[..., dict[str, Any]]) -> Callable[..., Any]:
    return lambda *args, **kwargs: MODELS.build(config(*args, **kwargs))


@pytest.fixture
def batch() -> Callable[..., dict[str, Any]]:
    """A preprocessed batch with every modality, labels 0, 1, 0, 1, ..."""

    def make(size: int = 4, side: int = 64, clip_side: int = 32) -> dict[str, Any]:
        generator = torch.Generator().manual_seed(1)
        inputs = {m: torch.randn(size, 3, side, side, generator=generator) for m in IMAGES}
        inputs['dceus'] = torch.randn(size, 3, 10, clip_side, clip_side, generator=generator)
        clinical = torch.stack([torch.arange(size) * 10.0 + 30, torch.arange(size) % 2.0], dim=1)
        cases = [Case(f'case{i}', f'patient{i}', label=i % 2) for i in range(size)]
        return dict(inputs=inputs, present=None, clinical=clinical, data_samples=cases)

    return make
