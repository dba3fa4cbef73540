"""Every parameter count that the paper's authors' network must have, at the published widths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from torch import nn

from usmm.registry import MODELS

AUTHORS_TOTAL = 67_806_841
AUTHORS_R2PLUS1D_WITH_FC = 31_431_453


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.fixture(scope='module')
def paper() -> dict[str, Any]:
    return {}


@pytest.fixture
def network(paper: dict[str, Any], build: Callable[..., Any]) -> Any:
    if not paper:
        paper['network'] = build(('bus', 'cdfi', 'ue', 'dceus'), base_channels=64, depth=50)
    return paper['network']


def test_parts(network: Any) -> None:
    static, fusion, head = network.encoder['static'], network.fusion, network.head
    assert [count(static.attentions[m]) for m in ('cdfi', 'ue')] == [73, 73]
    assert [count(static.interactions[m]) for m in ('cdfi', 'ue')] == [591_234, 591_234]
    assert [count(static.trunks[m]) for m in ('bus', 'cdfi', 'ue')] == [1_444_928] * 3
    assert count(static.map_fusion) == 7_078_912
    assert count(static.tail) == 22_063_104
    assert count(fusion.project['static']) == 524_544
    assert count(fusion) - count(fusion.project) == 1_189_888
    assert [count(head.fc), *[count(aux) for aux in head.aux.values()]] == [514] * 3


def test_total_is_the_authors(network: Any) -> None:
    """Their clip branch ends in an FC of 512 x 256 + 256 parameters, which is the projection of the fusion here."""
    clip = count(network.encoder['dynamic']) + count(network.fusion.project['dynamic'])
    assert clip == AUTHORS_R2PLUS1D_WITH_FC
    assert count(network) == AUTHORS_TOTAL


def test_total_with_mmactions_widths(config: Callable[..., dict[str, Any]]) -> None:
    cfg = config(('bus', 'cdfi', 'ue', 'dceus'), base_channels=64, depth=50)
    cfg['encoder']['dynamic']['backbone']['layout'] = 'mmaction'
    assert count(MODELS.build(cfg)) == AUTHORS_TOTAL + 1_927_620


def test_conv_layers_by_the_papers_count(network: Any) -> None:
    """66 in the three trunks and 27 after the map fusion; shortcuts are not counted."""

    def convs(module: nn.Module) -> int:
        return sum(isinstance(m, nn.Conv2d) and 'downsample' not in n for n, m in module.named_modules())

    static = network.encoder['static']
    assert (convs(static.trunks), convs(static.tail)) == (66, 27)
