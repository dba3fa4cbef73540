"""Still images and masks: file -> array."""

from __future__ import annotations

import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from usmm.readers.dicom.file import is_dicom
from usmm.readers.dicom.read import read_still
from usmm.readers.errors import DataError, existing_file, reading
from usmm.readers.limits import check_pixels

FORMATS = ('PNG', 'JPEG', 'BMP', 'TIFF', 'GIF')
"""What Pillow may try: a file of another kind under an image's name never reaches its decoder."""


def read_image(path: str | Path) -> np.ndarray:
    """Read a still image: PNG (grey, RGB, RGBA, palette, 16-bit), JPEG, BMP, TIFF or a single-frame DICOM.

    What is decided here: EXIF orientation is applied, so the array is what a viewer shows. Transparency is composed on
    black, the background of ultrasound, so that colours hidden below transparent pixels stay hidden. 16-bit pixels
    are scaled by their real depth, see `to_8_bits`. A colour profile is ignored.

    Args:
        path: The file; its content, not its name, says what it is.

    Returns:
        (H, W, 3) uint8, RGB.

    Raises:
        DataError: if the file is absent, damaged, of another kind, holds several pictures or is too large.
    """
    path = existing_file(path)
    if is_dicom(path):
        return read_still(path)
    pixels = _pixels(path)
    colour = pixels[..., :3] if pixels.ndim == 3 and pixels.shape[2] >= 3 else _grey_to_rgb(pixels)
    alpha = _alpha(pixels)
    if pixels.dtype != np.uint8:  # transparency always uses its full range, whatever the colours use
        colour, alpha = to_8_bits(colour), None if alpha is None else to_8_bits(alpha, 16)
    return np.ascontiguousarray(colour if alpha is None else _on_black(colour, alpha))


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
        return np.asarray(read_still(path).any(axis=2))
    pixels = _pixels(path)
    alpha = _alpha(pixels)
    content = pixels if pixels.ndim == 2 else pixels[..., : 3 if pixels.shape[2] >= 3 else 1].max(axis=2)
    if alpha is not None:
        content = np.where(alpha > 0, content, 0) if content.any() else alpha
    if _is_jpeg(path):
        return np.asarray(content > content.max() / 2)
    return np.asarray(content > 0)


def _pixels(path: Path) -> np.ndarray:
    """Upright pixels as stored: (H, W) or (H, W, 2, 3 or 4), uint8 or uint16, the last of an even number is alpha."""
    with reading(path, 'an image'), warnings.catch_warnings():
        warnings.simplefilter('ignore')  # Pillow's own size warning and remarks on EXIF: the limits here are ours
        with Image.open(path, formats=FORMATS) as image:
            check_pixels(*image.size, path)
            _check_single(image, path)
            if _bits(image) > 8:
                return _deep_pixels(image, path)
            image.load()
            return np.array(_plain(ImageOps.exif_transpose(image)))


def _check_single(image: Image.Image, path: Path) -> None:
    frames = getattr(image, 'n_frames', 1)
    if frames > 1 and image.format != 'MPO':  # MPO: a photograph with previews behind it
        raise DataError(f'holds {frames} pictures, expected one image', file=path)


def _plain(image: Image.Image) -> Image.Image:
    """The image in mode L, LA, RGB or RGBA."""
    if image.mode in ('L', 'LA', 'RGB', 'RGBA') and 'transparency' not in image.info:
        return image
    if image.mode == '1':
        return image.convert('L')
    clear = image.mode in ('PA', 'La', 'RGBa') or 'transparency' in image.info
    return image.convert('RGBA' if clear else 'RGB')


def _bits(image: Image.Image) -> int:
    """Bits a channel, from the file: Pillow shows 16-bit colour as 8-bit."""
    if image.format == 'TIFF':
        return max(image.tag_v2.get(258, (1,)))  # type: ignore[attr-defined]
    if image.format == 'PNG':
        tiles = image.tile  # type: ignore[attr-defined]
        return 16 if tiles and '16' in str(tiles[0][3]) else 8
    return 8


def _deep_pixels(image: Image.Image, path: Path) -> np.ndarray:
    """Pixels of 16 bits, through OpenCV: Pillow cuts 16-bit colour to 8 bits."""
    if image.format == 'PNG':
        _check_chunks(path)
    pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise DataError('is damaged or stored in a way that OpenCV cannot decode', file=path)
    if pixels.dtype != np.uint16:
        raise DataError(f'holds {pixels.dtype} pixels, whose range is unknown; expected 8 or 16 bits', file=path)
    if pixels.shape[:2] != image.size[::-1]:
        size = pixels.shape[1::-1]
        raise DataError(f'is {size} pixels for one decoder and {image.size} for another', file=path)
    if pixels.ndim == 3:  # in place: the largest images take hundreds of megabytes
        cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGBA, dst=pixels)
    return _upright(pixels, image.getexif().get(0x0112, 1))


def _check_chunks(path: Path) -> None:
    """Refuse a PNG with a chunk that ends behind the file: OpenCV makes room for what a chunk claims, up to 4 GiB."""
    size = path.stat().st_size
    with path.open('rb') as stream:
        stream.seek(8)
        while len(head := stream.read(8)) == 8 and head[4:] != b'IEND':
            if stream.seek(int.from_bytes(head[:4], 'big') + 4, 1) > size:
                raise DataError(f'is cut or damaged: its chunk {head[4:]!r} ends behind the file', file=path)


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Apply an EXIF orientation (1 to 8): first mirror, then turn, as the eight values are defined."""
    if orientation in (2, 4, 5, 7):
        pixels = pixels[:, ::-1]
    turns = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}.get(orientation, 0)
    return np.rot90(pixels, turns)


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


DEPTHS = (8, 10, 12, 16)


def real_depth(largest: int) -> int:
    """The smallest usual depth (8, 10, 12 or 16 bits) that holds the largest value of an image.

    Example:
        >>> real_depth(255), real_depth(1000), real_depth(4095), real_depth(65535)
        (8, 10, 12, 16)
    """
    for depth in DEPTHS:
        if largest < 2**depth:
            return depth
    raise ValueError(f'expected values of at most 16 bits, got {largest}')


def to_8_bits(pixels: np.ndarray, depth: int | None = None) -> np.ndarray:
    """Scale unsigned pixels to 0..255 by their depth: the bits below the upper eight are dropped.

    Scanners store 10 or 12 bits in 16-bit files, which a plain `>> 8` would turn almost black. So without a stated
    depth the depth is taken from the largest value. The grey scale stays linear and zero stays zero; nothing is
    stretched to the image's own contrast.

    Args:
        pixels: Unsigned integers, any shape.
        depth: Bits in use, 1 to 16; None: `real_depth` of the largest value.

    Raises:
        ValueError: if a value needs more bits than `depth`.

    Example:
        >>> to_8_bits(np.array([0, 2048, 4095], np.uint16)).tolist()
        [0, 128, 255]
    """
    largest = int(pixels.max(initial=0))
    bits = real_depth(largest) if depth is None else depth
    if largest >= 2**bits:
        raise ValueError(f'a value of {largest} needs more than the stated {bits} bits')
    if bits <= 8:
        return pixels.astype(np.uint8)
    return (pixels >> (bits - 8)).astype(np.uint8)
