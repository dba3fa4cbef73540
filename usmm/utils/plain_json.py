"""JSON of somebody else as plain data: one strict reader of files that were downloaded or are shared."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from usmm.utils.json_types import JsonValue

MAX_BYTES = 256 * 2**20
"""Bytes of one text; the manifest of a million files has about 150 MiB."""

MAX_DEPTH = 100
MAX_DIGITS = 40  # characters of a number
MAX_NUMBER = 2**63


def read_plain_json(text: bytes | str, max_bytes: int = MAX_BYTES, *, constants: bool = False) -> JsonValue:
    """The content of a JSON text.

    Python's own reader takes the last of several equal keys, `NaN`, numbers of any length, and nesting until the stack
    is used up. Here all of these are refused.

    Args:
        text: UTF-8, or text.
        max_bytes: Longer texts are refused unread.
        constants: Take `NaN` and `Infinity`, as Python's writer makes them; as numbers they are not finite.

    Raises:
        ValueError: It is too long, is not JSON, or has one of these. The message begins with `it`.

    Example:
        >>> read_plain_json(b'{"a": [1, 2.5, "x", null]}')
        {'a': [1, 2.5, 'x', None]}
        >>> read_plain_json('{"a": 1, "a": 2}')
        Traceback (most recent call last):
        ...
        ValueError: it has the key 'a' twice
    """
    if len(text) > max_bytes:
        raise ValueError(f'it has {len(text)} bytes, over the limit of {max_bytes}')
    try:
        plain = text.decode('utf-8-sig') if isinstance(text, bytes) else text
        content: JsonValue = json.loads(
            plain,
            object_pairs_hook=_unique,
            parse_int=_whole,
            parse_float=_decimal,
            parse_constant=float if constants else _constant,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f'it is no JSON: {error}') from error
    except UnicodeDecodeError as error:
        raise ValueError(f'it is no JSON: it is no UTF-8 text ({error.reason} at byte {error.start})') from error
    except RecursionError as error:
        raise ValueError(f'it is nested deeper than {MAX_DEPTH}') from error
    _check_depth(content)
    return content


def read_json_object(path: str | Path, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """The JSON object in a file, whose entries the caller checks.

    Args:
        path: The file.
        max_bytes: Larger files are refused.

    Raises:
        ValueError: It holds no JSON object that `read_plain_json` takes; names the file.
        OSError: It cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, 'a.json').write_text('{"a": 1}')
        ...     read_json_object(Path(folder, 'a.json'))
        {'a': 1}
    """
    with Path(path).open('rb') as file:
        text = file.read(max_bytes + 1)
    try:
        content = read_plain_json(text, max_bytes)
    except ValueError as error:
        raise ValueError(f'{path} cannot be used: {error}') from error
    if not isinstance(content, dict):
        raise ValueError(f'{path} cannot be used: it is no JSON object')
    return content


def _check_depth(content: JsonValue) -> None:
    """Refuse what later code, which calls itself for every level, could not walk through."""
    level: list[JsonValue] = [content]
    for _ in range(MAX_DEPTH + 1):
        nested = [value for value in level if isinstance(value, (dict, list))]
        level = [item for value in nested for item in (value.values() if isinstance(value, dict) else value)]
        if not nested:
            return
    raise ValueError(f'it is nested deeper than {MAX_DEPTH}')


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f'it has the key {key[:60]!r} twice')
        found[key] = value
    return found


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f'it has a number of {len(text)} characters')
    number = int(text)
    if abs(number) >= MAX_NUMBER:
        raise ValueError(f'it has the number {text}, of over 63 bits')
    return number


def _decimal(text: str) -> float:
    if len(text) > MAX_DIGITS:
        raise ValueError(f'it has a number of {len(text)} characters')
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f'it has the number {text[:MAX_DIGITS]}, which is not finite')
    return number


def _constant(name: str) -> float:
    raise ValueError(f'it has {name}, which is no number')
