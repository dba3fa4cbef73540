"""TIFF of kinds that are not read: one message that names the kind and what to do, and nothing else on the screen."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from usmm.readers import DataError, depth_facts, read_image, read_mask

GREY = np.arange(24, dtype=np.uint16).reshape(4, 6) * 2730
SMALL = (GREY >> 8).astype(np.uint8)
RGB = np.stack([SMALL] * 3, axis=-1)
BOTH, DEEP = (8, 16), (16,)


@pytest.mark.parametrize(
    ('number', 'name', 'depths'),
    [
        (33003, 'JPEG 2000', BOTH),
        (34712, 'JPEG 2000', BOTH),
        (50002, 'JPEG XL', BOTH),
        (34887, 'LERC', BOTH),
        (34933, 'PNG', BOTH),
        (34934, 'JPEG XR', BOTH),
        (34661, 'JBIG', BOTH),
        (9999, 'method 9999', BOTH),
        (50000, 'Zstandard', DEEP),
        (34925, 'LZMA', DEEP),
        (50001, 'WebP', DEEP),
    ],
)
def test_compressions(tmp_path, capfd, number, name, depths, write):
    for depth in depths:
        path = write(tmp_path / 'a.tif', GREY if depth == 16 else SMALL, t259=number)
        cause = f'is a TIFF of {depth} bits a sample compressed with {name}, which is not read: save it uncompressed or'
        for read in (read_image, read_mask):
            with pytest.raises(DataError, match=cause) as caught:
                read(path)
            assert caught.value.file == path
    assert capfd.readouterr() == ('', '')


@pytest.mark.parametrize(
    ('pixels', 'tags', 'cause'),
    [
        (
            SMALL,
            {'scale': 32803},
            r'is a TIFF of the samples of a camera sensor \(CFA\) with 1 unsigned sample a pixel',
        ),
        (RGB, {'scale': 9}, r'is a TIFF of ICCLab with 3 unsigned samples a pixel of 8 bits \(compression: none\)'),
        (RGB, {'scale': 77}, 'is a TIFF of photometric interpretation 77 with 3 unsigned samples a pixel'),
        (np.concatenate([RGB, RGB[..., :2]], -1), {}, 'is a TIFF of RGB with 5 unsigned samples a'),
        (
            SMALL,
            {'t258': 4, 't339': 2, 'data': bytes(12)},
            'is a TIFF of BlackIsZero with 1 signed sample a pixel of 4',
        ),
        (SMALL, {'t339': 3}, 'is a TIFF of BlackIsZero with 1 floating sample a pixel of 8 bits'),
    ],
)
def test_samples_that_pillow_does_not_read(tmp_path, capfd, pixels, tags, cause, write):
    path = write(tmp_path / 'a.tif', pixels, **tags)
    with pytest.raises(
        DataError, match=cause + '.*, which is not read: save it as grey or RGB of 8 or 16 bits'
    ) as caught:
        read_image(path)
    assert caught.value.file == path
    assert capfd.readouterr() == ('', '')


@pytest.mark.parametrize(
    ('pixels', 'tags', 'kind'),
    [
        (GREY.astype(np.float16), {'t339': 3}, 'floating samples of 16 bits'),
        (GREY, {'t258': 24, 't339': 3, 'data': bytes(72)}, 'floating samples of 24 bits'),
        (GREY, {'t258': 24, 'data': bytes(72)}, 'unsigned samples of 24 bits'),
        (GREY, {'t258': 12, 't339': 2, 'data': bytes(36)}, 'signed samples of 12 bits'),
        (GREY, {'t339': 5}, 'complex samples of 16 bits'),
        (GREY, {'t339': 9}, 'unknown samples of 16 bits'),
    ],
)
def test_deep_samples_that_are_not_read(tmp_path, capfd, pixels, tags, kind, write):
    path = write(tmp_path / 'a.tif', pixels, **tags)
    cause = f'holds {kind}, which are not read: save it with unsigned samples of 8 or 16 bits'
    with pytest.raises(DataError, match=cause):
        read_image(path)
    assert capfd.readouterr() == ('', '')


@pytest.mark.parametrize('pixels', [SMALL, GREY, RGB])
def test_volume(tmp_path, pixels, write):
    path = write(tmp_path / 'a.tif', pixels, t32997=3)
    for read in (read_image, read_mask):
        with pytest.raises(DataError, match=r'holds a volume of 3 slices \(ImageDepth, tag 32997\), expected one'):
            read(path)
    assert read_image(write(tmp_path / 'a.tif', pixels, t32997=1)).shape == (4, 6, 3)


def test_damage_is_one_message(tmp_path, capfd, write):
    """LZW that ends early is found by OpenCV, which prints what it finds."""
    path = write(tmp_path / 'a.tif', GREY, t259=5, data=b'\x80\x00' + bytes(9))
    with pytest.raises(DataError, match='is damaged or stored in a way that OpenCV cannot decode'):
        read_image(path)
    assert capfd.readouterr() == ('', '')


def test_ycbcr_with_fewer_colours_than_pixels(tmp_path, write):
    """4:2:0 stores six bytes for four pixels (TIFF 6.0, section 21)."""
    stored = bytes([100, 100, 100, 100, 128, 128] * 6)
    path = write(tmp_path / 'a.tif', RGB, scale=6, data=zlib.compress(stored), t259=8, t530=[2, 2])
    assert (read_image(path) == 100).all()
    path = write(tmp_path / 'a.tif', RGB, scale=6, data=stored, t530=[2, 2])
    with pytest.raises(
        DataError, match=r'uncompressed TIFF of YCbCr with fewer colours than pixels \(YCbCrSubSampling'
    ):
        read_image(path)
    full = np.full_like(RGB, 128)
    assert (read_image(write(tmp_path / 'a.tif', full, scale=6, t530=[1, 1])) == 128).all()


def test_depth_of_signed_samples(tmp_path, write):
    facts = depth_facts(write(tmp_path / 'a.tif', SMALL.view(np.int8), t339=2))
    assert (facts.bits, facts.used) == (8, 8)
