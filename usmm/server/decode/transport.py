"""What a decoding process sends back: JSON and raw pixels. Nothing of it is code, and every size is checked first."""

from __future__ import annotations

import json
import math
import os
import select
import struct
import time
from collections.abc import Mapping

import numpy as np

from usmm.utils.json_types import JsonValue

HEAD = struct.Struct('>I')
MAX_HEADER = 8 * 2**20
"""Bytes of the JSON of a message."""

MAX_ARRAYS = 64
MAX_AXES = 4
PIECE = 2**20


class TransportError(Exception):
    """A message that breaks the rules, ends early, or comes too late."""


def send(file: int, facts: Mapping[str, object], arrays: Mapping[str, np.ndarray] | None = None) -> None:
    """Write a message.

    Args:
        file: Descriptor of a pipe.
        facts: Plain data; numbers are finite.
        arrays: Name -> uint8 pixels.

    Raises:
        ValueError: An array of another type.
    """
    arrays = dict(arrays or {})
    for name, array in arrays.items():
        if array.dtype != np.uint8:
            raise ValueError(f'{name} must be uint8, got {array.dtype}')
    listed = [[name, list(array.shape)] for name, array in arrays.items()]
    head = json.dumps({'facts': facts, 'arrays': listed}, allow_nan=False).encode()
    _write(file, HEAD.pack(len(head)) + head)
    for array in arrays.values():
        _write(file, np.ascontiguousarray(array).reshape(-1).data)


def receive(file: int, deadline: float, most: int) -> tuple[dict[str, JsonValue], dict[str, np.ndarray]]:
    """Read a message.

    Args:
        file: Descriptor of a pipe.
        deadline: By `time.monotonic()`.
        most: Bytes of all arrays together.

    Returns:
        The facts, and name -> (...) uint8.

    Raises:
        TransportError: As its name says; no memory is taken for what is over a limit.
    """
    (length,) = HEAD.unpack(_read(file, HEAD.size, deadline))
    if length > MAX_HEADER:
        raise TransportError(f'a header of {length} bytes is over the limit of {MAX_HEADER}')
    facts, shapes = _parsed(bytes(_read(file, length, deadline)))
    total = sum(math.prod(shape) for shape in shapes.values())
    if total > most:
        raise TransportError(f'{total} bytes of pixels are over the limit of {most}')
    found = {}
    for name, shape in shapes.items():
        found[name] = np.frombuffer(_read(file, math.prod(shape), deadline), np.uint8).reshape(shape)
    return facts, found


def _parsed(text: bytes) -> tuple[dict[str, JsonValue], dict[str, tuple[int, ...]]]:
    try:
        head = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise TransportError('a header is no JSON') from error
    facts = head.get('facts') if isinstance(head, dict) else None
    listed = head.get('arrays') if isinstance(head, dict) else None
    if not isinstance(facts, dict) or not isinstance(listed, list) or len(listed) > MAX_ARRAYS:
        raise TransportError('a header has no facts, or no list of arrays, or too many of them')
    shapes: dict[str, tuple[int, ...]] = {}
    for item in listed:
        if not (isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) and _is_shape(item[1])):
            raise TransportError('an array has a name and a shape')
        if item[0] in shapes:
            raise TransportError('an array stands twice')
        shapes[item[0]] = tuple(item[1])
    return facts, shapes


def _is_shape(shape: object) -> bool:
    return (
        isinstance(shape, list)
        and 1 <= len(shape) <= MAX_AXES
        and all(type(side) is int and 0 < side <= 2**31 for side in shape)
    )


def _no_constant(name: str) -> float:
    raise ValueError(f'{name} is no number')


def _write(file: int, content: bytes | memoryview) -> None:
    rest = memoryview(content)
    while len(rest):
        rest = rest[os.write(file, rest[:PIECE]) :]


def _read(file: int, size: int, deadline: float) -> bytearray:
    """Exactly `size` bytes."""
    found, place = bytearray(size), 0
    view, waiting = memoryview(found), select.poll()
    waiting.register(file, select.POLLIN)
    while place < size:
        left = deadline - time.monotonic()
        if left <= 0 or not waiting.poll(math.ceil(left * 1000)):
            raise TransportError('a message did not come in time')
        count = os.readv(file, [view[place : place + PIECE]])
        if not count:
            raise TransportError('a message ended early')
        place += count
    return found


def clean_numbers(values: object, count: int) -> list[float | None] | None:
    """A list of so many finite numbers or Nones, or None where it is none.

    Example:
        >>> clean_numbers([0, 1.5], 2), clean_numbers([0], 2), clean_numbers('ab', 2)
        ([0.0, 1.5], None, None)
    """
    if not isinstance(values, list) or len(values) != count:
        return None
    if not all(v is None or (type(v) in (int, float) and abs(v) < 1e9) for v in values):
        return None
    return [None if v is None else float(v) for v in values]
