"""Whether pictures are masks, by their pixels: two values each, and the size of another column's pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from usmm.datasets.file_cells import IMAGE_SUFFIXES
from usmm.readers import DataError, read_image

T = TypeVar('T')
LOOKED_AT = 12  # rows, spread over the table
NEAR = 24  # grey levels by which JPEG may miss one of the two
MOST_BETWEEN = 0.01  # share of pixels that are neither, at the edges of a JPEG


class Look(NamedTuple):
    """What a picture looks like.

    Args:
        size: Height and width, pixels.
        values: 1: one grey level; 2: two of them, far apart; 3: more, or colours.
    """

    size: tuple[int, int]
    values: int


class PictureLooks:
    """Looks at pictures, each once."""

    def __init__(self) -> None:
        self._seen: dict[Path, Look | None] = {}

    def of(self, path: Path) -> Look | None:
        """The look of a picture; None where it cannot be read as a still image.

        Args:
            path: The file.
        """
        if path not in self._seen:
            try:
                pixels = read_image(path) if path.suffix.lower() in IMAGE_SUFFIXES else None
            except DataError:
                pixels = None
            self._seen[path] = None if pixels is None else look_of(pixels)
        return self._seen[path]

    def masks(self, columns: Mapping[str, Sequence[Sequence[Path]]]) -> dict[str, str]:
        """Columns whose pictures are masks of another column -> that column.

        All pictures that are looked at have two values, or one where a mask is empty, and the size of a picture with
        more values in the same row.

        Args:
            columns: Column -> files of each row; the rows are the same in all columns.
        """
        flat = {name for name, rows in columns.items() if self.two_valued(rows)}
        masks = {}
        for name in columns:
            others = [other for other in columns if other not in flat and self._fits(columns[name], columns[other])]
            if name in flat and others:
                masks[name] = others[0]
        return masks

    def mixed(self, rows: Sequence[Sequence[Path]]) -> tuple[Path, Path] | None:
        """A mask and a picture of its size in one cell, where most cells of several files have such a pair.

        Args:
            rows: Files of each row.
        """
        pairs = []
        for paths in _some([paths for paths in rows if len(paths) > 1]):
            looks = [(path, look) for path in paths[:4] if (look := self.of(path)) is not None]
            pair = next(
                (
                    (mask, image)
                    for mask, one in looks
                    for image, other in looks
                    if one.values == 2 and other.values > 2 and one.size == other.size
                ),
                None,
            )
            pairs.append(pair)
        known = [pair for pair in pairs if pair is not None]
        return known[0] if 2 * len(known) >= len(pairs) > 0 else None

    def two_valued(self, rows: Sequence[Sequence[Path]]) -> bool:
        """Whether all pictures that are looked at have two values, or one in at most half of them.

        Args:
            rows: Files of each row.
        """
        looks = [self.of(path) for paths in _some([paths for paths in rows if paths]) for path in paths[:2]]
        values = [0 if look is None else look.values for look in looks]
        return {*values} <= {1, 2} and 2 * values.count(2) >= len(values) > 0

    def _fits(self, masks: Sequence[Sequence[Path]], images: Sequence[Sequence[Path]]) -> bool:
        pairs = _some([(m[0], i[0]) for m, i in zip(masks, images, strict=True) if m and i])
        looks = [(self.of(mask), self.of(image)) for mask, image in pairs]
        alike = all(m is not None and i is not None and m.size == i.size for m, i in looks)
        return alike and any(i is not None and i.values > 2 for _, i in looks)


def look_of(pixels: np.ndarray) -> Look:
    """Size of a picture, and how many values it has: 1, 2 far apart, or 3 for more.

    Args:
        pixels: (H, W, 3) uint8.

    Example:
        >>> mask = np.zeros((4, 6, 3), np.uint8)
        >>> mask[1:3, 1:3] = 255
        >>> look_of(mask), look_of(mask * 0).values, look_of(np.arange(72).reshape(4, 6, 3)).values
        (Look(size=(4, 6), values=2), 1, 3)
    """
    height, width = pixels.shape[:2]
    size = (height, width)
    grey = pixels.reshape(-1, pixels.shape[-1])
    low, high = grey.min(axis=0).astype(int), grey.max(axis=0).astype(int)
    if (low == high).all():
        return Look(size, 1)
    if len(np.unique(grey, axis=0)) == 2:
        return Look(size, 2)
    near_low, near_high = ((abs(grey.astype(int) - end) <= NEAR).all(axis=1) for end in (low, high))
    between = 1 - (near_low | near_high).mean()
    return Look(size, 2 if between <= MOST_BETWEEN and (high - low).max() > 4 * NEAR else 3)


def _some(items: Sequence[T]) -> list[T]:
    """A few of many items, spread evenly."""
    step = max(1, len(items) // LOOKED_AT)
    return list(items[::step][:LOOKED_AT])
