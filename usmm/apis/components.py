"""Settings that came with downloaded weights: only registered components are built from them.

mmengine treats a `type` that is not in a registry as the path of any function, imports it and calls it: without this
check, `type='os.system'` in a file of weights would run a command.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import WEIGHT_INITIALIZERS as ROOT_INITIALIZERS
from mmengine.registry import Registry

from usmm.registry import MODELS, TRANSFORMS, WEIGHT_INITIALIZERS

UPSTREAM = ('mmpretrain', 'mmaction')
TYPE, SCOPE = 'type', '_scope_'


def check_components(settings: object, source: str | Path) -> None:
    """Check that every `type` in settings is the name of a registered component.

    Raises:
        ValueError: One is not; the message names it.

    Example:
        >>> check_components(dict(type='os.system', command='echo'), 'w.safetensors')
        Traceback (most recent call last):
        ...
        ValueError: w.safetensors asks for 'os.system', which is no registered component of usmm: it is not built
    """
    for name in _types(settings):
        if not isinstance(name, str) or not is_registered(name):
            shown = str(name)[:60]
            raise ValueError(f'{source} asks for {shown!r}, which is no registered component of usmm: it is not built')


def is_registered(name: str) -> bool:
    """Whether a registry has a component of this name; this imports nothing but usmm, mmpretrain and mmaction2.

    Example:
        >>> is_registered('MultiModalClassifier'), is_registered('mmpretrain.ResNet'), is_registered('builtins.eval')
        (True, True, False)
    """
    scope, _, bare = name.rpartition('.')
    if scope in UPSTREAM:
        MODELS.import_from_location()  # applies what makes the upstream packages importable
        importlib.import_module(f'{scope}.models')
        child = ROOT_MODELS.children.get(scope)
        return child is not None and bare in child.module_dict
    if scope not in ('', 'usmm'):
        return False
    own: list[Registry] = [MODELS, TRANSFORMS]
    for registry in own:
        registry.import_from_location()
    if not scope:  # inside a component of an upstream package its own names need no scope
        upstream = [child for name, child in ROOT_MODELS.children.items() if name in UPSTREAM]
        own += [ROOT_MODELS, ROOT_INITIALIZERS, WEIGHT_INITIALIZERS, *upstream]
    return any(bare in registry.module_dict for registry in own)


def _types(node: object) -> Iterator[object]:
    """Every `type` in nested settings, and every scope as the name that it would make."""
    if isinstance(node, Mapping):
        if TYPE in node:
            scope = node.get(SCOPE)
            yield node[TYPE] if scope is None else f'{scope}.{node[TYPE]}'
        for value in node.values():
            yield from _types(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _types(value)
