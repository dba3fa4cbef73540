"""Images and clips of one size: scaled, or in the middle of a square."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from usmm.datasets.transforms.base_transform import Transform, chosen, names_of
from usmm.datasets.transforms.boxes import crop
from usmm.registry import TRANSFORMS
from usmm.structures import Case


@TRANSFORMS.register_module()
class Resize(Transform):
    """Resize images and clips (with their masks) to one size; by area when they shrink, else bilinear.

    Args:
        size: Side of a square, or (height, width), in pixels.
        modalities: Which (default: all that are loaded).

    Raises:
        ValueError: A size that is not positive.
    """

    def __init__(self, size: int | Sequence[int], modalities: str | Sequence[str] | None = None) -> None:
        height, width = (size, size) if isinstance(size, int) else size
        if min(height, width) < 1:
            raise ValueError(f'size must be positive, got {size}')
        self.size, self.modalities = (int(height), int(width)), names_of(modalities)

    def __call__(self, case: Case) -> Case:
        """Resize the modalities of one case."""
        for modality in chosen(self.modalities, case.data):
            facts = case.info.setdefault(modality, {})
            old = case.data[modality].shape[-3:-1]
            case.data[modality] = resize(case.data[modality], self.size)
            if modality in case.masks:
                mask = case.masks[modality].astype(np.uint8)
                case.masks[modality] = cv2.resize(mask, self.size[::-1], interpolation=cv2.INTER_NEAREST) > 0
            if (spacing := facts.get('spacing')) is not None:
                facts['spacing'] = rescaled(spacing, old, self.size)
        return case


@TRANSFORMS.register_module()
class PadToSize(Transform):
    """Put images and clips (with their masks) into the middle of a black square; none is enlarged.

    An image that is larger than the square is made smaller, its shape kept, until it fits.

    Args:
        size: Side of the square in pixels.
        modalities: Which (default: all that are loaded).

    Raises:
        ValueError: A size that is not positive.

    References:
        Chiang et al., ACM MM Asia 2023: images smaller than 200 x 200 are padded with zeros, not interpolated.

    Example:
        >>> case = Case('c', 'p', data={'t1': np.full((2, 4, 3), 9, np.uint8)})
        >>> PadToSize(4)(case).data['t1'][..., 0].tolist()
        [[0, 0, 0, 0], [9, 9, 9, 9], [9, 9, 9, 9], [0, 0, 0, 0]]
    """

    def __init__(self, size: int, modalities: str | Sequence[str] | None = None) -> None:
        if size < 1:
            raise ValueError(f'size of PadToSize must be positive, got {size}')
        self.size, self.modalities = int(size), names_of(modalities)

    def __call__(self, case: Case) -> Case:
        """Pad the modalities of one case."""
        for modality in chosen(self.modalities, case.data):
            array = case.data[modality]
            height, width = array.shape[-3:-1]
            inner = fitting((height, width), self.size)
            case.data[modality] = centred(resize(array, inner), self.size)
            if modality in case.masks:
                mask = case.masks[modality].astype(np.uint8)
                mask = cv2.resize(mask, inner[::-1], interpolation=cv2.INTER_NEAREST)
                case.masks[modality] = centred(mask[..., None], self.size)[..., 0] > 0
            facts = case.info.setdefault(modality, {})
            if (spacing := facts.get('spacing')) is not None:
                facts['spacing'] = rescaled(spacing, (height, width), inner)
        return case


def resize(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize (H, W, 3) or (T, H, W, 3) uint8 to `size` (height, width)."""
    if array.shape[-3:-1] == size:
        return array
    smaller = size[0] * size[1] < array.shape[-3] * array.shape[-2]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    if array.ndim == 3:
        return cv2.resize(array, size[::-1], interpolation=how)
    return np.stack([cv2.resize(frame, size[::-1], interpolation=how) for frame in array])


def rescaled(spacing: tuple[float, float], old: tuple[int, int], new: tuple[int, int]) -> tuple[float, float]:
    """The spacing of pixels (row, column; mm) once an image of the size `old` (height, width) has the size `new`.

    Example:
        >>> rescaled((0.5, 0.25), (100, 100), (50, 200))
        (1.0, 0.125)
    """
    return spacing[0] * old[0] / new[0], spacing[1] * old[1] / new[1]


def fitting(size: tuple[int, int], side: int) -> tuple[int, int]:
    """(height, width) of an image that fits into a square: its own, or smaller in the same shape.

    Example:
        >>> fitting((100, 150), 200), fitting((400, 200), 200)
        ((100, 150), (200, 100))
    """
    share = min(1.0, side / max(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def centred(array: np.ndarray, side: int) -> np.ndarray:
    """(..., H, W, C) in the middle of a square of zeros."""
    top, left = (side - array.shape[-3]) // 2, (side - array.shape[-2]) // 2
    return crop(array, (-left, -top, side - left, side - top))
