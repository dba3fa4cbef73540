"""Pixels that a caller already holds, as the readers would have given them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

DEPTHS = ('I', 'F', 'I;16', 'I;16B', 'I;16L', 'I;16N')


def is_pixels(value: Any) -> bool:
    """Whether a value is pixels: an array, a PIL image, or a list of such (the frames of a clip)."""
    if isinstance(value, (list, tuple)):
        return bool(value) and all(is_pixels(item) for item in value)
    return isinstance(value, (np.ndarray, Image.Image))


def image_pixels(value: Any) -> NDArray[np.uint8]:
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
        got = f'{np.shape(value)} {array.dtype}'
        raise ValueError(f'an image is (H, W), (H, W, 1) or (H, W, 3) uint8 from 0 to 255, got {got}')
    return np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:2], 3)))


def clip_pixels(value: Any, frames: int | None = None) -> NDArray[np.uint8]:
    """(T, H, W, 3) uint8 RGB of an array (T, H, W) or (T, H, W, 3), or of a list of frames.

    Args:
        value: The frames.
        frames: How many the model takes; None: any number.

    Raises:
        ValueError: Another shape, type or number, or frames of different sizes.
    """
    listed = [] if isinstance(value, Image.Image) else list(value)
    if not listed or (np.ndim(listed[0]) not in (2, 3) and not isinstance(listed[0], Image.Image)):
        raise ValueError(f'a clip is (T, H, W) or (T, H, W, 3) uint8, or a list of frames, got {np.shape(value)}')
    pictures = [image_pixels(frame) for frame in listed]
    sizes = {picture.shape for picture in pictures}
    if len(sizes) > 1:
        raise ValueError(f'the frames of a clip must have one size, got {sorted(sizes)}')
    if frames is not None and len(pictures) != frames:
        raise ValueError(f'this model takes {frames} frames, got {len(pictures)}: give the file to have them chosen')
    return np.stack(pictures)


def mask_pixels(value: Any) -> NDArray[np.bool_]:
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
