"""Still images and masks: file -> array."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from usmm.readers.deep_png import PngFacts, deep_png
from usmm.readers.deep_tiff import needs_care, read_deep_tiff, upright
from usmm.readers.depth import Window, check_depth, ramp, to_8_bits
from usmm.readers.dicom.file import is_dicom
from usmm.readers.dicom.read import read_still
from usmm.readers.errors import DataError, existing_file, reading
from usmm.readers.foreign_formats import foreign_format
from usmm.readers.limits import check_pixels
from usmm.readers.png_data import check_png_data
from usmm.readers.tiff_checks import check_tiff, tiff_words
from usmm.readers.tiff_directory import Directory, read_directory

FORMATS = ('PNG', 'JPEG', 'BMP', 'TIFF', 'GIF')
"""What Pillow may try: a file of another kind under an image's name never reaches its decoder."""


def read_image(path: str | Path, window: Window | None = None, bits: int | None = None) -> np.ndarray:
    """Read a still image: PNG (grey, RGB, RGBA, palette, 16-bit), JPEG, BMP, TIFF or a single-frame DICOM.

    What is decided here: EXIF orientation is applied, so the array is what a viewer shows. Transparency is composed on
    black, the background of ultrasound, so that colours hidden below transparent pixels stay hidden. A colour profile
    is ignored.

    Pixels of more than 8 bits become 0 to 255 by one rule for all files of a depth, whatever their content: by
    `window`, else by `bits`, else by the depth that the file states (16 for PNG). So 12-bit values in 16-bit files come
    out dark until `bits=12` is set. Pixels of 8 bits stay as they are.

    Args:
        path: The file; its content, not its name, says what it is.
        window: (low, high): the values that become 0 and 255, of images of more than 8 bits and of DICOM grey (there in
            modality values, in place of the file's own window).
        bits: Bits in use in files of more than 8 bits, 8 to 16; not for DICOM, which states them.

    Returns:
        (H, W, 3) uint8, RGB.

    Raises:
        DataError: if the file is absent, damaged, of another kind, holds several pictures or is too large, or a value
            needs more than `bits`.
        ValueError: if both `window` and `bits` are set, or make no sense.
    """
    check_depth(window, bits)
    path = existing_file(path)
    if is_dicom(path):
        return read_still(path, window)
    pixels, stated = stored_pixels(path)
    colour = pixels[..., :3] if pixels.ndim == 3 and pixels.shape[2] >= 3 else _grey_to_rgb(pixels)
    alpha = _alpha(pixels)
    if pixels.dtype != np.uint8:  # transparency always uses its full range, whatever the colours use
        alpha = None if alpha is None else to_8_bits(alpha, stated)
        colour = _shown(colour, window, bits, stated, path)
    return np.ascontiguousarray(colour if alpha is None else _on_black(colour, alpha))


def _shown(colour: np.ndarray, window: Window | None, bits: int | None, stated: int, path: Path) -> np.ndarray:
    """0 to 255 of deep pixels."""
    if window is not None:
        if not np.isfinite(colour).all():
            raise DataError('holds pixels that are not finite numbers', file=path)
        return ramp(colour, window)
    if colour.dtype != np.uint16:
        raise DataError(
            f'holds {colour.dtype} pixels, whose range is unknown; expected unsigned pixels of 8 or 16 bits: set '
            'window=(low, high)',
            file=path,
        )
    try:
        return to_8_bits(colour, stated if bits is None else bits)
    except ValueError as error:
        raise DataError(f'does not fit bits={bits}: {error}', file=path) from error


def read_mask(path: str | Path) -> np.ndarray:
    """Read a lesion mask: every pixel that is visibly not black belongs to the lesion.

    So masks of 0 and 1, of 0 and 255, in colour, with a palette or a transparent background all work. A mask that is
    black on a transparent background is read from its transparency. JPEG blurs edges, so there a pixel belongs to the
    lesion from half of the largest value on.

    Args:
        path: The file, of any format that `read_image` reads.

    Returns:
        (H, W) bool.

    Raises:
        DataError: as `read_image`.
    """
    path = existing_file(path)
    if is_dicom(path):
        return np.asarray(read_still(path, window=(0, 1)).any(axis=2))  # the file's window could hide small numbers
    pixels, _ = stored_pixels(path)
    if pixels.dtype.kind == 'i':  # 255 in signed samples is -1
        pixels = (pixels != 0).astype(np.uint8)
    alpha = _alpha(pixels)
    content = pixels if pixels.ndim == 2 else pixels[..., : 3 if pixels.shape[2] >= 3 else 1].max(axis=2)
    if alpha is not None:
        content = np.where(alpha > 0, content, 0) if content.any() else alpha
    if _is_jpeg(path):
        return np.asarray(content > content.max() / 2)
    return np.asarray(content > 0)


def stored_pixels(path: Path) -> tuple[np.ndarray, int]:
    """Upright pixels as they are stored, and bits a sample.

    Args:
        path: The file, not DICOM.

    Returns:
        (H, W) or (H, W, 2, 3 or 4), of an even number of channels the last is alpha; and the bits that the file states.

    Raises:
        DataError: as `read_image`.
    """
    with reading(path, 'an image'), warnings.catch_warnings():
        warnings.simplefilter('ignore')  # Pillow's own size warning and remarks on EXIF: the limits here are ours
        if (tags := read_directory(path)) is not None:
            deep = needs_care(tags)
            check_tiff(tags, deep)
            if deep:
                found = read_deep_tiff(tags)
                return found.pixels, found.bits
        # A stream, not the path: Pillow maps an uncompressed file of a path into memory, row by row as wide as it is
        # after the orientation, so that pictures on their side come out torn.
        with path.open('rb') as stream, _open(stream, tags, path) as image:
            check_pixels(*image.size, path)
            _check_single(image, path)
            if image.format == 'PNG':
                png = PngFacts.read(path)
                check_png_data(path)
                if png.bits == 16:
                    return upright(deep_png(path, png, image.size), image.getexif().get(0x0112, 1)), 16
                if png.clear_grey is not None:  # Pillow compares it with pixels that it has stretched to 8 bits
                    image.info.pop('transparency', None)
            if image.format == 'TIFF' and image.mode in ('P', 'PA'):
                _use_8_bit_palette(image)
            image.load()
            pixels = np.array(_plain(ImageOps.exif_transpose(image)))
            if image.format == 'PNG' and png.clear_grey is not None and pixels.ndim == 2:
                clear = pixels == png.clear_grey * 255 // (2**png.bits - 1)
                pixels = np.stack([pixels, np.where(clear, 0, 255).astype(np.uint8)], axis=-1)
            return pixels, 8


def _open(stream: BinaryIO, tags: Directory | None, path: Path) -> Image.Image:
    try:
        return Image.open(stream, formats=FORMATS)
    except UnidentifiedImageError as error:
        if tags is not None:
            raise DataError(tiff_words(tags), file=path) from error
        words = foreign_format(path) or f'not {", ".join(FORMATS)}, or its header is damaged'
        raise DataError(f'cannot be read as an image: it is {words}', file=path) from error


def _check_single(image: Image.Image, path: Path) -> None:
    frames = getattr(image, 'n_frames', 1)
    if frames > 1 and image.format != 'MPO':  # MPO: a photograph with previews behind it
        raise DataError(f'holds {frames} pictures, expected one image', file=path)


COLOUR_MAP = 320


def _use_8_bit_palette(image: Image.Image) -> None:
    """Undo Pillow's division by 256 of a TIFF palette that old programs wrote in 8 bits, as libtiff recognises it."""
    entries = image.tag_v2.get(COLOUR_MAP, ())  # type: ignore[attr-defined]
    if entries and max(entries) < 256:
        image.putpalette(bytes(entries), 'RGB;L')


def _plain(image: Image.Image) -> Image.Image:
    """The image in mode L, LA, RGB or RGBA."""
    if image.mode in ('L', 'LA', 'RGB', 'RGBA') and 'transparency' not in image.info:
        return image
    if image.mode == '1':
        return image.convert('L')
    clear = image.mode in ('PA', 'La', 'RGBa') or 'transparency' in image.info
    return image.convert('RGBA' if clear else 'RGB')


def _grey_to_rgb(pixels: np.ndarray) -> np.ndarray:
    grey = pixels if pixels.ndim == 2 else pixels[..., 0]
    return np.repeat(grey[..., None], 3, axis=2)


def _alpha(pixels: np.ndarray) -> np.ndarray | None:
    return pixels[..., -1] if pixels.ndim == 3 and pixels.shape[2] in (2, 4) else None


def _on_black(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    if alpha.min() == 255:
        return colour
    shown = np.empty_like(colour, order='C')
    for start in range(0, len(colour), 256):  # rows at a time: the products take twice the bytes
        rows = slice(start, start + 256)
        shown[rows] = (colour[rows].astype(np.uint16) * alpha[rows, :, None] + 127) // 255
    return shown


def _is_jpeg(path: Path) -> bool:
    with path.open('rb') as stream:
        return stream.read(3) == b'\xff\xd8\xff'
