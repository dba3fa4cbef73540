"""Pixels in memory are what the readers would have made of the same picture in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from usmm.apis.record_values import clip_pixels, image_pixels, is_pixels, mask_pixels
from usmm.readers import read_image, read_mask

RNG = np.random.default_rng(0)


def pictures() -> dict[str, Image.Image]:
    rgb = Image.fromarray(RNG.integers(0, 256, (6, 7, 3), dtype=np.uint8))
    rgba = Image.fromarray(RNG.integers(0, 256, (6, 7, 4), dtype=np.uint8), 'RGBA')
    return {
        'rgb': rgb, 'grey': rgb.convert('L'), 'palette': rgb.quantize(8), 'rgba': rgba, 'two colours': rgb.convert('1'),
        'grey with alpha': rgba.convert('LA'),
    }  # fmt: skip


@pytest.mark.parametrize('kind', pictures())
def test_a_pil_image_is_read_as_its_file(kind: str, tmp_path: Path) -> None:
    image = pictures()[kind]
    image.save(tmp_path / 'a.png')
    np.testing.assert_array_equal(image_pixels(image), read_image(tmp_path / 'a.png'))
    assert is_pixels(image)


def test_a_turned_photograph(tmp_path: Path) -> None:
    image = pictures()['rgb']
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / 'a.png', exif=exif)
    opened = Image.open(tmp_path / 'a.png')
    np.testing.assert_array_equal(image_pixels(opened), read_image(tmp_path / 'a.png'))
    assert image_pixels(opened).shape == (7, 6, 3)


@pytest.mark.parametrize('shape', [(4, 5), (4, 5, 1), (4, 5, 3)])
def test_shapes_of_an_image(shape: tuple[int, ...]) -> None:
    array = RNG.integers(0, 256, shape, dtype=np.uint8)
    expected = array if array.shape[-1] == 3 else np.stack([array.reshape(4, 5)] * 3, -1)
    np.testing.assert_array_equal(image_pixels(array), expected)


@pytest.mark.parametrize(
    'array',
    [np.zeros((4, 5, 4), np.uint8), np.zeros((4, 5)), np.zeros((0, 5), np.uint8), np.zeros(5, np.uint8),
     np.zeros((4, 5), np.uint16)],
)  # fmt: skip
def test_what_is_no_image(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r'an image is \(H, W\), .* uint8 from 0 to 255, got \('):
        image_pixels(array)


def test_a_pil_image_of_unknown_depth() -> None:
    with pytest.raises(ValueError, match='says nothing of its depth'):
        image_pixels(Image.fromarray(np.zeros((3, 3), np.float32)))


def test_clips() -> None:
    clip = RNG.integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)
    np.testing.assert_array_equal(clip_pixels(clip), clip)
    np.testing.assert_array_equal(clip_pixels([Image.fromarray(frame) for frame in clip], 3), clip)
    grey = clip[..., 0]
    np.testing.assert_array_equal(clip_pixels(grey), np.stack([grey] * 3, -1))
    with pytest.raises(ValueError, match='this model takes 4 frames, got 3'):
        clip_pixels(clip, 4)
    with pytest.raises(ValueError, match='must have one size'):
        clip_pixels([clip[0], clip[0, 1:]])
    for wrong in (np.zeros((0, 4, 5), np.uint8), np.zeros((4, 5), np.uint8), Image.new('L', (3, 3))):
        with pytest.raises(ValueError, match=r'a clip is \(T, H, W\)'):
            clip_pixels(wrong)


def test_masks(tmp_path: Path) -> None:
    mask = RNG.integers(0, 2, (4, 5)) > 0
    Image.fromarray(mask).save(tmp_path / 'm.png')
    for given in (mask, mask.astype(np.uint8) * 255, mask.astype(int), Image.fromarray(mask)):
        np.testing.assert_array_equal(mask_pixels(given), read_mask(tmp_path / 'm.png'))
    for wrong in (np.zeros((4, 5)), np.zeros((4, 5, 3), np.uint8)):
        with pytest.raises(ValueError, match=r'a mask is \(H, W\) of booleans or whole numbers'):
            mask_pixels(wrong)
