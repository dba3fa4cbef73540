"""A square of fixed size around the region of interest of an elastogram."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from usmm.case import Case
from usmm.registry import TRANSFORMS
from usmm.transforms.base import Transform, chosen, names_of
from usmm.transforms.box import mask_bounds
from usmm.transforms.cropping import Box, crop

COLOUR = 48  # a pixel is coloured where its channels differ by more, of 255


@TRANSFORMS.register_module()
class CropRegion(Transform):
    """Cut a square of `size` pixels, centred on the region of interest, without scaling.

    The region is the mask where there is one, else the largest patch of colour (the stiffness map over a grey image),
    else the middle of the image. The square is shifted into the image; where it is larger, zeros fill the rest. Masks
    are cut too. `info[modality]['crop']` gets (x0, y0, x1, y1), ends excluded.

    Args:
        size: Side in pixels.
        modalities: Which (default: all that are loaded); still images.

    Raises:
        ValueError: A size that is not positive.
    """

    def __init__(self, size: int = 224, modalities: str | Sequence[str] | None = None) -> None:
        if size < 1:
            raise ValueError(f'size must be positive, got {size}')
        self.size, self.modalities = size, names_of(modalities)

    def __call__(self, case: Case) -> Case:
        """Cut the modalities of one case."""
        for modality in chosen(self.modalities, case.data):
            image, mask = case.data[modality], case.masks.get(modality)
            found = mask_bounds(mask) if mask is not None and mask.any() else coloured_box(image)
            box = self._square(found or (0, 0, image.shape[1], image.shape[0]), image.shape[:2])
            case.data[modality] = crop(image, box)
            if mask is not None:
                case.masks[modality] = crop(mask[..., None], box)[..., 0]
            case.info.setdefault(modality, {})['crop'] = box
        return case

    def _square(self, box: Box, size: Sequence[int]) -> Box:
        left, top = (
            (limit - self.size) // 2 if self.size >= limit else min(max(0, (a + b - self.size) // 2), limit - self.size)
            for a, b, limit in ((box[0], box[2], size[1]), (box[1], box[3], size[0]))
        )
        return left, top, left + self.size, top + self.size


def coloured_box(image: np.ndarray, share: float = 0.002) -> Box | None:
    """Bounds of the largest connected patch of colour, or None where there is none.

    Args:
        image: (H, W, 3) uint8 RGB.
        share: A smaller patch, as a share of the image, is none.

    Example:
        >>> image = np.full((20, 30, 3), 90, np.uint8)
        >>> image[5:10, 12:20] = (200, 30, 30)
        >>> coloured_box(image)
        (12, 5, 20, 10)
    """
    spread = image.max(2).astype(int) - image.min(2)
    count, _, stats, _ = cv2.connectedComponentsWithStats((spread > COLOUR).astype(np.uint8))
    if count < 2:
        return None
    x, y, w, h, area = (int(v) for v in stats[1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))])
    return (x, y, x + w, y + h) if area >= share * image.shape[0] * image.shape[1] else None
