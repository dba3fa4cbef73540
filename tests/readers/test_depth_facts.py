from __future__ import annotations

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from usmm.readers import DataError, DepthFacts, depth_facts


@pytest.mark.parametrize('suffix', ['png', 'tif'])
def test_images(tmp_path, suffix):
    path = tmp_path / f'a.{suffix}'
    for largest, used in ((200, 8), (1000, 10), (4095, 12), (65535, 16)):
        cv2.imwrite(str(path), np.array([[0, largest]], np.uint16))
        assert depth_facts(path) == DepthFacts(16, used)
    cv2.imwrite(str(path), np.array([[0, 200]], np.uint8))
    assert depth_facts(path) == DepthFacts()


def test_alpha_does_not_count(tmp_path):
    pixels = np.full((2, 2, 4), 65535, np.uint16)
    pixels[..., :3] = 4095
    cv2.imwrite(str(tmp_path / 'a.png'), pixels)
    assert depth_facts(tmp_path / 'a.png') == DepthFacts(16, 12)


def test_floating_pixels(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.tif'), np.ones((2, 2), np.float32))
    assert depth_facts(tmp_path / 'a.tif') == DepthFacts(32, 32)


def test_dicom(make_dicom):
    values = np.zeros((2, 2), np.uint16)
    b12 = dict(BitsStored=12, HighBit=11)
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [2, 0, 8], b'\1\2'
    for elements, scale in (
        ({}, ''),
        (dict(RescaleSlope='1', RescaleIntercept='0'), ''),
        (dict(WindowCenter=['600', '5'], WindowWidth=['1001', '9']), 'window 600/1001'),
        (dict(WindowCenter='6', WindowWidth='9', VOILUTFunction='SIGMOID'), 'window 6/9 SIGMOID'),
        (dict(WindowCenter='6', WindowWidth='9', RescaleSlope='2'), 'rescale 2/0, window 6/9'),
        (dict(WindowCenter='6', WindowWidth='9', VOILUTSequence=[item]), 'VOILUTSequence'),
    ):
        assert depth_facts(make_dicom('a.dcm', values, 'MONOCHROME2', **b12, **elements)) == DepthFacts(12, 12, scale)
    assert depth_facts(pydicom.examples.get_path('rgb_color')) == DepthFacts()


def test_colours_against_the_label(make_dicom, picture):
    pixels = picture(0).copy()
    pixels[:20] = 0
    assert depth_facts(make_dicom('a.dcm', pixels, 'YBR_FULL_422')).assumed == 'YBR_FULL_422 taken for RGB'
    assert depth_facts(make_dicom('b.dcm', pixels, 'RGB')) == DepthFacts()


def test_other_files(tmp_path):
    (tmp_path / 'a.mp4').write_bytes(b'x' * 9)
    assert depth_facts(tmp_path / 'a.mp4') == DepthFacts()
    with pytest.raises(DataError, match='does not exist'):
        depth_facts(tmp_path / 'b.png')
