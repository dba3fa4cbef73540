"""Whether the pixels of a PNG are all there: decoders fill the missing rows with black and do not report it."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import BinaryIO

from usmm.readers.errors import DataError

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples a pixel of each colour type."""

ADAM7 = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
"""First column, step of columns, first row, step of rows, of the passes of an interlaced picture (PNG, 8.2)."""

PART = 2**20


def check_png_data(path: Path) -> None:
    """Refuse a PNG whose unpacked pixel data are damaged or shorter than its header states.

    Args:
        path: A PNG file.

    Raises:
        DataError: if rows are missing, or the data do not agree with their checksum.
    """
    with path.open('rb') as stream:
        stream.seek(16)
        head = stream.read(13)
        if len(head) < 13:
            raise DataError('is cut: a PNG has a header of 25 bytes, this one ends in it', file=path)
        width, height, bits, kind, _, _, interlace = struct.unpack('>IIBBBBB', head)
        expected = expected_bytes(width, height, bits * CHANNELS.get(kind, 1), bool(interlace))
        inflater, size = zlib.decompressobj(), 0
        try:
            for part in _pixel_data(stream):
                data = part
                while not inflater.eof and size <= expected + PART:
                    piece = inflater.decompress(data, PART)
                    size, data = size + len(piece), inflater.unconsumed_tail
                    if not piece and not data:
                        break
        except zlib.error as error:
            raise DataError(f'is damaged: its pixel data cannot be unpacked ({error})', file=path) from error
    if size < expected:
        raise DataError(
            f'is cut or damaged: its pixel data unpack to {size} bytes, {width} x {height} pixels need {expected}',
            file=path,
        )


def expected_bytes(width: int, height: int, bits: int, interlaced: bool) -> int:
    """Length of the unpacked pixel data: each row has a byte for its filter before it.

    Args:
        width, height: Size in pixels.
        bits: Bits a pixel.
        interlaced: Whether the picture is stored in seven passes.

    Example:
        >>> expected_bytes(9, 2, 1, False), expected_bytes(8, 8, 8, True)
        (6, 79)
    """
    if not interlaced:
        return height * (1 + -(-width * bits // 8))
    total = 0
    for column, right, row, down in ADAM7:
        columns, rows = -(-(width - column) // right), -(-(height - row) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total


def _pixel_data(stream: BinaryIO) -> list[bytes]:
    """The contents of the chunks with pixels (IDAT)."""
    stream.seek(8)
    parts = []
    while len(head := stream.read(8)) == 8 and head[4:] != b'IEND':
        length = int.from_bytes(head[:4], 'big')
        if head[4:] == b'IDAT':
            parts.append(stream.read(length))
            stream.seek(4, 1)
        else:
            stream.seek(length + 4, 1)
    return parts
