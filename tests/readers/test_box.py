from __future__ import annotations

import pytest

from usmm.readers import outside, read_box


@pytest.mark.parametrize(
    'value',
    ['3,4,13,24', '3;4;13;24', ' 3 4  13 24 ', '3, 4, 13, 24', '3; 4 ;13 24', '3.0,4.2,12.9,24', [3, 4, 13, 24.0]],
)
def test_all_ways_to_write_a_box(value):
    assert read_box(value) == (3, 4, 13, 24)


@pytest.mark.parametrize(
    ('value', 'message'),
    [
        ('3,4,13', r"four numbers, x0,y0,x1,y1, got '3,4,13'"),
        ('1,2,3,4,5', 'four numbers'),
        ('', 'four numbers'),
        ('a,2,3,4', "four numbers, x0,y0,x1,y1, got 'a,2,3,4'"),
        ('nan,2,3,4', 'four numbers'),
        ('inf,2,3,4', 'four numbers'),
        ([None, 2, 3, 4], 'four numbers'),
        (7, 'four numbers, x0,y0,x1,y1, got 7'),
        ('5,2,5,4', r"needs x0 < x1 and y0 < y1, got '5,2,5,4'"),
        ('1,6,5,4', 'needs x0 < x1 and y0 < y1'),
    ],
)
def test_what_is_no_box(value, message):
    with pytest.raises(ValueError, match=message):
        read_box(value)


@pytest.mark.parametrize(('box', 'inside'), [((0, 0, 8, 6), True), ((-1, 0, 8, 6), False), ((0, 0, 8, 7), False)])
def test_a_box_that_leaves_its_image(box, inside):
    assert (outside(box, 8, 6) is None) == inside
