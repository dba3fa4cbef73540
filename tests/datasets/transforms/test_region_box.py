from __future__ import annotations

import numpy as np
import pytest

from usmm.datasets.transforms import CropRegion, coloured_box
from usmm.structures import Case


def picture(box: tuple[int, int, int, int] | None = None, size: tuple[int, int] = (300, 400)) -> np.ndarray:
    image = np.random.default_rng(0).integers(40, 200, (*size, 1)).astype(np.uint8).repeat(3, 2)
    if box is not None:
        image[box[1] : box[3], box[0] : box[2]] = (20, 160, 60)
    return image


def cut(image: np.ndarray, size: int = 224, **masks: np.ndarray) -> Case:
    return CropRegion(size)(Case('c', 'p', data={'ste': image}, masks=dict(masks)))


def test_a_square_of_224_around_the_colour() -> None:
    case = cut(picture((180, 120, 260, 200)))
    assert case.info['ste']['crop'] == (220 - 112, 160 - 112 - 0, 220 + 112, 160 + 112)
    assert case.data['ste'].shape == (224, 224, 3)
    assert case.data['ste'][112, 112].tolist() == [20, 160, 60]


def test_it_is_shifted_into_the_image() -> None:
    assert cut(picture((0, 0, 40, 40))).info['ste']['crop'] == (0, 0, 224, 224)
    assert cut(picture((360, 260, 400, 300))).info['ste']['crop'] == (176, 76, 400, 300)


def test_a_small_image_is_filled_with_zeros() -> None:
    case = cut(picture((40, 40, 60, 60), (100, 120)))
    assert case.info['ste']['crop'] == (-52, -62, 172, 162)
    assert not case.data['ste'][:62].any() and case.data['ste'][62:162, 52:172].any()


def test_the_mask_goes_before_the_colour() -> None:
    mask = np.zeros((300, 400), bool)
    mask[140:150, 200:220] = True
    case = cut(picture((0, 0, 90, 90)), 100, ste=mask)
    assert case.info['ste']['crop'] == (160, 95, 260, 195)
    assert case.masks['ste'].shape == (100, 100) and case.masks['ste'].sum() == 200


def test_without_colour_the_middle() -> None:
    assert cut(picture()).info['ste']['crop'] == (88, 38, 312, 262)


def test_the_largest_patch_counts_and_specks_do_not() -> None:
    image = picture((10, 10, 60, 60))
    image[200:205, 300:305] = (200, 0, 0)
    assert coloured_box(image) == (10, 10, 60, 60)
    assert coloured_box(picture((100, 100, 110, 110))) is None


def test_size_is_checked() -> None:
    with pytest.raises(ValueError, match='size must be positive, got 0'):
        CropRegion(0)
