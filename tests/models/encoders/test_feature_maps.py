from __future__ import annotations

import pytest
import torch
from torch import nn

from usmm.models.encoders.feature_maps import as_list, probe, stage_of, stated_channels


def test_one_map_or_several() -> None:
    x = torch.zeros(1)
    assert as_list(x) == as_list((x,)) == as_list([x]) == [x]


def test_probing_leaves_a_backbone_in_training_mode() -> None:
    backbone = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5))
    assert probe(backbone, 8) == (5,)
    assert backbone.training and int(backbone[1].num_batches_tracked) == 0


def test_channels_that_a_backbone_states() -> None:
    backbone = nn.Identity()
    backbone.out_channels = [4, 8]  # type: ignore[assignment]
    assert stated_channels(backbone) == (4, 8)


@pytest.mark.parametrize('channels', [None, 8])
def test_channels_that_a_backbone_does_not_state(channels: int | None) -> None:
    backbone = nn.Identity()
    if channels is not None:
        backbone.out_channels = channels  # type: ignore[assignment]
    with pytest.raises(TypeError, match=f'out_channels of Identity must be channels of each stage map, got {channels}'):
        stated_channels(backbone)


def test_stages() -> None:
    backbone = nn.ModuleDict(dict(layer1=nn.Identity()))
    assert stage_of(backbone, 'layer1') == 'layer1'
    assert stage_of(backbone, 'layer1', 'backbone.') == 'backbone.layer1'
    assert stage_of(backbone, 'layer2', 'backbone.') == ''
