"""Whether two pictures have the same fine texture, though one may be cut, resized or changed in brightness."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SIZE, PATCH = 128, 80  # pixels of the sides of a texture, and of the part of it that is looked for in the other
BLUR = 3.0  # pixels (standard deviation); what is coarser is outline and layout, which different pictures share
SCALES = (1.0, 0.97, 1.03, 0.94, 1.06, 0.9, 1.1)
# Different pictures reach 0.31 at most (the 1,500 pairs of BrEaST with the nearest variants); synthetic ones, which
# share their layout, 0.62. 120 copies that were mirrored, rotated, halved and stored as JPEG of quality 30 reach 0.92
# and more, with 1 to 21 % cut off each side 0.79 and more.
SAME = 0.7


def texture(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The fine texture (128, 128) of a picture.

    Args:
        grey: (H, W).
    """
    small = cv2.resize(grey.astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return (small - cv2.GaussianBlur(small, (0, 0), BLUR)).astype(np.float32)


def likeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The highest normalised cross-correlation of the middle of a texture with places of another, over a few scales.

    Args:
        one, other: As `texture` returns them.

    Returns:
        Between -1 and 1; 0 where one of them is without any texture.

    Example:
        >>> noise = np.random.default_rng(0).integers(0, 255, (200, 200), dtype=np.uint8)
        >>> likeness(texture(noise), texture(noise[4:-4, 4:-4])) > 0.5
        True
    """
    best = 0.0
    for scale in SCALES:
        size = round(SIZE * scale)
        start = (size - PATCH) // 2
        scaled = cv2.resize(one, (size, size), interpolation=cv2.INTER_AREA)
        patch = scaled[start : start + PATCH, start : start + PATCH]
        if patch.std() < 1e-3 or other.std() < 1e-3:
            continue
        best = max(best, float(cv2.matchTemplate(other, patch, cv2.TM_CCOEFF_NORMED).max()))
        if best >= SAME:
            break
    return best
