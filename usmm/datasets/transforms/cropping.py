"""The lesion's square, and a common size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from usmm.datasets.transforms.base_transform import Transform, chosen, names_of
from usmm.readers import DataError, outside
from usmm.registry import TRANSFORMS
from usmm.structures import Case

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
            if (spacing := facts.get('spacing')) is not None:
                facts['spacing'] = rescaled(spacing, old, self.size)
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
