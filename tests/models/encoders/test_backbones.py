from __future__ import annotations

import pytest
import torch
from mmpretrain.models.backbones import EfficientNet, InceptionV3

from usmm.models.encoders import DLRE, ImageEncoder, InceptionMaps, ScaledEfficientNet


@pytest.mark.parametrize('widths', [(16, 32, 64, 128), (4, 4, 8, 8)])
def test_dlre_has_four_convolutions(widths) -> None:
    net = DLRE(widths)
    convolutions = [m for m in net.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [c.out_channels for c in convolutions] == list(widths)
    pairs = zip((3, *widths), widths)
    assert sum(p.numel() for p in net.parameters()) == sum(9 * a * b + 2 * b for a, b in pairs)
    assert net(torch.rand(2, 3, 224, 224))[-1].shape == (2, widths[-1], 14, 14)


def test_dlre_in_an_encoder() -> None:
    encoder = ImageEncoder('lste', dict(type='DLRE', channels=(2, 4, 6, 8)))
    assert encoder.out_channels == (8,)


def test_inception_maps_are_those_of_mmpretrain() -> None:
    torch.manual_seed(0)
    whole, maps = InceptionV3(num_classes=5), InceptionMaps()
    whole.eval()
    maps.eval()
    result = maps.load_state_dict(whole.state_dict(), strict=False)
    assert result.missing_keys == [] and set(result.unexpected_keys) == {'fc.weight', 'fc.bias'}
    x = torch.randn(2, 3, 96, 96)
    (last,) = maps(x)
    with torch.no_grad():
        torch.testing.assert_close(whole.fc(last.mean((2, 3))), whole(x)[1])
    assert last.shape[1] == 2048


@pytest.mark.parametrize(('arch', 'width', 'depth'), [('b0', 1.0, 1.0), ('b2', 1.1, 1.2)])
def test_a_scaled_efficientnet_is_that_of_mmpretrain(arch, width, depth) -> None:
    torch.manual_seed(0)
    theirs, ours = EfficientNet(arch), ScaledEfficientNet(width, depth)
    theirs.eval()  # its `train` returns nothing
    assert ours.eval() is ours and not ours.training
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(ours(x)[-1], theirs(x)[-1])


def test_half_an_efficientnet() -> None:
    net = ScaledEfficientNet(width=0.5, depth=0.5)
    assert ImageEncoder('bus', dict(type='ScaledEfficientNet', width=0.5, depth=0.5)).out_channels == (640,)
    assert len(list(net.modules())) < len(list(EfficientNet('b0').modules()))
    assert [len(stage) for stage in list(net.layers)[1:-1]] == [1, 1, 1, 4, 3]  # halves of 1, 2, 2, 3 + 3, 4 + 1
    assert EfficientNet.arch_settings['b0'] == (1.0, 1.0, 224) and 'b' not in EfficientNet.arch_settings


@pytest.mark.parametrize(('width', 'depth'), [(0, 1), (1, -0.5)])
def test_factors_that_make_no_network(width, depth) -> None:
    with pytest.raises(ValueError, match=f'must be positive, got {width} and {depth}'):
        ScaledEfficientNet(width, depth)
