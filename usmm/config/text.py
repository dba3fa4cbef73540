"""Settings as the text of a config file, in the way that configs of OpenMMLab are written."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from keyword import iskeyword

WIDTH = 120
INDENT = 4


def config_text(settings: Mapping[str, object]) -> str:
    """A line `key = value` for every setting; a value that is too long takes a line for each of its items.

    Args:
        settings: Names and plain values: numbers, texts, None, lists, tuples and dicts.

    Raises:
        ValueError: A name that Python code cannot assign to.

    Example:
        >>> print(config_text({'seed': 0, 'model': {'type': 'ResNet', 'depth': 18}}), end='')
        seed = 0
        model = dict(type='ResNet', depth=18)
    """
    wrong = [key for key in settings if not _is_name(key)]
    if wrong:
        raise ValueError(f'settings of a config file need names of Python, got {wrong}')
    return ''.join(f'{key} = {_text(value, len(key) + 3, 0)}\n' for key, value in settings.items())


def _text(value: object, start: int, indent: int) -> str:
    """The text of a value whose first line begins at column `start`, in a block that is indented by `indent`."""
    line = _line(value)
    if start + len(line) < WIDTH or not isinstance(value, (Mapping, list, tuple)) or not value:
        return line
    deeper = indent + INDENT
    left, right = _brackets(value)
    if isinstance(value, Mapping):
        items = [f'{key}{_text(item, deeper + len(key), deeper)}' for key, item in _pairs(value)]
    else:
        items = [_text(item, deeper, deeper) for item in value]
    return left + ''.join(f'\n{" " * deeper}{item},' for item in items) + f'\n{" " * indent}{right}'


def _line(value: object) -> str:
    left, right = _brackets(value)
    if isinstance(value, Mapping):
        return left + ', '.join(key + _line(item) for key, item in _pairs(value)) + right
    if isinstance(value, (list, tuple)):
        single = ',' if isinstance(value, tuple) and len(value) == 1 else ''
        return left + ', '.join(map(_line, value)) + single + right
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    return repr(value)


def _brackets(value: object) -> Sequence[str]:
    if isinstance(value, Mapping):
        return ('dict(', ')') if _has_names(value) else '{}'
    return '()' if isinstance(value, tuple) else '[]'


def _pairs(value: Mapping[object, object]) -> list[tuple[str, object]]:
    """Each key as it is written before its value, with that."""
    named = _has_names(value)
    return [(f'{key}=' if named else f'{key!r}: ', item) for key, item in value.items()]


def _has_names(value: Mapping[object, object]) -> bool:
    return all(_is_name(key) for key in value)


def _is_name(key: object) -> bool:
    return isinstance(key, str) and key.isidentifier() and not iskeyword(key)
