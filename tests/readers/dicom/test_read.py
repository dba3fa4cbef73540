from __future__ import annotations

import io
import math
import zlib
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.examples import get_path
from pydicom.uid import (
    MPEG4HP41,
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from usmm.readers import DataError, limits, open_clip, read_clip, read_dicom, read_image, read_regions


def still(name: str) -> np.ndarray:
    return read_dicom(get_testdata_file(name)).frames[0].astype(int)


@pytest.fixture
def cine(picture):
    return np.stack([picture(i) for i in range(6)])


@pytest.mark.parametrize('syntax', [None, RLELossless, JPEG2000Lossless])
def test_rgb_cine_is_given_back(make_dicom, cine, syntax):
    path = make_dicom('a.dcm', cine, 'RGB', compress=syntax, FrameTime='40')
    found = read_dicom(path)
    np.testing.assert_array_equal(found.frames, cine)
    np.testing.assert_allclose(found.times, np.arange(6) * 0.04)
    assert (found.spacing, found.regions) == (None, ())
    np.testing.assert_array_equal(read_clip(path)[0], cine)


def test_jpeg_cine_in_ybr_is_rgb(make_dicom, cine, picture):
    path = make_dicom('a.dcm', cine, 'RGB', FrameTime='40')
    dataset = pydicom.dcmread(path)
    pieces = []
    for frame in cine:
        stream = io.BytesIO()
        Image.fromarray(frame).save(stream, 'JPEG', quality=95)
        pieces.append(stream.getvalue())
    dataset.PixelData = encapsulate(pieces)
    dataset['PixelData'].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PhotometricInterpretation = 'YBR_FULL_422'
    dataset.save_as(path)
    for ours, piece in zip(read_dicom(path).frames, pieces):
        theirs = cv2.imdecode(np.frombuffer(piece, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].astype(int)
        assert np.abs(ours - theirs).mean() < 1.5


def test_uncompressed_ybr_is_rgb(make_dicom, cine):
    ybr = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]] for frame in cine])
    found = read_dicom(make_dicom('a.dcm', ybr, 'YBR_FULL')).frames
    assert np.abs(found.astype(int) - cine).max() <= 3


@pytest.mark.parametrize(
    'name',
    [
        'SC_rgb_rle_2frame.dcm',
        'SC_rgb_jpeg_gdcm.dcm',
        'SC_rgb_gdcm_KY.dcm',
        'SC_rgb_dcmtk_+eb+cy+n1.dcm',
        'SC_rgb_dcmtk_+eb+cy+s4.dcm',
        'SC_rgb_dcmtk_+eb+cr.dcm',
        'SC_ybr_full_422_uncompressed.dcm',
        'SC_rgb_rle_16bit.dcm',
        'SC_rgb_jpeg_lossy_gdcm.dcm',
    ],
)
def test_one_test_card_in_many_encodings(name):
    """The files show one card: lossless RLE, lossless JPEG, JPEG 2000, YBR at three samplings, 16 bits."""
    assert np.abs(still(name) - still('SC_rgb_rle.dcm')).mean() < 3


@pytest.mark.parametrize('name', ['MR_small_RLE', 'MR_small_bigendian', 'MR_small_implicit', 'MR_small_jp2klossless'])
def test_one_grey_image_in_many_encodings(name):
    np.testing.assert_array_equal(still(f'{name}.dcm'), still('MR_small.dcm'))


def test_examples_of_ultrasound():
    colour = read_dicom(get_path('ybr_color'))
    assert colour.frames.shape == (30, 240, 320, 3)
    np.testing.assert_allclose(colour.times, np.arange(30) * 0.033333)
    reference = pydicom.pixels.pixel_array(get_path('ybr_color'))  # pydicom: all at once, ours: frame by frame
    np.testing.assert_array_equal(colour.frames, reference)
    rgb, jpeg2k = read_dicom(get_path('rgb_color')), read_dicom(get_path('jpeg2k'))
    np.testing.assert_array_equal(rgb.frames[0], pydicom.dcmread(get_path('rgb_color')).pixel_array)
    # The same study at two sizes.
    half = cv2.resize(jpeg2k.frames[0], (320, 240), interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(half - rgb.frames[0]).mean() < 5


def test_palette_gives_colours():
    dataset = pydicom.dcmread(get_path('palette_color'))
    tables = [
        np.frombuffer(getattr(dataset, f'{c}PaletteColorLookupTableData'), '<u2') for c in ('Red', 'Green', 'Blue')
    ]
    codes = np.frombuffer(dataset.PixelData, np.uint8).reshape(dataset.Rows, dataset.Columns)
    expected = np.stack([table[codes] >> 8 for table in tables], axis=-1)
    found = read_image(get_path('palette_color'))
    np.testing.assert_array_equal(found, expected)
    assert len(np.unique(found.reshape(-1, 3), axis=0)) > 100


def test_palette_of_8_bit_colours_in_a_16_bit_table(make_dicom):
    codes = np.array([[0, 1], [2, 1]], np.uint8)
    entries = {'Red': [0, 200, 9], 'Green': [0, 100, 9], 'Blue': [0, 50, 9]}
    elements = {}
    for name, values in entries.items():
        elements[f'{name}PaletteColorLookupTableDescriptor'] = [3, 0, 16]
        elements[f'{name}PaletteColorLookupTableData'] = np.array(values, '<u2').tobytes()
    found = read_image(make_dicom('a.dcm', codes, 'PALETTE COLOR', **elements))
    assert found.tolist() == [[[0, 0, 0], [200, 100, 50]], [[9, 9, 9], [200, 100, 50]]]


@pytest.mark.parametrize(
    ('values', 'elements', 'expected'),
    [
        (np.array([[0, 255]], np.uint8), {}, [0, 255]),
        (np.array([[0, 4095]], np.uint16), {'BitsStored': 12, 'HighBit': 11}, [0, 255]),
        (np.array([[0, 4095]], np.uint16), {}, [0, 15]),  # 16 bits stated: the file knows its depth
        (np.array([[-2048, 0, 2047]], np.int16), {'BitsStored': 12, 'HighBit': 11}, [0, 128, 255]),
        (np.array([[0, 100, 600, 1100, 4000]], np.uint16), {'WindowCenter': '600.5', 'WindowWidth': '1001'}, None),
    ],
    ids=['8', '12', '16', 'signed', 'window'],
)
def test_grey_is_scaled_by_its_stated_bits_or_window(make_dicom, values, elements, expected):
    if expected is None:  # a line from 100 (black) to 1100 (white)
        expected = [0, 0, 128, 255, 255]
    found = read_image(make_dicom('a.dcm', values, 'MONOCHROME2', **elements))[0, :, 0]
    np.testing.assert_allclose(found.astype(int), expected, atol=1)
    inverse = read_image(make_dicom('b.dcm', values, 'MONOCHROME1', **elements))[0, :, 0]
    np.testing.assert_array_equal(inverse, 255 - found)


def test_window_works_on_rescaled_values(make_dicom):
    values = np.array([[0, 50, 100]], np.uint16)
    path = make_dicom(
        'a.dcm', values, 'MONOCHROME2', RescaleSlope='2', RescaleIntercept='-100', WindowCenter='0.5', WindowWidth='201'
    )
    assert read_image(path)[0, :, 0].tolist() == [0, 128, 255]


def test_deflated_file(make_dicom, cine):
    assert still('image_dfl.dcm').shape == (512, 512, 3)
    path = make_dicom('a.dcm', cine, 'RGB', FrameTime='40')
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path)
    np.testing.assert_array_equal(read_dicom(path).frames, cine)
    assert [f.index for f in open_clip(path).sample(0.08)] == [0, 2, 4]


def test_deflated_bomb_is_not_inflated(make_dicom, cine, monkeypatch):
    path = make_dicom('a.dcm', cine * 0, 'RGB')
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path)
    monkeypatch.setattr(limits, 'MAX_INFLATED_BYTES', 50_000)
    asked = []
    real = zlib.decompressobj

    class Watched:
        def __init__(self, *args):
            self.inner = real(*args)

        def decompress(self, data, most):
            asked.append(most)
            return self.inner.decompress(data, most)

        @property
        def eof(self):
            return self.inner.eof

    monkeypatch.setattr(zlib, 'decompressobj', Watched)
    for reader in (read_dicom, read_image, open_clip, read_regions):
        with pytest.raises(DataError, match='inflates to more than the limit of 50000 bytes'):
            reader(path)
    assert set(asked) == {50_000}


def test_cut_deflated_file(make_dicom, cine, cut):
    path = make_dicom('a.dcm', cine, 'RGB')
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path)
    with pytest.raises(DataError, match='is cut: its deflated data have no end'):
        read_dicom(cut(path, 0.7))


@pytest.mark.parametrize(
    ('elements', 'cause'),
    [
        ({'Rows': 65535, 'Columns': 65535}, 'states 65535 x 65535 pixels, over the limit'),
        ({'NumberOfFrames': 100_000}, r'over the limit of \d+ bytes read at once|is cut or states a wrong size'),
        ({'NumberOfFrames': 7}, 'is cut or states a wrong size: 7 frames of 96 x 64 pixels need'),
        ({'NumberOfFrames': -1}, 'states -1 frames'),
        ({'Rows': 0}, 'states a size of 96 x 0 pixels'),
        ({'BitsAllocated': 32, 'BitsStored': 32}, 'stores 32 of 32 bits a sample'),
        ({'BitsStored': 9}, 'stores 9 of 8 bits a sample'),
        ({'SamplesPerPixel': 1}, 'has 1 samples a pixel, which RGB cannot have'),
        ({'PhotometricInterpretation': 'YBR_PARTIAL_420'}, "has colours 'YBR_PARTIAL_420', expected one of"),
        ({'Rows': None}, 'is not a DICOM image: it has no Rows'),
    ],
)
def test_headers_that_lie_are_refused_before_decoding(make_dicom, cine, elements, cause, monkeypatch):
    path = make_dicom('a.dcm', cine, 'RGB', **elements)
    monkeypatch.setattr('usmm.readers.dicom.pixels.iter_pixels', lambda *_, **__: pytest.fail('decoded'))
    with pytest.raises(DataError, match=cause):
        read_dicom(path)
    with pytest.raises(DataError, match=cause.replace(r'over the limit of \d+ bytes read at once|', '')):
        open_clip(path)


def test_cine_too_large_for_memory_streams(make_dicom, cine, monkeypatch):
    path = make_dicom('a.dcm', cine, 'RGB', FrameTime='40')
    monkeypatch.setattr(limits, 'MAX_CLIP_BYTES', cine.nbytes - 1)
    with pytest.raises(DataError, match='read at once: stream it'):
        read_dicom(path)
    assert sum(1 for _ in open_clip(path).sample()) == 6


@pytest.mark.parametrize('name', ['ybr_color', 'jpeg2k', 'rgb_color', 'palette_color'])
@pytest.mark.parametrize('share', [0.002, 0.3, 0.6, 0.99])
def test_cut_files_are_refused(name, share, cut):
    path = cut(Path(get_path(name)), share)
    with pytest.raises(DataError, match=r'is cut|is not a DICOM image|has no pixel data|cannot be read as DICOM'):
        read_dicom(path)


def test_fewer_frames_than_stated(make_dicom, cine):
    path = make_dicom('a.dcm', cine, 'RGB', compress=RLELossless, FrameTime='40')
    for stated, cause in ((8, 'states 8 frames, holds 6'), (4, r'holds 6 compressed frames, and states 4 in Numb')):
        dataset = pydicom.dcmread(path)
        dataset.NumberOfFrames = stated
        other = path.with_name(f'{stated}.dcm')
        dataset.save_as(other)
        with pytest.raises(DataError, match=cause):
            read_dicom(other)


def test_sampling_decodes_the_kept_frames_only(make_dicom, cine, monkeypatch):
    path = make_dicom('a.dcm', np.concatenate([cine] * 5), 'RGB', FrameTime='100')
    asked = []
    import usmm.readers.dicom.pixels as pixels

    real = pixels.iter_pixels
    monkeypatch.setattr(
        pixels, 'iter_pixels', lambda f, indices, **o: asked.append(indices) or real(f, indices=indices, **o)
    )
    with open_clip(path) as clip:
        assert (clip.width, clip.height, clip.fps) == (96, 64, pytest.approx(10))
        frames = list(clip.sample(1.0))
    assert asked == [[0, 10, 20]]
    for frame in frames:
        np.testing.assert_array_equal(frame.rgb(), cine[frame.index % 6])


def test_cine_without_times(make_dicom, cine):
    path = make_dicom('a.dcm', cine, 'RGB')
    assert read_dicom(path).times is None
    with open_clip(path) as clip:
        assert math.isnan(clip.fps)
        assert [f.index for f in clip.sample()] == list(range(6))
        with pytest.raises(DataError, match='says nothing about time: give the frame rate'):
            clip.sample(1.0)
    with open_clip(path, fps=2) as clip:
        assert clip.fps == 2
        assert [f.time for f in clip.sample(1.0)] == [0, 1, 2]


def test_rate_that_is_set_replaces_times_that_cannot_be_true(make_dicom, cine):
    path = make_dicom('a.dcm', cine, 'RGB', FrameTimeVector=['0'] * 6)
    with pytest.raises(DataError, match='5 steps that are not above 0'):
        open_clip(path)
    with open_clip(path, fps=4) as clip:
        assert [f.time for f in clip.sample(0.5)] == [0, 0.5, 1]


def test_still_is_a_clip_of_one_frame(make_dicom, picture):
    path = make_dicom('a.dcm', picture(0), 'RGB')
    assert [f.time for f in open_clip(path).sample(1.0)] == [0]


def test_cine_is_no_image(make_dicom, cine):
    with pytest.raises(DataError, match='holds 6 frames, expected one image: give it as a clip'):
        read_image(make_dicom('a.dcm', cine, 'RGB'))


@pytest.mark.parametrize('name', ['rtplan.dcm', 'test-SR.dcm', 'waveform_ecg.dcm'])
def test_dicom_without_an_image(name):
    with pytest.raises(DataError, match='is not a DICOM image: it has no Rows'):
        read_dicom(get_testdata_file(name))


def test_dicom_without_pixel_data(make_dicom, picture):
    path = make_dicom('a.dcm', picture(0), 'RGB')
    dataset = pydicom.dcmread(path)
    del dataset.PixelData
    dataset.save_as(path)
    with pytest.raises(DataError, match='has no pixel data'):
        read_dicom(path)


def test_syntax_that_cannot_be_decoded_is_named(make_dicom, cine):
    path = make_dicom('a.dcm', cine, 'RGB', compress=RLELossless)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = MPEG4HP41
    dataset.save_as(path)
    with pytest.raises(DataError, match=r'MPEG-4 AVC/H\.264 High Profile'):
        read_dicom(path)


def test_unnamed_syntax(tmp_path):
    content = pydicom.dcmread(get_path('rgb_color'))
    del content.file_meta
    pydicom.dcmwrite(tmp_path / 'a.dcm', content, implicit_vr=False, little_endian=True)
    with pytest.raises(DataError, match='does not say how its pixels are stored'):
        read_dicom(tmp_path / 'a.dcm')


@pytest.mark.parametrize('name', ['a.dcm', 'a'])
def test_other_files_are_no_dicom(tmp_path, name):
    (tmp_path / name).write_bytes(b'some text that is long enough' * 20)
    with pytest.raises(DataError, match=r'cannot be read as DICOM|is not a DICOM image'):
        read_dicom(tmp_path / name)
