"""Outlines from strangers' files -> masks."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from matplotlib.path import Path as Polygon

from usmm.datasets.converters import outlines as convert_outlines
from usmm.datasets.converters.outlines import (
    MAX_BYTES,
    image_size,
    mask_file,
    outline_mask,
    outlines_of,
    parse_json,
    read_json,
    read_xml,
    united_masks,
)
from usmm.readers import DataError

FILE = Path('a/1.json')
TRIANGLE = [[2, 1], [17, 4], [6, 12]]


def test_examples() -> None:
    assert doctest.testmod(convert_outlines).failed == 0


@pytest.mark.parametrize(
    'value',
    [
        TRIANGLE,
        [TRIANGLE],
        [{'points': [{'x': x, 'y': y} for x, y in TRIANGLE]}],
        [[{'x': x, 'y': y} for x, y in TRIANGLE]],
    ],
)
def test_all_forms_of_an_outline(value: Any) -> None:
    (found,) = outlines_of(value, FILE, '1')
    assert found.tolist() == TRIANGLE


def test_a_mask_has_the_pixels_inside() -> None:
    mask = outline_mask(outlines_of(TRIANGLE, FILE, '1'), (20, 15), FILE, '1')
    y, x = np.mgrid[:15, :20]
    inside = Polygon(TRIANGLE).contains_points(np.stack([x.ravel(), y.ravel()], 1)).reshape(15, 20)
    assert mask[inside].all() and mask.shape == (15, 20)
    edge = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert not mask[~edge].any()


def test_overlapping_outlines_add_up_and_a_part_may_lie_outside() -> None:
    squares = [[[0, 0], [9, 0], [9, 9], [0, 9]], [[5, 0], [14, 0], [14, 9], [5, 9]]]
    assert outline_mask(outlines_of(squares, FILE, '1'), (20, 20), FILE, '1').sum() == 150
    part = [[-5, -5], [4, -5], [4, 4], [-5, 4]]
    assert outline_mask(outlines_of(part, FILE, '1'), (20, 20), FILE, '1').sum() == 25


@pytest.mark.parametrize('corner', [(30, 0), (0, 30), (-9, 0), (0, -9), (100, 5), (5, -100)])
def test_an_outline_must_lie_in_the_image(corner: tuple[int, int]) -> None:
    x, y = corner
    outline = outlines_of([[x, y], [x + 3, y], [x, y + 3]], FILE, 'c7')
    with pytest.raises(DataError, match=r'lies outside of the image of \(20, 20\) pixels \(file a/1.json, case c7'):
        outline_mask(outline, (20, 20), FILE, 'c7')


@pytest.mark.parametrize(
    'value', [None, 3, 'x', {}, [], [[]], [{}], [TRIANGLE[:2]], [[1, 2, 3]] * 3, [[1, None]] * 3, [[1, 1e7]] * 3]
)
def test_other_forms_are_refused(value: Any) -> None:
    with pytest.raises(DataError, match=r'at least three points with numbers x and y \(file a/1.json, case c7'):
        outlines_of(value, FILE, 'c7')


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / '1.json'
    with pytest.raises(DataError, match=r'the file is missing \(file .*1.json, case c7'):
        read_json(path, 'c7')
    path.write_bytes(b'\xff')
    with pytest.raises(DataError, match=r'is no UTF-8 text \(.*case c7'):
        read_json(path, 'c7')
    path.write_bytes(b'\xef\xbb\xbf[1]')  # with the mark that Windows writes
    assert read_json(path, 'c7') == [1]
    path.write_bytes(b'0' * (MAX_BYTES + 1))
    with pytest.raises(DataError, match=r'more than \d+ bytes of outlines'):
        read_xml(path, 'c7')
    with pytest.raises(DataError, match=r'no readable JSON \(.*file a/1.json, case c7'):
        parse_json('[1', FILE, 'c7')


@pytest.mark.parametrize(
    'text',
    [
        b'<!DOCTYPE a [<!ENTITY b "bb">]><a>&b;</a>',
        b'<!DOCTYPE a SYSTEM "http://example.org/a.dtd"><a/>',
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        b'<a>&b;</a>',
        b'<a>',
        b'',
        b'\x00\x01',
    ],
)
def test_xml_with_entities_or_none_at_all(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / '1.xml'
    path.write_bytes(text)
    with pytest.raises(DataError, match=r'no XML that is safe to read \(.*file .*1.xml, case c7'):
        read_xml(path, 'c7')


def test_xml_in_its_own_encoding(tmp_path: Path) -> None:
    path = tmp_path / '1.xml'
    path.write_bytes('<?xml version="1.0" encoding="ISO-8859-1"?><case><sex>Señora</sex></case>'.encode('latin-1'))
    assert read_xml(path, 'c7').findtext('sex') == 'Señora'


def test_masks_as_files(tmp_path: Path) -> None:
    mask = np.zeros((6, 9), bool)
    mask[1:3, 2:5] = True
    made = mask_file(mask, 'm/1')
    assert made.name == 'm/1.png'
    for name in ('a', 'b'):
        (tmp_path / f'{name}.png').write_bytes(made.content)
    assert image_size(tmp_path / 'a.png', '1') == (9, 6)
    assert (united_masks([tmp_path / 'a.png', tmp_path / 'b.png'], (9, 6), '1') == mask).all()
    assert not united_masks([], (9, 6), '1').any()
    with pytest.raises(DataError, match=r'a mask of \(9, 6\) pixels for an image of \(6, 9\) \(file .*a.png, case c7'):
        united_masks([tmp_path / 'a.png'], (6, 9), 'c7')
    (tmp_path / 'b.png').write_bytes(b'')
    for read in (lambda p: image_size(p, 'c7'), lambda p: united_masks([p], (9, 6), 'c7')):
        with pytest.raises(DataError, match=r'\(file .*b.png, case c7'):
            read(tmp_path / 'b.png')
