from __future__ import annotations

from typing import Any

import pytest
import torch

from usmm.models import GuidedEncoder
from usmm.registry import MODELS


def images(modalities: tuple[str, ...], size: int = 64) -> dict[str, torch.Tensor]:
    return {m: torch.randn(2, 3, size, size) for m in modalities}


@pytest.mark.parametrize('depth', [18, 34, 50])
def test_stage_maps(depth: int) -> None:
    encoder = GuidedEncoder('bus', ('cdfi', 'ue'), depth=depth, base_channels=8)
    maps = encoder(images(encoder.modalities))
    assert [m.shape[1] for m in maps] == list(encoder.out_channels)
    assert [m.shape[2] for m in maps] == [8, 4, 2]


def test_paper_size_maps() -> None:
    encoder = GuidedEncoder().eval()
    with torch.no_grad():
        maps = encoder({m: torch.zeros(1, 3, 224, 224) for m in encoder.modalities})
    assert [tuple(m.shape[1:]) for m in maps] == [(512, 28, 28), (1024, 14, 14), (2048, 7, 7)]


@torch.no_grad()
def test_order_of_the_steps() -> None:
    """The paper's figure, written out."""
    encoder = GuidedEncoder('bus', ('cdfi', 'ue'), depth=18, base_channels=8).eval()
    x = images(encoder.modalities)
    bus = encoder.trunks['bus'](x['bus'])
    maps = [bus]
    for m in ('cdfi', 'ue'):
        trunk = encoder.trunks[m]
        stem = trunk.maxpool(trunk.relu(trunk.bn1(trunk.conv1(encoder.attentions[m](x[m])))))
        maps.append(trunk.layer2(trunk.layer1(stem * encoder.interactions[m](bus, (16, 16)))))
    fused = encoder.map_fusion(maps)
    third = encoder.tail.layer3(fused)
    for ours, expected in zip(encoder(x), [fused, third, encoder.tail.layer4(third)]):
        assert torch.equal(ours, expected)


def test_each_guided_modality_has_its_own_weights() -> None:
    encoder = GuidedEncoder('bus', ('cdfi', 'ue'), depth=18, base_channels=8)
    assert set(encoder.trunks) == {'bus', 'cdfi', 'ue'}
    assert set(encoder.attentions) == set(encoder.interactions) == {'cdfi', 'ue'}


def test_one_shared_trunk() -> None:
    own = GuidedEncoder('bus', ('cdfi', 'ue'), depth=18, base_channels=8)
    shared = GuidedEncoder('bus', ('cdfi', 'ue'), depth=18, base_channels=8, shared=True)
    count = [sum(p.numel() for p in e.parameters()) for e in (own, shared, own.trunks['bus'])]
    assert count[1] == count[0] - 2 * count[2]
    assert len(shared(images(shared.modalities))) == 3


@pytest.mark.parametrize(
    ('left', 'guide', 'guided', 'interactions', 'fused'),
    [
        ({'bus', 'cdfi', 'ue'}, 'bus', ('cdfi', 'ue'), {'cdfi', 'ue'}, 3),
        ({'bus', 'ue', 'dceus'}, 'bus', ('ue',), {'ue'}, 2),
        ({'cdfi', 'ue'}, None, ('cdfi', 'ue'), set(), 2),
        ({'bus'}, 'bus', (), set(), None),
        ({'cdfi'}, None, ('cdfi',), set(), None),
    ],
)
def test_subsets(left: set[str], guide: Any, guided: Any, interactions: set[str], fused: int | None) -> None:
    cfg = GuidedEncoder.subset(dict(type='GuidedEncoder', depth=18, base_channels=8), left)
    assert cfg is not None
    assert (cfg['guide'], cfg['guided']) == (guide, guided)
    encoder = MODELS.build(cfg)
    assert set(encoder.interactions) == interactions
    assert set(encoder.attentions) == set(guided)
    assert set(encoder.trunks) == set(encoder.modalities) == left - {'dceus'}
    if fused is None:
        assert encoder.map_fusion is None
    else:
        assert encoder.map_fusion.convs[0].in_channels == fused * encoder.out_channels[0]
    assert encoder(images(encoder.modalities))[-1].shape == (2, 64, 2, 2)


def test_nothing_left() -> None:
    assert GuidedEncoder.subset(dict(type='GuidedEncoder'), ('dceus', 'clinical')) is None


@pytest.mark.parametrize(
    ('option', 'parts'), [('channel_attention', 'attentions'), ('modality_interaction', 'interactions')]
)
def test_ablations(option: str, parts: str) -> None:
    encoder = GuidedEncoder('bus', ('cdfi',), depth=18, base_channels=8, **{option: False})
    assert len(getattr(encoder, parts)) == 0
    assert len(encoder(images(encoder.modalities))) == 3


def test_options_reach_the_layers() -> None:
    options: dict[str, Any] = dict(gate='sigmoid', relu_before_gate=True, num_convs=2)
    encoder = GuidedEncoder('bus', ('cdfi',), depth=18, base_channels=8, **options)
    assert encoder.attentions['cdfi'].gate == 'sigmoid'
    assert encoder.interactions['cdfi'].conv2.with_activation
    assert len(encoder.map_fusion.convs) == 2


@pytest.mark.parametrize(('guide', 'guided'), [(None, ()), ('bus', ('bus', 'ue'))])
def test_modalities_are_named_once(guide: str | None, guided: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match='GuidedEncoder needs modalities, each once'):
        GuidedEncoder(guide, guided, depth=18, base_channels=8)


def test_images_of_different_sizes() -> None:
    encoder = GuidedEncoder('bus', ('ue',), depth=18, base_channels=8)
    with pytest.raises(ValueError, match=r"aligned images of one size, got \{'bus': \(64, 64\), 'ue': \(32, 32\)\}"):
        encoder({**images(('bus',), 64), **images(('ue',), 32)})
