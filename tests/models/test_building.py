from __future__ import annotations

from typing import Any

import pytest
import torch
from mmengine.registry import DefaultScope

from usmm.models import BaseFusion, CasePreprocessor, LinearHead, MLPHead, PairPreprocessor
from usmm.models.building import build, build_as, build_preprocessor, name_in, names_in

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


def test_a_component_of_the_expected_class() -> None:
    head = build_as(dict(type='MLPHead', num_classes=2, in_channels=3), LinearHead)
    assert isinstance(head, MLPHead)


def test_a_component_of_another_class() -> None:
    with pytest.raises(TypeError, match=r"expected the config of a BaseFusion, got type='LinearHead', which is a"):
        build_as(dict(type='LinearHead', num_classes=2, in_channels=3), BaseFusion)


def test_preprocessors() -> None:
    own = CasePreprocessor()
    assert build_preprocessor(own, 'PairPreprocessor') is own
    assert isinstance(build_preprocessor(None, 'PairPreprocessor'), PairPreprocessor)
    built = build_preprocessor(dict(type='CasePreprocessor', channels_last=True), 'PairPreprocessor')
    assert isinstance(built, CasePreprocessor) and built.channels_last


def test_settings_that_are_names() -> None:
    cfg = dict(type='GuidedEncoder', guide='ue', guided=['bus'])
    assert name_in(cfg, 'guide', 'bus') == 'ue'
    assert name_in({}, 'guide', 'bus') == 'bus'
    assert names_in(cfg, 'guided', ()) == ('bus',)
    assert names_in({}, 'guided', ('ue',)) == ('ue',)


def test_a_setting_that_is_not_a_name() -> None:
    with pytest.raises(TypeError, match=r'clip of ClipEncoder must be a name, got 3'):
        name_in(dict(type='ClipEncoder', clip=3), 'clip', 'dceus')


@pytest.mark.parametrize('value', ['ue', None, [1]])
def test_a_setting_that_is_not_a_sequence_of_names(value: Any) -> None:
    with pytest.raises(TypeError, match=r'guided of GuidedEncoder must be a sequence of names, got'):
        names_in(dict(type='GuidedEncoder', guided=value), 'guided', ())


def test_a_function_that_builds_another_class() -> None:
    with pytest.raises(TypeError, match=r'expected the config of a BaseFusion, got type=.*, which is a Identity'):
        build_as(dict(type=make_identity), BaseFusion)


def make_identity() -> torch.nn.Module:
    return torch.nn.Identity()
