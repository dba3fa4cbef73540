from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from mmpretrain.models import ResNet
from torch.nn import functional as F
from torchvision.models import resnet18

from usmm.models import GuidedEncoder, ImageEncoder
from usmm.models.building import build
from usmm.models.pretrained import load_pretrained, read_state, split_pretrained


class Hostile:
    """Would run code if it were unpickled without care."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ('code ran',))


def encoder(file: Path, **options: Any) -> GuidedEncoder:
    init = dict(type='Pretrained', checkpoint=str(file))
    return GuidedEncoder('bus', ('ue',), depth=18, init_cfg=init, **options)


def test_a_torchvision_resnet_fills_every_trunk_and_the_tail(tmp_path: Path) -> None:
    theirs = resnet18().state_dict()
    torch.save(theirs, tmp_path / 'r18.pth')
    net = encoder(tmp_path / 'r18.pth')
    assert net.load_report is None
    net.init_weights()
    report = net.load_report
    assert report is not None
    for name, value in theirs.items():
        if name.startswith('fc'):
            continue
        places = (
            [f'tail.{name}'] if name.startswith(('layer3', 'layer4')) else [f'trunks.{m}.{name}' for m in ('bus', 'ue')]
        )
        for place in places:
            assert torch.equal(net.state_dict()[place], value)
    assert set(report.unused) == {'fc.weight', 'fc.bias'}
    assert report.mismatched == {}
    assert {name.split('.')[0] for name in report.missing} == {'attentions', 'interactions', 'map_fusion'}
    assert 'unused: fc.weight, fc.bias' in str(report)


def test_an_mmpretrain_classifier_file(tmp_path: Path) -> None:
    theirs = ResNet(18)
    theirs.init_weights()
    state = {f'backbone.{k}': v for k, v in theirs.state_dict().items()}
    torch.save(dict(meta={}, state_dict={**state, 'head.fc.weight': torch.zeros(1)}), tmp_path / 'mm.pth')
    net = encoder(tmp_path / 'mm.pth')
    net.init_weights()
    assert torch.equal(net.tail.layer4[1].conv2.weight, theirs.layer4[1].conv2.weight)
    assert torch.equal(net.trunks['ue'].conv1.weight, theirs.conv1.weight)


def test_other_shapes_are_reported_and_left_alone(tmp_path: Path) -> None:
    state = resnet18().state_dict()
    state['conv1.weight'] = torch.zeros(64, 1, 7, 7)
    torch.save(state, tmp_path / 'grey.pth')
    net = encoder(tmp_path / 'grey.pth')
    net.init_weights()
    assert net.load_report is not None
    assert net.load_report.mismatched['trunks.bus.conv1.weight'] == ((64, 3, 7, 7), (64, 1, 7, 7))
    assert bool(net.trunks['bus'].conv1.weight.any())


def test_an_encoders_own_checkpoint(tmp_path: Path) -> None:
    source = GuidedEncoder('bus', ('ue',), depth=18, base_channels=4)
    state = {f'encoder.static.{k}': v for k, v in source.state_dict().items()}
    torch.save(dict(state_dict={**state, 'head.fc.weight': torch.zeros(1)}), tmp_path / 'run.pth')
    init = dict(type='Pretrained', checkpoint=str(tmp_path / 'run.pth'), prefix='encoder.static.')
    net = GuidedEncoder('bus', ('ue',), depth=18, base_channels=4, init_cfg=init)
    net.init_weights()
    assert net.load_report is not None
    assert net.load_report.missing == net.load_report.unused == ()
    assert all(torch.equal(v, source.state_dict()[k]) for k, v in net.state_dict().items())


def test_weights_are_loaded_once(tmp_path: Path) -> None:
    torch.save(resnet18().state_dict(), tmp_path / 'r18.pth')
    net = encoder(tmp_path / 'r18.pth')
    net.init_weights()
    (tmp_path / 'r18.pth').unlink()
    net.init_weights()


@pytest.mark.parametrize(
    ('address', 'hashed'), [('https://example.org/r.pth', None), ('torchvision://resnet18', 'f37072fd')]
)
def test_addresses_are_loaded_safely_too(
    address: str, hashed: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def fake(url: str, path: str, hash_prefix: str | None) -> None:
        seen.append((url.startswith('https://'), hash_prefix))
        torch.save({'module.a': torch.ones(1)}, path)

    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, 'download_url_to_file', fake)
    assert list(read_state(address)) == list(read_state(address)) == ['a']
    assert seen == [(True, hashed)]  # once
    (file,) = (tmp_path / 'checkpoints').iterdir()
    torch.save(Hostile(), file)
    with pytest.raises(ValueError, match='is no checkpoint that can be loaded safely: its pickle uses'):
        read_state(address)


@pytest.mark.parametrize(
    ('init_cfg', 'rest', 'found'),
    [
        (dict(type='Pretrained', checkpoint='a'), None, dict(type='Pretrained', checkpoint='a')),
        ([dict(type='Kaiming')], [dict(type='Kaiming')], None),
        (
            [dict(type='Kaiming'), dict(type='Pretrained', checkpoint='a')],
            [dict(type='Kaiming')],
            dict(type='Pretrained', checkpoint='a'),
        ),
        (None, None, None),
    ],
)
def test_split(init_cfg: Any, rest: Any, found: Any) -> None:
    cfg, pretrained = split_pretrained(dict(type='X', init_cfg=init_cfg))
    assert cfg.get('init_cfg') == rest
    assert pretrained == found


def test_a_hostile_file_runs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(dict(state_dict=Hostile()), tmp_path / 'hostile.pth')
    with pytest.raises(ValueError, match='is no checkpoint that can be loaded safely: its pickle uses'):
        read_state(str(tmp_path / 'hostile.pth'))
    assert 'code ran' not in capsys.readouterr().out


@pytest.mark.parametrize('legacy', [False, True])
def test_files_of_either_format_of_torch(legacy: bool, tmp_path: Path) -> None:
    content = dict(meta=dict(epoch=1), state_dict={'backbone.a': torch.arange(3.0)})
    torch.save(content, tmp_path / 'x.pth', _use_new_zipfile_serialization=not legacy)
    assert torch.equal(read_state(str(tmp_path / 'x.pth'))['a'], torch.arange(3.0))


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'no checkpoint at .*absent\.pth'):
        read_state(str(tmp_path / 'absent.pth'))


@pytest.mark.parametrize(('content', 'prefix'), [(dict(a=1), None), (dict(a=torch.ones(1)), 'backbone.')])
def test_no_tensors(tmp_path: Path, content: dict, prefix: str | None) -> None:
    torch.save(content, tmp_path / 'x.pth')
    with pytest.raises(ValueError, match='no tensors found in checkpoint'):
        read_state(str(tmp_path / 'x.pth'), prefix)


def test_nothing_fits(tmp_path: Path) -> None:
    torch.save(dict(a=torch.ones(1)), tmp_path / 'x.pth')
    with pytest.raises(ValueError, match=r"no tensor of .* fits Linear; it has \['a'\]"):
        load_pretrained(torch.nn.Linear(1, 1), dict(checkpoint=str(tmp_path / 'x.pth')))


TRANSFORMER = dict(
    type='mmpretrain.VisionTransformer', patch_size=8,
    arch=dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32),
)  # fmt: skip


@pytest.mark.parametrize('size', [48, 32])
def test_a_position_embedding_is_interpolated_to_the_size_of_the_images(size: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    first = build(dict(TRANSFORMER, img_size=32))
    first.pos_embed.data.normal_()
    torch.save(dict(state_dict={f'backbone.{k}': v for k, v in first.state_dict().items()}), tmp_path / 'vit.pth')
    start = dict(type='Pretrained', checkpoint=str(tmp_path / 'vit.pth'))
    encoder = ImageEncoder('bus', dict(TRANSFORMER, img_size=size, out_type='featmap', init_cfg=start))
    encoder.init_weights()
    report = encoder.load_report
    assert report is not None and report.missing == () and report.mismatched == {}
    assert report.resized == (('backbone.pos_embed',) if size != 32 else ())
    # the class token's own stays, the grid of 4 x 4 is interpolated
    grid = first.pos_embed[:, 1:].reshape(1, 4, 4, 16).permute(0, 3, 1, 2)
    side = size // 8
    grid = F.interpolate(grid, size=(side, side), mode='bicubic', align_corners=False) if side != 4 else grid
    expected = torch.cat([first.pos_embed[:, :1], grid.flatten(2).transpose(1, 2)], dim=1)
    torch.testing.assert_close(encoder.backbone.pos_embed.data, expected.detach())
    assert torch.equal(encoder.backbone.patch_embed.projection.weight, first.patch_embed.projection.weight)


def test_a_position_embedding_of_another_width_is_reported(tmp_path: Path) -> None:
    torch.manual_seed(0)
    other = dict(TRANSFORMER, arch=dict(TRANSFORMER['arch'], embed_dims=8), img_size=48)
    state = build(other).state_dict()
    state['ln1.weight'] = torch.ones(16)
    torch.save(state, tmp_path / 'vit.pth')
    report = load_pretrained(build(dict(TRANSFORMER, img_size=32)), dict(checkpoint=str(tmp_path / 'vit.pth')))
    assert 'pos_embed' in report.mismatched and report.resized == ()
