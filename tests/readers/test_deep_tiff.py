"""TIFF that Pillow does not read, and what it reads wrongly; the files are written by hand, tag by tag (TIFF 6.0)."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from PIL import Image

from usmm.readers import DataError, read_image, read_mask

GREY = np.arange(24, dtype=np.uint16).reshape(4, 6) * 2730
RGB = np.stack([GREY, 65535 - GREY, GREY // 2], axis=-1)


@pytest.fixture
def tif(tmp_path):
    return tmp_path / 'a.tif'


def shown(pixels):
    return np.broadcast_to(np.atleast_3d(pixels) >> 8, (*pixels.shape[:2], 3))


# TIFF 6.0, tag 274: where row 0 and column 0 of the stored picture are seen.
TURNED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


@pytest.mark.parametrize('orientation', TURNED)
@pytest.mark.parametrize('planar', [1, 2])
def test_orientation_is_applied_once(tif, orientation, planar, write):
    for pixels in (GREY, RGB):
        write(tif, pixels, planar=planar, t274=orientation)
        np.testing.assert_array_equal(read_image(tif), TURNED[orientation](shown(pixels)))
    small = (RGB >> 8).astype(np.uint8)
    np.testing.assert_array_equal(read_image(write(tif, small, t274=orientation)), TURNED[orientation](small))


@pytest.mark.parametrize('orientation', TURNED)
@pytest.mark.parametrize('kind', ['grey', 'white is 0', 'palette', 'RGBA', 'CMYK', 'bilevel'])
def test_orientation_of_8_bits_in_one_strip(tif, orientation, kind, write):
    """One uncompressed strip is what Pillow maps into memory."""
    small, rgb = (GREY >> 8).astype(np.uint8), (RGB >> 8).astype(np.uint8)
    seen = np.repeat(small[..., None], 3, axis=2)
    tags = dict(rows=4, t274=orientation)
    if kind == 'palette':
        write(tif, small, scale=3, t320=[(3 * v + c & 0xFF) << 8 for c in range(3) for v in range(256)], **tags)
        seen = np.stack([(3 * small.astype(int) + c) & 0xFF for c in range(3)], -1)
    elif kind == 'RGBA':
        write(tif, np.concatenate([rgb, np.full_like(rgb[..., :1], 255)], -1), t338=2, **tags)
        seen = rgb
    elif kind == 'CMYK':
        write(tif, np.concatenate([255 - rgb, np.zeros_like(rgb[..., :1])], -1), scale=5, **tags)
        seen = rgb
    elif kind == 'bilevel':
        bits = np.arange(64).reshape(4, 16) % 3 == 0
        write(tif, bits.astype(np.uint8), t258=1, data=np.packbits(bits, axis=1).tobytes(), t274=orientation)
        seen = np.repeat(bits[..., None] * np.uint8(255), 3, axis=2)
    else:
        write(tif, 255 - small if kind == 'white is 0' else small, scale=0 if kind == 'white is 0' else 1, **tags)
    np.testing.assert_array_equal(read_image(tif), TURNED[orientation](seen))
    np.testing.assert_array_equal(read_mask(tif), TURNED[orientation](seen.any(axis=2)))


@pytest.mark.parametrize('top', [1, 255, 256, 65535])
@pytest.mark.parametrize('bits', [4, 8])
def test_palette_whose_colours_are_all_below_256_has_8_bits(tif, top, bits, write):
    """As libtiff decides (checkcmap in tif_getimage.c)."""
    codes = np.array([[0, 1, 2, 3]], np.uint8)
    red = [0, top, 7, 0] + [0] * (2**bits - 4)
    packed = codes.tobytes() if bits == 8 else b'\x01\x23'
    write(tif, codes, scale=3, t258=bits, data=packed, t320=red + red[::-1] + [3] * 2**bits)
    shift = 8 if top >= 256 else 0
    assert read_image(tif).tolist() == [[[v >> shift, 0, 3 >> shift] for v in red[:4]]]


@pytest.mark.parametrize('order', ['<', '>'])
@pytest.mark.parametrize('deflate', [False, True])
@pytest.mark.parametrize('planar', [1, 2])
def test_planes_byte_orders_and_compression(tif, order, deflate, planar, write):
    for pixels in (GREY, RGB):
        write(tif, pixels, planar=planar, order=order, deflate=deflate)
        np.testing.assert_array_equal(read_image(tif), shown(pixels))


@pytest.mark.parametrize('orientation', [1, 6])
def test_white_is_zero(tif, orientation, write):
    write(tif, GREY, scale=0, t274=orientation)
    np.testing.assert_array_equal(read_image(tif), TURNED[orientation](shown(65535 - GREY)))
    small = (GREY >> 8).astype(np.uint8)
    np.testing.assert_array_equal(read_image(write(tif, small, scale=0))[..., 0], 255 - small)


@pytest.mark.parametrize(('bits', 'white'), [(1, 0), (2, 0), (4, 0), (1, 1), (4, 1)])
def test_few_bits_on_both_scales(tif, bits, white, write):
    values = np.arange(32).reshape(4, 8) % 2**bits
    text = ''.join(f'{v:0{bits}b}' for v in values.ravel())
    data = int(text, 2).to_bytes(len(text) // 8, 'big')
    write(tif, values.astype(np.uint8), scale=white, t258=bits, data=data)
    level = values * 255 // (2**bits - 1)
    np.testing.assert_array_equal(read_image(tif)[..., 0], level if white else 255 - level)


@pytest.mark.parametrize('planar', [1, 2])
@pytest.mark.parametrize('depth', [8, 16])
@pytest.mark.parametrize(
    ('extra', 'alpha'), [(0, False), (2, True), ([0, 0], False), ([2, 0], True)], ids=['none', 'alpha', 'two', 'first']
)
def test_samples_beyond_the_colours(tif, planar, depth, extra, alpha, write):
    if depth == 8 and planar == 1 and isinstance(extra, list):
        pytest.skip('Pillow reads these')
    clear = np.full_like(GREY, 65535)
    clear[1] = 0
    for colours in (GREY[..., None], RGB):
        samples = [colours, clear[..., None]] + ([clear[..., None] // 3] if isinstance(extra, list) else [])
        pixels = np.concatenate(samples, axis=-1)
        stored = pixels if depth == 16 else (pixels >> 8).astype(np.uint8)
        write(tif, stored, scale=2 if colours is RGB else 1, planar=planar, t338=extra)
        expected = shown(colours).copy()
        if alpha:
            expected[1] = 0
        np.testing.assert_array_equal(read_image(tif), expected)


def test_colours_multiplied_by_alpha_are_on_black_already(tif, write):
    alpha = np.full((*GREY.shape, 1), 32768, np.uint16)
    write(tif, np.concatenate([RGB // 2, alpha], axis=-1), t338=1)
    np.testing.assert_array_equal(read_image(tif), shown(RGB // 2))


def test_mask_of_16_bits_with_an_extra_sample(tif, write):
    lesion = np.zeros((4, 6), np.uint16)
    lesion[1:3, 2:4] = 1
    other = np.full_like(lesion, 7)
    np.testing.assert_array_equal(read_mask(write(tif, np.stack([lesion, other], -1), t338=0)), lesion > 0)
    np.testing.assert_array_equal(read_mask(write(tif, 65535 - lesion * 65535, scale=0)), lesion > 0)


@pytest.mark.parametrize('white', [0, 1])
def test_twelve_bits_packed(tif, white, write):
    values = GREY >> 4
    text = ''.join(f'{v:012b}' for v in values.ravel())
    data = int(text, 2).to_bytes(len(text) // 8, 'big')
    write(tif, GREY, scale=white, t258=12, data=data)
    seen = values if white else 4095 - values
    np.testing.assert_array_equal(read_image(tif)[..., 0], seen >> 4)
    np.testing.assert_array_equal(read_image(tif, window=(0, 4095))[..., 0], np.rint(seen / 4095 * 255))


def test_signed_and_floating_pixels_need_a_window(tif, write):
    for pixels, kind in (
        (GREY.astype(np.int16) - 9000, 2),
        ((GREY >> 8).astype(np.int8), 2),
        (GREY.astype(np.float32), 3),
        (GREY.astype(np.uint32), 1),
    ):
        write(tif, pixels, t339=kind, t274=3)
        with pytest.raises(DataError, match=f'holds {pixels.dtype} pixels, whose range is unknown'):
            read_image(tif)
        low, high = (-128, 127) if pixels.dtype == np.int8 else (-9000, 20000)
        expected = np.rint(np.clip((pixels.astype(float) - low) / (high - low), 0, 1) * 255)[::-1, ::-1]
        np.testing.assert_array_equal(read_image(tif, window=(low, high))[..., 0], expected)


@pytest.mark.parametrize('deflate', [False, True])
@pytest.mark.parametrize('planar', [1, 2])
@pytest.mark.parametrize('predictor', [1, 2])
def test_signed_colours_of_8_bits(tif, deflate, planar, predictor, write):
    pixels = (RGB >> 8).astype(np.uint8).view(np.int8)
    stored = np.diff(pixels, axis=1, prepend=np.int8(0)) if predictor == 2 else pixels  # TIFF 6.0, section 14
    if predictor == 2 and not deflate:
        pytest.skip('a predictor comes with a compression')
    write(tif, stored, planar=planar, deflate=deflate, t339=[2] * 3, t317=predictor, t274=6)
    with pytest.raises(DataError, match='holds int8 pixels, whose range is unknown; expected unsigned pixels of 8 or'):
        read_image(tif)
    seen = TURNED[6](pixels.astype(int) + 128)
    np.testing.assert_array_equal(read_image(tif, window=(-128, 127)), seen)


def test_mask_of_signed_samples(tif, write):
    lesion = np.zeros((4, 6), np.int8)
    lesion[1:3, 2:4] = -1  # 255 as it is stored
    lesion[0, 0] = 1
    np.testing.assert_array_equal(read_mask(write(tif, lesion, t339=2)), lesion != 0)
    np.testing.assert_array_equal(read_mask(write(tif, lesion.astype(np.int16), t339=2)), lesion != 0)


def damaged(content, how):
    packed = bytearray(zlib.compress(content))
    if how == 'zeros':
        packed[len(packed) // 2 :] = bytes(len(packed) - len(packed) // 2)
    elif how == 'checksum':
        packed[-1] ^= 1
    elif how == 'short':
        packed = bytearray(zlib.compress(content[: len(content) // 2]))
    elif how == 'no end':
        packed = packed[:-6]
    return bytes(packed)


@pytest.mark.parametrize('how', ['zeros', 'checksum', 'short', 'no end'])
@pytest.mark.parametrize('depth', [8, 16])
def test_deflated_pieces_are_verified(tif, how, depth, write):
    for pixels in (GREY, RGB):
        stored = pixels if depth == 16 else (pixels >> 8).astype(np.uint8)
        write(tif, stored, rows=4, data=damaged(stored.tobytes(), how), t259=8)
        with pytest.raises(
            DataError, match=r'is damaged: piece 1 of 1 of its pixel data \(deflate\) cannot be unpacked'
        ):
            read_image(tif)
        write(tif, stored, rows=4, data=damaged(stored.tobytes(), None), t259=8)
        np.testing.assert_array_equal(read_image(tif)[..., 0], (GREY >> 8).reshape(4, 6))


@pytest.mark.parametrize(
    ('pixels', 'tags', 'cause'),
    [
        (GREY, {'scale': 3, 't320': [0] * 12}, 'stores palette in 16 bits or in planes, expected grey or RGB'),
        (np.concatenate([RGB, RGB[..., :1]], -1), {'scale': 5}, 'stores CMYK in 16 bits'),
        (RGB, {'scale': 6}, 'stores YCbCr in 16 bits'),
        (RGB, {'scale': 99}, 'stores photometric interpretation 99 in 16 bits'),
        (GREY, {'scale': 2}, 'has 1 samples a pixel of 16 bits, expected 3 to 8'),
        (np.concatenate([RGB] * 3, -1), {}, 'has 9 samples a pixel'),
        (RGB, {'t258': [16, 8, 16]}, 'of 16, 8, 16 bits, expected 3 to 8 of one depth'),
        (np.stack([GREY] * 2, -1), {'t317': 2}, 'has 2 samples a pixel with a predictor'),
        (GREY, {'pages': 2}, 'holds 2 pictures, expected one image'),
        (RGB, {'planar': 2, 't277': 4, 't258': [16] * 4}, 'is damaged: it needs 8 pieces of pixel data and has 6'),
        (GREY.astype(np.float32), {'scale': 0, 't339': 3}, 'holds float32 pixels with white as 0, which is not read'),
        (RGB.astype(np.uint32)[..., [0, 1, 2, 0]], {'t338': 2}, 'holds uint32 pixels with transparency'),
        (GREY, {'t257': 60000}, 'is damaged: it needs 20000 pieces of pixel data and has 2'),
        (GREY, {'t259': 5}, 'is damaged or stored in a way that OpenCV cannot decode'),
        (GREY, {'t256': 9}, 'is cut: its pixels need 72 bytes and have 48'),
        (GREY, {'t256': 60000, 't257': 60000}, 'states 60000 x 60000 pixels, over the limit'),
        (GREY, {'t256': None}, 'states a size of 0 x 4 pixels'),
    ],
)
def test_what_is_not_read_says_why(tif, pixels, tags, cause, write):
    with pytest.raises(DataError, match=cause) as caught:
        read_image(write(tif, pixels, **tags))
    assert caught.value.file == tif


@pytest.mark.parametrize('share', [0.3, 0.6, 0.9, 0.97])
def test_cut_files(tif, cut, share, write):
    with pytest.raises(DataError, match=r'cannot be read as an image|is cut|is damaged'):
        read_image(cut(write(tif, RGB, planar=2), share))


def test_the_hand_written_files_are_those_of_pillow(tif, write):
    assert np.asarray(Image.open(write(tif, GREY))).tolist() == GREY.tolist()
    assert np.asarray(Image.open(write(tif, (RGB >> 8).astype(np.uint8), planar=2))).tolist() == (RGB >> 8).tolist()
