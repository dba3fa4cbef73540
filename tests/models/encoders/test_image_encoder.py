from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.registry import DefaultScope

from usmm.models import BaseEncoder, ImageEncoder
from usmm.registry import MODELS

RESNET: dict[str, Any] = dict(type='mmpretrain.ResNet', depth=18, base_channels=8, stem_channels=8)


@pytest.mark.parametrize(
    ('backbone', 'channels'),
    [
        (RESNET, (64,)),
        ({**RESNET, 'out_indices': (1, 2, 3)}, (16, 32, 64)),
        (dict(type='mmpretrain.MobileNetV2', widen_factor=0.25), (1280,)),
    ],
)
def test_any_mmpretrain_backbone_in_any_scope(backbone: dict[str, Any], channels: tuple[int, ...]) -> None:
    with DefaultScope.overwrite_default_scope('usmm'):
        encoder = MODELS.build(dict(type='ImageEncoder', modality='ue', backbone=backbone))
    assert encoder.training
    assert encoder.out_channels == channels
    maps = encoder(dict(ue=torch.randn(2, 3, 64, 64)))
    assert tuple(m.shape[1] for m in maps) == channels


def test_widths_can_be_stated() -> None:
    assert ImageEncoder('bus', RESNET, out_channels=(64,)).out_channels == (64,)


def test_subset() -> None:
    assert ImageEncoder.subset(dict(type='ImageEncoder', modality='ue'), ('bus',)) is None
    assert ImageEncoder.subset(dict(type='ImageEncoder'), ('bus',)) == dict(type='ImageEncoder')


def test_pretrained_backbone(tmp_path: Path) -> None:
    source = ImageEncoder('bus', RESNET).backbone
    torch.save(dict(state_dict={f'backbone.{k}': v for k, v in source.state_dict().items()}), tmp_path / 'r.pth')
    backbone = {**RESNET, 'init_cfg': dict(type='Pretrained', checkpoint=str(tmp_path / 'r.pth'))}
    encoder = ImageEncoder('bus', backbone)
    encoder.init_weights()
    assert torch.equal(encoder.backbone.layer4[1].conv2.weight, source.layer4[1].conv2.weight)


def test_base_class_leaves_its_methods_to_encoders() -> None:
    with pytest.raises(NotImplementedError):
        BaseEncoder.modalities_of({})
    with pytest.raises(NotImplementedError):
        BaseEncoder().forward({})
