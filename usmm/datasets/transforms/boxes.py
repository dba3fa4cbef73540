"""Boxes in pixels: around a lesion or a patch of colour, and cut out of an image."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

Box = tuple[int, int, int, int]  # x0, y0, x1, y1, ends excluded

COLOUR = 48  # a pixel is coloured where its channels differ by more, of 255


def lesion_square(mask: np.ndarray, margin: float = 0.0) -> Box:
    """The smallest square around a mask, inside the image if it fits.

    Args:
        mask: (H, W) bool with at least one pixel set.
        margin: Room on each side, as a share of the side.

    Returns:
        x0, y0, x1, y1 in pixels, ends excluded; outside the image only where the square is larger than it.

    Example:
        >>> mask = np.zeros((10, 20), bool)
        >>> mask[2:4, 16:20] = True
        >>> lesion_square(mask)
        (16, 1, 20, 5)
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return square_around(box, mask.shape, margin)


def square_around(box: Box, size: Sequence[int], margin: float) -> Box:
    """The square centred on a box, shifted into an image of `size` (height, width) where it fits."""
    x0, y0, x1, y1 = box
    side = max(x1 - x0, y1 - y0)
    side += 2 * round(margin * side)
    left, top = _place(x0, x1, side, size[1]), _place(y0, y1, side, size[0])
    return left, top, left + side, top + side


def mask_bounds(mask: np.ndarray) -> Box:
    """x0, y0, x1, y1 of the smallest rectangle around a mask (H, W) with a pixel set, ends excluded.

    Example:
        >>> mask = np.zeros((10, 20), bool)
        >>> mask[2:4, 16:20] = True
        >>> mask_bounds(mask)
        (16, 2, 20, 4)
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def coloured_box(image: np.ndarray, share: float = 0.002) -> Box | None:
    """Bounds of the largest connected patch of colour, or None where there is none.

    Args:
        image: (H, W, 3) uint8 RGB.
        share: A smaller patch, as a share of the image, is none.

    Example:
        >>> image = np.full((20, 30, 3), 90, np.uint8)
        >>> image[5:10, 12:20] = (200, 30, 30)
        >>> coloured_box(image)
        (12, 5, 20, 10)
    """
    spread = image.max(2).astype(int) - image.min(2)
    count, _, stats, _ = cv2.connectedComponentsWithStats((spread > COLOUR).astype(np.uint8))
    if count < 2:
        return None
    x, y, w, h, area = (int(v) for v in stats[1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))])
    return (x, y, x + w, y + h) if area >= share * image.shape[0] * image.shape[1] else None


def crop(array: np.ndarray, box: Box) -> np.ndarray:
    """Cut a box out of (..., H, W, C); what lies outside is zero.

    Example:
        >>> crop(np.ones((2, 2, 1), np.uint8), (-1, 0, 1, 2))[..., 0].tolist()
        [[0, 1], [0, 1]]
    """
    x0, y0, x1, y1 = box
    height, width = array.shape[-3:-1]
    if x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height:
        return np.ascontiguousarray(array[..., y0:y1, x0:x1, :])
    out = np.zeros((*array.shape[:-3], y1 - y0, x1 - x0, array.shape[-1]), array.dtype)
    top, left = max(0, -y0), max(0, -x0)
    inside = array[..., max(0, y0) : max(0, y1), max(0, x0) : max(0, x1), :]
    out[..., top : top + inside.shape[-3], left : left + inside.shape[-2], :] = inside
    return out


def _place(start: int, end: int, side: int, limit: int) -> int:
    """First pixel of an interval of `side` centred on start..end, shifted into 0..limit, or centred on it if larger."""
    if side >= limit:
        return (limit - side) // 2
    return min(max(0, (start + end - side) // 2), limit - side)
