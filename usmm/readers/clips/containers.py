"""Whether a clip's file is all there, by the sizes that its container states."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from usmm.readers.errors import DataError, reading

BOXES = frozenset(b'ftyp moov mdat moof mfra free skip wide sidx styp uuid meta udta pnot ssix prft emsg'.split())
EBML, SEGMENT = b'\x1aE\xdf\xa3', b'\x18S\x80g'
MISSING = 0.005
"""Share of its frames that a recorder may count in vain."""

LAST = 1.0
"""Seconds that the last frame may stay, or sound go on after it."""


def check_complete(path: Path) -> bool:
    """Refuse a clip that its container shows to be cut.

    MP4 and MOV are chains of boxes, AVI of RIFF chunks, Matroska and WebM of elements, GIF of blocks: each states its
    length. What states none cannot be checked: an MPEG stream or a fragmented MP4 that is cut between two pictures or
    fragments, or a file that was streamed and states nothing. (The decoder reports a cut inside a picture.)

    Args:
        path: The file; kinds not known here pass.

    Returns:
        Whether the part with the pixels is open: it has no length, as a recorder writes it before it knows. Then the
        number of frames or the duration in the header show a cut, see `check_count` and `check_duration`.

    Raises:
        DataError: if the file ends early.
    """
    with reading(path, 'a clip'), path.open('rb') as stream:
        start = stream.read(12)
        if start[4:8] in BOXES:
            return _check_boxes(stream, path)
        if start[:4] == b'RIFF':
            return _check_riff(stream, path)
        if start[:4] == EBML:
            return _check_elements(stream, path)
        if start[:3] == b'GIF':
            _check_gif(stream, path)
        return False


def check_count(stated: int, present: int, path: Path) -> None:
    """Refuse a clip without a length whose header states more frames than there are.

    Args:
        stated: Frames by the header; 0 for unknown.
        present: Frames in the file, the empty ones included.
        path: For messages.

    Raises:
        DataError: if more than one frame and more than `MISSING` of the frames are missing.
    """
    if stated - present > max(1, MISSING * stated):
        raise DataError(f'is cut: its header states {stated} frames, it holds {present}', file=path)


def check_duration(stated: float, present: float, path: Path) -> None:
    """Refuse a clip without a length whose header states a longer duration than its frames have.

    Args:
        stated: Seconds by the header; 0 for unknown.
        present: Seconds from the first frame to the end of the last.
        path: For messages.

    Raises:
        DataError: if more than `LAST` seconds and more than a tenth of the clip are missing.
    """
    if stated - present > max(LAST, 0.1 * stated):
        raise DataError(f'is cut: its header states {stated:.3g} s, its frames end after {present:.3g} s', file=path)


def _cut(path: Path, part: str, end: int, size: int) -> DataError:
    return DataError(f'is cut: its {part} should end at byte {end}, the file has {size} bytes', file=path)


def _check_boxes(stream: BinaryIO, path: Path) -> bool:
    size, at = path.stat().st_size, 0
    while at + 8 <= size:
        stream.seek(at)
        length, kind = struct.unpack('>I4s', stream.read(8))
        if kind not in BOXES:  # padding or other data behind the last box
            return False
        if length == 1:
            length = int.from_bytes(stream.read(8), 'big')
        if length == 0:  # up to the end of the file, wherever that is
            return True
        if at + length > size:
            raise _cut(path, f'{kind.decode()} box', at + length, size)
        at += max(length, 8)
    return False


def _check_riff(stream: BinaryIO, path: Path) -> bool:
    size, at = path.stat().st_size, 0
    while at + 12 <= size:
        stream.seek(at)
        kind, length = struct.unpack('<4sI', stream.read(8))
        if kind != b'RIFF':
            return False
        if length in (0, 0xFFFFFFFF):  # a recorder that streamed could not know the length
            return True
        if at + 8 + length > size:
            raise _cut(path, 'RIFF chunk', at + 8 + length, size)
        at += 8 + length + length % 2
    return False


def _check_elements(stream: BinaryIO, path: Path) -> bool:
    """Top-level elements of Matroska (RFC 8794): an identifier, a length, contents."""
    size, at = path.stat().st_size, 0
    while at < size:
        stream.seek(at)
        name = stream.read(4)
        first = stream.read(1)
        if name not in (EBML, SEGMENT) or not first or not first[0]:  # other data behind the last segment
            return False
        width = 9 - first[0].bit_length()  # the first set bit tells how many bytes the length takes
        length = int.from_bytes(first + stream.read(width - 1), 'big') - (1 << 7 * width)
        if length == (1 << 7 * width) - 1:  # unknown
            return True
        at += 4 + width + length
        if at > size:
            raise _cut(path, 'Matroska segment' if name == SEGMENT else 'Matroska header', at, size)
    return False


def _check_gif(stream: BinaryIO, path: Path) -> None:
    stream.seek(10)
    flags = _byte(stream, path)
    stream.seek(13 + _colours(flags))
    while (block := _byte(stream, path)) != 0x3B:
        if block == 0x21:  # extension: label, then sub-blocks
            stream.seek(1, 1)
        elif block == 0x2C:  # picture: place and size, own colours, code size, then sub-blocks
            stream.seek(8, 1)
            stream.seek(_colours(_byte(stream, path)) + 1, 1)
        else:
            raise DataError(f'is damaged: GIF block 0x{block:02x} at byte {stream.tell() - 1}', file=path)
        while length := _byte(stream, path):
            stream.seek(length, 1)


def _byte(stream: BinaryIO, path: Path) -> int:
    byte = stream.read(1)
    if not byte:
        raise DataError('is cut: a GIF ends with a trailer, this one does not', file=path)
    return byte[0]


def _colours(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
