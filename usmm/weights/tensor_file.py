"""safetensors: the header is checked in full before a tensor is made; metadata travels as JSON under one key.

Format: 8 bytes (length of the header, little endian), a JSON header, the numbers.
Reference: https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeGuard, cast

from usmm.utils.json_types import JsonValue
from usmm.utils.plain_json import read_plain_json
from usmm.weights import weight_limits
from usmm.weights.metadata import Metadata
from usmm.weights.refusal import open_regular, refused, size_of

if TYPE_CHECKING:
    from torch import Tensor

SIZES = {'F64': 8, 'F32': 4, 'F16': 2, 'BF16': 2, 'I64': 8, 'I32': 4, 'I16': 2, 'I8': 1, 'U8': 1, 'BOOL': 1}
META = 'usmm'  # the key of the metadata
FIELDS = {'dtype', 'shape', 'data_offsets'}


def read_tensors(path: Path | str) -> tuple[dict[str, Tensor], Metadata]:
    """The tensors of a safetensors file by name, and the metadata that `write_tensors` put beside them.

    Raises:
        ValueError: The file is damaged, or states anything that its bytes do not hold.
    """
    with open_regular(path) as file:
        return load_tensors(file, path)


def load_tensors(file: BinaryIO, path: Path | str) -> tuple[dict[str, Tensor], Metadata]:
    """As `read_tensors`, of a file that is open already."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        header = read_header(file)
        meta = _meta(header.get('__metadata__', {}))
        file.seek(0)
        tensors = load(file.read())
    except (ValueError, RecursionError, SafetensorError) as error:
        raise refused(path, error) from error
    return tensors, meta


def write_tensors(path: Path, state: Mapping[str, Tensor], meta: Mapping[str, object]) -> None:
    """Write tensors and plain metadata. The caller sees to it that a half-written file does not stay.

    Raises:
        ValueError: The metadata hold something that JSON does not know.
    """
    from safetensors.torch import save_file

    text = json.dumps(dict(meta), allow_nan=False)
    save_file({k: v.detach().cpu().clone().contiguous() for k, v in state.items()}, path, {META: text})


def read_header(file: BinaryIO) -> dict[str, JsonValue]:
    """The header of an open file, after a check of every number in it.

    Raises:
        ValueError: Says what is wrong; without the file's name.
    """
    size = size_of(file)
    file.seek(0)
    start = file.read(8)
    if len(start) < 8:
        raise ValueError(f'it has {size} bytes, a safetensors file at least 8')
    length = int.from_bytes(start, 'little')
    if length > weight_limits.MAX_HEADER_BYTES:
        raise ValueError(f'its header states {length} bytes, over the limit of {weight_limits.MAX_HEADER_BYTES}')
    if length > size - 8:
        raise ValueError(f'its header states {length} bytes, and {size - 8} follow')
    try:
        header = read_plain_json(file.read(length), weight_limits.MAX_HEADER_BYTES)
    except ValueError as error:
        raise ValueError(f'its header cannot be used: {error}') from error
    if not isinstance(header, dict):
        raise ValueError('its header is no JSON object')
    _check_entries({k: v for k, v in header.items() if k != '__metadata__'}, size - 8 - length)
    return header


def _check_entries(entries: Mapping[str, JsonValue], room: int) -> None:
    """Every tensor's bytes are where its shape and type say, one behind the other, up to the end of the file."""
    if len(entries) > weight_limits.MAX_TENSORS:
        raise ValueError(f'it states {len(entries)} tensors, over the limit of {weight_limits.MAX_TENSORS}')
    spans = sorted(_span(name, entry) for name, entry in entries.items())
    end = 0
    for first, last, name in spans:
        if first != end:
            raise ValueError(f'the bytes of tensor {name!r} start at {first}, and the ones before end at {end}')
        end = last
    if end != room:
        raise ValueError(f'its tensors need {end} bytes, and {room} are there')


def _span(name: str, entry: JsonValue) -> tuple[int, int, str]:
    if not isinstance(entry, dict) or set(entry) != FIELDS:
        raise ValueError(f'tensor {name!r} is not described by dtype, shape and data_offsets')
    kind, shape, offsets = entry['dtype'], entry['shape'], entry['data_offsets']
    if not isinstance(kind, str) or kind not in SIZES:
        raise ValueError(f'tensor {name!r} has dtype {str(kind)[:40]!r}; known are {", ".join(SIZES)}')
    if not _counts(shape) or len(shape) > weight_limits.MAX_DIMENSIONS:
        raise ValueError(f'tensor {name!r} has a shape that is no list of sizes: {str(shape)[:60]}')
    if not _counts(offsets) or len(offsets) != 2:
        raise ValueError(f'tensor {name!r} has offsets that are no pair of positions: {str(offsets)[:60]}')
    need, first, last = math.prod(shape) * SIZES[kind], offsets[0], offsets[1]
    if last - first != need:
        raise ValueError(f'tensor {name!r} needs {need} bytes by shape and dtype, its offsets span {last - first}')
    return first, last, name


def _counts(values: JsonValue) -> TypeGuard[list[int]]:
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 2**63 for v in values)


def _meta(texts: JsonValue) -> Metadata:
    if not isinstance(texts, dict):
        raise ValueError('its metadata are no texts')
    plain = {key: text for key, text in texts.items() if isinstance(text, str)}
    if len(plain) != len(texts):
        raise ValueError('its metadata are no texts')
    try:
        found = read_plain_json(plain[META], weight_limits.MAX_HEADER_BYTES) if META in plain else plain
    except ValueError as error:
        raise ValueError(f'its metadata cannot be used: {error}') from error
    if not isinstance(found, dict):
        raise ValueError('its metadata are no JSON object')
    return cast(Metadata, found)
