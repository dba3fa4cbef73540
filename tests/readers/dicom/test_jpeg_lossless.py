from __future__ import annotations

from types import SimpleNamespace

import av
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import JPEGLossless, JPEGLosslessSV1

from usmm.readers import DataError, read_dicom
from usmm.readers.dicom.jpeg_lossless import _components, decode_frame, is_available

CARD = 'SC_rgb_jpeg_gdcm.dcm'


def with_frame(path, data, **elements):
    dataset = pydicom.dcmread(get_testdata_file(CARD))
    dataset.PixelData = encapsulate([data])
    for key, value in elements.items():
        setattr(dataset, key, value)
    dataset.save_as(path)
    return path


def first_frame() -> bytes:
    return next(generate_frames(pydicom.dcmread(get_testdata_file(CARD)).PixelData))


def test_is_lossless():
    """GDCM wrote the file; its RLE twin is decoded by pydicom itself."""
    np.testing.assert_array_equal(
        read_dicom(get_testdata_file(CARD)).frames[0], pydicom.dcmread(get_testdata_file('SC_rgb_rle.dcm')).pixel_array
    )


def test_syntaxes():
    assert is_available(JPEGLossless)
    assert is_available(JPEGLosslessSV1)
    assert not is_available(pydicom.uid.JPEG2000)


def test_damaged_frame(tmp_path):
    data = first_frame()
    with pytest.raises(DataError, match=r'holds a frame of JPEG Lossless.* that is damaged or of a kind that'):
        read_dicom(with_frame(tmp_path / 'a.dcm', data[:20] + b'\0' * 200))


def test_frame_of_another_size(tmp_path):
    with pytest.raises(DataError, match=r'holds compressed frames of 100 x 100 pixels, and states 100 in Columns'):
        read_dicom(with_frame(tmp_path / 'a.dcm', first_frame(), Rows=50))
    runner = SimpleNamespace(frame_length=lambda unit: 100 * 50 * 3)  # as pydicom asks the plugin
    with pytest.raises(ValueError, match='the lossless JPEG frame is 100 x 100 pixels'):
        decode_frame(first_frame(), runner)


@pytest.mark.parametrize('name', ['gray', 'yuv444p', 'rgb24'])
def test_components_come_as_they_are_stored(name):
    shape = {'gray': (16, 24), 'rgb24': (16, 24, 3)}.get(name, (3, 16, 24))
    values = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    found = _components(av.VideoFrame.from_ndarray(values, format=name))
    np.testing.assert_array_equal(found, np.moveaxis(values, 0, -1) if name == 'yuv444p' else values)


def test_more_than_8_bits_are_refused():
    with pytest.raises(ValueError, match='pixel format gray16le is not read'):
        _components(av.VideoFrame.from_ndarray(np.zeros((4, 4), np.uint16), format='gray16le'))
