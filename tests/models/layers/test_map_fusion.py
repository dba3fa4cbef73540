from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from usmm.models import MapFusion


@pytest.mark.parametrize(('num_convs', 'parameters'), [(1, 7_078_912), (2, 7_078_912 + 512 * 512 * 9 + 2 * 512)])
def test_parameters_of_the_papers_width(num_convs: int, parameters: int) -> None:
    assert sum(p.numel() for p in MapFusion(512, 3, num_convs=num_convs).parameters()) == parameters


def test_is_concat_conv_norm_relu() -> None:
    layer = MapFusion(4, 2).eval()
    maps = [torch.randn(2, 4, 5, 5), torch.randn(2, 4, 5, 5)]
    conv = layer.convs[0].conv.weight
    # A fresh batch norm in eval mode divides by sqrt(1 + eps).
    expected = F.conv2d(torch.cat(maps, 1), conv, padding=1).relu() / (1 + layer.convs[0].bn.eps) ** 0.5
    torch.testing.assert_close(layer(maps), expected)


@pytest.mark.parametrize(('maps', 'convs'), [(1, 1), (2, 0)])
def test_needs_two_maps_and_a_conv(maps: int, convs: int) -> None:
    with pytest.raises(ValueError, match='MapFusion needs 1 conv and 2 maps or more'):
        MapFusion(4, maps, num_convs=convs)
