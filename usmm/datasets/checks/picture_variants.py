"""Variants of a picture, mirrored, rotated or cut, and a perceptual hash of each of them."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

SIDE = 256  # pixels of the sides of a thumbnail, of which all variants are made
HASH_SIZE, HASHED = 16, 64  # coefficients of each side of a hash, and pixels of the sides of what is hashed
BITS = HASH_SIZE**2
KEEPS = (0.92, 0.84, 0.77, 0.7, 0.65, 0.6)  # a hash withstands about 3 % of each side between two of them
SIGNS = (-1.0) ** np.arange(HASH_SIZE)


class Variant(NamedTuple):
    """How a picture differs from its original.

    Args:
        keep: Share of the width and of the height that is left in the middle.
        mirrored: Whether left and right are swapped, before it is rotated.
        turns: Quarter turns against the clock.

    Example:
        >>> str(Variant()), str(Variant(mirrored=True)), str(Variant(0.7, turns=1))
        ('', 'mirrored', 'cut to about 70 % of its width and height, rotated by 90 degrees')
    """

    keep: float = 1.0
    mirrored: bool = False
    turns: int = 0

    def of(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The variant of a picture.

        Args:
            picture: (H, W).
        """
        top, left = (round(size * (1 - self.keep) / 2) for size in picture.shape)
        middle = picture[top : picture.shape[0] - top, left : picture.shape[1] - left]
        return np.ascontiguousarray(np.rot90(middle[:, ::-1] if self.mirrored else middle, self.turns))

    def __str__(self) -> str:
        words = [f'cut to about {100 * self.keep:.0f} % of its width and height'] if self.keep < 1 else []
        if self.mirrored and self.turns == 2:
            words.append('mirrored top to bottom')
        elif self.mirrored or self.turns:
            rotated = f'rotated by {90 * self.turns} degrees'
            words.append(' and '.join(['mirrored'] * self.mirrored + [rotated] * bool(self.turns)))
        return ', '.join(words)


VARIANTS = (
    *(Variant(1.0, mirrored, turns) for mirrored in (False, True) for turns in range(4)),
    *(Variant(keep, mirrored) for keep in KEEPS for mirrored in (False, True)),
)
"""All variants that are compared; the first is the picture itself."""


def thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The grey picture, stretched to 256 by 256 pixels.

    Args:
        pixels: (H, W, 3) RGB.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def variant_hashes(small: NDArray[np.uint8]) -> bytes:
    """The perceptual hashes of all `VARIANTS`, 32 bytes each, one after the other.

    A hash holds which of the lowest 16 by 16 coefficients of the cosine transform are above their median. Mirroring a
    picture changes the sign of every second coefficient and rotating transposes them as well, so that the transform is
    computed once for all orientations.

    Args:
        small: The thumbnail.

    References:
        Zauner, Implementation and benchmarking of perceptual image hash functions, 2010; `imagehash.phash` computes
        the same of a whole picture, up to the way in which it is made smaller.
    """
    coefficients: dict[float, NDArray[np.float64]] = {}
    rows = []
    for variant in VARIANTS:
        if variant.keep not in coefficients:
            middle = cv2.resize(Variant(variant.keep).of(small), (HASHED, HASHED), interpolation=cv2.INTER_AREA)
            coefficients[variant.keep] = dctn(middle.astype(np.float64))[:HASH_SIZE, :HASH_SIZE]
        found = coefficients[variant.keep]
        found = found * SIGNS if variant.mirrored else found
        found = found.T if variant.turns % 2 else found
        found = found * SIGNS[:, None] if variant.turns in (1, 2) else found
        found = found * SIGNS if variant.turns in (2, 3) else found
        rows.append(found.ravel() > np.median(found))
    return np.packbits(np.array(rows), axis=1).tobytes()
