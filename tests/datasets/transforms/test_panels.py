from __future__ import annotations

import cv2
import numpy as np
import pytest

from usmm.datasets.transforms.panels import Box, SplitPanels, find_panels, panels_by_band, panels_of_regions
from usmm.readers import DataError, Region, read_clip, read_image
from usmm.registry import TRANSFORMS
from usmm.structures import Case


def speckle(height, width, seed=0):
    return np.random.default_rng(seed).integers(40, 200, (height, width, 3), np.uint8)


def dual(left=(20, 150), right=(170, 300), rows=(30, 190), size=(220, 320)):
    """Two rectangles of speckle on black."""
    image = np.zeros((*size, 3), np.uint8)
    for seed, (x0, x1) in enumerate((left, right)):
        image[rows[0] : rows[1], x0:x1] = speckle(rows[1] - rows[0], x1 - x0, seed)
    return image


def fan(width=200, height=220):
    """A convex picture: a sector of speckle."""
    y, x = np.mgrid[:height, :width]
    radius, angle = np.hypot(x - width / 2, y + 30), np.arctan2(x - width / 2, y + 30)
    inside = (radius > 60) & (radius < height) & (np.abs(angle) < 0.35)
    return speckle(height, width) * inside[..., None].astype(np.uint8)


BOXES = (Box(20, 30, 150, 190), Box(170, 30, 300, 190))


def test_two_rectangles():
    assert find_panels(dual()) == BOXES
    assert [(box.width, box.height) for box in BOXES] == [(130, 160), (130, 160)]


def test_writing_across_the_band_and_noise_in_it_do_not_matter():
    image = dual()
    cv2.putText(image, 'HOSPITAL', (120, 100), cv2.FONT_HERSHEY_SIMPLEX, 0.3, (255, 255, 255))
    image[:, 150:170] = np.maximum(image[:, 150:170], np.random.default_rng(0).integers(0, 20, (220, 20, 1), np.uint8))
    assert find_panels(image) == BOXES


def test_two_fans():
    image = np.concatenate([fan(), fan()], axis=1)
    left, right = find_panels(image)
    content = np.flatnonzero((fan().max(axis=2) > 24).sum(axis=0) > 1)
    # The tips of the fans, lit over less than 5 % of the height, may count as band.
    np.testing.assert_allclose([left.x0, left.x1], [content[0], content[-1] + 1], atol=3)
    np.testing.assert_allclose([right.x0, right.x1], [200 + content[0], 201 + content[-1]], atol=3)


@pytest.mark.parametrize(
    'image',
    [
        speckle(200, 300),
        fan(),
        np.zeros((100, 100, 3), np.uint8),
        dual(left=(20, 60), right=(80, 300)),  # the band is not near the middle
        dual(left=(100, 150)),  # too unlike in width: a colour bar, a text column
        dual(left=(20, 158), right=(160, 300)),  # a line, no band
        dual(left=(5, 60), right=(70, 130)),  # both left of the middle
        np.pad(speckle(100, 100), ((0, 0), (0, 150), (0, 0))),  # nothing on the right
    ],
    ids=['full', 'fan', 'black', 'aside', 'unlike', 'line', 'off the middle', 'one side'],
)
def test_single_pictures_are_not_split(image):
    assert find_panels(image) == ()


def test_panel_that_is_nearly_empty_is_no_panel():
    image = dual()
    image[40:, 170:] = 0
    image[185, 290] = image[186, 290] = image[186, 291] = image[185, 291] = 255
    assert find_panels(image) == ()


def test_panels_at_different_heights_are_not_level():
    image = np.zeros((220, 320, 3), np.uint8)
    image[:100, 20:150], image[110:, 170:300] = speckle(100, 130), speckle(110, 130)
    assert panels_by_band(image) == ()


def test_contrast_panel_that_starts_black():
    clip = np.stack([dual()] * 5)
    clip[:3, :, 160:] = 0
    assert find_panels(clip[0]) == ()
    assert find_panels(clip) == BOXES


def test_shape_is_checked():
    with pytest.raises(ValueError, match=r'expected an image \(H, W, 3\) or a clip'):
        find_panels(np.zeros((10, 10), np.uint8))


SPACING = (0.1, 0.2)
LEFT, RIGHT = Region(10, 5, 140, 200, 'tissue', SPACING), Region(150, 5, 290, 200, 'image')


@pytest.mark.parametrize(
    ('regions', 'boxes'),
    [
        ((RIGHT, LEFT), (Box(10, 5, 140, 200), Box(150, 5, 290, 200))),
        ((LEFT, Region(40, 30, 90, 80, 'color flow'), RIGHT), (Box(10, 5, 140, 200), Box(150, 5, 290, 200))),
        ((LEFT, RIGHT, Region(295, 5, 300, 200, 'color bar')), (Box(10, 5, 140, 200), Box(150, 5, 290, 200))),
        ((Region(10, 5, 151, 200, 'tissue'), RIGHT), (Box(10, 5, 150, 200), Box(150, 5, 290, 200))),
        ((LEFT, Region(150, 5, 290, 200, 'spectral')), ()),
        ((LEFT,), ()),
        ((LEFT, Region(10, 205, 140, 220, 'tissue')), ()),
        ((), ()),
    ],
    ids=['two', 'colour box', 'colour bar', 'touching', 'trace', 'one', 'below', 'none'],
)
def test_regions_decide(regions, boxes):
    assert panels_of_regions(regions, 320, 220) == boxes
    if boxes:
        assert find_panels(speckle(220, 320), regions) == boxes


def test_one_region_leaves_it_to_the_band():
    assert find_panels(dual(), (LEFT,)) == BOXES


def case(image, **info):
    return Case('c1', 'p1', data={'bus': image}, info={'bus': info})


def test_panels_masks_and_regions_go_to_their_modalities():
    image = dual()
    start = case(image, regions=(LEFT, RIGHT), spacing=SPACING)
    mask = np.zeros(image.shape[:2], bool)
    mask[50:60, 40:50] = True
    start.masks['bus'] = mask
    found = TRANSFORMS.build(dict(type='SplitPanels', source='bus', into=('bus', 'ue')))(start)
    np.testing.assert_array_equal(found.data['bus'], image[5:200, 10:140])
    np.testing.assert_array_equal(found.data['ue'], image[5:200, 150:290])
    assert list(found.masks) == ['bus']
    np.testing.assert_array_equal(found.masks['bus'], mask[5:200, 10:140])
    assert found.info['bus']['regions'] == (Region(0, 0, 130, 195, 'tissue', SPACING),)
    assert found.info['ue']['regions'] == (Region(0, 0, 140, 195, 'image'),)
    assert found.info['bus']['panel'] == (10, 5, 140, 200)
    assert found.info['ue']['spacing'] == SPACING


def test_mask_over_both_panels_is_divided():
    start = case(dual())
    start.masks['bus'] = np.zeros((220, 320), bool)
    start.masks['bus'][100:120, 140:180] = True
    found = SplitPanels('bus', into=('ue', 'bus'))(start)
    assert found.masks['ue'].sum() == found.masks['bus'].sum() == 20 * 10
    assert found.masks['ue'][70:90, 120:].all()
    assert found.masks['bus'][70:90, :10].all()


def test_clips_are_split_in_every_frame():
    clip = np.stack([dual(), dual()])
    found = SplitPanels('bus', into=('bus', 'ceus'))(case(clip, times=np.array([0, 1])))
    np.testing.assert_array_equal(found.data['ceus'], clip[:, 30:190, 170:300])
    assert found.info['ceus']['times'].tolist() == [0, 1]


def test_a_panel_can_be_dropped():
    found = SplitPanels('bus', into=(None, 'ue'))(case(dual()))
    assert list(found.data) == ['ue']
    assert 'bus' not in found.info


def test_single_picture():
    with pytest.raises(DataError, match=r'shows no two panels to split \(case c1, modality bus\)'):
        SplitPanels('bus', into=('bus', 'ue'))(case(fan()))
    kept = SplitPanels('bus', into=('bus', 'ue'), single='keep')(case(fan()))
    assert list(kept.data) == ['bus']
    assert kept.data['bus'].shape == (220, 200, 3)
    halves = SplitPanels('bus', into=('bus', 'ue'), single='half')(case(speckle(10, 21)))
    assert halves.data['bus'].shape == halves.data['ue'].shape == (10, 10, 3)


def test_case_without_the_source_passes():
    empty = Case('c1', 'p1')
    assert SplitPanels('bus', into=('bus', 'ue'))(empty) is empty


def test_data_are_not_replaced():
    start = case(dual())
    start.data['ue'] = fan()
    with pytest.raises(DataError, match="already has data, a panel of 'bus' would replace them"):
        SplitPanels('bus', into=('bus', 'ue'))(start)
    assert start.data['bus'].shape == (220, 320, 3)


@pytest.mark.parametrize('into', ['ab', ('bus',), (None, None), ('ue', 'ue'), ('a', 'b', 'c')])
def test_targets_are_checked(into):
    with pytest.raises(ValueError, match='into must name the modalities'):
        SplitPanels('bus', into=into)


def test_single_is_checked():
    with pytest.raises(ValueError, match="single must be 'error', 'keep' or 'half'"):
        SplitPanels('bus', into=('bus', 'ue'), single='guess')


def test_repr_names_every_option():
    assert repr(SplitPanels('bus', into=['bus', None], single='keep')) == (
        "SplitPanels(source='bus', into=('bus', None), single='keep')"
    )


@pytest.mark.real
def test_real_single_pictures_are_not_split_and_pairs_of_them_are(real_data):
    folder = real_data / 'breast_lesions_usg' / 'BrEaST-Lesions_USG-images_and_masks'
    images = [read_image(path) for path in sorted(folder.glob('case???.png'))[::16]]
    assert len(images) == 16
    found = 0
    for image in images:
        assert find_panels(image) == ()
        height, width = image.shape[:2]
        gap = np.zeros((height, 12, 3), np.uint8)
        boxes = find_panels(np.concatenate([image, gap, image], axis=1))
        if boxes:
            found += 1
            assert boxes[0].x1 <= width
            assert boxes[1].x0 >= width + 12
    assert found >= 14  # a picture that is dark over more than half of its width may be missed
    for path in sorted((real_data / 'lung_clips').glob('*.mov'))[:3]:
        assert find_panels(read_clip(path, step=3.0)[0]) == ()
