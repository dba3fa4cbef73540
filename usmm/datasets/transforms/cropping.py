"""Cropping to the lesion: its square, its box, or the region around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from usmm.datasets.transforms.base_transform import Transform, chosen, names_of
from usmm.datasets.transforms.boxes import Box, coloured_box, crop, lesion_square, mask_bounds, square_around
from usmm.datasets.transforms.resizing import centred, rescaled, resize
from usmm.readers import DataError, outside
from usmm.registry import TRANSFORMS
from usmm.structures import Case

FALLBACKS = ('full', 'error')


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
            if (spacing := facts.get('spacing')) is not None:
                facts['spacing'] = rescaled(spacing, (box[3] - box[1], box[2] - box[0]), inner)
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
