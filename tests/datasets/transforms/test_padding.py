"""Zeros around small images, never an enlargement."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from usmm.datasets.transforms import PadToSize
from usmm.structures import Case


@pytest.mark.parametrize('shape', [(5, 9), (10, 10), (1, 10), (9, 4)])
def test_small_images_stand_unchanged_in_the_middle(shape):
    image = np.random.default_rng(0).integers(1, 256, (*shape, 3), dtype=np.uint8)
    found = PadToSize(10)(Case('c', 'p', data={'t1': image})).data['t1']
    top, left = (10 - shape[0]) // 2, (10 - shape[1]) // 2
    assert found.shape == (10, 10, 3)
    assert np.array_equal(found[top : top + shape[0], left : left + shape[1]], image)
    assert int(found.astype(int).sum()) == int(image.astype(int).sum())


def test_large_images_shrink_in_their_shape_with_mask_and_spacing():
    image = np.random.default_rng(0).integers(0, 256, (40, 80, 3), dtype=np.uint8)
    mask = np.zeros((40, 80), bool)
    mask[:20] = True
    case = Case('c', 'p', data={'t1': image}, masks={'t1': mask}, info={'t1': dict(spacing=(0.5, 0.5))})
    found = PadToSize(20)(case)
    assert np.array_equal(found.data['t1'][5:15], cv2.resize(image, (20, 10), interpolation=cv2.INTER_AREA))
    assert found.data['t1'][:5].max() == found.data['t1'][15:].max() == 0
    assert found.masks['t1'][5:10].all() and not found.masks['t1'][10:].any()
    assert found.info['t1']['spacing'] == (2.0, 2.0)


def test_clips_and_the_modalities_that_are_named():
    clip = np.full((3, 4, 6, 3), 7, np.uint8)
    found = PadToSize(8, modalities='a')(Case('c', 'p', data={'a': clip, 'b': clip.copy()}))
    assert found.data['a'].shape == (3, 8, 8, 3) and found.data['b'].shape == (3, 4, 6, 3)


def test_a_size_that_cannot_be():
    with pytest.raises(ValueError, match='size of PadToSize must be positive, got 0'):
        PadToSize(0)
