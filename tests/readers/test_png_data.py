"""PNG whose unpacked pixel data are short or damaged; interlaced files are written by the pattern of the standard."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from usmm.readers import DataError, read_image, read_mask
from usmm.readers.png_data import check_png_data, expected_bytes

PASSES = np.array(  # PNG specification, 8.2: the pass that stores each pixel of a tile of 8 x 8
    [[int(v) for v in row] for row in ('16462646', '77777777', '56565656', '77777777')]
    + [[int(v) for v in row] for row in ('36463646', '77777777', '56565656', '77777777')]
)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def packed(row: np.ndarray, bits: int) -> bytes:
    """A filter of 0 and the samples of a row, packed."""
    text = ''.join(f'{value:0{bits}b}' for value in row.ravel())
    return b'\0' + int(text.ljust(-(-len(text) // 8) * 8, '0'), 2).to_bytes(-(-len(text) // 8), 'big')


def unpacked(values: np.ndarray, bits: int, interlaced: bool) -> bytes:
    if not interlaced:
        return b''.join(packed(row, bits) for row in values)
    height, width = values.shape[:2]
    place = np.tile(PASSES, (height // 8 + 1, width // 8 + 1))[:height, :width]
    rows = [
        packed(values[y][place[y] == number], bits)
        for number in range(1, 8)
        for y in range(height)
        if (place[y] == number).any()
    ]
    return b''.join(rows)


def write(path: Path, values: np.ndarray, bits: int, data: bytes, interlaced: bool, parts: int = 1) -> Path:
    height, width = values.shape[:2]
    kind = {2: 0, 3: 2}[values.ndim]
    head = struct.pack('>IIBBBBB', width, height, bits, kind, 0, 0, int(interlaced))
    size = -(-len(data) // parts)
    pixels = b''.join(chunk(b'IDAT', data[i : i + size]) for i in range(0, len(data), size))
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + pixels + chunk(b'IEND', b''))
    return path


@pytest.mark.parametrize('interlaced', [False, True])
@pytest.mark.parametrize(
    ('bits', 'colours'), [(1, False), (2, False), (4, False), (8, False), (16, False), (8, True), (16, True)]
)
@pytest.mark.parametrize('size', [(13, 11), (3, 2), (1, 1), (8, 9)])
def test_whole_and_short_data(tmp_path, interlaced, bits, colours, size):
    shape = (size[1], size[0], 3) if colours else (size[1], size[0])
    values = (np.arange(np.prod(shape)) * 37 % 2**bits).reshape(shape)
    data = unpacked(values, bits, interlaced)
    assert expected_bytes(*size, bits * (3 if colours else 1), interlaced) == len(data)
    level = values >> 8 if bits == 16 else values * 255 // (2**bits - 1)
    path = write(tmp_path / 'a.png', values, bits, zlib.compress(data), interlaced, parts=3)
    np.testing.assert_array_equal(read_image(path)[..., 0], level[..., 0] if colours else level)
    for short in (data[: len(data) // 2], data[:-1]):
        write(path, values, bits, zlib.compress(short), interlaced)
        cause = rf'is cut or damaged: its pixel data unpack to {len(short)} bytes, {size[0]} x {size[1]} pixels need'
        for read in (read_image, read_mask):
            with pytest.raises(DataError, match=cause):
                read(path)


def test_checksum_and_zeros(tmp_path):
    values = np.arange(256).reshape(16, 16)
    whole = bytearray(zlib.compress(unpacked(values, 8, False)))
    for damage in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[:20] + bytes(len(whole) - 20)):
        path = write(tmp_path / 'a.png', values, 8, bytes(damage), False)
        with pytest.raises(DataError, match=r'is damaged: its pixel data cannot be unpacked|is cut or damaged'):
            read_image(path)


def test_more_data_than_pixels_are_left_aside(tmp_path):
    values = np.arange(256).reshape(16, 16)
    data = zlib.compress(unpacked(values, 8, False) + bytes(9))
    assert (read_image(write(tmp_path / 'a.png', values, 8, data, False))[..., 0] == values).all()


def test_header_that_ends(tmp_path):
    (tmp_path / 'a.png').write_bytes(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', bytes(13))[:15])
    with pytest.raises(DataError, match='is cut: a PNG has a header of 25 bytes'):
        check_png_data(tmp_path / 'a.png')
