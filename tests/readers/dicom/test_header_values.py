from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from usmm.readers import DataError, open_clip, read_dicom, read_image
from usmm.readers.dicom.header_values import integer_of, number_of, numbers_of


def rewrite(path, *changes, syntax=None):
    """Put texts into a file that pydicom would not write; each keeps its length."""
    if syntax is not None:
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.save_as(path)
    content = path.read_bytes()
    for old, new in changes:
        assert content.count(old) == 1
        assert len(old) == len(new)
        content = content.replace(old, new)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize('syntax', [None, ImplicitVRLittleEndian])
@pytest.mark.parametrize(
    ('keyword', 'value', 'written', 'cause'),
    [
        ('FrameTime', '33.321', b'33,321', r"has FrameTime \(0018,1063\) of '33,321', expected finite numbers"),
        ('FrameTimeVector', ['0.1234', '1'], b'0,1234', r"FrameTimeVector \(0018,1065\) of '0,1234\\1'"),
        ('PixelSpacing', ['0.1234', '0.2'], b'0,1234', r"has PixelSpacing \(0028,0030\) of '0,1234\\0.2'"),
        ('CineRate', '123456', b'12,456', r"has CineRate \(0018,0040\) of '12,456'"),
        ('FrameTime', '33.321', b'   nan', r"has FrameTime \(0018,1063\) of 'nan'"),
        ('WindowCenter', '99.123', b'99,123', r"has WindowCenter \(0028,1050\) of '99,123'"),
        ('WindowWidth', '99.123', b'99 123', r"has WindowWidth \(0028,1051\) of '99 123'"),
        ('NumberOfFrames', '000002', b'    2x', r"has NumberOfFrames \(0028,0008\) of '2x'"),
        ('NumberOfFrames', '000002', b'000002', None),
    ],
)
def test_message_names_the_element_and_its_value(make_dicom, picture, syntax, keyword, value, written, cause):
    other = {'WindowWidth': {'WindowCenter': '1'}, 'WindowCenter': {'WindowWidth': '1'}}.get(keyword, {})
    path = make_dicom('a.dcm', np.stack([picture(i)[..., 0] for i in range(2)]), 'MONOCHROME2', **other)
    dataset = pydicom.dcmread(path)
    setattr(dataset, keyword, value)
    dataset.save_as(path)
    first = value[0] if isinstance(value, list) else value
    rewrite(path, syntax=syntax)
    rewrite(path, (first.encode(), written))
    if cause is None:
        assert len(read_dicom(path).frames) == 2
        return
    with pytest.raises(DataError, match=cause) as caught:
        read_dicom(path)
    assert caught.value.file == path


def test_spacing_that_is_not_asked_for_does_not_matter(make_dicom, picture):
    path = make_dicom('a.dcm', picture(0), 'RGB', PixelSpacing=['0.1234', '0.2'])
    rewrite(path, (b'0.1234', b'0,1234'))
    assert (read_image(path) == picture(0)).all()
    assert len(list(open_clip(path).sample())) == 1


def test_blanks_are_no_value(make_dicom, picture):
    """PS3.5, 6.2: blanks around a number mean nothing, so blanks alone are an empty value."""
    path = make_dicom(
        'a.dcm', picture(0)[..., 0], 'MONOCHROME2',
        WindowCenter='99.123', WindowWidth='77.123', FrameTime='55.123', PixelSpacing=['0.1234', '0.2345'],
    )  # fmt: skip
    blank = b' ' * 6
    rewrite(path, (b'99.123', blank), (b'77.123', blank), (b'55.123', blank), (b'0.1234\\0.2345', b' ' * 13))
    found = read_dicom(path)
    assert (found.frames[0, ..., 0] == picture(0)[..., 0]).all()
    assert (found.times, found.spacing) == (None, None)


def test_half_a_window_of_blanks(make_dicom, picture):
    path = make_dicom('a.dcm', picture(0)[..., 0], 'MONOCHROME2', WindowCenter='99.123', WindowWidth='7')
    rewrite(path, (b'99.123', b' ' * 6))
    with pytest.raises(DataError, match=r'has 0 values of WindowCenter \(0028,1050\) and 1 of WindowWidth'):
        read_image(path)


def test_numbers_of_a_dataset_in_memory():
    header = Dataset()
    header.FrameTime, header.PixelSpacing, header.Rows, header.CineRate = '33.3', ['1', '2'], 5, None
    assert numbers_of(header, 'PixelSpacing') == (1.0, 2.0)
    assert (number_of(header, 'FrameTime'), integer_of(header, 'Rows'), integer_of(header, 'CineRate')) == (
        33.3,
        5,
        None,
    )
    with pytest.raises(DataError, match=r'has FrameTime \(0018,1063\) of 33.3, expected a whole number'):
        integer_of(header, 'FrameTime')
