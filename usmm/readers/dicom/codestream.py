"""What compressed pixels state about themselves: the headers of JPEG, JPEG-LS and JPEG 2000 inside DICOM."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

SOI, SOC, JP2 = b'\xff\xd8\xff', b'\xff\x4f\xff\x51', b'\x00\x00\x00\x0cjP  '
SOF = {0xC0 + i for i in range(16)} - {0xC4, 0xC8, 0xCC} | {0xF7}
"""Markers of JPEG and JPEG-LS that state the size of a picture."""

COD, SOT, SOS, EOI = 0x52, 0x90, 0xDA, 0xD9
MOST_MARKERS = 1000
"""Parts before the pixels; a profile of colours takes a few, a hostile file millions."""

BOX_BYTES = 2**16
"""Bytes in which the boxes of a JP2 file lead to its codestream."""


@dataclass(frozen=True)
class Codestream:
    """The header of one compressed picture.

    Args:
        width, height: Size in pixels; a height of 0 stands for unknown.
        samples: Values a pixel.
        bits: Bits of each value; all values have the same, else 0.
        signed: Whether values are signed; None for JPEG and JPEG-LS, which do not state it.
        transformed: Whether JPEG 2000 turned RGB into other components itself, so that its decoder gives RGB.
    """

    width: int
    height: int
    samples: int
    bits: int
    signed: bool | None = None
    transformed: bool = False


def begins_picture(start: bytes) -> bool:
    """Whether bytes are the beginning of a picture of the JPEG family.

    Example:
        >>> begins_picture(bytes.fromhex('ffd8ffe000104a46')), begins_picture(b'some others')
        (True, False)
    """
    return start.startswith((SOI, SOC, JP2))


def read_codestream(stream: BinaryIO, end: int) -> Codestream | None:
    """Read the header of a compressed picture.

    Args:
        stream: At the start of the picture.
        end: Where its bytes end.

    Returns:
        What it states, or None where the bytes are of another kind or cut.
    """
    at = stream.tell()
    start = stream.read(len(JP2))
    try:
        if start.startswith(SOI):
            return _jpeg(stream, at + 2, end)
        if start.startswith(JP2):
            stream.seek(at)
            place = stream.read(min(end - at, BOX_BYTES)).find(SOC)
            return None if place < 0 else _jpeg_2000(stream, at + place, end)
        return _jpeg_2000(stream, at, end) if start.startswith(SOC) else None
    except (struct.error, IndexError):
        return None


def _segments(stream: BinaryIO, at: int, end: int, last: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Marker, place of its data and length, of each segment up to one of `last`."""
    segments: list[tuple[int, int, int]] = []
    while at + 4 <= end and len(segments) < MOST_MARKERS:
        stream.seek(at)
        first, marker, length = struct.unpack('>BBH', stream.read(4))
        if first != 0xFF or marker in last:
            break
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        segments.append((marker, at + 4, length - 2))
        at += 2 + length
    return segments


def _jpeg(stream: BinaryIO, at: int, end: int) -> Codestream | None:
    for marker, place, length in _segments(stream, at, end, (SOS, EOI)):
        if marker in SOF and length >= 6:
            stream.seek(place)
            bits, height, width, samples = struct.unpack('>BHHB', stream.read(6))
            return Codestream(width, height, samples, bits)
    return None


def _jpeg_2000(stream: BinaryIO, at: int, end: int) -> Codestream | None:
    segments = _segments(stream, at + 2, end, (SOT,))
    stream.seek(segments[0][1])
    data = stream.read(segments[0][2])  # SIZ: capabilities, size and origin of the grid, of tiles, components
    _, right, bottom, left, top = struct.unpack('>HIIII', data[:18])
    (samples,) = struct.unpack('>H', data[34:36])
    components = [data[36 + 3 * i] for i in range(samples)]
    bits = {(component & 0x7F) + 1 for component in components}
    transformed = False
    for marker, place, length in segments[1:]:
        if marker == COD and length >= 5:
            stream.seek(place)
            transformed = stream.read(5)[4] == 1 and samples >= 3
    return Codestream(
        right - left, bottom - top, samples, bits.pop() if len(bits) == 1 else 0,
        any(component & 0x80 for component in components), transformed,
    )  # fmt: skip
