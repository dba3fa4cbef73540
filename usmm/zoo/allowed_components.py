"""The components that a file of weights may name: an allow-list by the module that defines them.

A registry is not enough of a check. It holds components whose constructors read files or addresses
(`mmpretrain.VQAGenerationHead` unpickles the file that its `answer_list_path` names), and mmengine takes a `type` that
no registry has for the path of any function, imports it and calls it.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import TRANSFORMS as ROOT_TRANSFORMS
from mmengine.registry import WEIGHT_INITIALIZERS as ROOT_INITIALIZERS
from mmengine.registry import Registry

from usmm.registry import MODELS, TORCHVISION_TRANSFORMS, TRANSFORMS, WEIGHT_INITIALIZERS

# Modules (and what lies below them) all of whose components may be built.
MODULES = (
    'usmm.models',
    'usmm.datasets.transforms',
    'mmpretrain.models.backbones',
    'mmaction.models.backbones',
    'mmaction.models.common',  # convolutions and norms of its backbones
    'mmcv.cnn.bricks',
    'torch.nn.modules',
    'torchvision.transforms',
)
# Of other modules: these components alone.
NAMES = frozenset({
    'mmengine.model.weight_init.ConstantInit', 'mmengine.model.weight_init.XavierInit',
    'mmengine.model.weight_init.NormalInit', 'mmengine.model.weight_init.TruncNormalInit',
    'mmengine.model.weight_init.UniformInit', 'mmengine.model.weight_init.KaimingInit',
    'mmengine.model.weight_init.Caffe2XavierInit',
    'mmengine.utils.dl_utils.parrots_wrapper.SyncBatchNorm',
    'mmengine.model.base_model.data_preprocessor.BaseDataPreprocessor',
    'mmpretrain.models.utils.sparse_modules.SparseBatchNorm2d',
    'mmpretrain.models.utils.sparse_modules.SparseLayerNorm2D',
    'mmpretrain.models.utils.sparse_modules.SparseSyncBatchNorm2d',
    'mmpretrain.models.utils.norm.GRN', 'mmpretrain.models.utils.norm.LayerNorm2d',
    'mmpretrain.models.utils.clip_generator_helper.QuickGELU',
    'mmcv.transforms.processing.CenterCrop', 'mmcv.transforms.processing.Pad', 'mmcv.transforms.processing.Resize',
    'mmcv.transforms.processing.RandomFlip', 'mmcv.transforms.processing.RandomGrayscale',
    'mmcv.transforms.processing.RandomResize', 'mmcv.transforms.processing.RandomChoiceResize',
    'mmpretrain.datasets.transforms.processing.ColorJitter',
    'mmpretrain.datasets.transforms.processing.EfficientNetCenterCrop',
    'mmpretrain.datasets.transforms.processing.EfficientNetRandomCrop',
    'mmpretrain.datasets.transforms.processing.Lighting', 'mmpretrain.datasets.transforms.processing.RandomCrop',
    'mmpretrain.datasets.transforms.processing.RandomErasing',
    'mmpretrain.datasets.transforms.processing.RandomResizedCrop',
    'mmpretrain.datasets.transforms.processing.ResizeEdge',
})  # fmt: skip
# Of the modules above: constructors that download weights, by default or by the name of a model; and what is a kind of
# value, or takes a function, so that settings cannot describe it.
EXCLUDED = frozenset({
    'torchvision.transforms.autoaugment.AutoAugmentPolicy',
    'torchvision.transforms.functional.InterpolationMode',
    'torchvision.transforms.transforms.Lambda',
    'mmaction.models.backbones.uniformerv2.UniFormerV2',
    'mmpretrain.models.backbones.timm_backbone.TIMMBackbone',
})  # fmt: skip
UPSTREAM = ('mmpretrain', 'mmaction')
ROOTS = ('mmengine', 'mmcv')


class NotAllowedError(ValueError):
    """Settings name a component that is not on the list."""


def is_allowed(component: object) -> bool:
    """Whether settings in a file of weights may have this class built.

    Example:
        >>> from torch import nn
        >>> is_allowed(nn.BatchNorm2d), is_allowed(dict)
        (True, False)
    """
    if not isinstance(component, type):
        return False
    name = f'{component.__module__}.{component.__qualname__}'
    if name in EXCLUDED:
        return False
    return name in NAMES or any(f'{component.__module__}.'.startswith(f'{module}.') for module in MODULES)


def names_allowed(name: str) -> bool:
    """Whether a `type` is the name of an allowed component; it imports usmm, mmpretrain and mmaction2 at most.

    Example:
        >>> names_allowed('MultiModalClassifier'), names_allowed('mmpretrain.ResNet'), names_allowed('builtins.eval')
        (True, True, False)
        >>> names_allowed('mmpretrain.VQAGenerationHead'), names_allowed('Pretrained')
        (False, False)
    """
    scope, _, bare = name.rpartition('.')
    return any(is_allowed(registry.module_dict.get(bare)) for registry in _registries(scope))


def allowed_components() -> dict[str, type]:
    """Every allowed component by its full name, `package.module.Class`."""
    found = {}
    for scope in ('usmm', *UPSTREAM, 'mmengine', 'torchvision'):
        for registry in _registries(scope):
            for component in registry.module_dict.values():
                if is_allowed(component):
                    found[f'{component.__module__}.{component.__qualname__}'] = component
    return dict(sorted(found.items()))


@contextmanager
def allowed_only() -> Iterator[None]:
    """In this thread, registries give allowed components alone, at whatever depth they are asked for one.

    Settings are checked by name before they are built. A component of an upstream package, however, looks names up by
    its own rules (scopes, parents, defaults), so what is found is checked once more.

    Raises:
        NotAllowedError: Another component was asked for.
    """
    _install()
    outer = getattr(_state, 'active', False)
    _state.active = True
    try:
        yield
    finally:
        _state.active = outer


_state = threading.local()


def _registries(scope: str) -> Iterator[Registry]:
    """The registries in which a name of a scope is looked up; '' stands for a bare name."""
    MODELS.import_from_location()  # applies what makes the upstream packages importable
    if scope in ('', 'usmm'):
        TRANSFORMS.import_from_location()
        yield from (MODELS, TRANSFORMS, WEIGHT_INITIALIZERS)
    if scope in ('', *ROOTS):
        importlib.import_module('mmcv.cnn')
        if scope:
            importlib.import_module('mmcv.transforms')
        yield from (ROOT_MODELS, ROOT_INITIALIZERS, ROOT_TRANSFORMS)
    if scope in ('', 'torchvision'):
        if scope:
            TORCHVISION_TRANSFORMS.import_from_location()
        yield TORCHVISION_TRANSFORMS
    for package in UPSTREAM:
        if scope == package:
            importlib.import_module(f'{package}.models')
        if scope in ('', package) and package in ROOT_MODELS.children:
            yield ROOT_MODELS.children[package]
    if scope == 'mmpretrain':  # last: few pipelines need its transforms, and they take a second
        importlib.import_module('mmpretrain.datasets')
        yield ROOT_TRANSFORMS.children['mmpretrain']


def _install() -> None:
    """Have every registry look at what it gives while `allowed_only` is active."""
    if getattr(Registry.get, 'checks_allowed', False):
        return
    get = Registry.get

    def checked(self: Registry, key: str) -> Any:
        if not getattr(_state, 'active', False):
            return get(self, key)
        # before mmengine imports what the name may stand for; a bare name is first one of the registry's own scope
        if not isinstance(key, str) or not (names_allowed(f'{self.scope}.{key}') or names_allowed(key)):
            raise NotAllowedError(f'{str(key)[:60]!r} is not a component that weights may name')
        found = get(self, key)
        if found is not None and not is_allowed(found):
            raise NotAllowedError(
                f'{key!r} stands for {found.__module__}.{found.__qualname__}, which weights may not name'
            )
        return found

    checked.checks_allowed = True  # type: ignore[attr-defined]
    Registry.get = checked  # type: ignore[method-assign]


def scoped_name(settings: Mapping[str, object]) -> object:
    """The `type` of settings with its `_scope_` in front."""
    kind, scope = settings['type'], settings.get('_scope_')
    return kind if scope is None else f'{scope}.{kind}'
