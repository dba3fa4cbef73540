"""What compressed frames state against what the header states; the frames are made by pydicom's encoders and Pillow."""

from __future__ import annotations

import io
import struct

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000, JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from usmm.readers import DataError, depth_facts, open_clip, read_dicom, read_image
from usmm.readers.dicom.codestream import Codestream, read_codestream

SHADES = np.arange(64 * 96, dtype=np.uint16).reshape(64, 96)


@pytest.fixture
def relabelled():
    def make(path, **elements):
        dataset = pydicom.dcmread(path)
        for key, value in elements.items():
            setattr(dataset, key, value)
        dataset.save_as(path)
        return path

    return make


@pytest.fixture
def jpeg_file(make_dicom):
    """A DICOM file of JPEG frames, without an offset table that states their number."""

    def make(pixels, frames=1, basic_offsets=False, **elements):
        pieces = []
        for _ in range(frames):
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, 'JPEG', quality=95)
            pieces.append(buffer.getvalue())
        path = make_dicom('a.dcm', pixels, 'YBR_FULL_422' if pixels.ndim == 3 else 'MONOCHROME2')
        dataset = pydicom.dcmread(path)
        dataset.PixelData = encapsulate(pieces, has_bot=basic_offsets)
        dataset['PixelData'].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        for key, value in elements.items():
            setattr(dataset, key, value)
        dataset.save_as(path)
        return path

    return make


@pytest.mark.parametrize('syntax', [JPEG2000Lossless, JPEGLSLossless])
@pytest.mark.parametrize(('bits', 'dtype'), [(8, np.uint8), (12, np.uint16)])
def test_fewer_bits_than_the_header_states(make_dicom, relabelled, syntax, bits, dtype):
    values = (SHADES % 2**bits).astype(dtype)
    path = make_dicom('a.dcm', values, 'MONOCHROME2', syntax, BitsStored=bits, HighBit=bits - 1)
    assert read_image(path)[..., 0].tolist() == (values >> (bits - 8)).tolist()
    relabelled(path, BitsAllocated=16, BitsStored=16, HighBit=15)
    with pytest.raises(DataError, match=rf'samples of {bits} bits, and states 16 in BitsStored \(0028,0101\): correct'):
        read_image(path)


@pytest.mark.parametrize('signed', [False, True])
def test_sign_of_a_codestream(make_dicom, relabelled, signed):
    values = (SHADES.astype(np.int32) * 8 - 32768 * signed).astype(np.int16 if signed else np.uint16)
    path = make_dicom('a.dcm', values, 'MONOCHROME2', JPEG2000Lossless)
    assert read_image(path)[..., 0].tolist() == (SHADES * 8 >> 8).tolist()
    relabelled(path, PixelRepresentation=int(not signed))
    words = ('signed', 'unsigned') if signed else ('unsigned', 'signed')
    cause = rf'holds {words[0]} compressed samples, and states {words[1]} ones in PixelRepresentation \(0028,0103\)'
    for read in (read_image, read_dicom, open_clip):
        with pytest.raises(DataError, match=cause):
            read(path)


@pytest.mark.parametrize(('syntax', 'label', 'tolerance'), [(JPEG2000Lossless, 'YBR_RCT', 0), (JPEG2000, 'YBR_ICT', 9)])
@pytest.mark.parametrize('wrong', ['YBR_FULL', 'YBR_FULL_422', 'RGB', None])
def test_colours_that_jpeg_2000_transformed_itself(make_dicom, relabelled, picture, syntax, label, tolerance, wrong):
    path = make_dicom('a.dcm', picture(0), label)
    dataset = pydicom.dcmread(path)
    dataset.compress(syntax, j2k_cr=[5], generate_instance_uid=False) if syntax == JPEG2000 else dataset.compress(
        syntax
    )
    dataset.save_as(path)
    if wrong is not None:
        relabelled(path, PhotometricInterpretation=wrong)
    assert np.abs(read_image(path).astype(int) - picture(0)).max() <= tolerance
    assert depth_facts(path).assumed == (f'{wrong} taken for RGB' if wrong in ('YBR_FULL', 'YBR_FULL_422') else '')


def test_colours_that_jpeg_2000_left_alone_are_converted(make_dicom, relabelled, picture):
    path = make_dicom('a.dcm', np.full((32, 32, 3), (76, 85, 255), np.uint8), 'RGB', JPEG2000Lossless)
    relabelled(path, PhotometricInterpretation='YBR_FULL')
    assert np.abs(read_image(path).astype(int) - (254, 0, 0)).max() <= 1  # red by PS3.3, C.7.6.3.1.2


@pytest.mark.parametrize(('stated', 'words'), [(None, '1'), (1, '1'), (3, '3')])
@pytest.mark.parametrize('basic_offsets', [False, True])
def test_compressed_frames_left_over(jpeg_file, picture, stated, words, basic_offsets):
    path = jpeg_file(picture(0), 5, basic_offsets, **({} if stated is None else {'NumberOfFrames': stated}))
    for read in (read_image, read_dicom, open_clip):
        with pytest.raises(
            DataError, match=rf'holds 5 compressed frames, and states {words} in NumberOfFrames \(0028,'
        ):
            read(path)


def test_rle_frames_left_over(make_dicom, relabelled, picture):
    path = make_dicom('a.dcm', np.stack([picture(0)] * 3), 'RGB', RLELossless)
    with pytest.raises(DataError, match='holds 3 compressed frames, and states 2'):
        read_dicom(relabelled(path, NumberOfFrames=2))


def test_one_frame_in_several_fragments_stays(jpeg_file, picture):
    path = jpeg_file(picture(0))
    whole = read_image(path)
    dataset = pydicom.dcmread(path)
    data = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = encapsulate([data], fragments_per_frame=4, has_bot=False)
    dataset.save_as(path)
    np.testing.assert_array_equal(read_image(path), whole)


@pytest.mark.parametrize(
    ('colour', 'elements', 'cause'),
    [
        (True, {'Rows': 60}, r'of 96 x 64 pixels, and states 96 in Columns \(0028,0011\) and 60 in Rows \(0028,0010\)'),
        (True, {'Columns': 95}, 'of 96 x 64 pixels, and states 95 in Columns'),
        (
            False,
            {'SamplesPerPixel': 3, 'PhotometricInterpretation': 'RGB', 'PlanarConfiguration': 0},
            r'of 1 samples a pixel, and states 3 in SamplesPerPixel \(0028,0002\) and RGB in PhotometricInterpretation',
        ),
        (
            True,
            {'SamplesPerPixel': 1, 'PhotometricInterpretation': 'MONOCHROME2'},
            'of 3 samples a pixel, and states 1 in SamplesPerPixel',
        ),
    ],
)
def test_jpeg_of_another_size_or_colours(jpeg_file, picture, colour, elements, cause):
    with pytest.raises(DataError, match=cause):
        read_image(jpeg_file(picture(0) if colour else picture(0)[..., 0], **elements))


def test_frames_that_no_decoder_reads(jpeg_file, picture):
    """12 bits (a file of pydicom's), and a picture of another format or cut inside DICOM."""
    advice = r'where it is not damaged, decompress the file with `gdcmconv --raw` of GDCM or `dcmdjpeg` of DCMTK'
    with pytest.raises(DataError, match=rf'holds a frame of JPEG Extended .* \(pillow: .*12-bit precision\): {advice}'):
        read_image(get_testdata_file('JPGExtended.dcm'))
    path = jpeg_file(picture(0))
    dataset = pydicom.dcmread(path)
    whole = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
    for data in (b'\x89PNG' + bytes(60), whole[: len(whole) // 2]):
        dataset.PixelData = encapsulate([data])
        dataset.save_as(path)
        with pytest.raises(DataError, match=rf'holds a frame of JPEG Baseline .* {advice}') as caught:
            read_image(path)
        assert '_io' not in str(caught.value)
        assert caught.value.file == path


def segment(marker, data):
    return struct.pack('>BBH', 0xFF, marker, len(data) + 2) + data


def siz(*components, size=(7, 5), origin=(0, 0)):
    """ISO 15444-1, A.5.1."""
    grid = struct.pack('>HIIIIIIIIH', 0, *size, *origin, *size, 0, 0, len(components))
    return b'\xff\x4f' + segment(0x51, grid + b''.join(bytes([one, 1, 1]) for one in components))


COD = segment(0x52, bytes([0, 0, 0, 1, 1]) + bytes(5))
SOF = segment(0xC0, struct.pack('>BHHB', 8, 5, 7, 3))


@pytest.mark.parametrize(
    ('content', 'expected'),
    [
        (siz(7), Codestream(7, 5, 1, 8, False)),
        (siz(0x8B), Codestream(7, 5, 1, 12, True)),
        (siz(7, 7, 7) + segment(0x64, b'\0\1text') + COD, Codestream(7, 5, 3, 8, False, True)),
        (siz(7, 7, 7) + segment(0x52, bytes(10)), Codestream(7, 5, 3, 8, False, False)),
        (siz(7, 8), Codestream(7, 5, 2, 0, False)),
        (siz(7, origin=(3, 1)), Codestream(4, 4, 1, 8, False)),
        (b'\0\0\0\x0cjP  \r\n\x87\n' + bytes(40) + siz(7), Codestream(7, 5, 1, 8, False)),
        (b'\xff\xd8' + segment(0xE1, bytes(70)) + b'\xff' + SOF, Codestream(7, 5, 3, 8)),
        (b'\xff\xd8' + segment(0xF7, struct.pack('>BHHB', 12, 5, 7, 1)), Codestream(7, 5, 1, 12)),
        (b'\xff\xd8' + segment(0xDA, bytes(6)) + SOF, None),
        (b'\xff\xd8' + segment(0xC0, b'\1'), None),
        (siz(7)[:30], None),
        (b'\0\0\0\x0cjP  \r\n\x87\n' + bytes(40), None),
        (b'\x89PNG' + bytes(40), None),
    ],
)
def test_headers(content, expected):
    stream = io.BytesIO(b'before' + content)
    stream.seek(6)
    assert read_codestream(stream, 6 + len(content)) == expected


def test_components_of_several_depths(make_dicom):
    path = make_dicom('a.dcm', np.stack([SHADES % 256] * 3, -1).astype(np.uint8), 'RGB', JPEG2000Lossless)
    dataset = pydicom.dcmread(path)
    place = dataset.PixelData.index(b'\xff\x4f\xff\x51') + 42 + 3  # depth of the second component
    dataset.PixelData = dataset.PixelData[:place] + b'\x06' + dataset.PixelData[place + 1 :]
    dataset.save_as(path)
    with pytest.raises(DataError, match='holds compressed samples of several depths, and states 8 in BitsStored'):
        read_image(path)
