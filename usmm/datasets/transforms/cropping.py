"""The lesion's square, and a common size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from usmm.case import Case
from usmm.readers import DataError
from usmm.registry import TRANSFORMS
from usmm.transforms.base import Transform, chosen, names_of

FALLBACKS = ('full', 'error')

Box = tuple[int, int, int, int]


@TRANSFORMS.register_module()
class CropLesion(Transform):
    """Crop each modality to the smallest square that circumscribes its lesion mask (MSMFN, section 1).

    The square is centred on the lesion. Where it would leave the image it is shifted inside, so that no pixel of tissue
    is given away for an empty one; only where it is larger than the image, zeros fill the rest. A clip is cropped to
    one square for all of its frames. The mask is cropped too. `info[modality]['crop']` gets (x0, y0, x1, y1) in pixels
    of the uncropped image, ends excluded.

    Args:
        modalities: Which (default: all that are loaded).
        margin: Room around the lesion on each side, as a share of the square's side; 0 is the paper's.
        fallback: Without a mask, or with an empty one: `'full'`: the whole image, made square with zeros; or `'error'`.
        mask_from: Modality -> modality whose mask it borrows, for aligned images of one size where only one is
            outlined.

    Raises:
        DataError: No lesion and fallback `'error'`, or a mask of another size than its image.
        ValueError: Another fallback, or a negative margin.
    """

    def __init__(
        self,
        modalities: str | Sequence[str] | None = None,
        margin: float = 0.0,
        fallback: str = 'full',
        mask_from: Mapping[str, str] | None = None,
    ) -> None:
        if fallback not in FALLBACKS:
            raise ValueError(f'fallback must be one of {list(FALLBACKS)}, got {fallback!r}')
        if margin < 0:
            raise ValueError(f'margin must not be negative, got {margin}')
        self.modalities, self.margin, self.fallback = names_of(modalities), margin, fallback
        self.mask_from = dict(mask_from or {})

    def __call__(self, case: Case) -> Case:
        """Crop the modalities of one case."""
        masks = {}
        for modality in chosen(self.modalities, case.data):
            array = case.data[modality]
            mask = case.masks.get(modality, case.masks.get(self.mask_from.get(modality, '')))
            box = self._box(case, modality, mask, array.shape[-3:-1])
            case.data[modality] = crop(array, box)
            case.info.setdefault(modality, {})['crop'] = box
            if mask is not None:
                masks[modality] = crop(mask[..., None], box)[..., 0]
        case.masks = {**case.masks, **masks}
        return case

    def _box(self, case: Case, modality: str, mask: np.ndarray | None, size: tuple[int, int]) -> Box:
        if mask is not None and mask.shape != size:
            message = f'mask of shape {mask.shape} does not fit an image of {size} (height, width)'
            raise DataError(message, case=case.case_id, modality=modality)
        if mask is not None and mask.any():
            return lesion_square(mask, self.margin)
        if self.fallback == 'error':
            raise DataError('there is no lesion mask to crop to', case=case.case_id, modality=modality)
        return square_around((0, 0, size[1], size[0]), size, 0.0)


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
            if facts.get('spacing') is not None:
                facts['spacing'] = tuple(s * o / n for s, o, n in zip(facts['spacing'], old, self.size))
        return case


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


def resize(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize (H, W, 3) or (T, H, W, 3) uint8 to `size` (height, width)."""
    if array.shape[-3:-1] == size:
        return array
    smaller = size[0] * size[1] < array.shape[-3] * array.shape[-2]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    if array.ndim == 3:
        return cv2.resize(array, size[::-1], interpolation=how)
    return np.stack([cv2.resize(frame, size[::-1], interpolation=how) for frame in array])


def _place(start: int, end: int, side: int, limit: int) -> int:
    """First pixel of an interval of `side` centred on start..end, shifted into 0..limit, or centred on it if larger."""
    if side >= limit:
        return (limit - side) // 2
    return min(max(0, (start + end - side) // 2), limit - side)
