"""What a decoding process sent, checked value by value: a process that was taken over sends what it likes."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeGuard, TypeVar

import numpy as np

from usmm.server.answer_types import Blanked, Kind, PreviewFacts
from usmm.server.decode.previews import FRAMES, SIDE
from usmm.server.decode.transport import clean_numbers
from usmm.server.http.http_errors import RequestError
from usmm.utils.json_types import JsonValue

MAX_INPUT_PIXELS = 8_000_000
"""Pixels of all frames of one input, as the network takes it: its layers take hundreds of bytes for each."""

TYPES = ('PNG', 'JPEG', 'BMP', 'TIFF', 'GIF', 'AVI', 'MPEG', 'Matroska', 'DICOM', 'MP4', 'MOV', 'other')
KINDS: tuple[Kind, ...] = ('image', 'clip')
BLANKED: tuple[Blanked, ...] = ('stated', 'found', 'none')
CELL = 2000  # characters
Word = TypeVar('Word', bound=str)
Shown: TypeAlias = tuple[PreviewFacts, np.ndarray]


@dataclass(frozen=True, eq=False)
class Reply:
    """A case that was read.

    Args:
        data: Modality -> (H, W, 3) or (T, H, W, 3) uint8.
        times: Modality -> seconds of its frames, where they are known.
        whole: Modalities that lack an outline to crop to.
        previews: Modality -> facts and pictures (N, H, W, 3) uint8.
    """

    data: Mapping[str, np.ndarray]
    times: Mapping[str, list[float | None] | None] = field(default_factory=dict)
    whole: tuple[str, ...] = ()
    previews: Mapping[str, Shown] = field(default_factory=dict)


def case_reply(facts: Mapping[str, JsonValue], arrays: Mapping[str, np.ndarray], modalities: Collection[str]) -> Reply:
    """The answer to a `CaseJob`.

    Args:
        facts, arrays: As they came.
        modalities: Those that there may be.

    Raises:
        RequestError: It breaks the rules, or an input is larger than a network may take.
    """
    data = {m: arrays[f'data/{m}'] for m in _names(arrays, 'data/') if m in modalities}
    for m, array in data.items():
        if array.ndim not in (3, 4) or array.shape[-1] != 3:
            raise _broken(m)
        if array.size > 3 * MAX_INPUT_PIXELS:
            raise RequestError('unreadable', f'it has more than {MAX_INPUT_PIXELS} pixels for the model', m)
    stamps, whole = facts.get('times'), facts.get('whole')
    if not isinstance(stamps, dict) or not isinstance(whole, list):
        raise _broken(None)
    times = {m: clean_numbers(stamps.get(m), len(a)) if a.ndim == 4 else None for m, a in data.items()}
    previews = {m: preview_reply(facts, arrays, m) for m in _names(arrays, 'preview/') if m in modalities}
    return Reply(data, times, tuple(m for m in whole if isinstance(m, str) and m in modalities), previews)


def preview_reply(facts: Mapping[str, JsonValue], arrays: Mapping[str, np.ndarray], name: str = 'file') -> Shown:
    """Facts and pictures of one preview.

    Raises:
        RequestError: It breaks the rules.
    """
    pictures, listed = arrays.get(f'preview/{name}'), facts.get('previews')
    given = listed.get(name) if isinstance(listed, dict) else None
    where = None if name == 'file' else name
    if pictures is None or not isinstance(given, dict):
        raise _broken(where)
    if pictures.ndim != 4 or pictures.shape[-1] != 3 or len(pictures) > FRAMES or max(pictures.shape[1:3]) > SIDE:
        raise _broken(where)
    return _facts(given, where), pictures


def table_reply(facts: Mapping[str, JsonValue], most: int) -> list[dict[str, str | None]]:
    """The rows of a table.

    Args:
        facts: As they came.
        most: More rows are refused.

    Raises:
        RequestError: It breaks the rules, or has too many rows.
    """
    columns, rows = facts.get('columns'), facts.get('rows')
    if not isinstance(columns, list) or not isinstance(rows, list) or not all(isinstance(c, str) for c in columns):
        raise _broken('table')
    if len(rows) > most:
        raise RequestError('too_large', f'the table has more than {most} rows', 'table')
    found = []
    for row in rows:
        if not isinstance(row, list) or len(row) != len(columns):
            raise _broken('table')
        cells = [cell for cell in row if cell is None or _is_cell(cell)]
        if len(cells) != len(row):
            raise _broken('table')
        found.append(dict(zip(map(str, columns), cells, strict=True)))
    return found


def _facts(given: Mapping[str, JsonValue], where: str | None) -> PreviewFacts:
    width, height, frames = (_count(given.get(name)) for name in ('width', 'height', 'frames'))
    kept, scale = _number(given.get('kept'), 0, 1), _number(given.get('scale'), 0, 1e6)
    kind, blanked, name = _word(given.get('kind'), KINDS), _word(given.get('blanked'), BLANKED), given.get('type')
    if width is None or height is None or frames is None or kept is None or scale is None:
        raise _broken(where)
    if kind is None or blanked is None or not isinstance(name, str) or name not in TYPES:
        raise _broken(where)
    spacing = [side for side in clean_numbers(given.get('spacing_mm'), 2) or () if side is not None]
    return {
        'kind': kind,
        'type': name,
        'width': width,
        'height': height,
        'frames': frames,
        'seconds': _number(given.get('seconds'), 0, 1e6),
        'fps': _number(given.get('fps'), 0, 1e6),
        'spacing_mm': spacing if len(spacing) == 2 else None,
        'kept': round(kept, 4),
        'blanked': blanked,
        'scale': scale,
    }


def _count(value: JsonValue) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31 else None


def _word(value: JsonValue, known: Sequence[Word]) -> Word | None:
    return next((word for word in known if word == value), None)


def _number(value: JsonValue, low: float, high: float) -> float | None:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
        or not low <= value <= high
    ):
        return None
    return float(value)


def _is_cell(value: JsonValue) -> TypeGuard[str]:
    return isinstance(value, str) and len(value) <= CELL


def _names(arrays: Mapping[str, np.ndarray], start: str) -> list[str]:
    return [name.removeprefix(start) for name in arrays if name.startswith(start)]


def _broken(name: str | None) -> RequestError:
    return RequestError('unreadable', 'reading it failed: the file is damaged', name)
