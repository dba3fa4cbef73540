"""Values of a record: whether they are empty, the files that they name, and pixels as the readers return them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, TypeGuard

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageOps

from usmm.readers import is_missing

DEPTHS = ('I', 'F', 'I;16', 'I;16B', 'I;16L', 'I;16N')
# An image, a clip or a mask in memory: an array, a PIL image, or a list of such (the frames of a clip)
Pixels: TypeAlias = NDArray[np.generic] | Image.Image | Sequence['Pixels']


def is_empty(value: object) -> bool:
    """Whether a cell is empty: None, nan, an empty list, or one of the words for missing.

    Example:
        >>> is_empty(' n/a '), is_empty(float('nan')), is_empty(0)
        (True, True, False)
    """
    if isinstance(value, str):
        return is_missing(value)
    if is_pixels(value):
        return False
    if isinstance(value, (list, tuple, Mapping)):
        return not value
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna([value])[0]))


def paths_of(value: object, root: Path, what: str) -> tuple[Path, ...]:
    """Absolute paths of a cell of a table (`;` between several), a path, or a list of paths.

    Args:
        value: The cell.
        root: Folder that relative paths start from.
        what: What the files are, for the message.

    Raises:
        TypeError: It is something else.

    Example:
        >>> [path.name for path in paths_of('a.png; b.png', Path(), 'bus')]
        ['a.png', 'b.png']
    """
    if isinstance(value, str):
        value = [part.strip() for part in value.split(';') if part.strip()]
    listed = list(value) if isinstance(value, (list, tuple)) else [value]
    if not listed or not all(isinstance(item, (str, Path)) for item in listed):
        kinds = sorted({type(item).__name__ for item in listed})
        raise TypeError(f'{what} must be a path, paths, an array or a PIL image, got {", ".join(kinds) or "nothing"}')
    return tuple(_path(str(item), root) for item in listed)


def is_pixels(value: object) -> TypeGuard[Pixels]:
    """Whether a value is pixels: an array, a PIL image, or a list of such (the frames of a clip)."""
    if isinstance(value, (list, tuple)):
        return bool(value) and all(is_pixels(item) for item in value)
    return isinstance(value, (np.ndarray, Image.Image))


def image_pixels(value: Pixels) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of an array (H, W), (H, W, 1) or (H, W, 3), or of a PIL image.

    Raises:
        ValueError: Another shape or type, or no pixel.

    Example:
        >>> image_pixels(np.full((2, 3), 7, np.uint8)).shape
        (2, 3, 3)
    """
    array = _opened(value) if isinstance(value, Image.Image) else np.asarray(value)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[-1] not in (1, 3) or array.dtype != np.uint8 or not array.size:
        got = f'{np.asarray(value).shape} {array.dtype}'
        raise ValueError(f'an image is (H, W), (H, W, 1) or (H, W, 3) uint8 from 0 to 255, got {got}')
    return np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:2], 3)))


def clip_pixels(value: Pixels, frames: int | None = None) -> NDArray[np.uint8]:
    """(T, H, W, 3) uint8 RGB of an array (T, H, W) or (T, H, W, 3), or of a list of frames.

    Args:
        value: The frames.
        frames: How many the model takes; None: any number.

    Raises:
        ValueError: Another shape, type or number, or frames of different sizes.
    """
    listed = [] if isinstance(value, Image.Image) else list(value)
    if not listed or (np.ndim(listed[0]) not in (2, 3) and not isinstance(listed[0], Image.Image)):
        shape = np.asarray(value).shape
        raise ValueError(f'a clip is (T, H, W) or (T, H, W, 3) uint8, or a list of frames, got {shape}')
    pictures = [image_pixels(frame) for frame in listed]
    sizes = {picture.shape for picture in pictures}
    if len(sizes) > 1:
        raise ValueError(f'the frames of a clip must have one size, got {sorted(sizes)}')
    if frames is not None and len(pictures) != frames:
        raise ValueError(f'this model takes {frames} frames, got {len(pictures)}: give the file to have them chosen')
    return np.stack(pictures)


def mask_pixels(value: Pixels) -> NDArray[np.bool_]:
    """(H, W) bool of a mask array or PIL image: all that is not zero.

    Raises:
        ValueError: Another shape.
    """
    array = np.asarray(value.convert('L')) if isinstance(value, Image.Image) else np.asarray(value)
    if array.ndim != 2 or array.dtype.kind not in 'bui' or not array.size:
        raise ValueError(f'a mask is (H, W) of booleans or whole numbers, got {array.shape} {array.dtype}')
    return array > 0


def _opened(image: Image.Image) -> NDArray[np.uint8]:
    """Upright RGB, transparency on black, as files are read."""
    if image.mode in DEPTHS:
        raise ValueError(f'a PIL image of mode {image.mode!r} says nothing of its depth: give the file, or 8 bits')
    upright = ImageOps.exif_transpose(image)
    if upright.mode in ('LA', 'PA', 'RGBA', 'La', 'RGBa') or 'transparency' in upright.info:
        rgba = np.asarray(upright.convert('RGBA'))
        return ((rgba[..., :3].astype(np.uint16) * rgba[..., 3:] + 127) // 255).astype(np.uint8)
    return np.asarray(upright.convert('RGB'))


def _path(text: str, root: Path) -> Path:
    path = Path(os.path.normpath(root.absolute() / text))
    if '\\' in text and not path.is_file():  # a table written on Windows
        path = Path(os.path.normpath(root.absolute() / text.replace('\\', '/')))
    return path
