"""Settings that stand in a file of weights: what is checked before anything is built from them.

A file of weights is data from somebody else. Its settings may name allowed components alone, and no file, no address
and no pre-trained start; and what is built from them may not fill the memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from usmm.weights.metadata import is_texts
from usmm.zoo.allowed_components import names_allowed, scoped_name

TYPE = 'type'
OWN_CODE = 'a model with components of your own needs its config too: (config, weights)'
# Arguments by which upstream components take a file, an address or a download of weights; empty they do no harm.
SOURCES = ('pretrained', 'checkpoint', 'checkpoint_path', 'ckpt_path', 'clip_pretrained', 'load_from')
ADDRESS = '://'
MAX_NODES = 100_000
MAX_DEPTH = 60
MAX_NUMBER = 1_000_000
MAX_BATCH = 100_000
MAX_STEPS = 200
"""Steps of a pipeline, those inside of others included."""

MAX_PIXELS = 2**26
"""Pixels of an image that a pipeline makes: 8192 x 8192."""

MAX_VALUES = 2**31
"""These pixels times the largest other number of the pipeline, which may be one of frames."""


def check_settings(settings: Mapping[str, object], source: str | Path) -> None:
    """Check the settings of a file of weights.

    Args:
        settings: What stands in the file; an exported model has no `model`.
        source: The file, for messages.

    Other keys than `model`, `test_pipeline`, `schema`, `classes`, `modalities`, `batch_size`, `seed` and `dataset` are
    not used for predictions, and not looked at.

    Raises:
        ValueError: They name a component that is not allowed, a file or an address, are too large, or of a wrong kind.

    Example:
        >>> check_settings(dict(seed='x'), 'w.safetensors')
        Traceback (most recent call last):
        ...
        ValueError: w.safetensors: its seed must be a whole number, got 'x'; its settings are not used
    """
    used = {key: settings[key] for key in KINDS if settings.get(key) is not None}
    built = {key: used[key] for key in ('model', 'test_pipeline') if key in used}
    try:
        _check_size(used)
        for key, value in used.items():
            wanted, fits = KINDS[key]
            if not fits(value):
                raise ValueError(f'its {key} must be {wanted}, got {str(value)[:60]!r}')
        for where, value in _leaves(built, ''):
            _check_value(where, value)
        _check_pipeline(used.get('test_pipeline'))
        _check_schema(used.get('schema'))
    except ValueError as error:
        raise ValueError(f'{source}: {error}; its settings are not used') from error
    for name in _not_allowed(built):
        raise ValueError(
            f'{source} asks for {name[:60]!r}, which is not a component that weights may name: it is not built '
            f'({OWN_CODE})'
        )


def own_components(settings: Mapping[str, object]) -> list[str]:
    """The components in the settings of a model that a file of weights may not name, each once.

    Args:
        settings: Of a config.

    Example:
        >>> own_components(dict(model=dict(type='MultiModalClassifier', fusion=dict(type='MyFusion'))))
        ['MyFusion']
    """
    return [*dict.fromkeys(_not_allowed({key: settings.get(key) for key in ('model', 'test_pipeline')}))]


def _not_allowed(built: object) -> Iterator[str]:
    return (str(name) for name in _types(built) if not isinstance(name, str) or not names_allowed(name))


def _is_component(value: object) -> bool:
    return isinstance(value, Mapping) and TYPE in value


def _is_dataset(value: object) -> bool:
    return isinstance(value, Mapping) and (value.get('clinical') is None or is_texts(value['clinical']))


def _is_count(value: object, largest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= largest


# Setting -> what it must be, in words and as a check.
KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    'model': ('a dict with a type', _is_component),
    'test_pipeline': (
        'a list of dicts with a type',
        lambda v: isinstance(v, (list, tuple)) and len(v) > 0 and all(map(_is_component, v)),
    ),
    'schema': ('a dict', lambda v: isinstance(v, Mapping)),
    'classes': ('two or more different names', lambda v: is_texts(v) and 1 < len(v) == len({*v})),
    'modalities': ('different names', lambda v: is_texts(v) and 0 < len(v) == len({*v})),
    'batch_size': (f'a whole number from 1 to {MAX_BATCH}', lambda v: _is_count(v, MAX_BATCH)),
    'seed': ('a whole number', lambda v: isinstance(v, int)),
    'dataset': ('a dict, with a list of names as clinical', _is_dataset),
}


def _check_size(settings: object) -> None:
    """Bound the parts and the depth of settings, without recursion."""
    waiting: list[tuple[object, int]] = [(settings, 0)]
    count = 0
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if depth > MAX_DEPTH or count > MAX_NODES:
            raise ValueError(f'its settings are nested deeper than {MAX_DEPTH}, or have over {MAX_NODES} parts')
        if isinstance(node, Mapping):
            waiting += [(value, depth + 1) for value in node.values()]
        elif isinstance(node, (list, tuple)):
            waiting += [(value, depth + 1) for value in node]


def _leaves(node: object, where: str) -> Iterator[tuple[str, object]]:
    """Every value of nested settings that is not a dict or list, and every dict under `init_cfg`, with its key."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            name = f'{where}.{key}' if where else str(key)
            if key in SOURCES and isinstance(value, (Mapping, list, tuple)) and value:
                yield name, 'a dict or list'
            yield from _leaves(value, name)
    elif isinstance(node, (list, tuple)):
        for i, value in enumerate(node):
            yield from _leaves(value, f'{where}.{i}')
    else:
        yield where, node


def _check_value(where: str, value: object) -> None:
    key = where.rpartition('.')[2]
    if key in SOURCES and value not in (None, False, ''):
        raise ValueError(f'{where} asks for weights of another place ({str(value)[:60]!r})')
    if isinstance(value, str):
        if ADDRESS in value:
            raise ValueError(f'{where} is an address, {value[:80]!r}')
        if _is_file(value):
            raise ValueError(f'{where} names a file of this machine, {value[:80]!r}')
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if not abs(value) <= MAX_NUMBER:  # NaN is not, either
            raise ValueError(f'{where} is {str(value)[:20]}, over the limit of {MAX_NUMBER}')
    elif value is not None and not isinstance(value, bool):
        raise ValueError(f'{where} is a {type(value).__name__}, which is not plain data')


def _is_file(text: str) -> bool:
    try:
        return Path(text).expanduser().is_file()
    except (OSError, ValueError, RuntimeError):  # too long, with a zero in it, or of a user that does not exist
        return False


def _check_pipeline(steps: object) -> None:
    """Bound the images and clips that a pipeline can make; all of its numbers were bounded before."""
    count = sum(1 for _ in _types(steps))
    if count > MAX_STEPS:
        raise ValueError(f'its test_pipeline has {count} steps, over the limit of {MAX_STEPS}')
    pixels, largest = 1.0, 1.0
    for node in _nodes(steps):
        numbers = [abs(v) for v in node if isinstance(v, (int, float))]
        if len(numbers) == len(node) == 2:
            pixels = max(pixels, numbers[0] * numbers[1])
    for where, value in _leaves(steps, 'test_pipeline'):
        if isinstance(value, (int, float)):
            largest = max(largest, abs(value))
            if re.search(r'size|scale|shape|width|height', where.rpartition('.')[2]):
                pixels = max(pixels, value * value)
    if pixels > MAX_PIXELS or pixels * largest > MAX_VALUES:
        raise ValueError(
            f'its test_pipeline makes images of {pixels:.0f} pixels, with the number {largest:g} in it: too large'
        )


def _nodes(node: object) -> Iterator[Sequence[object]]:
    """Every list in nested settings."""
    if isinstance(node, Mapping):
        for value in node.values():
            yield from _nodes(value)
    elif isinstance(node, (list, tuple)):
        yield node
        for value in node:
            yield from _nodes(value)


def _check_schema(schema: object) -> None:
    """A file table of the schema is looked for beside the case table, and nowhere else."""
    table = schema.get('file_table') if isinstance(schema, Mapping) else None
    name = table.get('path', table.get('file')) if isinstance(table, Mapping) else table
    if isinstance(name, str):
        parts = {*PurePosixPath(name).parts, *PureWindowsPath(name).parts}
        if ADDRESS in name or '..' in parts or PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor:
            raise ValueError(f'the file_table of its schema leads elsewhere, {name[:80]!r}')


def _types(node: object) -> Iterator[object]:
    """Every `type` in nested settings, and every scope as the name that it would make."""
    if isinstance(node, Mapping):
        if TYPE in node:
            yield scoped_name(node)
        for value in node.values():
            yield from _types(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _types(value)
