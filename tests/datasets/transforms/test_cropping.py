"""The lesion's square against a search over all squares, and resizing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from usmm.datasets.transforms import CropLesion, LoadImage, LoadMask, Resize, lesion_square
from usmm.datasets.transforms.boxes import crop, square_around
from usmm.datasets.transforms.resizing import resize
from usmm.readers import DataError
from usmm.structures import Case


def smallest_side(mask: np.ndarray) -> int:
    """The side of the smallest square that holds the mask, by trying all of them."""
    ys, xs = np.nonzero(mask)
    for side in range(1, max(mask.shape) + 1):
        for y in range(-side, mask.shape[0]):
            for x in range(-side, mask.shape[1]):
                if ys.min() >= y and ys.max() < y + side and xs.min() >= x and xs.max() < x + side:
                    return side
    raise AssertionError


@pytest.mark.parametrize('seed', range(30))
def test_it_is_the_smallest_square_and_inside_where_it_fits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(3, 16, 2)
    mask = rng.random((height, width)) < rng.choice([0.01, 0.1, 0.5])
    mask[rng.integers(height), rng.integers(width)] = True
    x0, y0, x1, y1 = lesion_square(mask)
    assert x1 - x0 == y1 - y0 == smallest_side(mask)
    ys, xs = np.nonzero(mask)
    assert x0 <= xs.min() <= xs.max() < x1
    assert y0 <= ys.min() <= ys.max() < y1
    side = x1 - x0
    assert side > width or 0 <= x0 <= x1 <= width
    assert side > height or 0 <= y0 <= y1 <= height


def test_away_from_the_border_the_lesion_is_in_the_middle() -> None:
    mask = np.zeros((100, 100), bool)
    mask[40:50, 30:60] = True
    assert lesion_square(mask) == (30, 30, 60, 60)
    assert lesion_square(mask, margin=0.1) == (27, 27, 63, 63)


@pytest.mark.parametrize('seed', range(20))
def test_crop_equals_slicing_a_padded_image(seed: int) -> None:
    rng = np.random.default_rng(seed)
    array = rng.integers(1, 256, (2, 7, 9, 3), dtype=np.uint8)
    x0, y0 = rng.integers(-8, 12, 2)
    box = (int(x0), int(y0), int(x0) + 6, int(y0) + 5)
    padded = np.pad(array, ((0, 0), (20, 20), (20, 20), (0, 0)))
    expected = padded[:, box[1] + 20 : box[3] + 20, box[0] + 20 : box[2] + 20]
    assert (crop(array, box) == expected).all()


def masked(shape: tuple[int, ...], rows: slice, columns: slice) -> tuple[np.ndarray, np.ndarray]:
    mask = np.zeros(shape[-3:-1], bool)
    mask[rows, columns] = True
    array = np.zeros(shape, np.uint8)
    array[..., rows, columns, :] = 200
    return array, mask


def test_each_modality_is_cropped_to_its_own_mask_and_a_clip_to_one_square() -> None:
    bus, bus_mask = masked((40, 60, 3), slice(10, 20), slice(20, 30))
    clip, clip_mask = masked((4, 30, 30, 3), slice(5, 11), slice(5, 9))
    case = Case('1', 'p', data={'bus': bus, 'dceus': clip}, masks={'bus': bus_mask, 'dceus': clip_mask})
    case = CropLesion()(case)
    assert case.data['bus'].shape == (10, 10, 3)
    assert (case.data['bus'] == 200).all()
    assert case.masks['bus'].all()
    assert case.data['dceus'].shape == (4, 6, 6, 3)
    assert (case.data['dceus'][:, :, 1:5] == 200).all()
    assert case.info['bus']['crop'] == (20, 10, 30, 20)


@pytest.mark.parametrize('mask', [None, np.zeros((40, 60), bool)])
def test_without_a_lesion_the_image_is_made_square_or_refused(mask: np.ndarray | None) -> None:
    def case() -> Case:
        masks = {} if mask is None else {'bus': mask}
        return Case('c1', 'p', data={'bus': np.full((40, 60, 3), 7, np.uint8)}, masks=masks)

    full = CropLesion()(case())
    assert full.data['bus'].shape == (60, 60, 3)
    assert (full.data['bus'][10:50] == 7).all()
    assert full.data['bus'].sum() == 7 * 40 * 60 * 3
    with pytest.raises(DataError, match=r'no lesion mask to crop to.*case c1, modality bus'):
        CropLesion(fallback='error')(case())


def test_a_mask_may_be_borrowed() -> None:
    bus, mask = masked((40, 60, 3), slice(10, 20), slice(20, 30))
    case = Case('1', 'p', data={'bus': bus, 'ue': bus.copy()}, masks={'bus': mask})
    case = CropLesion(mask_from={'ue': 'bus'})(case)
    assert (case.data['ue'] == case.data['bus']).all()
    small = Case('1', 'p', data={'ue': np.zeros((9, 9, 3), np.uint8)}, masks={'bus': mask})
    with pytest.raises(DataError, match=r'mask of shape \(40, 60\) does not fit an image of \(9, 9\)'):
        CropLesion(mask_from={'ue': 'bus'})(small)


def test_only_the_named_modalities_are_cropped() -> None:
    bus, mask = masked((40, 60, 3), slice(10, 20), slice(20, 30))
    case = Case('1', 'p', data={'bus': bus, 'ue': bus.copy()}, masks={'bus': mask, 'ue': mask})
    assert CropLesion('bus')(case).data['ue'].shape == (40, 60, 3)


@pytest.mark.parametrize(('size', 'shape'), [(8, (8, 8)), ((6, 10), (6, 10))])
def test_resize_images_clips_masks_and_spacing(size: int | tuple[int, int], shape: tuple[int, int]) -> None:
    image, mask = masked((24, 20, 3), slice(0, 12), slice(0, 20))
    clip = np.full((3, 4, 4, 3), 9, np.uint8)
    case = Case(
        '1', 'p', data={'bus': image, 'dceus': clip}, masks={'bus': mask}, info={'bus': {'spacing': (0.5, 0.2)}}
    )
    case = Resize(size)(case)
    assert case.data['bus'].shape == (*shape, 3)
    assert case.data['dceus'].shape == (3, *shape, 3)
    assert (case.data['dceus'] == 9).all()
    assert case.masks['bus'].shape == shape
    assert case.masks['bus'][: shape[0] // 2].all()
    assert not case.masks['bus'][shape[0] // 2 :].any()
    assert case.info['bus']['spacing'] == pytest.approx((0.5 * 24 / shape[0], 0.2 * 20 / shape[1]))


def test_shrinking_averages_over_the_area() -> None:
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    blocks = image.reshape(4, 4, 4, 4, 3).mean((1, 3))
    assert np.abs(resize(image, (4, 4)) - blocks).max() <= 0.51


def test_an_image_of_the_right_size_is_left_alone() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    assert resize(image, (4, 4)) is image


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: CropLesion(fallback='centre'), "fallback must be one of .* got 'centre'"),
        (lambda: CropLesion(margin=-0.1), 'margin must not be negative'),
        (lambda: Resize(0), 'size must be positive'),
    ],
)
def test_options_are_checked(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


def test_a_square_larger_than_the_image_is_centred_on_it() -> None:
    assert square_around((0, 0, 10, 4), (4, 10), 0.0) == (0, -3, 10, 7)


@pytest.mark.real
def test_breast_lesions(real_data: Path) -> None:
    """On real outlines: square, and every pixel of the lesion inside."""
    folder = real_data / 'breast_lesions_usg' / 'BrEaST-Lesions_USG-images_and_masks'
    for n in (1, 20, 100):
        files = {'bus': (folder / f'case{n:03}.png',)}
        case = Case(str(n), str(n), files=files, mask_files={'bus': (folder / f'case{n:03}_tumor.png',)})
        loaded = LoadMask()(LoadImage()(case))
        pixels = loaded.masks['bus'].sum()
        cropped = CropLesion()(loaded)
        height, width = cropped.data['bus'].shape[:2]
        assert height == width
        assert cropped.masks['bus'].sum() == pixels
        assert cropped.masks['bus'].any(0).all() or cropped.masks['bus'].any(1).all()
