"""Deep pixels -> 0 to 255, by one rule for all files of a modality."""

from __future__ import annotations

import math

import numpy as np

Window = tuple[float, float]
DEPTHS = (8, 10, 12, 16)


def check_depth(window: Window | None, bits: int | None) -> None:
    """Refuse settings of the depth that make no sense.

    Args:
        window: (low, high): values that become 0 and 255.
        bits: Bits in use, 8 to 16.

    Raises:
        ValueError: if both are set, the window does not rise, or the bits are not 8 to 16.
    """
    if window is not None and bits is not None:
        raise ValueError(f'set window or bits, not both: got window={window!r} and bits={bits!r}')
    if bits is not None and (isinstance(bits, bool) or not isinstance(bits, int) or not 8 <= bits <= 16):
        raise ValueError(f'bits must be a whole number from 8 to 16, got {bits!r}')
    if window is None:
        return
    numbers = [v for v in window if isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v)]
    if len(window) != 2 or len(numbers) != 2 or not numbers[0] < numbers[1]:
        raise ValueError(f'window must be two finite numbers that rise, (low, high), got {window!r}')


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


def to_8_bits(pixels: np.ndarray, bits: int = 16) -> np.ndarray:
    """Scale unsigned pixels to 0..255 by their depth: the bits below the upper eight are dropped.

    The grey scale stays linear and zero stays zero; nothing is stretched to the image's own contrast.

    Args:
        pixels: Unsigned integers, any shape.
        bits: Bits in use, 1 to 16.

    Raises:
        ValueError: if a value needs more bits.

    Example:
        >>> to_8_bits(np.array([0, 2048, 4095], np.uint16), 12).tolist()
        [0, 128, 255]
    """
    largest = int(pixels.max(initial=0))
    if largest >= 2**bits:
        raise ValueError(f'a value of {largest} needs more than the stated {bits} bits')
    if bits <= 8:
        return pixels.astype(np.uint8)
    return (pixels >> (bits - 8)).astype(np.uint8)


def ramp(numbers: np.ndarray, window: Window) -> np.ndarray:
    """Levels of numbers whose `window` (low, high) becomes 0 to 255; outside of it they are cut off.

    Example:
        >>> ramp(np.array([50, 100, 150, 200]), (50, 150)).tolist()
        [0, 128, 255, 255]
    """
    low, high = window
    return levels((numbers.astype(np.float64) - low) / (high - low))


def levels(shares: np.ndarray) -> np.ndarray:
    """0 to 255 of shares from 0 to 1, rounded; what lies outside is cut off."""
    return np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)
