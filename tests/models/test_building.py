from __future__ import annotations

from typing import Any

import pytest
import torch
from mmengine.registry import DefaultScope

from usmm.models import LinearHead
from usmm.models.building import build

CONVNEXT = dict(depths=[1, 1, 1, 1], channels=[4, 8, 12, 16])
SWIN = dict(embed_dims=12, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2])


@pytest.mark.parametrize('scope', ['usmm', 'mmpretrain', 'mmaction'])
@pytest.mark.parametrize(
    'cfg',
    [
        dict(type='mmpretrain.ResNet', depth=18, base_channels=8, stem_channels=8),
        dict(
            type='mmpretrain.ConvNeXt',
            arch=dict(depths=[1, 1, 1, 1], channels=[4, 8, 12, 16]),
            gap_before_final_norm=False,
        ),
        dict(type='mmpretrain.SwinTransformer', arch=SWIN, pad_small_map=True),
        dict(type='mmpretrain.EfficientNet', arch='b0'),
    ],
    ids=lambda cfg: cfg['type'] if isinstance(cfg, dict) else cfg,
)
def test_backbones_find_their_own_parts_from_any_scope(scope: str, cfg: dict[str, Any]) -> None:
    with DefaultScope.overwrite_default_scope(scope):
        backbone = build(cfg)
        maps = backbone(torch.zeros(2, 3, 64, 64))
    assert maps[-1].shape[2:] == (2, 2)


@pytest.mark.parametrize('scope', ['usmm', 'mmpretrain'])
@pytest.mark.parametrize('name', ['LinearHead', 'usmm.LinearHead'])
def test_a_bare_name_is_usmms(scope: str, name: str) -> None:
    with DefaultScope.overwrite_default_scope(scope):
        assert isinstance(build(dict(type=name, num_classes=2, in_channels=3)), LinearHead)


def test_unknown_name() -> None:
    with pytest.raises(KeyError, match=r'NoSuchThing is not in the usmm::model registry'):
        build(dict(type='NoSuchThing'))
