"""torchvision's networks against what is made of their files: the same numbers come out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmpretrain.models import ResNet
from torch import nn
from torchvision.models import mobilenet_v2, resnet18, resnet34, resnet50, wide_resnet50_2
from torchvision.models.video import r2plus1d_18

from usmm.cli import main as cli
from usmm.models.convert import DEPTHS, from_torchvision_file, loaded_tensors, resnet_depth
from usmm.models.pretrained import load_pretrained


def randomised(net: nn.Module) -> nn.Module:
    """Statistics of batch norm too, so that a wrong name would show."""
    torch.manual_seed(0)
    for name, value in net.state_dict().items():
        if value.is_floating_point() and value.ndim == 1:
            value.uniform_(0.5, 1.5) if 'var' in name or 'weight' in name else value.uniform_(-0.2, 0.2)
    return net.eval()


def features(net: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """The maps of the four stages, by torchvision's own modules."""
    x = net.stem(x) if hasattr(net, 'stem') else net.maxpool(net.relu(net.bn1(net.conv1(x))))
    maps = []
    for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
        x = stage(x)
        maps.append(x)
    return maps


@pytest.mark.parametrize(('make', 'depth'), [(resnet18, 18), (resnet34, 34), (resnet50, 50)])
def test_a_resnet_gives_the_same_numbers(make, depth: int, tmp_path: Path) -> None:
    theirs = randomised(make())
    torch.save(theirs.state_dict(), tmp_path / 'r.pth')
    backbone, report = from_torchvision_file(tmp_path / 'r.pth')
    assert set(report.unused) == {'fc.weight', 'fc.bias'} and isinstance(backbone, ResNet) and backbone.depth == depth
    ours = ResNet(depth, out_indices=(0, 1, 2, 3))
    ours.load_state_dict(loaded_tensors(backbone, report))
    ours.eval()
    x = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        for mine, other in zip(ours(x), features(theirs, x), strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5)
        assert float(other.abs().mean()) > 1e-3


def test_an_r2plus1d_gives_the_same_numbers(tmp_path: Path) -> None:
    theirs = randomised(r2plus1d_18())
    torch.save(theirs.state_dict(), tmp_path / 'r.pth')
    ours, report = from_torchvision_file(tmp_path / 'r.pth')
    assert set(report.unused) == {'fc.weight', 'fc.bias'}
    ours.eval()
    x = torch.rand(1, 3, 8, 32, 32)
    with torch.no_grad():
        for mine, other in zip(ours(x), features(theirs, x), strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5)


def test_the_tool(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs = resnet18().state_dict()
    torch.save(theirs, tmp_path / 'r18.pth')
    words = [
        'convert_weights',
        str(tmp_path / 'r18.pth'),
        str(tmp_path / 'new' / 'r18.safetensors'),
    ]
    for code in (0, 2):
        assert cli.main(words) == code
    out, error = capsys.readouterr()
    assert '120 tensors loaded, 0 of the module kept their own values; unused: fc.weight, fc.bias' in out
    assert 'r18.safetensors is there already' in error
    assert [p.name for p in (tmp_path / 'new').iterdir()] == ['r18.safetensors']
    net = ResNet(18)
    report = load_pretrained(net, dict(checkpoint=str(tmp_path / 'new' / 'r18.safetensors')))
    assert report.missing == report.unused == ()
    assert all(torch.equal(v, theirs[k]) for k, v in net.state_dict().items())


def test_other_networks(tmp_path: Path) -> None:
    torch.save(mobilenet_v2().state_dict(), tmp_path / 'm.pth')
    with pytest.raises(ValueError, match=r'expected a ResNet of torchvision, got \(0, 0, 0, 0\) blocks a stage'):
        from_torchvision_file(tmp_path / 'm.pth')
    torch.save(wide_resnet50_2().state_dict(), tmp_path / 'w.pth')
    with pytest.raises(ValueError, match=r'w.pth does not fill ResNet: .*mismatched: layer1.0.conv1.weight'):
        from_torchvision_file(tmp_path / 'w.pth')
    state = resnet18().state_dict()
    del state['bn1.weight']
    torch.save(state, tmp_path / 'part.pth')
    with pytest.raises(ValueError, match=r'part.pth does not fill ResNet: .*missing: bn1.weight'):
        from_torchvision_file(tmp_path / 'part.pth')


def test_depths_are_those_of_mmpretrain() -> None:
    for (blocks, deep), depth in DEPTHS.items():
        block, counts = ResNet.arch_settings[depth]
        assert tuple(counts) == blocks and (block.__name__ == 'Bottleneck') == deep
    assert resnet_depth(resnet50().state_dict()) == 50
