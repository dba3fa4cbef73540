"""Build components by name, whatever OpenMMLab scope is the default one, and read settings before they are built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from torch import nn

from usmm.registry import MODELS
from usmm.structures.settings import Settings

Part = TypeVar('Part', bound=nn.Module)


def build(cfg: Settings) -> nn.Module:
    """The component of a config, built in its own scope.

    The parts that it builds by bare names are of its own scope, see `usmm.registry.ScopedRegistry`.

    Example:
        >>> type(build(dict(type='mmpretrain.ResNet', depth=18))).__name__
        'ResNet'
    """
    module: nn.Module = MODELS.build(cfg)
    return module


def component(cfg: Settings) -> object:
    """The registered class or function that a config names, or None."""
    kind = cfg.get('type')
    registered: object = MODELS.get(kind) if isinstance(kind, str) else kind
    return registered


def build_as(cfg: Settings, expected: type[Part]) -> Part:
    """The component of a config, which must be of a class or inherit from it.

    Raises:
        TypeError: If it is of another class; names both.

    Example:
        >>> build_as(dict(type='mmpretrain.ResNet', depth=18), nn.Linear)
        Traceback (most recent call last):
        TypeError: expected the config of a Linear, got type='mmpretrain.ResNet', which is a ResNet
    """
    kind = component(cfg)
    module = build(cfg) if not isinstance(kind, type) or issubclass(kind, expected) else None
    if not isinstance(module, expected):
        other = kind if isinstance(kind, type) else type(module)
        raise TypeError(
            f'expected the config of a {expected.__name__}, got type={cfg.get("type")!r}, which is a {other.__name__}'
        )
    return module


def build_preprocessor(cfg: Settings | nn.Module | None, default: str) -> nn.Module:
    """The data preprocessor of a model, from itself or its config; None: the one that is registered as `default`."""
    if isinstance(cfg, nn.Module):
        return cfg
    return build(dict(type=default) if cfg is None else cfg)


def name_in(cfg: Settings, key: str, default: str) -> str:
    """A setting that is a name.

    Raises:
        TypeError: If it is not a string.

    Example:
        >>> name_in(dict(type='ClipEncoder'), 'clip', 'dceus')
        'dceus'
    """
    value = cfg.get(key, default)
    if not isinstance(value, str):
        raise TypeError(f'{key} of {cfg.get("type")} must be a name, got {value!r}')
    return value


def names_in(cfg: Settings, key: str, default: Sequence[str]) -> tuple[str, ...]:
    """A setting that is a sequence of names.

    Raises:
        TypeError: If it is not a sequence of strings.

    Example:
        >>> names_in(dict(type='GuidedEncoder', guided=['ue']), 'guided', ('cdfi', 'ue'))
        ('ue',)
    """
    value = cfg.get(key, default)
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(v, str) for v in value):
        raise TypeError(f'{key} of {cfg.get("type")} must be a sequence of names, got {value!r}')
    return tuple(value)
