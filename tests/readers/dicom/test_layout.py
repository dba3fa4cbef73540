"""How many pixels there are, and in which colours: what the lengths show against what the header states."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from usmm.readers import DataError, depth_facts, open_clip, read_dicom, read_image

VIDEO = [
    ('1.2.840.10008.1.2.4.100', 'MPEG2'),
    ('1.2.840.10008.1.2.4.100.1', 'MPEG2'),
    ('1.2.840.10008.1.2.4.101', 'MPEG2'),
    ('1.2.840.10008.1.2.4.102', 'MPEG-4'),
    ('1.2.840.10008.1.2.4.106', 'MPEG-4'),
    ('1.2.840.10008.1.2.4.107', 'HEVC'),
    ('1.2.840.10008.1.2.4.108', 'HEVC'),
]


def ybr(rgb):
    """PS3.3, C.7.6.3.1.2, rounded."""
    r, g, b = np.moveaxis(rgb.astype(float), -1, 0)
    planes = [
        0.299 * r + 0.587 * g + 0.114 * b,
        -0.168736 * r - 0.331264 * g + 0.5 * b + 128,
        0.5 * r - 0.418688 * g - 0.081312 * b + 128,
    ]
    return np.clip(np.rint(np.stack(planes, axis=-1)), 0, 255).astype(np.uint8)


@pytest.fixture
def screen(picture):
    """A picture on black, as ultrasound is."""
    pixels = picture(0).copy()
    pixels[:20] = 0
    return pixels


@pytest.mark.parametrize('planar', [0, 1])
@pytest.mark.parametrize('frames', [None, 3])
def test_full_size_pixels_labelled_422(make_dicom, screen, planar, frames):
    for colours, tolerance in ((screen, 0), (ybr(screen), 3)):
        stored = np.moveaxis(colours, -1, 0).reshape(colours.shape) if planar else colours
        stored = stored if frames is None else np.stack([stored] * frames)
        path = make_dicom('a.dcm', stored, 'YBR_FULL_422', PlanarConfiguration=planar)
        for frame in read_dicom(path).frames:
            assert np.abs(frame.astype(int) - screen).max() <= tolerance


def test_full_size_with_odd_columns(make_dicom, screen):
    assert (read_image(make_dicom('a.dcm', screen[:, :95], 'YBR_FULL_422')) == screen[:, :95]).all()


def test_true_422_stays(make_dicom, screen):
    full = ybr(screen)
    pairs = np.stack(
        [full[:, ::2, 0], full[:, 1::2, 0], full[:, ::2, 1], full[:, ::2, 2]], axis=-1
    )  # Y1 Y2 Cb Cr (PS3.3, C.7.6.3.1.2)
    path = make_dicom('a.dcm', full, 'YBR_FULL_422')
    dataset = pydicom.dcmread(path)
    dataset.PixelData = pairs.tobytes()
    dataset.save_as(path)
    assert np.abs(read_image(path).astype(int) - screen).mean() < 3
    dataset.Columns = 95
    dataset.save_as(path)
    with pytest.raises(DataError, match='has 4:2:2 pixels in 95 columns, expected an even number'):
        read_image(path)


def test_full_size_that_could_be_both(make_dicom):
    grey = np.full((33, 8, 3), 120, np.uint8)
    mixed = ybr(grey)
    mixed[0] = 0  # no colour in YBR, but one row in 33 only
    for pixels in (grey, mixed):  # the first is one grey
        with pytest.raises(DataError, match=r'could be RGB as well as YBR_FULL: write the right one into Photometric'):
            read_image(make_dicom('a.dcm', pixels, 'YBR_FULL_422'))


@pytest.mark.parametrize('colour', [(250, 120, 20), (200, 160, 150)])
@pytest.mark.parametrize('share', [0.0, 0.0009, 0.02, 0.4])
def test_full_size_grey_of_rgb_labelled_422(make_dicom, colour, share):
    """Mid-grey values can all be YBR, and grey in RGB has three equal samples."""
    grey = np.repeat(np.random.default_rng(0).integers(100, 160, (100, 100, 1), np.uint8), 3, axis=2)
    grey.reshape(-1, 3)[: round(share * 10000)] = colour
    path = make_dicom('a.dcm', grey, 'YBR_FULL_422')
    np.testing.assert_array_equal(read_image(path), grey)
    assert depth_facts(path).assumed == 'YBR_FULL_422 taken for RGB'
    path = make_dicom('b.dcm', ybr(grey), 'YBR_FULL_422')
    assert np.abs(read_image(path).astype(int) - grey).max() <= 3
    assert depth_facts(path).assumed == 'YBR_FULL_422 taken for YBR_FULL'


@pytest.mark.parametrize('level', [128, 120])
def test_full_size_of_one_grey_stays_open(make_dicom, level):
    with pytest.raises(DataError, match='could be RGB as well as YBR_FULL'):
        read_image(make_dicom('a.dcm', np.full((8, 8, 3), level, np.uint8), 'YBR_FULL_422'))


def test_true_422_in_planes_is_refused(make_dicom, screen):
    path = make_dicom('a.dcm', screen, 'YBR_FULL_422', PlanarConfiguration=1)
    dataset = pydicom.dcmread(path)
    dataset.PixelData = dataset.PixelData[: screen.size * 2 // 3]
    dataset.save_as(path)
    cause = r'holds 4:2:2 pixels, which PlanarConfiguration \(0028,0006\) of 1 cannot have: correct that element, or'
    for read in (read_image, read_dicom, open_clip):
        with pytest.raises(DataError, match=cause):
            read(path)


@pytest.mark.parametrize('keyword', ['SamplesPerPixel', 'BitsStored', 'PixelRepresentation', 'PlanarConfiguration'])
def test_elements_that_pixels_need(make_dicom, picture, keyword):
    path = make_dicom('a.dcm', picture(0), 'RGB')
    dataset = pydicom.dcmread(path)
    del dataset[keyword]
    dataset.save_as(path)
    with pytest.raises(DataError, match=rf'has no {keyword} \(0028,\d+\), which its pixels need: add the element'):
        read_image(path)


def test_planar_configuration_is_0_or_1(make_dicom, picture):
    with pytest.raises(DataError, match=r'has PlanarConfiguration \(0028,0006\) of 2, expected 0 or 1: correct the'):
        read_image(make_dicom('a.dcm', picture(0), 'RGB', PlanarConfiguration=2))


@pytest.mark.parametrize('keyword', ['Rows', 'Columns', 'BitsStored', 'SamplesPerPixel', 'NumberOfFrames'])
def test_two_values_of_an_element_that_has_one(make_dicom, picture, keyword):
    path = make_dicom('a.dcm', picture(0), 'RGB', **{keyword: [3, 3]})
    with pytest.raises(
        DataError, match=rf'has {keyword} \(0028,\d+\) with 2 values, expected one: correct the element'
    ):
        read_image(path)


def test_ybr_of_16_bits(make_dicom, picture):
    path = make_dicom('a.dcm', picture(0).astype(np.uint16), 'YBR_FULL')
    with pytest.raises(
        DataError, match=r'has BitsAllocated \(0028,0100\) of 16, expected 8 in YBR_FULL: convert it to'
    ):
        read_image(path)


def test_transfer_syntax_that_is_none(make_dicom, picture):
    path = make_dicom('a.dcm', picture(0), 'RGB')
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = UID('1.2.3.4.5.6')
    dataset.save_as(path, implicit_vr=False, little_endian=True, enforce_file_format=False)
    with pytest.raises(
        DataError, match=r"has TransferSyntaxUID \(0002,0010\) of '1.2.3.4.5.6', which is not a transfer"
    ):
        read_image(path)


@pytest.mark.parametrize('stated', [None, 1, 2])
def test_native_frames_left_over(make_dicom, picture, stated):
    cine = np.stack([picture(i) for i in range(3)])
    path = make_dicom('a.dcm', cine, 'RGB', NumberOfFrames=stated)
    for read in (read_dicom, read_image, open_clip):
        with pytest.raises(
            DataError, match=rf'3 frames of 96 x 64 pixels, and states {stated or 1} in NumberOfFrames \(0028,0008\)'
        ):
            read(path)


@pytest.mark.parametrize(('extra', 'refused'), [(1, False), (2, False), (4, True), (100, True)])
def test_bytes_behind_the_last_pixel(make_dicom, picture, extra, refused):
    path = make_dicom('a.dcm', picture(0), 'RGB')
    dataset = pydicom.dcmread(path)
    dataset.PixelData += b'\0' * extra
    dataset.save_as(path)
    if refused:
        with pytest.raises(DataError, match=r'correct that element, or the size or bits of a frame'):
            read_image(path)
    else:
        assert (read_image(path) == picture(0)).all()


@pytest.mark.parametrize(('syntax', 'word'), VIDEO)
def test_video_in_dicom_says_how_to_extract_it(make_dicom, picture, syntax, word):
    path = make_dicom('a.dcm', picture(0), 'RGB', PhotometricInterpretation='YBR_PARTIAL_420', NumberOfFrames=10)
    dataset = pydicom.dcmread(path)
    dataset.PixelData = encapsulate([b'\0\0\0\x20ftypisom'])
    dataset['PixelData'].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.save_as(path)
    for read in (read_dicom, read_image, open_clip):
        with pytest.raises(DataError, match=rf'holds a video \(.*{word}.*gdcmraw -i a.dcm -o video.mp4.*dcmdump \+W'):
            read(path)
