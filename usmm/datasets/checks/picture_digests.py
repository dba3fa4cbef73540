"""Digests of what a picture shows: of its decoded pixels, and a perceptual hash that survives small changes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from usmm.datasets.checks.picture_variants import BITS, VARIANTS, Variant, thumbnail, variant_hashes
from usmm.datasets.checks.texture_likeness import SAME, likeness, texture
from usmm.datasets.data_digest import file_state
from usmm.readers import ClipFrame, DataError, Window, open_clip, read_image

# Of 32,640 pairs of different pictures (BrEaST) the nearest differ in 82 of the 256 bits, over all variants; 120 copies
# in 4 to 12 where they were mirrored or rotated, halved in size and stored as JPEG of quality 30, and in 60 at most
# where 1 to 21 % were cut off each side. Synthetic pictures, which share their layout, come down to 32: the texture
# decides as well.
NEAR = 64
BLOCK = 1024  # pictures compared at a time
BLANK = 2.0  # grey levels (standard deviation); the plainest of 256 pictures (BrEaST) has 20.7
LEAD = 300  # frames at the beginning of a clip among which one that is not blank is looked for


@dataclass(frozen=True)
class PictureDigest:
    """What a picture shows.

    Args:
        pixels: SHA-256 of the decoded pixels (H, W, 3), so that a grey picture saved as colour, or one packed anew
            without loss, has the same.
        hashes: Perceptual hashes of the picture and of its other `VARIANTS`, 256 bits each.
        blank: Whether it is of one grey level, or nearly: all blank pictures are alike, and none is a copy.
    """

    pixels: str
    hashes: bytes
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

    """
    content = f'{pixels.shape}'.encode() + pixels.tobytes()  # zeros of another size are another picture
    blank = is_blank(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
    return PictureDigest(hashlib.sha256(content).hexdigest(), variant_hashes(thumbnail(pixels)), blank)


class NearPair(NamedTuple):
    """Two pictures whose hashes are near each other.

    Args:
        copy, original: Indices of the pictures; the copy is like the variant of the original.
        bits: Bits in which they differ, of 256.
        variant: The variant.
    """

    copy: int
    original: int
    bits: int
    variant: Variant


def near_pairs(hashes: Sequence[bytes], most: int = NEAR) -> list[NearPair]:
    """Pairs of pictures of which one is near a variant of the other, each pair with its nearest variant; nearest first.

    Where none of the two is cut, the copy is the one that comes later.

    Args:
        hashes: Those of each picture, as `variant_hashes` returns them.
        most: Bits in which a pair may differ.

    Example:
        >>> small = np.random.default_rng(0).integers(0, 255, (256, 256), dtype=np.uint8)
        >>> near_pairs([variant_hashes(small), variant_hashes(np.fliplr(small))])
        [NearPair(copy=1, original=0, bits=0, variant=Variant(keep=1.0, mirrored=True, turns=0))]
    """
    if len(hashes) < 2:
        return []
    packed = np.frombuffer(b''.join(hashes), np.uint8).reshape(len(hashes), len(VARIANTS), -1)
    # hashes as signs: the product of two rows is BITS less twice the bits that differ
    plain = _signs(packed[:, 0])
    found = []
    for number, variant in enumerate(VARIANTS):
        columns = _signs(packed[:, number]).T
        for start in range(0, len(hashes), BLOCK):
            product = plain[start : start + BLOCK] @ columns
            copy, original = np.nonzero(product >= BITS - 2 * most)
            copies = copy + start
            wanted = copies > original if variant.keep == 1 else copies != original
            bits = (BITS - product[copy, original]) / 2
            found.append(np.stack([bits, copies, original, np.full(len(bits), number)], axis=1)[wanted])
    rows = np.concatenate(found).round().astype(np.int64)
    nearest: dict[tuple[int, int], NearPair] = {}
    for bits, copy, original, number in rows[np.lexsort(rows.T[[2, 1, 3, 0]])].tolist():
        nearest.setdefault((min(copy, original), max(copy, original)), NearPair(copy, original, bits, VARIANTS[number]))
    return list(nearest.values())


def same_texture(copy: Picture, original: Picture, variant: Variant = VARIANTS[0]) -> bool:
    """Whether a picture and a variant of another are the same by their fine texture.

    Args:
        copy, original: The pictures.
        variant: How the first may differ from the second.
    """
    one, other = (_thumbnail(picture, file_state(picture.path)) for picture in (copy, original))
    return likeness(texture(one), texture(variant.of(other))) >= SAME


def _signs(packed: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.unpackbits(packed, axis=1) * np.float32(2) - 1


@lru_cache(maxsize=100_000)
def _digest(picture: Picture, state: tuple[int, ...]) -> PictureDigest:
    return pixels_digest(picture.read())


@lru_cache(maxsize=100_000)
def _first_frame(path: Path, window: Window | None, state: tuple[int, ...]) -> int:
    with open_clip(path, window=window) as opened:
        lead = enumerate(islice(opened.sample(None), LEAD))
        return next((index for index, frame in lead if not is_blank(frame.grey())), 0)


@lru_cache(maxsize=1024)
def _thumbnail(picture: Picture, state: tuple[int, ...]) -> NDArray[np.uint8]:
    return thumbnail(picture.read())
