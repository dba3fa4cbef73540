"""Grey by the formulas of the standard, value by value; DCMTK's dcmj2pnm gave the same up to one level."""

from __future__ import annotations

import math

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from usmm.readers import DataError, limits, open_clip, read_dicom, read_image, read_mask

RAMP = np.arange(0, 4096, 65, dtype=np.uint16).reshape(8, 8)
B12 = {'BitsStored': 12, 'HighBit': 11}
WINDOW = {'WindowCenter': '1000', 'WindowWidth': '2000'}


def item(**elements):
    dataset = Dataset()
    for key, value in elements.items():
        setattr(dataset, key, value)
    return dataset


def table(first, entries, bits, kind='US', count=None):
    one = Dataset()
    one.add_new(0x00283002, kind, [len(entries) if count is None else count, first, bits])
    one.add_new(0x00283006, 'OW' if isinstance(entries, bytes) else 'US', entries)
    return [one]


def grey(path):
    return read_image(path)[..., 0].ravel().astype(int).tolist()


def linear(x, centre, width):
    """PS3.3, C.11.2.1.2.1."""
    if x <= centre - 0.5 - (width - 1) / 2:
        return 0.0
    if x > centre - 0.5 + (width - 1) / 2:
        return 255.0
    return ((x - (centre - 0.5)) / (width - 1) + 0.5) * 255


def linear_exact(x, centre, width):
    """PS3.3, C.11.2.1.3.2."""
    if x <= centre - width / 2:
        return 0.0
    return 255.0 if x > centre + width / 2 else ((x - centre) / width + 0.5) * 255


def sigmoid(x, centre, width):
    """PS3.3, C.11.2.1.3.1."""
    return 255 / (1 + math.exp(-4 * (x - centre) / width))


@pytest.mark.parametrize('formula', [linear, linear_exact, sigmoid])
@pytest.mark.parametrize('signed', [False, True])
def test_window_functions(make_dicom, formula, signed):
    values = RAMP.astype(np.int16) - 2048 if signed else RAMP
    path = make_dicom('a.dcm', values, 'MONOCHROME2', **B12, **WINDOW, VOILUTFunction=formula.__name__.upper())
    np.testing.assert_allclose(grey(path), [formula(int(x), 1000, 2000) for x in values.ravel()], atol=0.5001)


def test_window_of_width_one_is_a_threshold(make_dicom):
    path = make_dicom('a.dcm', np.array([[98, 99, 100]], np.uint8), 'MONOCHROME2', WindowCenter='99.5', WindowWidth='1')
    assert grey(path) == [0, 0, 255]


def test_window_holds_for_8_bits_too_and_the_first_of_several_counts(make_dicom):
    path = make_dicom(
        'a.dcm', np.arange(256, dtype=np.uint8).reshape(16, 16), 'MONOCHROME2',
        WindowCenter=['100', '30'], WindowWidth=['50', '9'],
    )  # fmt: skip
    np.testing.assert_allclose(grey(path), [linear(x, 100, 50) for x in range(256)], atol=0.5001)


@pytest.mark.parametrize('colour', ['MONOCHROME1', 'MONOCHROME2'])
@pytest.mark.parametrize('shape', [None, 'IDENTITY', 'INVERSE'])
def test_presentation_shape_decides_about_inversion(make_dicom, colour, shape):
    elements = {} if shape is None else {'PresentationLUTShape': shape}
    found = grey(make_dicom('a.dcm', np.array([[0, 100, 255]], np.uint8), colour, **elements))
    inverse = {None: colour == 'MONOCHROME1', 'IDENTITY': False, 'INVERSE': True}[shape]  # as dcmj2pnm does
    assert found == ([255, 155, 0] if inverse else [0, 100, 255])


@pytest.mark.parametrize(
    ('stored', 'high', 'shift', 'noise'),
    [
        (12, 11, 0, 0),
        (12, 15, 4, 0b101),
        (12, 13, 2, 0x8001),
        (12, 11, 0, 0x7000),
        (8, 15, 8, 0x0F),
        (8, 11, 4, 0xF00F),
    ],
)
@pytest.mark.parametrize('compress', [None, RLELossless])
def test_bits_lie_where_the_high_bit_is(make_dicom, stored, high, shift, noise, compress):
    if compress is not None and stored == 8:
        pytest.skip('pydicom cannot write 8 of 16 bits in RLE')
    values = np.linspace(0, 2**stored - 1, 64).astype(np.uint16).reshape(8, 8)
    cells = ((values << shift) | noise).astype(np.uint16)
    path = make_dicom('a.dcm', cells, 'MONOCHROME2', compress, BitsStored=stored, HighBit=high)
    assert grey(path) == (values.ravel() >> (stored - 8)).tolist()


@pytest.mark.parametrize('shift', [0, 4])
def test_signed_values_without_sign_extension(make_dicom, shift):
    values = np.array([[-2048, -1, 0, 2047]])
    cells = ((values & 0xFFF) << shift).astype(np.uint16).view(np.int16)
    path = make_dicom('a.dcm', cells, 'MONOCHROME2', BitsStored=12, HighBit=11 + shift)
    assert grey(path) == [0, 127, 128, 255]


def test_jpeg_2000_gives_values_not_cells(make_dicom):
    values = np.repeat(np.repeat(RAMP, 8, 0), 8, 1)
    path = make_dicom('a.dcm', values, 'MONOCHROME2', JPEG2000Lossless, **B12)
    assert grey(path) == (values.ravel() >> 4).tolist()
    dataset = pydicom.dcmread(path)
    dataset.HighBit = 15  # says nothing about a codestream
    dataset.save_as(path)
    assert grey(path) == (values.ravel() >> 4).tolist()
    dataset.BitsStored, dataset.HighBit = 8, 7
    dataset.save_as(path)
    with pytest.raises(DataError, match=r'has compressed pixels of 0 to 4095, more than the 8 bits of its BitsStored'):
        read_image(path)


@pytest.mark.parametrize(('stored', 'top'), [(8, 255), (12, 4080), (6, 63)])
def test_colours_of_other_depths(make_dicom, stored, top):
    values = np.array([[[0, top, top // 2]]], np.uint16)
    for shift in (0, 16 - stored):
        path = make_dicom('a.dcm', values << shift, 'RGB', BitsStored=stored, HighBit=stored - 1 + shift)
        found = read_image(path)
        assert found.dtype == np.uint8
        assert found.tolist() == [[[0, 255, {8: 127, 12: 127, 6: 125}[stored]]]]


def test_rescale_slope_that_falls_inverts(make_dicom):
    path = make_dicom('a.dcm', RAMP, 'MONOCHROME2', **B12, RescaleSlope='-1', RescaleIntercept='0')
    assert grey(path) == ((4095 - RAMP.ravel().astype(int)) >> 4).tolist()


SQUARE = [x * x // 256 for x in range(4096)]  # 0 to 65505
HALF = [x // 16 for x in range(4096)]


@pytest.mark.parametrize(
    ('entries', 'bits', 'expected'),
    [
        (SQUARE, 16, [SQUARE[x] / 257 for x in range(0, 4096, 65)]),
        (HALF, 8, [HALF[x] for x in range(0, 4096, 65)]),
        (bytes(HALF), 8, [HALF[x] for x in range(0, 4096, 65)]),
        (np.array(SQUARE, '<u2').tobytes(), 16, [SQUARE[x] / 257 for x in range(0, 4096, 65)]),
    ],
    ids=['16 bits', '8 bits in words', '8 bits packed', 'OW'],
)
@pytest.mark.parametrize('name', ['ModalityLUTSequence', 'VOILUTSequence'])
def test_tables(make_dicom, name, entries, bits, expected):
    path = make_dicom('a.dcm', RAMP, 'MONOCHROME2', **B12, **{name: table(0, entries, bits, count=4096)})
    np.testing.assert_allclose(grey(path), expected, atol=0.5001)


def test_modality_table_then_window(make_dicom):
    path = make_dicom('a.dcm', RAMP, 'MONOCHROME2', **B12, **WINDOW, ModalityLUTSequence=table(0, HALF, 12))
    np.testing.assert_allclose(grey(path), [linear(HALF[x], 1000, 2000) for x in RAMP.ravel()], atol=0.5001)


def test_voi_table_comes_before_the_window_and_after_the_rescale(make_dicom):
    ends = table(-500, [10, *range(20, 60, 2), 250], 8, 'SS')
    values = np.array([[0, 499, 500, 501, 510, 521, 4000]], np.uint16)  # 500 becomes -500
    path = make_dicom(
        'a.dcm', values, 'MONOCHROME2', **B12, **WINDOW, RescaleSlope='1', RescaleIntercept='-1000', VOILUTSequence=ends
    )
    assert grey(path) == [10, 10, 10, 20, 38, 250, 250]


def test_table_of_65536_entries_states_0(make_dicom):
    entries = (np.arange(65536) // 256).astype('<u2').tobytes()
    path = make_dicom(
        'a.dcm', np.array([[0, 256, 65535]], np.uint16), 'MONOCHROME2', VOILUTSequence=table(0, entries, 8, count=0)
    )
    assert grey(path) == [0, 1, 255]


def test_signed_table_in_a_file_without_types(make_dicom):
    values = np.array([[-600, -500, -499, 0]], np.int16)
    path = make_dicom(
        'a.dcm', values, 'MONOCHROME2', **B12, VOILUTSequence=table(-500, list(range(256)), 8, 'SS'), WindowCenter='1'
    )
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    other = path.with_name('b.dcm')
    dataset.save_as(other)
    assert grey(other) == grey(path) == [0, 0, 1, 255]


def test_windows_of_single_frames(make_dicom):
    values = np.stack([RAMP] * 3)
    own = [item(FrameVOILUTSequence=[item(WindowCenter=c, WindowWidth='101')]) for c in ('200', '3000')]
    shared = item(
        FrameVOILUTSequence=[item(**WINDOW)],
        PixelValueTransformationSequence=[item(RescaleSlope='1', RescaleIntercept='-10')],
    )
    path = make_dicom(
        'a.dcm', values, 'MONOCHROME2', **B12, FrameTime='40', WindowCenter='7', WindowWidth='7',
        PerFrameFunctionalGroupsSequence=[*own, Dataset()], SharedFunctionalGroupsSequence=[shared],
    )  # fmt: skip
    found = read_dicom(path).frames[..., 0].reshape(3, -1).astype(int)
    for frame, (centre, width) in zip(found, ((200, 101), (3000, 101), (1000, 2000))):
        np.testing.assert_allclose(frame, [linear(int(x) - 10, centre, width) for x in RAMP.ravel()], atol=0.5001)


@pytest.mark.parametrize(
    ('elements', 'cause'),
    [
        ({'RescaleSlope': '0'}, r'has RescaleSlope \(0028,1053\) of 0'),
        ({'WindowCenter': '5'}, r'has 1 values of WindowCenter \(0028,1050\) and 0 of WindowWidth'),
        ({'WindowCenter': ['5', '6'], 'WindowWidth': '7'}, 'has 2 values of WindowCenter'),
        ({'WindowCenter': '5', 'WindowWidth': '0'}, r'has WindowWidth \(0028,1051\) of 0, which LINEAR cannot have'),
        (
            {'WindowCenter': '5', 'WindowWidth': '-1', 'VOILUTFunction': 'SIGMOID'},
            'has WindowWidth .* of -1, which SIGMOID cannot have',
        ),
        ({**WINDOW, 'VOILUTFunction': 'CUBIC'}, r"has VOILUTFunction \(0028,1056\) of 'CUBIC', expected one of LINEAR"),
        ({'VOILUTSequence': [Dataset()]}, r'has VOILUTSequence \(0028,3010\) without a whole LUTDescriptor'),
        ({'VOILUTSequence': table(0, [1, 2], 8, count=3)}, 'states 3 entries, its LUTData holds 2'),
        ({'ModalityLUTSequence': table(0, [1, 256], 8)}, 'with an entry of 256, more than its 8 bits can hold'),
        ({'ModalityLUTSequence': table(0, [1, 2], 32)}, 'with entries of 32 bits'),
        ({'HighBit': 3}, r'has HighBit \(0028,0102\) of 3, which 12 of 16 bits cannot have'),
        ({'HighBit': 16}, 'has HighBit .* of 16, which 12 of 16 bits cannot have'),
    ],
)
def test_transforms_that_make_no_sense_are_refused(make_dicom, elements, cause):
    with pytest.raises(DataError, match=cause):
        read_image(make_dicom('a.dcm', RAMP, 'MONOCHROME2', **{**B12, **elements}))


def test_signed_colours_are_refused(make_dicom):
    with pytest.raises(DataError, match='has signed colours'):
        read_image(make_dicom('a.dcm', np.zeros((2, 2, 3), np.int16), 'RGB'))
    with pytest.raises(DataError, match='stores 12 of 16 bits a sample, expected all in YBR_FULL'):
        read_image(make_dicom('a.dcm', np.zeros((2, 2, 3), np.uint16), 'YBR_FULL', **B12))


def test_mask_of_small_numbers_does_not_vanish_in_a_window(make_dicom):
    values = np.array([[0, 1, 7]], np.uint8)
    path = make_dicom('a.dcm', values, 'MONOCHROME2', WindowCenter='200', WindowWidth='50')
    assert grey(path) == [0, 0, 0]
    assert read_mask(path).tolist() == [[False, True, True]]


def test_set_window_takes_the_place_of_one_that_makes_no_sense(make_dicom):
    values = np.array([[0, 1000, 2000, 2000]], np.uint16)
    path = make_dicom(
        'a.dcm', np.stack([values] * 2), 'MONOCHROME1', **B12, WindowWidth='0', WindowCenter='0', FrameTime='40',
        RescaleSlope='2', RescaleIntercept='-1000',
    )  # fmt: skip
    # modality values -1000, 1000 and 3000, inverted
    assert read_dicom(path, window=(-1000, 3000)).frames[1, 0, :, 0].tolist() == [255, 127, 0, 0]
    assert next(open_clip(path, window=(0, 3000)).sample()).rgb()[0, :, 0].tolist() == [255, 170, 0, 0]
    for read in (read_dicom, open_clip, read_image):
        with pytest.raises(ValueError, match='window must be two finite numbers that rise'):
            read(path, window=(1, 1))


def test_groups_of_frames_have_a_limit(make_dicom, monkeypatch):
    groups = [item(FrameVOILUTSequence=[item(**WINDOW)]) for _ in range(40)]
    path = make_dicom('a.dcm', RAMP, 'MONOCHROME2', **B12, PerFrameFunctionalGroupsSequence=groups)
    assert read_image(path).shape == (8, 8, 3)
    monkeypatch.setattr(limits, 'MAX_FRAME_GROUP_BYTES', 1000)
    with pytest.raises(DataError, match=r'has PerFrameFunctionalGroupsSequence of \d+ bytes, over the limit of 1000'):
        read_image(path)
