"""Digests of what a picture shows: of its decoded pixels, and a perceptual hash that survives small changes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from usmm.datasets.checks.texture_likeness import SAME, likeness, texture
from usmm.datasets.data_digest import file_state
from usmm.readers import DataError, open_clip, read_image

HASH_SIZE = 16
BITS = HASH_SIZE**2
# Of 32,640 pairs of different pictures (BrEaST) the nearest differ in 84 of the 256 bits; copies that were stored as
# JPEG of quality 30, halved in size, or changed in brightness, contrast or gamma differ in 26 at most, copies with 2 %
# cut off each side in 52. Synthetic pictures, which share their layout, come down to 32: the texture decides as well.
NEAR = 60
BLOCK = 1024  # pictures compared at a time


@dataclass(frozen=True)
class PictureDigest:
    """What a picture shows.

    Args:
        pixels: SHA-256 of the decoded pixels (H, W, 3), so that a grey picture saved as colour, or one packed anew
            without loss, has the same.
        bits: Perceptual hash as bytes, 256 bits.
    """

    pixels: str
    bits: bytes


def picture_digest(path: Path, clip: bool = False) -> PictureDigest:
    """The digest of an image, or of the first frame of a clip; computed once as long as the file stays the same.

    Args:
        path: The file.
        clip: Whether it is a clip.

    Raises:
        DataError: It cannot be read.
    """
    return _digest(path, file_state(path), clip)


def pixels_digest(pixels: NDArray[np.uint8]) -> PictureDigest:
    """The digest of decoded pixels.

    Args:
        pixels: (H, W, 3) RGB.

    References:
        Zauner, Implementation and benchmarking of perceptual image hash functions, 2010 (the hash of the discrete
        cosine transform, as the package ImageHash computes it).
    """
    import imagehash  # a third of a second

    found = imagehash.phash(Image.fromarray(pixels), hash_size=HASH_SIZE).hash
    content = f'{pixels.shape}'.encode() + pixels.tobytes()  # zeros of another size are another picture
    return PictureDigest(hashlib.sha256(content).hexdigest(), np.packbits(found.ravel()).tobytes())


def near_pairs(bits: Sequence[bytes], most: int = NEAR) -> list[tuple[int, int, int]]:
    """Pairs of pictures whose hashes differ in few bits: (index, index, bits that differ), nearest first.

    Args:
        bits: Hash of each picture.
        most: Bits in which a pair may differ.

    Example:
        >>> near_pairs([bytes(32), bytes(31) + bytes([1]), bytes([255]) * 32])
        [(0, 1, 1)]
    """
    if len(bits) < 2:
        return []
    # hashes as signs: the product of two rows is BITS less twice the bits that differ
    signs = np.unpackbits(np.frombuffer(b''.join(bits), np.uint8).reshape(len(bits), -1), axis=1) * np.float32(2) - 1
    found: list[tuple[int, int, int]] = []
    for start in range(0, len(bits), BLOCK):
        distance = (signs.shape[1] - signs[start : start + BLOCK] @ signs.T) / 2
        for i, j in np.argwhere(distance <= most):
            if start + i < j:
                found.append((int(start + i), int(j), round(float(distance[i, j]))))
    return sorted(found, key=lambda pair: (pair[2], pair))


def same_texture(one: tuple[Path, bool], other: tuple[Path, bool]) -> bool:
    """Whether two files show the same picture by their fine texture.

    Args:
        one, other: A file, and whether it is a clip, of which the first frame counts.
    """
    textures = [_texture(path, file_state(path), clip) for path, clip in (one, other)]
    return likeness(*textures) >= SAME


def first_picture(path: Path, clip: bool) -> NDArray[np.uint8]:
    """An image, or the first frame of a clip, (H, W, 3) RGB.

    Raises:
        DataError: It cannot be read.
    """
    if not clip:
        return read_image(path)
    with open_clip(path) as opened:
        for frame in opened.sample(None):
            return frame.rgb()
    raise DataError('a clip without frames', file=path)


@lru_cache(maxsize=100_000)
def _digest(path: Path, state: tuple[int, ...], clip: bool) -> PictureDigest:
    return pixels_digest(first_picture(path, clip))


@lru_cache(maxsize=512)
def _texture(path: Path, state: tuple[int, ...], clip: bool) -> NDArray[np.float32]:
    return texture(first_picture(path, clip))
