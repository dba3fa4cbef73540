"""The rectangular crop: box before mask, stretched or with bars, mask alike, cached by box."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from usmm.datasets.transforms import Cached, CropBox, LoadImage, LoadMask, RandomFlip, Resize
from usmm.readers import DataError
from usmm.registry import TRANSFORMS
from usmm.structures import Case


def case(box: tuple[int, int, int, int] | None = None, mask: np.ndarray | None = None) -> Case:
    """20 high, 30 wide; red is the column, green the row."""
    image = np.zeros((20, 30, 3), np.uint8)
    image[..., 0], image[..., 1] = np.arange(30)[None], np.arange(20)[:, None]
    info = {'bus': {'file': 'a.png', 'spacing': (0.2, 0.1)}}
    masks, boxes = {} if mask is None else {'bus': mask}, {} if box is None else {'bus': box}
    return Case('c1', 'p1', data={'bus': image}, masks=masks, boxes=boxes, info=info)


def rectangle(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    mask = np.zeros((20, 30), bool)
    mask[y0:y1, x0:x1] = True
    return mask


def corners(found: Case) -> tuple[int, ...]:
    image = found.data['bus']
    return int(image[0, 0, 0]), int(image[0, 0, 1]), int(image[-1, -1, 0]) + 1, int(image[-1, -1, 1]) + 1


def test_a_box_of_the_size_of_the_output_is_cut_out_pixel_by_pixel():
    found = CropBox(size=8)(case((3, 4, 11, 12), rectangle(5, 5, 9, 10)))
    assert np.array_equal(found.data['bus'], case().data['bus'][4:12, 3:11])
    assert np.array_equal(found.masks['bus'], rectangle(5, 5, 9, 10)[4:12, 3:11])
    assert found.info['bus']['crop'] == (3, 4, 11, 12)
    assert found.info['bus']['spacing'] == pytest.approx((0.2, 0.1))


def test_without_a_box_the_bounds_of_the_mask():
    found = CropBox(size=8)(case(None, rectangle(3, 4, 11, 12)))
    assert found.info['bus']['crop'] == (3, 4, 11, 12) and found.masks['bus'].all()


def test_a_rectangle_is_stretched_to_the_square():
    found = CropBox(size=12)(case((2, 3, 26, 9), rectangle(2, 3, 14, 9)))
    image = found.data['bus'].astype(float)
    assert image.shape == (12, 12, 3)
    # 24 columns on 12, 6 rows on 12: the mean of two columns, and every row twice or nearly so
    assert image[6, :, 0] == pytest.approx(np.arange(2, 26).reshape(12, 2).mean(1), abs=1)
    assert image[:, 6, 1] == pytest.approx(3 + (np.arange(12) + 0.5) / 2 - 0.5, abs=0.8)
    assert found.masks['bus'][:, :6].all() and not found.masks['bus'][:, 6:].any()
    assert found.info['bus']['spacing'] == pytest.approx((0.1, 0.2))


@pytest.mark.parametrize(('box', 'rows', 'columns'), [((2, 3, 26, 9), 3, 12), ((4, 2, 8, 18), 12, 3)])
def test_keep_ratio_fills_the_longer_side(box, rows, columns):
    found = CropBox(size=12, keep_ratio=True)(case(box, np.ones((20, 30), bool)))
    shown = found.masks['bus']
    assert shown.shape == (12, 12) and shown.sum() == rows * columns
    assert shown.any(1).sum() == rows and shown.any(0).sum() == columns
    assert not found.data['bus'][~shown].any()
    first = (12 - rows) // 2 if rows < 12 else (12 - columns) // 2
    assert shown[first, first] or shown.any(1 if rows < 12 else 0)[first]  # in the middle


@pytest.mark.parametrize(
    ('margin', 'expected'), [(0.0, (10, 6, 18, 10)), (0.25, (8, 5, 20, 11)), (5.0, (0, 0, 30, 20))]
)
def test_the_margin_is_a_share_of_each_side_and_ends_with_the_image(margin, expected):
    found = CropBox(size=4, margin=margin)(case((10, 6, 18, 10)))
    assert found.info['bus']['crop'] == expected


def test_a_clip_is_cropped_alike():
    one = case((3, 4, 11, 12))
    one.data['bus'] = np.stack([one.data['bus']] * 3)
    assert CropBox(size=8)(one).data['bus'].shape == (3, 8, 8, 3)


@pytest.mark.parametrize(
    ('one', 'message'),
    [
        (case(), 'neither a box nor a lesion mask'),
        (case(None, np.zeros((20, 30), bool)), 'neither a box nor a lesion mask'),
        (case((3, 4, 31, 12)), r'box 3,4,31,12 leaves its image of 30x20'),
        (case(None, np.ones((30, 20), bool)), r'mask of shape \(30, 20\) does not fit'),
    ],
)
def test_errors_name_file_case_and_modality(one, message):
    with pytest.raises(DataError, match=message) as caught:
        CropBox()(one)
    assert (caught.value.case, caught.value.modality, str(caught.value.file)) == ('c1', 'bus', 'a.png')


def test_an_image_that_was_cropped_before():
    with pytest.raises(DataError, match='cropped before: put CropBox right after loading'):
        CropBox()(CropBox(size=30)(case((3, 4, 11, 12))))


@pytest.mark.parametrize(
    ('options', 'message'), [(dict(size=0), 'positive, got 0'), (dict(margin=-1), 'not be negative')]
)
def test_options(options, message):
    with pytest.raises(ValueError, match=message):
        CropBox(**options)


def test_the_repr_names_every_option_and_configs_build_it():
    built = TRANSFORMS.build(dict(type='CropBox', size=64, margin=0.1, keep_ratio=True, modalities='bus'))
    assert repr(built) == "CropBox(size=64, margin=0.1, keep_ratio=True, modalities=('bus',))"


def test_the_mask_follows_under_later_transforms():
    crop, later = CropBox(size=16), (Resize(8), RandomFlip(1.0))
    found = crop(case((3, 4, 11, 12), rectangle(3, 4, 7, 12)))
    for transform in later:
        found = transform(found)
    assert found.masks['bus'].shape == found.data['bus'].shape[:2] == (8, 8)
    # the lesion is the left half, so columns 3 to 6 of the image, wherever the flip put it
    red = found.data['bus'][..., 0].astype(int)
    assert (red[found.masks['bus']] <= 7).all() and (red[~found.masks['bus']] >= 6).all()


@pytest.mark.parametrize('each', [False, True])
def test_a_changed_box_is_another_entry_of_the_cache(tmp_path: Path, each: bool):
    bare = {}
    for name in ('bus', 'ue'):
        Image.fromarray(case().data['bus']).save(tmp_path / f'{name}.png')
        bare[name] = (tmp_path / f'{name}.png',)
    cached = Cached([LoadImage(), LoadMask(), CropBox(size=8)], cache_dir=tmp_path / 'cache', each=each)
    one = Case('c1', 'p1', files=bare, boxes={'bus': (3, 4, 11, 12), 'ue': (0, 0, 8, 8)})

    def run(boxes: dict) -> Case:
        return cached(replace(one, boxes=boxes, data={}, masks={}, info={}))

    first = run(one.boxes)
    assert corners(first) == (3, 4, 11, 12) == corners(run(one.boxes))
    moved = run({**one.boxes, 'bus': (5, 6, 13, 14)})
    assert corners(moved) == (5, 6, 13, 14)
    assert np.array_equal(moved.data['ue'], first.data['ue'])
    assert cached.key(one) != cached.key(replace(one, boxes={**one.boxes, 'bus': (5, 6, 13, 14)}))
    assert cached.key(replace(one, boxes={})) != cached.key(one)
