"""A rectangular crop: the box that a reader drew, or the bounds of the outline."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from usmm.case import Case
from usmm.readers import DataError, outside
from usmm.registry import TRANSFORMS
from usmm.transforms.base import Transform, chosen, names_of
from usmm.transforms.cropping import Box, crop, resize
from usmm.transforms.padding import centred


@TRANSFORMS.register_module()
class CropBox(Transform):
    """Crop each modality to its box, and bring the rectangle to a square.

    The box is the table's (`boxes` of the schema); without one, the bounds of the lesion mask. The rectangle is
    stretched to the square, or, with `keep_ratio`, its longer side fills it and black bars fill the rest. The mask is
    treated alike. `info[modality]['crop']` gets (x0, y0, x1, y1) in pixels of the image, ends excluded. A box is
    given in pixels of the file, so this stands before anything that moves, cuts or scales the image.

    Args:
        size: Side of the square in pixels.
        margin: Room around the box on each side, as a share of its width and height; it ends where the image does.
        keep_ratio: Keep the shape of what is inside.
        modalities: Which (default: all that are loaded).

    Raises:
        DataError: Neither box nor mask, a box that leaves its image, a mask of another size, or an image that was cut
            before.
        ValueError: A size that is not positive, or a negative margin.

    Example:
        >>> case = Case('c', 'p', data={'bus': np.arange(24, dtype=np.uint8).reshape(4, 6, 1).repeat(3, 2)})
        >>> case.boxes['bus'] = (2, 1, 4, 3)
        >>> CropBox(size=2)(case).data['bus'][..., 0].tolist()
        [[8, 9], [14, 15]]
    """

    def __init__(
        self,
        size: int = 224,
        margin: float = 0.0,
        keep_ratio: bool = False,
        modalities: str | Sequence[str] | None = None,
    ) -> None:
        if size < 1:
            raise ValueError(f'size of CropBox must be positive, got {size}')
        if margin < 0:
            raise ValueError(f'margin of CropBox must not be negative, got {margin}')
        self.size, self.margin, self.keep_ratio = int(size), float(margin), bool(keep_ratio)
        self.modalities = names_of(modalities)

    def __call__(self, case: Case) -> Case:
        """Crop the modalities of one case."""
        for modality in chosen(self.modalities, case.data):
            array, mask = case.data[modality], case.masks.get(modality)
            facts = case.info.setdefault(modality, {})
            box = self._widened(self._box(case, modality, mask, array.shape[-3:-1]), array.shape[-3:-1])
            inner = self._inner(box)
            case.data[modality] = self._square(resize(crop(array, box), inner))
            if mask is not None:
                cut = crop(mask[..., None], box)[..., 0].astype(np.uint8)
                small = cv2.resize(cut, inner[::-1], interpolation=cv2.INTER_NEAREST)
                case.masks[modality] = self._square(small[..., None])[..., 0] > 0
            facts['crop'] = box
            if facts.get('spacing') is not None:
                old = (box[3] - box[1], box[2] - box[0])
                facts['spacing'] = tuple(s * o / n for s, o, n in zip(facts['spacing'], old, inner))
        return case

    def _box(self, case: Case, modality: str, mask: np.ndarray | None, size: tuple[int, int]) -> Box:
        box, facts = case.boxes.get(modality), case.info.get(modality, {})
        wrong = None if box is None else outside(box, size[1], size[0])
        if 'crop' in facts:
            wrong = 'CropBox needs the whole image, but it was cropped before: put CropBox right after loading'
        elif box is None and mask is not None and mask.shape != size:
            wrong = f'mask of shape {mask.shape} does not fit an image of {size} (height, width)'
        elif box is None and (mask is None or not mask.any()):
            wrong = 'there is neither a box nor a lesion mask to crop to'
        if wrong is not None:
            raise DataError(wrong, file=facts.get('file'), case=case.case_id, modality=modality)
        return mask_bounds(mask) if box is None else box  # type: ignore[arg-type]

    def _widened(self, box: Box, size: tuple[int, int]) -> Box:
        x0, y0, x1, y1 = box
        dx, dy = round(self.margin * (x1 - x0)), round(self.margin * (y1 - y0))
        return max(0, x0 - dx), max(0, y0 - dy), min(size[1], x1 + dx), min(size[0], y1 + dy)

    def _inner(self, box: Box) -> tuple[int, int]:
        """(height, width) that the rectangle is scaled to."""
        if not self.keep_ratio:
            return self.size, self.size
        height, width = box[3] - box[1], box[2] - box[0]
        share = self.size / max(height, width)
        return max(1, round(height * share)), max(1, round(width * share))

    def _square(self, array: np.ndarray) -> np.ndarray:
        return centred(array, self.size)


def mask_bounds(mask: np.ndarray) -> Box:
    """x0, y0, x1, y1 of the smallest rectangle around a mask (H, W) with a pixel set, ends excluded.

    Example:
        >>> mask = np.zeros((10, 20), bool)
        >>> mask[2:4, 16:20] = True
        >>> mask_bounds(mask)
        (16, 2, 20, 4)
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
