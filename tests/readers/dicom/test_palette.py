"""Palettes: each stored value shows the entry that PS3.3, C.7.6.3.1.5 assigns to it; dcmj2pnm gave the same."""

from __future__ import annotations

import struct

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from usmm.readers import DataError, read_image

COLOURS = ('Red', 'Green', 'Blue')
RED, GREEN, BLUE = np.arange(256) * 257, 65535 - np.arange(256) * 257, np.full(256, 30000)


def palette(first=0, bits=16, tables=(RED, GREEN, BLUE), kind='<u2', vr='SS', count=None):
    """Elements of a palette; `vr` is the type of the descriptors."""
    elements = {}
    for number, (colour, entries) in enumerate(zip(COLOURS, tables)):
        size = len(entries) if count is None else count
        elements[f'{colour}PaletteColorLookupTableData'] = np.asarray(entries).astype(kind).tobytes()
        elements[0x00281101 + number] = (vr, [size, first, bits])
    return elements


@pytest.fixture
def palette_file(make_dicom):
    def make(values, elements, **more):
        path = make_dicom('a.dcm', values, 'PALETTE COLOR', **more)
        dataset = pydicom.dcmread(path)
        for key, value in elements.items():
            if isinstance(key, int):
                dataset.add_new(key, *value)
            else:
                setattr(dataset, key, value)
        dataset.save_as(path)
        return path

    return make


@pytest.mark.parametrize('vr', ['SS', 'US'])
@pytest.mark.parametrize('implicit', [False, True])
def test_signed_pixels_begin_at_a_negative_value(palette_file, vr, implicit):
    values = np.array([[-128, -127, -1, 0, 1, 127]], np.int8)
    path = palette_file(values, palette(-128 if vr == 'SS' else 65408, vr=vr))
    if implicit:
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        dataset.save_as(path)
    places = values.ravel().astype(int) + 128
    assert read_image(path)[0].tolist() == [[place, 255 - place, 117] for place in places]


def test_signed_pixels_of_more_bits_take_the_ends_outside_of_the_table(palette_file):
    values = np.array([[-2048, -129, -128, 127, 2047]], np.int16)
    path = palette_file(values, palette(-128), BitsStored=12, HighBit=11)
    assert read_image(path)[0, :, 0].tolist() == [0, 0, 0, 255, 255]


@pytest.mark.parametrize(
    ('elements', 'red'),
    [
        (palette(100, tables=(RED[:50],) * 3, vr='US'), [0, 0, 0, 49, 49]),
        (palette(bits=8, tables=(np.arange(256),) * 3, kind='u1', vr='US'), [0, 99, 100, 200, 255]),
        (palette(bits=8, tables=(np.arange(256),) * 3, vr='US'), [0, 99, 100, 200, 255]),
        (palette(tables=(np.arange(256),) * 3, vr='US'), [0, 99, 100, 200, 255]),  # 8 bits in a table of 16
        (palette(tables=(np.arange(256),) * 3, kind='u1', vr='US'), [0, 99, 100, 200, 255]),
        (palette(bits=8, tables=(np.arange(255),) * 3, kind='u1', vr='US'), [0, 99, 100, 200, 254]),  # and a pad byte
    ],
    ids=['first', 'bytes', 'words', '16 of 8', 'bytes of 16', 'odd'],
)
def test_depths_and_places(palette_file, elements, red):
    assert read_image(palette_file(np.array([[0, 99, 100, 200, 255]], np.uint8), elements))[0, :, 0].tolist() == red


def test_big_endian_words(palette_file):
    path = palette_file(np.array([[0, 1, 255]], np.uint8), palette(kind='>u2', vr='US'))
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    dataset.walk(lambda *_: None)  # decodes every element
    pydicom.dcmwrite(path, dataset, implicit_vr=False, little_endian=False)
    assert read_image(path).tolist() == [[[0, 255, 117], [1, 254, 117], [255, 0, 117]]]


def segments(*numbers):
    return struct.pack(f'<{len(numbers)}H', *numbers)


def test_segmented_palette_with_a_negative_first_value(palette_file):
    """One value, then a line of 255 steps to the end (PS3.3, C.7.9.2)."""
    elements = {key: value for key, value in palette(-128).items() if isinstance(key, int)}
    curves = (segments(0, 1, 0, 1, 255, 65535), segments(0, 1, 65535, 1, 255, 0), segments(0, 1, 512, 1, 255, 512))
    for colour, curve in zip(COLOURS, curves):
        elements[f'Segmented{colour}PaletteColorLookupTableData'] = curve
    values = np.array([[-128, -127, 0, 127]], np.int8)
    assert read_image(palette_file(values, elements)).tolist() == [
        [[0, 255, 2], [1, 254, 2], [128, 127, 2], [255, 0, 2]]
    ]


def without(elements, *keys):
    return {key: value for key, value in elements.items() if key not in keys}


CURVES = {f'Segmented{colour}PaletteColorLookupTableData': segments(0, 1, 0, 1, 255, 65535) for colour in COLOURS}
STATED = {key: value for key, value in palette(vr='US').items() if isinstance(key, int)}


@pytest.mark.parametrize(
    ('elements', 'cause'),
    [
        (
            palette(vr='US', count=300),
            r'has RedPaletteColorLookupTableData \(0028,1201\) of 256 entries, its descriptor states 300: correct',
        ),
        (
            without(palette(vr='US'), 'BluePaletteColorLookupTableData'),
            r'needs BluePaletteColorLookupTableData \(0028,1203\): add the element, or save it as RGB',
        ),
        (
            without(palette(vr='US'), 0x00281102),
            r'needs GreenPaletteColorLookupTableDescriptor \(0028,1102\) with three numbers: correct the element',
        ),
        (
            palette(bits=12, vr='US'),
            r'RedPaletteColorLookupTableDescriptor \(0028,1101\) with entries of 12 bits, expected 8 or 16',
        ),
        (
            {**STATED, **without(CURVES, 'SegmentedGreenPaletteColorLookupTableData')},
            r'needs SegmentedGreenPaletteColorLookupTableData \(0028,1222\)',
        ),
        (
            {**STATED, **CURVES, 0x00281103: ('US', [255, 0, 16])},
            r'has palettes of 256 and 255 entries \(BluePaletteColorLookupTableDescriptor \(0028,1103\)\)',
        ),
        ({**STATED, **CURVES, 'SegmentedRedPaletteColorLookupTableData': segments(9, 9)}, 'cannot be expanded to 256'),
    ],
)
def test_tables_that_are_not_whole(palette_file, elements, cause):
    with pytest.raises(DataError, match=cause) as caught:
        read_image(palette_file(np.array([[0, 1]], np.uint8), elements))
    assert caught.value.file is not None
