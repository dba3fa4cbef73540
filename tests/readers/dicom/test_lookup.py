"""Tables of the header whose first value is signed or not: the same picture whatever the file states about it."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from usmm.readers import DataError, read_image
from usmm.readers.dicom.lookup import Descriptor

B12 = {'BitsStored': 12, 'HighBit': 11}


def table(first, entries, bits, kind):
    one = Dataset()
    one.add_new(0x00283002, kind, [len(entries), first, bits])
    one.add_new(0x00283006, 'US', list(entries))
    return [one]


def rewritten(path, syntax):
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = np.frombuffer(dataset.PixelData, '<u2').astype('>u2').tobytes()
        dataset.walk(lambda *_: None)  # decodes every element
        pydicom.dcmwrite(path, dataset, implicit_vr=False, little_endian=False)
    else:
        dataset.save_as(path)
    return read_image(path)[..., 0].ravel().tolist()


@pytest.mark.parametrize('syntax', [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize('signed', [False, True])
def test_voi_table_that_begins_below_0(make_dicom, syntax, signed):
    """Values -300 to 724 become 0 to 255, also where the pixels are unsigned and only the intercept is negative."""
    values = np.array([[-1000, -300, -296, 0, 300, 720, 3000]])
    stored = values.astype(np.int16) if signed else (values + 1000).astype(np.uint16)
    shift = {} if signed else {'RescaleSlope': '1', 'RescaleIntercept': '-1000'}
    entries = [i // 4 for i in range(1024)]
    path = make_dicom(
        'a.dcm', stored, 'MONOCHROME2', BitsStored=16 if signed else 12, HighBit=15 if signed else 11,
        VOILUTSequence=table(-300, entries, 8, 'SS'), **shift,
    )  # fmt: skip
    assert rewritten(path, syntax) == [0, 0, 1, 75, 150, 255, 255]


@pytest.mark.parametrize('syntax', [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_voi_table_that_begins_above_32767_for_signed_pixels(make_dicom, syntax):
    """The modality table makes unsigned values of signed pixels, 40000 to 40510."""
    values = np.array([[-128, -64, 0, 127]], np.int8)
    path = make_dicom(
        'a.dcm', values, 'MONOCHROME2',
        ModalityLUTSequence=table(-128, [40000 + 2 * i for i in range(256)], 16, 'SS'),
        VOILUTSequence=table(40000, [i // 2 for i in range(512)], 8, 'US'),
    )  # fmt: skip
    assert rewritten(path, syntax) == [0, 64, 128, 255]


@pytest.mark.parametrize('syntax', [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_modality_table_for_the_upper_half_of_unsigned_pixels(make_dicom, syntax):
    values = np.array([[100, 40000, 40100, 40255, 65535]], np.uint16)
    path = make_dicom('a.dcm', values, 'MONOCHROME2', ModalityLUTSequence=table(40000, range(256), 8, 'US'))
    assert rewritten(path, syntax) == [0, 0, 100, 255, 255]


@pytest.mark.parametrize(
    ('stated', 'inputs', 'first'),
    [
        ([1024, 65236, 8], (-1000, 3095), -300),
        ([1024, -300, 8], (-1000, 3095), -300),
        ([1024, -25536, 8], (0, 65535), 40000),
        ([1024, 40000, 8], (0, 65535), 40000),
        ([1024, 40000, 8], (-32768, 32767), -25536),
        ([256, -128, 8], (500, 600), -128),  # neither fits: as stated
        ([256, 65408, 8], (500, 600), 65408),
        ([0, 0, 16], (0, 65535), 0),
        ([-32768, 0, 16], (0, 65535), 0),
        ([256, 100, 8], (0, 255), 100),
    ],
)
def test_the_reading_counts_that_covers_more_of_the_inputs(stated, inputs, first):
    read = Descriptor.read({'LUTDescriptor': stated}, 'LUTDescriptor', np.array(inputs), 'x')
    assert (read.count, read.first, read.bits) == (
        {0: 65536, -32768: 32768}.get(stated[0], stated[0]),
        first,
        stated[2],
    )


@pytest.mark.parametrize('value', [None, [256, 0]])
def test_descriptor_that_is_not_whole(value):
    item = Dataset()
    if value is not None:
        item.add_new(0x00283002, 'US', value)
    with pytest.raises(DataError, match=r'x needs LUTDescriptor \(0028,3002\) with three numbers: correct the element'):
        Descriptor.read(item, 'LUTDescriptor', np.arange(2), 'x')
