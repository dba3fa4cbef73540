"""Components and their arguments as the registries of mmengine hold them: everything is imported."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from mmengine.registry import (
    DATA_SAMPLERS,
    DATASETS,
    FUNCTIONS,
    HOOKS,
    LOG_PROCESSORS,
    METRICS,
    MODELS,
    OPTIM_WRAPPERS,
    OPTIMIZERS,
    PARAM_SCHEDULERS,
    TRANSFORMS,
    VISBACKENDS,
    VISUALIZERS,
    WEIGHT_INITIALIZERS,
    Registry,
)

from usmm import registry as ours
from usmm.config.catalogue import Component
from usmm.config.component_text import known_scope

ROOTS = {
    'model': (ours.MODELS, MODELS),
    'dataset': (ours.DATASETS, DATASETS),
    'sampler': (ours.DATA_SAMPLERS, DATA_SAMPLERS),
    'transform': (ours.TRANSFORMS, TRANSFORMS),
    'function': (ours.FUNCTIONS, FUNCTIONS),
    'metric': (ours.METRICS, METRICS),
    'hook': (ours.HOOKS, HOOKS),
    'optimizer': (OPTIMIZERS,),
    'optim_wrapper': (OPTIM_WRAPPERS,),
    'param_scheduler': (PARAM_SCHEDULERS,),
    'vis_backend': (VISBACKENDS,),
    'visualizer': (ours.VISUALIZERS, VISUALIZERS),
    'log_processor': (ours.LOG_PROCESSORS, LOG_PROCESSORS),
    'initializer': (WEIGHT_INITIALIZERS,),
}
PACKAGES = ('usmm', 'mmengine', 'mmpretrain', 'mmaction', 'mmcv')  # whose registries mmengine imports by itself


class RegistryCatalogue:
    """The registered components of usmm, of OpenMMLab and of every other scope that was imported."""

    def find(self, kind: str, name: str) -> Component | None:
        """The component of a name."""
        if not _has_scope(kind, name):
            return None  # mmengine would look into the root
        component = next((c for c in (r.get(name) for r in ROOTS[kind]) if c is not None), None)
        if component is None:
            return None
        own = str(getattr(component, '__module__', '')).startswith('usmm.')
        return Component(_arguments(component), _annotations(component), own)

    def is_unknown(self, kind: str, name: str) -> bool:
        """Whether there is no component of this name."""
        return self.find(kind, name) is None

    def names(self, kind: str, name: str) -> list[str]:
        """Valid names of a kind, written with the scope that a name is written with."""
        scope = name.split('.')[0] if '.' in name and _has_scope(kind, name) else known_scope(name, PACKAGES)
        names: list[str] = []
        for registry in ROOTS[kind]:
            registry.import_from_location()
            child: Registry | None = registry._children.get(scope) if scope else registry
            if child is not None:
                names += [f'{scope}.{n}' if scope else n for n in child.module_dict]
        return names or [n for r in ROOTS[kind] for n in r.module_dict]


def _has_scope(kind: str, name: str) -> bool:
    """Whether the scope of `scope.Name` has a registry of this kind."""
    scope, dot, _ = name.rpartition('.')
    return not dot or scope.split('.')[0] in PACKAGES or any(scope in r._children for r in ROOTS[kind])


def _arguments(component: Callable[..., object]) -> frozenset[str] | None:
    """The arguments that a class or function takes, those of its bases included; None where any are taken."""
    if not inspect.isclass(component):
        return _parameters(component)
    names: set[str] = set()
    for base in component.__mro__:
        if '__init__' not in vars(base) or base is object:
            continue
        own = _parameters(vars(base)['__init__'])
        names |= _parameters(vars(base)['__init__'], forwarded=False) or set()
        if own is not None:
            return frozenset(names)
    return None


def _annotations(component: Callable[..., object]) -> dict[str, str]:
    """The types of arguments, as text; of two classes that name one, the more derived counts."""
    bases = component.__mro__ if inspect.isclass(component) else ()
    functions = [vars(b)['__init__'] for b in bases if '__init__' in vars(b) and b is not object] or [component]
    types: dict[str, str] = {}
    for function in functions:
        parameters = inspect.signature(function).parameters.values()
        stated = {p.name: _text(p.annotation) for p in parameters if p.annotation is not inspect.Parameter.empty}
        types = {**stated, **types}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return types


def _text(annotation: object) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _parameters(function: Callable[..., object], forwarded: bool = True) -> frozenset[str] | None:
    parameters = inspect.signature(function).parameters.values()
    if forwarded and any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return frozenset(p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)) - {'self'}
