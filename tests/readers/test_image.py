from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from usmm.readers import DataError, limits, read_image, read_mask
from usmm.readers.deep_tiff import upright

GREY = np.arange(6 * 4, dtype=np.uint8).reshape(6, 4) * 10
COLOUR = np.stack([GREY, 255 - GREY, GREY // 2], axis=-1)


def as_rgb(grey):
    return np.repeat(grey[..., None], 3, axis=2)


@pytest.mark.parametrize('suffix', ['png', 'bmp', 'tiff'])
@pytest.mark.parametrize(('pixels', 'expected'), [(GREY, as_rgb(GREY)), (COLOUR, COLOUR)])
def test_lossless_formats_give_back_the_pixels(tmp_path, suffix, pixels, expected):
    path = tmp_path / f'a.{suffix}'
    cv2.imwrite(str(path), pixels[..., ::-1] if pixels.ndim == 3 else pixels)
    found = read_image(path)
    assert found.dtype == np.uint8
    assert found.flags.c_contiguous
    assert found.flags.writeable
    np.testing.assert_array_equal(found, expected)


def test_jpeg_is_what_opencv_reads(tmp_path, picture):
    path = tmp_path / 'a.jpg'
    cv2.imwrite(str(path), picture(3)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    theirs = cv2.imread(str(path))[..., ::-1].astype(int)
    assert np.abs(read_image(path) - theirs).max() <= 3


@pytest.mark.parametrize('mode', ['1', 'P', 'CMYK', 'LA'])
def test_other_modes_look_as_in_a_viewer(tmp_path, mode):
    image = Image.fromarray(COLOUR).convert(mode)
    path = tmp_path / ('a.tiff' if mode == 'CMYK' else 'a.png')
    image.save(path)
    np.testing.assert_array_equal(read_image(path), np.asarray(image.convert('RGB')))


@pytest.mark.parametrize('bits', [10, 12, 16])
@pytest.mark.parametrize('suffix', ['png', 'tiff'])
@pytest.mark.parametrize('channels', [1, 3])
def test_deep_images_are_scaled_by_the_bits_that_are_set(tmp_path, bits, suffix, channels):
    values = np.linspace(0, 2**bits - 1, 60 * channels).astype(np.uint16).reshape(10, 6, channels)
    path = tmp_path / f'a.{suffix}'
    cv2.imwrite(str(path), values[..., ::-1] if channels == 3 else values[..., 0])
    expected = np.floor(values / 2 ** (bits - 8)).astype(np.uint8)
    np.testing.assert_array_equal(read_image(path, bits=bits), np.broadcast_to(expected, (10, 6, 3)))
    np.testing.assert_array_equal(read_image(path), np.broadcast_to(values >> 8, (10, 6, 3)))
    seen = np.rint(np.clip((values.astype(float) - 100) / 200, 0, 1) * 255)
    np.testing.assert_array_equal(read_image(path, window=(100, 300)), np.broadcast_to(seen, (10, 6, 3)))
    if bits > 10:
        with pytest.raises(DataError, match=r'does not fit bits=10: a value of \d+ needs more') as caught:
            read_image(path, bits=10)
        assert caught.value.file == path


def test_deep_alpha_does_not_hide_the_depth_of_the_colours(tmp_path):
    values = np.full((2, 2, 4), 65535, np.uint16)
    values[..., :3] = 4095
    values[0, 0, 3] = 0
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), values)
    assert read_image(path, bits=12)[..., 0].tolist() == [[0, 255], [255, 255]]


def test_transparency_is_composed_on_black(tmp_path):
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[..., :3] = (200, 100, 50)
    pixels[0, :, 3] = (0, 128, 255)
    Image.fromarray(pixels).save(tmp_path / 'a.png')
    black = Image.new('RGBA', (3, 1), (0, 0, 0, 255))
    theirs = np.asarray(Image.alpha_composite(black, Image.fromarray(pixels)).convert('RGB')).astype(int)
    assert np.abs(read_image(tmp_path / 'a.png') - theirs).max() <= 1


def test_transparent_palette_colour_is_black(tmp_path):
    image = Image.fromarray(np.array([[0, 1]], np.uint8), 'P')
    image.putpalette([255, 255, 255, 10, 20, 30])
    image.save(tmp_path / 'a.png', transparency=0)
    assert read_image(tmp_path / 'a.png').tolist() == [[[0, 0, 0], [10, 20, 30]]]


@pytest.mark.parametrize('orientation', range(1, 9))
def test_orientation_is_applied_as_opencv_does(tmp_path, orientation, picture):
    path = tmp_path / 'a.jpg'
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(picture(0)).save(path, exif=exif, quality=95)
    theirs = cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1].astype(int)
    found = read_image(path)
    assert found.shape == theirs.shape
    assert np.abs(found - theirs).max() <= 3
    plain = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1]  # what the path for 16 bits starts from
    assert np.abs(upright(plain, orientation) - theirs).max() <= 3


def png_header(width: int, height: int) -> bytes:
    """A PNG that states a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))

    head = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    data = chunk(b'IHDR', head) + chunk(b'IDAT', zlib.compress(b'\0' * 100)) + chunk(b'IEND', b'')
    return b'\x89PNG\r\n\x1a\n' + data


@pytest.mark.parametrize('size', [(100_000, 100_000), (10_001, 10_000), (2**31 - 1, 2**31 - 1)])
def test_huge_stated_size_is_refused_before_decoding(tmp_path, size):
    (tmp_path / 'a.png').write_bytes(png_header(*size))
    with pytest.raises(DataError, match=r'over the limit of 100000000 pixels|decompression bomb'):
        read_image(tmp_path / 'a.png')


def test_limit_can_be_set(tmp_path, monkeypatch):
    Image.fromarray(GREY).save(tmp_path / 'a.png')
    monkeypatch.setattr(limits, 'MAX_PIXELS', 23)
    with pytest.raises(DataError, match=r'states 4 x 6 pixels, over the limit of 23'):
        read_image(tmp_path / 'a.png')


def test_check_pixels_refuses_nothing():
    with pytest.raises(DataError, match='states a size of 0 x 3 pixels'):
        limits.check_pixels(0, 3, 'f')


@pytest.mark.parametrize('suffix', ['png', 'jpg', 'bmp', 'tiff'])
@pytest.mark.parametrize('share', [0.1, 0.5, 0.95])
def test_cut_files_are_refused(tmp_path, suffix, share, picture, cut):
    path = tmp_path / f'a.{suffix}'
    Image.fromarray(picture(0)).save(path)
    with pytest.raises(DataError, match=r'cannot be read as an image|is cut'):
        read_image(cut(path, share))


@pytest.mark.parametrize('content', [b'', b'\0', b'hello world, this is text', b'%!PS-Adobe-3.0 EPSF-3.0\n', b'GIF89a'])
def test_what_is_no_image_is_refused(tmp_path, content):
    (tmp_path / 'a.png').write_bytes(content)
    with pytest.raises(DataError, match=r'is empty|cannot be read as an image') as caught:
        read_image(tmp_path / 'a.png')
    assert caught.value.file == tmp_path / 'a.png'


def test_several_pictures_are_not_an_image(tmp_path):
    pages = [Image.fromarray(GREY), Image.fromarray(GREY)]
    pages[0].save(tmp_path / 'a.tiff', save_all=True, append_images=pages[1:])
    with pytest.raises(DataError, match='holds 2 pictures, expected one'):
        read_image(tmp_path / 'a.tiff')


def test_pixels_without_a_known_range_are_refused(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.tiff'), np.ones((4, 4), np.float32))
    with pytest.raises(DataError, match=r'holds float32 pixels, whose range is unknown; .* set window=\(low, high\)'):
        read_image(tmp_path / 'a.tiff')
    assert (read_image(tmp_path / 'a.tiff', window=(0, 2)) == 128).all()
    with pytest.raises(ValueError, match='not both'):
        read_image(tmp_path / 'a.tiff', window=(0, 2), bits=12)
    cv2.imwrite(str(tmp_path / 'b.tiff'), np.full((4, 4), np.nan, np.float32))
    with pytest.raises(DataError, match='holds pixels that are not finite numbers'):
        read_image(tmp_path / 'b.tiff', window=(0, 2))


def test_deep_image_that_opencv_gives_up_on(tmp_path, monkeypatch):
    cv2.imwrite(str(tmp_path / 'a.png'), np.ones((4, 4), np.uint16))
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: None)
    with pytest.raises(DataError, match='is damaged or stored in a way'):
        read_image(tmp_path / 'a.png')


LESION = np.zeros((5, 7), bool)
LESION[1:3, 2:6] = True


def rgba(colour, alpha):
    return np.concatenate([np.broadcast_to(colour, (*LESION.shape, 3)), alpha[..., None]], axis=2).astype(np.uint8)


@pytest.mark.parametrize(
    'pixels',
    [
        LESION.astype(np.uint8),
        LESION.astype(np.uint8) * 255,
        LESION.astype(np.uint16),
        LESION.astype(np.uint16) * 65535,
        np.stack([LESION * 0, LESION * 3, LESION * 0], axis=-1).astype(np.uint8),
        rgba(as_rgb(LESION * 255), np.full(LESION.shape, 255)),  # as in BrEaST
        rgba((255, 255, 255), LESION * 255),  # white all over, cut out by transparency
        rgba((0, 0, 0), LESION * 255),  # black on nothing
    ],
    ids=['0/1', '0/255', '16 bits 0/1', '16 bits', 'colour', 'opaque', 'cut out', 'black on transparent'],
)
def test_mask_is_what_is_not_black(tmp_path, pixels):
    path = tmp_path / 'm.png'
    Image.fromarray(pixels).save(path)
    found = read_mask(path)
    assert found.dtype == bool
    np.testing.assert_array_equal(found, LESION)


def test_mask_with_a_palette(tmp_path):
    image = Image.fromarray(LESION.astype(np.uint8), 'P')
    image.putpalette([0, 0, 0, 128, 0, 0])
    image.save(tmp_path / 'm.png')
    np.testing.assert_array_equal(read_mask(tmp_path / 'm.png'), LESION)


def test_jpeg_mask_has_no_halo(tmp_path):
    mask = np.zeros((64, 64), bool)
    mask[20:41, 13:50] = True
    Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / 'm.jpg', quality=60)
    assert (np.asarray(Image.open(tmp_path / 'm.jpg')) > 0).sum() > mask.sum()  # there is a halo to remove
    np.testing.assert_array_equal(read_mask(tmp_path / 'm.jpg'), mask)


def test_empty_mask_is_empty(tmp_path):
    Image.fromarray(np.zeros((4, 4, 4), np.uint8)).save(tmp_path / 'm.png')
    assert not read_mask(tmp_path / 'm.png').any()


def test_dicom_still_and_mask(make_dicom):
    path = make_dicom('a.dcm', COLOUR, 'RGB')
    np.testing.assert_array_equal(read_image(path), COLOUR)
    np.testing.assert_array_equal(read_mask(make_dicom('m.dcm', GREY, 'MONOCHROME2')), GREY > 0)


@pytest.mark.real
def test_breast_images_are_what_opencv_reads(real_data):
    folder = real_data / 'breast_lesions_usg' / 'BrEaST-Lesions_USG-images_and_masks'
    files = sorted(path for path in folder.glob('*.png') if '_' not in path.stem)
    assert len(files) == 256
    seen = set()
    for path in files[:: max(len(files) // 24, 1)]:
        theirs = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        seen.add(theirs.shape[2] if theirs.ndim == 3 else 1)
        colour = theirs[..., 2::-1].astype(np.float64) * theirs[..., 3:] / 255
        assert np.abs(read_image(path) - colour).max() <= 0.5
    assert seen == {4}


@pytest.mark.real
def test_breast_masks_hold_lesions_of_their_images_size(real_data):
    folder = real_data / 'breast_lesions_usg' / 'BrEaST-Lesions_USG-images_and_masks'
    files = sorted(folder.glob('*_tumor.png'))
    assert len(files) == 252  # four of the 256 patients are normal
    for path in files[::12]:
        mask = read_mask(path)
        assert 0 < mask.mean() < 0.6
        assert mask.shape == read_image(folder / path.name.replace('_tumor', '')).shape[:2]
