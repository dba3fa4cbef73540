from __future__ import annotations

import pytest
import torch
from mmpretrain.models import ResNet
from torch import nn

from usmm.models.encoders.resnet_stages import ResNetTail, ResNetTrunk


def convs(module: nn.Module) -> int:
    """Conv layers as papers count them: shortcuts are left out."""
    return sum(isinstance(m, nn.Conv2d) and 'downsample' not in name for name, m in module.named_modules())


@pytest.mark.parametrize('depth', [18, 34, 50])
def test_the_two_halves_are_the_whole_resnet(depth: int) -> None:
    trunk = ResNetTrunk(depth, 8)
    tail = ResNetTail(depth, trunk.out_channels)
    whole = ResNet(depth, base_channels=8, stem_channels=8, out_indices=(1, 2, 3))
    state = {**trunk.state_dict(), **tail.state_dict()}
    assert set(state) == set(whole.state_dict())
    whole.load_state_dict(state)
    for module in (trunk, tail, whole):
        module.eval()  # mmpretrain's returns None
    image = torch.randn(1, 3, 64, 64)
    second = trunk(image)
    for ours, theirs in zip([second, *tail(second)], whole(image)):
        assert torch.equal(ours, theirs)


def test_depth_10_is_depth_18_without_the_second_blocks() -> None:
    trunk, tail = ResNetTrunk(10, 8).eval(), ResNetTail(10, 16).eval()
    whole = ResNet(18, base_channels=8, stem_channels=8, out_indices=(1, 2, 3))
    for name in whole.res_layers:
        del getattr(whole, name)[1]
    whole.load_state_dict({**trunk.state_dict(), **tail.state_dict()})
    whole.eval()
    image = torch.randn(1, 3, 64, 64)
    second = trunk(image)
    assert all(torch.equal(a, b) for a, b in zip([second, *tail(second)], whole(image), strict=True))


def test_parameters_and_conv_layers_of_the_paper() -> None:
    trunk, tail = ResNetTrunk(50), ResNetTail(50, 512)
    assert sum(p.numel() for p in trunk.parameters()) == 1_444_928
    assert sum(p.numel() for p in tail.parameters()) == 22_063_104
    assert (3 * convs(trunk), convs(tail)) == (66, 27)


def test_the_gate_multiplies_the_stem_map() -> None:
    trunk = ResNetTrunk(18, 8)
    trunk.eval()
    image, seen = torch.randn(1, 3, 64, 64), []

    def guide(size: tuple[int, int]) -> torch.Tensor:
        seen.append(size)
        return torch.full((1, 1, *size), 0.25)

    expected = trunk.layer2(trunk.layer1(trunk.stem_forward(image) * 0.25))
    torch.testing.assert_close(trunk(image, guide), expected)
    assert seen == [(16, 16)]


@pytest.mark.parametrize('zero', [True, False])
@pytest.mark.parametrize('depth', [18, 50])
def test_zero_init_residual(depth: int, zero: bool) -> None:
    tail = ResNetTail(depth, 32, zero_init_residual=zero)
    tail.init_weights()
    last = tail.layer4[-1].norm3 if depth == 50 else tail.layer4[-1].norm2
    assert bool((last.weight == 0).all()) == zero


def test_train_and_eval_can_be_chained() -> None:
    assert ResNetTrunk(18, 8).eval().train().training


def test_unknown_depth() -> None:
    with pytest.raises(ValueError, match=r'a ResNet has a depth of \[10, 18, 34, 50, 101, 152\], got 17'):
        ResNetTrunk(17)
