from __future__ import annotations

import numpy as np
import pytest

from usmm.readers.image import real_depth, to_8_bits


@pytest.mark.parametrize('bits', [8, 10, 12, 16])
def test_each_usual_depth_spans_0_to_255(bits):
    values = np.arange(2**bits, dtype=np.uint16)
    grey = to_8_bits(values)
    np.testing.assert_array_equal(grey, [value * 256 // 2**bits for value in range(2**bits)])


def test_stated_depth_beats_the_largest_value():
    assert to_8_bits(np.array([255, 256], np.uint16), 16).tolist() == [0, 1]


@pytest.mark.parametrize(('largest', 'depth'), [(0, 8), (256, 10), (1023, 10), (1024, 12), (4096, 16)])
def test_real_depth(largest, depth):
    assert real_depth(largest) == depth


def test_more_bits_than_stated():
    with pytest.raises(ValueError, match='4096 needs more than the stated 12 bits'):
        to_8_bits(np.array([4096], np.uint16), 12)
    with pytest.raises(ValueError, match='at most 16 bits'):
        real_depth(65536)
