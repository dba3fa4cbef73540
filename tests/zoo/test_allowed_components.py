"""Every component that weights may name is built where no file, network, process or package can be reached."""

from __future__ import annotations

import inspect
import threading
from typing import Any

import pytest
import torch
from mmengine.registry import Registry
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from usmm.registry import MODELS, TRANSFORMS
from usmm.utils.no_access import no_access
from usmm.zoo.allowed_components import (
    EXCLUDED,
    NAMES,
    UPSTREAM,
    NotAllowedError,
    _registries,
    allowed_components,
    allowed_only,
    is_allowed,
)

VARIABLES = [dict(name='age')]
# What an argument without a default gets, by its name.
VALUES: dict[str, Any] = dict(
    alpha=0.5, bits=4, classes=('a', 'b'), crop_size=8, degrees=10, depth=50, dtype=torch.float32, eigval=[1.0] * 3,
    eigvec=[[1.0] * 3] * 3, embed_dims=8, graph_cfg=dict(layout='coco', mode='spatial'), hidden_channels=8, img_size=32,
    in_channels=8, into=['bus'], kernel_size=3, mean=[0.5] * 3, mean_vector=torch.zeros(3), modalities=('bus',),
    modality='bus', normalized_shape=8, num_channels=8, num_classes=2, num_features=8, num_frames=2, num_groups=2,
    num_heads=2, num_modalities=2, num_segments=2, out_channels=8, padding=1, patch_size=8, pretrained=None, ratio=0.5,
    scale=8, scale_factor=2, scales=[8], sharpness_factor=2, size=8, source='bus', std=[0.5] * 3, streams=('a', 'b'),
    tasks={}, threshold=8, transform=dict(type='torchvision.Grayscale'), transformation_matrix=torch.zeros(3, 3),
    transforms=[], upsample_kernel=3, val=0.0, variables=VARIABLES,
)  # fmt: skip
STREAMS = dict(a=8, b=8)
SMALL = dict(type='mmpretrain.ResNet', depth=18, base_channels=8, stem_channels=8)
CLINICAL = [dict(name='age', range=(0, 100))]
# By class: the arguments that the values above do not fit, or that make it smaller.
ARGUMENTS: dict[str, dict[str, Any]] = dict(
    BaseTransformerLayer=dict(
        attn_cfgs=dict(type='MultiheadAttention', embed_dims=8, num_heads=2),
        operation_order=('self_attn', 'norm'),
    ),
    TransformerLayerSequence=dict(
        transformerlayers=dict(
            type='BaseTransformerLayer',
            operation_order=('self_attn', 'norm'),
            attn_cfgs=dict(type='MultiheadAttention', embed_dims=8, num_heads=2),
        ),
        num_layers=1,
    ),
    BilinearFusion=dict(in_channels=STREAMS),
    CentralNet=dict(in_channels=dict(a=[8, 8], b=[8, 8])),
    FiLMFusion=dict(in_channels=dict(a=8, clinical=4)),
    GatedFusion=dict(in_channels=STREAMS),
    HiNet=dict(in_channels=dict(a=[8, 8, 8, 8], b=[8, 8, 8, 8])),
    ProjectedFusion=dict(in_channels=STREAMS),
    AddFusion=dict(in_channels=STREAMS),
    AverageFusion=dict(in_channels=STREAMS),
    ConcatFusion=dict(in_channels=STREAMS),
    PoolFusion=dict(in_channels=STREAMS),
    SingleStream=dict(in_channels=dict(a=8)),
    SqueezeExcitationFusion=dict(in_channels=STREAMS),
    TransformerFusion=dict(in_channels=STREAMS),
    CSPDarkNet=dict(depth=53),
    GeneralizedAttention=dict(num_heads=1),
    Cached=dict(transforms=[dict(type='LoadImage')]),
    ClinicalEncoder=dict(variables=CLINICAL),
    LateFusionHead=dict(streams=STREAMS),
    LeViT=dict(arch='128s'),
    ConvTranspose2d=dict(padding=0),
    ImageEncoder=dict(backbone=SMALL),
    SharedEncoder=dict(backbone=SMALL),
    SimSiam=dict(backbone=SMALL),
    SimCLR=dict(backbone=SMALL),
    BYOL=dict(backbone=SMALL),
    HiViT=dict(arch='tiny'),
    MixMIMTransformer=dict(arch='base'),
    MobileOne=dict(arch='s0'),
    MobileOneTSM=dict(arch='s0'),
    MultiModalClassifier=dict(
        encoder=dict(static=dict(type='ImageEncoder', backbone=SMALL)),
        head=dict(type='LinearHead'),
    ),
    MultiTaskLearner=dict(tasks=dict(breast=['a', 'b']), backbone=SMALL),
    mmcv_Pad=dict(size=(8, 8)),
    PCPVT=dict(arch='small'),
    PyramidVig=dict(arch='tiny'),
    mmcv_RandomFlip=dict(prob=0.5),
    RegNet=dict(arch='regnetx_400mf'),
    RepLKNet=dict(arch='31B'),
    RepMLPNet=dict(arch='base'),
    RepVGG=dict(arch='A0'),
    Res2Net=dict(depth=50),
    ResNet2Plus1d=dict(depth=18, pretrained2d=False, conv_cfg=dict(type='Conv2plus1d')),
    ResNetV1c=dict(depth=50),
    ResNetV1d=dict(depth=50),
    CSPResNeXt=dict(depth=50),
    mmcv_Resize=dict(scale=8),
    ScoreTreeHead=dict(streams=STREAMS),
    SplitPanels=dict(into=['bus', 'cdfi']),
    SVT=dict(arch='small'),
    SwinTransformer3D=dict(arch='tiny'),
    TANet=dict(num_segments=8),
    TableClassifier=dict(modalities=('clinical',), variables=['age'], schema=dict(clinical=CLINICAL)),
    VGG=dict(depth=11),
    Vig=dict(arch='tiny'),
)


@pytest.fixture(scope='module')
def components() -> dict[str, type]:
    return allowed_components()


def arguments_of(component: type) -> dict[str, Any]:
    needed = [
        p.name
        for p in inspect.signature(component).parameters.values()
        if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    given = {name: VALUES[name] for name in needed if name in VALUES}
    package = component.__module__.partition('.')[0]
    return given | ARGUMENTS.get(component.__name__, {}) | ARGUMENTS.get(f'{package}_{component.__name__}', {})


class Unfilled(TorchDispatchMode):
    """Leaves out the drawing of random weights, which is half of the time that networks take to be built."""

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func._schema.name.rpartition('::')[2] in ('normal_', 'uniform_'):
            return args[0]
        return func(*args, **(kwargs or {}))


def test_every_allowed_component_is_built_without_access(components: dict[str, type]) -> None:
    assert len(components) > 250
    failed = {}
    for name, component in components.items():
        package = name.partition('.')[0]
        scope = package if package in ('usmm', *UPSTREAM) else 'mmengine'
        settings = {'type': component, '_scope_': scope, **arguments_of(component)}
        try:
            with no_access(), allowed_only(), Unfilled():
                MODELS.build(settings)
        except Exception as error:  # of every type: one list names them all
            failed[name] = f'{type(error).__name__}: {error}'
    assert not failed


def test_the_list_names_what_there_is(components: dict[str, type]) -> None:
    assert {*components} >= NAMES  # a name that upstream moved is noticed
    for name in EXCLUDED:
        module, _, last = name.rpartition('.')
        found = getattr(__import__(module, fromlist=[last]), last)
        assert isinstance(found, type) and not is_allowed(found)


@pytest.mark.parametrize('scope', ['usmm', 'mmpretrain', 'mmaction', 'mmengine', 'torchvision'])
def test_registries_find_allowed_components_by_their_names(scope: str) -> None:
    for registry in [*_registries(scope)]:
        allowed = {name: found for name, found in registry.module_dict.items() if is_allowed(found)}
        with allowed_only():
            assert {name: registry.get(name) for name in allowed} == allowed


@pytest.mark.parametrize(
    'transform',
    [
        dict(type='mmpretrain.ResizeEdge', scale=8),
        dict(type='mmcv.Pad', size=(8, 8)),
        dict(type='torchvision.Grayscale'),
    ],
)
def test_transforms_of_other_packages_are_built(transform: dict[str, Any]) -> None:
    with no_access(), allowed_only():
        TRANSFORMS.build(dict(type='ImageTransform', transform=transform, random=False, geometric=True))


@pytest.mark.parametrize(
    ('kind', 'message'),
    [
        ('mmpretrain.VQAGenerationHead', 'is not a component that weights may name'),
        ('mmengine.dump', 'is not a component that weights may name'),
        ('no_such_module.function', 'is not a component that weights may name'),
        ('mmpretrain.CrossEntropyLoss', 'stands for mmpretrain.*CrossEntropyLoss, which weights may not name'),
    ],
)
def test_registries_give_allowed_components_alone(kind: str, message: str) -> None:
    with allowed_only(), pytest.raises(NotAllowedError, match=message):
        MODELS.build(dict(type=kind))


def test_what_a_name_stands_for_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    other = Registry('model', parent=MODELS, scope='other')
    other._imported = True
    other.module_dict['ConcatFusion'] = dict  # the name of an allowed component, in a registry of its own
    with (
        allowed_only(),
        pytest.raises(NotAllowedError, match=r"'ConcatFusion' stands for builtins\.dict, which weights may"),
    ):
        other.get('ConcatFusion')
    assert other.get('ConcatFusion') is dict  # outside nothing is changed


def test_other_threads_are_not_restricted() -> None:
    seen: list[object] = []
    with allowed_only():
        thread = threading.Thread(target=lambda: seen.append(MODELS.build(dict(type='mmpretrain.CrossEntropyLoss'))))
        thread.start()
        thread.join()
    assert isinstance(seen[0], nn.Module)
