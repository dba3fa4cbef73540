"""Whether a clip's file is all there, by the sizes that its container states."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from usmm.readers.errors import DataError, reading

BOXES = frozenset(b'ftyp moov mdat moof mfra free skip wide sidx styp uuid meta udta pnot ssix prft emsg'.split())


def check_complete(path: Path) -> None:
    """Refuse a clip that its container shows to be cut.

    MP4 and MOV are chains of boxes, AVI of RIFF chunks, GIF of blocks: each states its length. (An MPEG stream states
    no length; there the decoder tells, unless the cut lies between two pictures, which nothing in the file shows.)

    Args:
        path: The file; kinds not known here pass.

    Raises:
        DataError: if the file ends early.
    """
    with reading(path, 'a clip'), path.open('rb') as stream:
        start = stream.read(12)
        if start[4:8] in BOXES:
            _check_boxes(stream, path)
        elif start[:4] == b'RIFF':
            _check_riff(stream, path)
        elif start[:3] == b'GIF':
            _check_gif(stream, path)


def _cut(path: Path, part: str, end: int, size: int) -> DataError:
    return DataError(f'is cut: its {part} should end at byte {end}, the file has {size} bytes', file=path)


def _check_boxes(stream: BinaryIO, path: Path) -> None:
    size, at = path.stat().st_size, 0
    while at + 8 <= size:
        stream.seek(at)
        length, kind = struct.unpack('>I4s', stream.read(8))
        if kind not in BOXES:  # padding or other data behind the last box
            return
        if length == 1:
            length = int.from_bytes(stream.read(8), 'big')
        if length == 0:  # up to the end of the file, wherever that is
            return
        if at + length > size:
            raise _cut(path, f'{kind.decode()} box', at + length, size)
        at += max(length, 8)


def _check_riff(stream: BinaryIO, path: Path) -> None:
    size, at = path.stat().st_size, 0
    while at + 12 <= size:
        stream.seek(at)
        kind, length = struct.unpack('<4sI', stream.read(8))
        if kind != b'RIFF' or length in (0, 0xFFFFFFFF):  # a recorder that streamed could not know the length
            return
        if at + 8 + length > size:
            raise _cut(path, 'RIFF chunk', at + 8 + length, size)
        at += 8 + length + length % 2


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
