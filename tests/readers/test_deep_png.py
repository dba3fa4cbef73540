"""PNG files of every bit depth with a transparent colour, written by hand (PNG specification, 11.3.2.1 and 5.2)."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from usmm.readers import DataError, read_image, read_mask

LEVELS = np.arange(24).reshape(3, 8)


def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def write(path, values, bits, clear=None, kind=None, exif=b''):
    """Stored values (H, W) or (H, W, C); `clear` is the stored colour of tRNS."""
    height, width, channels = np.atleast_3d(values).shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels] if kind is None else kind
    if bits == 16:
        rows = [row.astype('>u2').tobytes() for row in values]
    else:
        texts = [''.join(f'{v:0{bits}b}' for v in row.ravel()) for row in values]
        rows = [int(text, 2).to_bytes(len(text) // 8, 'big') for text in texts]
    content = chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, bits, kind, 0, 0, 0)) + exif
    if clear is not None:
        content += chunk(b'tRNS', struct.pack(f'>{len(clear)}H', *clear))
    data = zlib.compress(b''.join(b'\0' + row for row in rows))
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + content + chunk(b'IDAT', data) + chunk(b'IEND', b''))
    return path


@pytest.mark.parametrize('bits', [1, 2, 4, 8, 16])
def test_transparent_grey_at_every_depth(tmp_path, bits):
    values = LEVELS % 2**bits if bits < 16 else LEVELS * 2800
    key = int(values[1, 5])
    found = read_image(write(tmp_path / 'a.png', values, bits, (key,)))[..., 0]
    level = values >> 8 if bits == 16 else values * 255 // (2**bits - 1)
    np.testing.assert_array_equal(found, np.where(values == key, 0, level))
    np.testing.assert_array_equal(read_image(write(tmp_path / 'b.png', values, bits))[..., 0], level)


@pytest.mark.parametrize('bits', [8, 16])
def test_transparent_colour(tmp_path, bits):
    values = np.stack([LEVELS, 200 - LEVELS, LEVELS * 2], -1) * (257 if bits == 16 else 1)
    key = tuple(int(v) for v in values[2, 3])
    expected = (values >> 8 if bits == 16 else values).copy()
    expected[2, 3] = 0
    np.testing.assert_array_equal(read_image(write(tmp_path / 'a.png', values, bits, key)), expected)
    near = (key[0], key[1], key[2] + 1)  # all three must agree, to the last of 16 bits
    expected[2, 3] = (values >> 8 if bits == 16 else values)[2, 3]
    np.testing.assert_array_equal(read_image(write(tmp_path / 'b.png', values, bits, near)), expected)


@pytest.mark.parametrize('channels', [1, 2, 3, 4])
def test_kinds_of_16_bits(tmp_path, channels):
    values = np.stack([(LEVELS + 1) * 2000 + i for i in range(channels)], -1)
    if channels % 2 == 0:
        values[..., -1] = 65535
        values[0, 0, -1] = 0
    found = read_image(write(tmp_path / 'a.png', values if channels > 1 else values[..., 0], 16))
    expected = (values >> 8)[..., : channels - (channels % 2 == 0)] * np.ones(3, int)
    if channels % 2 == 0:
        expected[0, 0] = 0
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize('orientation', range(1, 9))
def test_orientation_of_a_16_bit_png_is_that_of_8_bits(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    extra = chunk(b'eXIf', exif.tobytes()[6:] if exif.tobytes()[:4] == b'Exif' else exif.tobytes())
    deep = read_image(write(tmp_path / 'a.png', LEVELS * 257, 16, exif=extra))
    np.testing.assert_array_equal(deep, read_image(write(tmp_path / 'b.png', LEVELS, 8, exif=extra)))
    assert deep.shape == ((8, 3, 3) if orientation > 4 else (3, 8, 3))


def test_mask_whose_background_is_the_transparent_colour(tmp_path):
    lesion = LEVELS % 5 == 0
    path = write(tmp_path / 'm.png', np.where(lesion, 60000, 30000), 16, (30000,))
    np.testing.assert_array_equal(read_mask(path), lesion)


def test_header_and_decoder_that_disagree(tmp_path, monkeypatch):
    path = write(tmp_path / 'a.png', LEVELS * 257, 16)
    for wrong, cause in (
        (np.zeros((3, 9), np.uint16), 'for the decoder and'),
        (np.zeros((3, 8), np.uint8), 'for the decoder and'),
        (np.zeros((3, 8, 3), np.uint16), 'has 3 channels for the decoder, colour type 0 by its header'),
    ):
        monkeypatch.setattr('usmm.readers.deep_png.cv2.imdecode', lambda *_, wrong=wrong: wrong)
        with pytest.raises(DataError, match=cause):
            read_image(path)
