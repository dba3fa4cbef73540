"""The registries: bare names are those of usmm, whatever a Runner of another package has left as the default scope."""

from __future__ import annotations

import pytest
from mmengine.registry import DefaultScope

from usmm import registry
from usmm.datasets.transforms import LoadImage, Resize
from usmm.registry import MODELS, TRANSFORMS, ScopedRegistry


@pytest.fixture
def of_mmpretrain() -> None:
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        yield


@pytest.mark.parametrize('scope', ['usmm', 'mmpretrain', 'mmaction'])
def test_a_component_of_another_scope_builds_its_own_parts(scope: str) -> None:
    with DefaultScope.overwrite_default_scope(scope):
        step = TRANSFORMS.build(dict(type='mmpretrain.RandAugment', policies='timm_increasing', num_policies=1,
                                     magnitude_level=9))  # fmt: skip
        resize = TRANSFORMS.build(dict(type='mmcv.RandomChoiceResize', scales=[(8, 8)]))
    assert type(step).__name__ == 'RandAugment' and type(resize.resize).__module__.startswith('mmcv')


@pytest.mark.usefixtures('of_mmpretrain')
def test_a_bare_name_is_one_of_usmm() -> None:
    assert type(TRANSFORMS.build(dict(type='LoadImage'))) is LoadImage
    step = TRANSFORMS.build(dict(type='Cached', transforms=[dict(type='Resize', size=8)], cache_dir='unused'))
    assert type(step._steps[0] if hasattr(step, '_steps') else step.transforms[0]) is Resize
    assert type(MODELS.build(dict(type='mmpretrain.FocalLoss'))).__module__.startswith('mmpretrain')


def test_all_registries_are_scoped() -> None:
    own = [value for name, value in vars(registry).items() if name.isupper() and isinstance(value, ScopedRegistry)]
    assert len(own) >= 18 and {r.scope for r in own} == {'usmm', 'torchvision'}
