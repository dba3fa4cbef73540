from __future__ import annotations

import pytest
import torch
from mmaction.models import ResNet2Plus1d
from mmaction.models.common.conv2plus1d import Conv2plus1d
from mmengine.registry import DefaultScope
from torch import nn
from torchvision.models.video import r2plus1d_18

from usmm.models import R2Plus1D
from usmm.models.encoders.r2plus1d import LAYOUTS, TimeConv, from_torchvision
from usmm.registry import MODELS

TORCHVISION_WITHOUT_FC = 31_300_125


@pytest.fixture(scope='module')
def torchvision_net() -> nn.Module:
    net = r2plus1d_18()
    net.fc = nn.Identity()
    return net.eval()


def test_is_torchvisions_network(torchvision_net: nn.Module) -> None:
    net = R2Plus1D().eval()
    state = {from_torchvision(k): v for k, v in torchvision_net.state_dict().items()}
    net.load_state_dict(state)  # strict: every name and shape must be the same
    assert sum(p.numel() for p in net.parameters()) == TORCHVISION_WITHOUT_FC
    clip = torch.randn(1, 3, 4, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(net(clip)[-1].mean((2, 3, 4)), torchvision_net(clip), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('depth', [18, 34])
def test_layout_mmaction_is_mmactions_network_without_the_pool(depth: int) -> None:
    theirs = ResNet2Plus1d(
        depth=depth, pretrained2d=False, conv_cfg=dict(type=Conv2plus1d), base_channels=8, temporal_strides=(1, 2, 2, 2)
    )
    ours = R2Plus1D(depth, base_channels=8, layout='mmaction', with_pool1=True)
    ours.load_state_dict(theirs.state_dict())
    for net in (ours, theirs):
        net.eval()  # mmaction2's returns None
    clip = torch.randn(1, 3, 4, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours(clip)[-1], theirs(clip), rtol=1e-4, atol=1e-5)


def test_depth_10_is_depth_18_without_the_second_blocks() -> None:
    ten, eighteen = R2Plus1D(10, base_channels=4).eval(), R2Plus1D(18, base_channels=4).eval()
    for name in eighteen.res_layers:
        del getattr(eighteen, name)[1]
    ten.load_state_dict(eighteen.state_dict())
    clip = torch.randn(1, 3, 4, 32, 32)
    with torch.no_grad():
        assert all(torch.equal(a, b) for a, b in zip(ten(clip), eighteen(clip), strict=True))


def test_parameters_of_both_layouts() -> None:
    """mmaction2 factorises shortcuts and takes other inner widths: 6.2 % more parameters at depth 18."""
    count = {layout: sum(p.numel() for p in R2Plus1D(layout=layout).parameters()) for layout in LAYOUTS}
    assert count == {'torchvision': TORCHVISION_WITHOUT_FC, 'mmaction': TORCHVISION_WITHOUT_FC + 1_927_620}


@pytest.mark.parametrize(('side', 'sides'), [(112, [56, 28, 14, 7]), (128, [64, 32, 16, 8])])
def test_map_sizes_of_the_paper(side: int, sides: list[int]) -> None:
    net = R2Plus1D(base_channels=4).eval()
    with torch.no_grad():
        maps = net(torch.zeros(1, 3, 10, side, side))
    assert [tuple(m.shape[2:]) for m in maps] == [(t, s, s) for t, s in zip([10, 5, 3, 2], sides)]
    assert [m.shape[1] for m in maps] == list(net.out_channels) == [4, 8, 16, 32]


@pytest.mark.parametrize('layout', ['torchvision', 'mmaction'])
def test_depth_34(layout: str) -> None:
    net = R2Plus1D(34, base_channels=4, layout=layout, out_indices=(3,))
    assert [len(getattr(net, name)) for name in net.res_layers] == [3, 4, 6, 3]
    assert net(torch.randn(2, 3, 4, 32, 32))[0].shape == (2, 32, 1, 2, 2)


@pytest.mark.parametrize('steps', [1, 2, 3, 10])
@pytest.mark.parametrize('stride', [1, 2])
def test_time_conv_is_a_conv3d_with_right_bf16_gradients(steps: int, stride: int) -> None:
    """torch's own gradient of the weights is garbage at two steps on some CPUs."""
    conv = TimeConv(16, 8, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False)
    x = torch.randn(2, 16, steps, 4, 4)
    weight = conv.weight.detach().double().requires_grad_()
    expected = torch.nn.functional.conv3d(x.double(), weight, stride=(stride, 1, 1), padding=(1, 0, 0))
    expected.sum().backward()
    torch.testing.assert_close(conv(x), expected.float())
    with torch.autocast('cpu', dtype=torch.bfloat16):
        conv(x).float().sum().backward()
    assert conv.weight.grad is not None
    assert weight.grad is not None
    scale = float(weight.grad.abs().max())
    torch.testing.assert_close(conv.weight.grad, weight.grad.float(), rtol=0, atol=0.02 * scale)


def test_max_pool_on_request() -> None:
    maps = R2Plus1D(base_channels=4, with_pool1=True)(torch.randn(2, 3, 4, 64, 64))
    assert maps[0].shape[2:] == (4, 16, 16)


def test_builds_by_name_inside_another_scope() -> None:
    """The config is plain text (no class in it), whatever the default scope is."""
    with DefaultScope.overwrite_default_scope('usmm'):
        net = MODELS.build(dict(type='usmm.R2Plus1D', base_channels=4))
    assert isinstance(net, R2Plus1D)


def test_init_weights_and_frozen_stages() -> None:
    net = R2Plus1D(base_channels=4, frozen_stages=1)
    net.init_weights()
    assert not any(p.requires_grad for p in [*net.conv1.parameters(), *net.layer1.parameters()])
    assert all(p.requires_grad for p in net.layer2.parameters())
    assert net.train().training
    assert not net.layer1.training


@pytest.mark.parametrize('wrong', [dict(depth=50), dict(layout='caffe')])
def test_unknown_depth_or_layout(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r'R2Plus1D has a depth in \(10, 18, 34\) and a layout in'):
        R2Plus1D(**wrong)
