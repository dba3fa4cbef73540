"""Digests of what a picture shows: of its decoded pixels, and a perceptual hash that survives small changes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from usmm.datasets.checks.texture_likeness import SAME, likeness, texture
from usmm.datasets.data_digest import file_state
from usmm.readers import ClipFrame, DataError, Window, open_clip, read_image

HASH_SIZE = 16
BITS = HASH_SIZE**2
# Of 32,640 pairs of different pictures (BrEaST) the nearest differ in 84 of the 256 bits; copies that were stored as
# JPEG of quality 30, halved in size, or changed in brightness, contrast or gamma differ in 26 at most, copies with 2 %
# cut off each side in 52. Synthetic pictures, which share their layout, come down to 32: the texture decides as well.
NEAR = 60
BLOCK = 1024  # pictures compared at a time
BLANK = 2.0  # grey levels (standard deviation); the plainest of 256 pictures (BrEaST) has 20.7
LEAD = 300  # frames at the beginning of a clip among which one that is not blank is looked for


@dataclass(frozen=True)
class PictureDigest:
    """What a picture shows.

    Args:
        pixels: SHA-256 of the decoded pixels (H, W, 3), so that a grey picture saved as colour, or one packed anew
            without loss, has the same.
        bits: Perceptual hash as bytes, 256 bits.
        blank: Whether it is of one grey level, or nearly: all blank pictures are alike, and none is a copy.
    """

    pixels: str
    bits: bytes
    blank: bool = False


@dataclass(frozen=True)
class Picture:
    """A picture in a file.

    Args:
        path: The file.
        clip: Whether it is a clip.
        frame: Which of its frames, counted from 0.
        window, bits: The grey values that become 0 and 255, as the loader of the modality has them.
    """

    path: Path
    clip: bool = False
    frame: int = 0
    window: Window | None = None
    bits: int | None = None

    def read(self) -> NDArray[np.uint8]:
        """Its pixels, (H, W, 3) RGB.

        Raises:
            DataError: It cannot be read, or the clip has not so many frames.
        """
        if not self.clip:
            return read_image(self.path, self.window, self.bits)
        with open_clip(self.path, window=self.window) as opened:
            for index, frame in enumerate(opened.sample(None)):
                if index == self.frame:
                    return frame.rgb()
        raise DataError(f'a clip without a frame of number {self.frame}', file=self.path)


class ClipDigests:
    """Digests of 8 to 16 evenly spaced frames of a clip that is streamed, or of all frames of a shorter one.

    Args:
        most: Digests are thinned out beyond so many.

    Attributes:
        blank: Whether all frames were blank so far.
    """

    def __init__(self, most: int = 16) -> None:
        self.most, self.step, self.seen, self.blank = most, 1, 0, True
        self.digests: list[tuple[int, PictureDigest]] = []

    def add(self, frame: ClipFrame) -> None:
        """Look at the next frame; its pixels are converted only where its digest is kept, or all before it were blank.

        Args:
            frame: The frame.
        """
        self.blank = self.blank and is_blank(frame.grey())
        if self.seen % self.step == 0:
            self.digests.append((self.seen, pixels_digest(frame.rgb())))
            if len(self.digests) > self.most:
                self.digests, self.step = self.digests[::2], 2 * self.step
        self.seen += 1


def picture_digest(picture: Picture) -> PictureDigest:
    """The digest of a picture; computed once as long as the file stays the same.

    Args:
        picture: The picture.

    Raises:
        DataError: It cannot be read.
    """
    return _digest(picture, file_state(picture.path))


def first_picture(path: Path, window: Window | None = None) -> Picture:
    """The first frame of a clip that is not blank, among its first 300; its first frame where all of them are.

    Args:
        path: The clip.
        window: As in `Picture`.

    Raises:
        DataError: It cannot be read.
    """
    return Picture(path, True, _first_frame(path, window, file_state(path)), window)


def is_blank(grey: np.ndarray) -> bool:
    """Whether a picture is of one grey level, or nearly.

    Args:
        grey: (H, W) uint8.

    Example:
        >>> is_blank(np.full((40, 60), 7, np.uint8)), is_blank(np.eye(8, dtype=np.uint8) * 90)
        (True, False)
    """
    return bool(cv2.meanStdDev(grey)[1].item() < BLANK)


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
    blank = is_blank(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
    return PictureDigest(hashlib.sha256(content).hexdigest(), np.packbits(found.ravel()).tobytes(), blank)


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


def same_texture(one: Picture, other: Picture) -> bool:
    """Whether two pictures are the same by their fine texture.

    Args:
        one, other: The pictures.
    """
    return likeness(*(_texture(picture, file_state(picture.path)) for picture in (one, other))) >= SAME


@lru_cache(maxsize=100_000)
def _digest(picture: Picture, state: tuple[int, ...]) -> PictureDigest:
    return pixels_digest(picture.read())


@lru_cache(maxsize=100_000)
def _first_frame(path: Path, window: Window | None, state: tuple[int, ...]) -> int:
    with open_clip(path, window=window) as opened:
        lead = enumerate(islice(opened.sample(None), LEAD))
        return next((index for index, frame in lead if not is_blank(frame.grey())), 0)


@lru_cache(maxsize=512)
def _texture(picture: Picture, state: tuple[int, ...]) -> NDArray[np.float32]:
    return texture(picture.read())
