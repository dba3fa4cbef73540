"""Bring pixels of more than 8 bits to 8 bits."""

from __future__ import annotations

import numpy as np

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
