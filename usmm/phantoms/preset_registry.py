"""The presets by name. A preset registers itself when its module is imported."""

from __future__ import annotations

import sys
from typing import TypeVar

from usmm.phantoms.base_preset import BasePreset
from usmm.utils.suggestions import did_you_mean

PRESETS: dict[str, BasePreset] = {}
_MODULES: dict[str, str] = {}  # name of a preset -> module that registered it
P = TypeVar('P', bound=BasePreset)


def register_preset(preset: P, module: str | None = None) -> P:
    """Make a preset available by its name, and return it.

    Args:
        preset: The preset.
        module: Name of the module that defines it; None: the module that calls this function.

    Raises:
        TypeError: If it is not a `BasePreset`.
        ValueError: If a preset of this name is registered already.

    Example:
        >>> from dataclasses import replace
        >>> small = register_preset(replace(PRESETS['cla'], name='small', counts=(1, 1)))
        >>> find_preset('small') is small
        True
        >>> unregister_preset('small')
    """
    if not isinstance(preset, BasePreset):
        raise TypeError(f'a preset must be an instance of BasePreset, got {preset!r}')
    module = module or str(sys._getframe(1).f_globals.get('__name__', '__main__'))
    if preset.name in PRESETS:
        raise ValueError(
            f'two presets are called {preset.name!r}: one of module {_MODULES[preset.name]}, one of module {module}; '
            'give one of them another name'
        )
    PRESETS[preset.name], _MODULES[preset.name] = preset, module
    return preset


def unregister_preset(name: str) -> None:
    """Remove a preset, for instance before its module is imported again.

    Raises:
        ValueError: If there is no preset of this name.
    """
    find_preset(name)
    del PRESETS[name], _MODULES[name]


def find_preset(name: str) -> BasePreset:
    """The preset of a name.

    Raises:
        ValueError: If there is no preset of this name.
    """
    if name not in PRESETS:
        raise ValueError(f'no preset {name!r}; {did_you_mean(name, PRESETS)}')
    return PRESETS[name]
