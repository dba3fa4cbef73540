from __future__ import annotations

import numpy as np
import pytest

from usmm.readers.depth import check_depth, ramp, real_depth, to_8_bits


@pytest.mark.parametrize('bits', [8, 10, 12, 16])
def test_each_usual_depth_spans_0_to_255(bits):
    values = np.arange(2**bits, dtype=np.uint16)
    grey = to_8_bits(values, bits)
    np.testing.assert_array_equal(grey, [value * 256 // 2**bits for value in range(2**bits)])


def test_a_value_becomes_the_same_level_whatever_stands_beside_it():
    assert to_8_bits(np.array([255, 256], np.uint16)).tolist() == [0, 1]
    assert to_8_bits(np.array([255, 65535], np.uint16)).tolist() == [0, 255]


@pytest.mark.parametrize(('largest', 'depth'), [(0, 8), (256, 10), (1023, 10), (1024, 12), (4096, 16)])
def test_real_depth(largest, depth):
    assert real_depth(largest) == depth


def test_more_bits_than_stated():
    with pytest.raises(ValueError, match='4096 needs more than the stated 12 bits'):
        to_8_bits(np.array([4096], np.uint16), 12)
    with pytest.raises(ValueError, match='at most 16 bits'):
        real_depth(65536)


def test_ramp():
    assert ramp(np.array([-5, 0, 100, 150, 200, 999], np.int16), (100, 200)).tolist() == [0, 0, 0, 128, 255, 255]
    assert ramp(np.array([0.0, 0.25, 1.0], np.float32), (0, 1)).tolist() == [0, 64, 255]


@pytest.mark.parametrize(
    ('window', 'bits', 'cause'),
    [
        ((0, 1), 12, 'set window or bits, not both'),
        ((5, 5), None, r'window must be two finite numbers that rise, \(low, high\), got \(5, 5\)'),
        ((5, 1), None, 'numbers that rise'),
        ((0, float('nan')), None, 'two finite numbers'),
        ((0, 1, 2), None, 'two finite numbers'),
        (('0', '1'), None, 'two finite numbers'),
        (None, 7, 'bits must be a whole number from 8 to 16, got 7'),
        (None, 12.0, 'bits must be a whole number'),
        (None, True, 'bits must be a whole number'),
    ],
)
def test_settings_that_make_no_sense(window, bits, cause):
    with pytest.raises(ValueError, match=cause):
        check_depth(window, bits)
