"""Masks are recognised by their pixels where no name states what they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from usmm.datasets.table_inference import UndecidedError
from usmm.datasets.table_inference.mask_pixels import PictureLooks, look_of
from usmm.readers import DataError

IMAGES = [f'img/{i:02d}.png' for i in range(24)]


@pytest.fixture
def scans(tmp_path: Path) -> Callable[..., list[str]]:
    """Write images of noise, and a mask beside each: a rectangle, in the first case nothing."""

    def write(suffix: str = 'png', size: tuple[int, int] = (30, 40)) -> list[str]:
        rng = np.random.default_rng(0)
        (tmp_path / 'img').mkdir(exist_ok=True)
        names = []
        for i, name in enumerate(IMAGES):
            Image.fromarray(rng.integers(0, 255, (30, 40), dtype=np.uint8)).save(tmp_path / name)
            mask = np.zeros(size, np.uint8)
            mask[4 : 10 + i % 5, 6:20] = 255 if i else 0
            names.append(f'img/{i:02d}_m.{suffix}')
            Image.fromarray(mask).save(tmp_path / names[-1])
        return names

    return write


@pytest.mark.parametrize('name', ['lesion', 'masque', 'Herd', 'label_image', 'image'])
@pytest.mark.parametrize('suffix', ['png', 'jpg'])
def test_a_column_of_masks_with_any_name(infer, base, scans, name, suffix) -> None:
    roles = infer({**base, name: scans(suffix), 'scan': IMAGES})
    assert [(m.name, m.sources, m.masks) for m in roles.modalities] == [('image', ('scan',), (name,))]
    text = f"The pictures of {name!r} have two values each and the size of those of 'scan': they are taken as masks."
    assert any(text in a for a in roles.assumptions)
    both = infer({**base, name: scans(suffix), 'scan': IMAGES}, files=dict(a=name, b='scan'))
    assert [m.name for m in both.modalities] == ['a', 'b']


def test_masks_of_one_of_two_modalities_are_asked(infer, base, scans, write_images) -> None:
    write_images([f'swe/{i}.png' for i in range(24)])
    columns = {**base, 'bus': IMAGES, 'swe': [f'swe/{i}.png' for i in range(24)], 'lesion': scans()}
    with pytest.raises(UndecidedError, match="Which column holds the masks of 'bus'"):
        infer(columns)


def test_pictures_of_two_values_and_another_size_are_reported(infer, base, scans) -> None:
    roles = infer({**base, 'bus': IMAGES, 'lesion': scans(size=(20, 26))})
    assert [m.name for m in roles.modalities] == ['bus', 'lesion']
    assert any("The pictures of 'lesion' have two values each, as masks have" in w for w in roles.warnings)


def test_an_image_and_its_mask_in_one_cell(infer, base, scans) -> None:
    columns = {**base, 'files': [f'{mask};{image}' for mask, image in zip(scans(), IMAGES, strict=True)]}
    with pytest.raises(DataError, match=r"cells of 'files' name images together with .* as 02.png and 02_m.png"):
        infer(columns)
    assert len(infer(columns, files=dict(image='files')).modalities) == 1


def test_what_cannot_be_read_is_no_mask(tmp_path: Path) -> None:
    (tmp_path / 'a.png').write_bytes(b'no picture')
    (tmp_path / 'a.mp4').write_bytes(b'no clip')
    looks = PictureLooks()
    assert looks.of(tmp_path / 'a.png') is looks.of(tmp_path / 'a.mp4') is None
    assert not looks.two_valued([[tmp_path / 'a.png']]) and not looks.two_valued([[]])


def test_values_of_a_picture() -> None:
    pixels = np.full((10, 10, 3), 90, np.uint8)
    assert look_of(pixels).values == 1
    pixels[0, 0] = 91  # a mask of 0 and 1, shifted: two values
    assert look_of(pixels) == ((10, 10), 2)
    pixels[0, 1] = 200
    pixels[1] = 140
    assert look_of(pixels).values == 3
