"""Types of JSON content that is only passed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

JsonValue: TypeAlias = bool | int | float | str | list['JsonValue'] | dict[str, 'JsonValue'] | None


def as_mapping(value: object) -> Mapping[str, object]:
    """The value if it is a mapping, else an empty one.

    Example:
        >>> as_mapping({'a': 1}), as_mapping([1])
        ({'a': 1}, {})
    """
    return value if isinstance(value, Mapping) else {}


def as_sequence(value: object) -> Sequence[object]:
    """The value if it is a list or a tuple, else an empty list.

    Example:
        >>> as_sequence([1, 2]), as_sequence('ab')
        ([1, 2], [])
    """
    return value if isinstance(value, (list, tuple)) else []
