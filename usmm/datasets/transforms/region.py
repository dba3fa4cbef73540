"""The ultrasound region of a screen: blank what lies around it, and the words that are burnt in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from usmm.datasets.transforms.base_transform import Transform, chosen, names_of
from usmm.readers import DataError, read_regions
from usmm.registry import TRANSFORMS
from usmm.structures import Case

PICTURES = ('image', 'tissue', 'color flow', 'backscatter')
DARK = 8  # grey values above the background that count as picture
SMALLEST = 0.02  # share of the frame below which a bright patch is no ultrasound picture


@TRANSFORMS.register_module()
class KeepRegion(Transform):
    """Blank everything but the ultrasound picture: words, rulers, colour bars, logos, names.

    The regions of a DICOM file are taken where it has some; else the picture is found, see `ultrasound_region`. Put it
    right after the loading. `info[modality]` gets `kept`, the share of pixels that is left, and `blanked`: `'stated'`
    or `'found'`, by which region, or `'none'`.

    Args:
        modalities: Which (default: all that are loaded).
        find: Find the picture where the file states no region; else such an image stays whole.

    Raises:
        DataError: The file cannot be read for its regions.
    """

    def __init__(self, modalities: str | Sequence[str] | None = None, find: bool = True) -> None:
        self.modalities, self.find = names_of(modalities), find

    def __call__(self, case: Case) -> Case:
        """Blank the modalities of one case."""
        for modality in chosen(self.modalities, case.data):
            array = case.data[modality]
            region, how = self._stated(case, modality, array.shape[-3:-1]), 'stated'
            if region is None and self.find:
                region, how = ultrasound_region(array), 'found'
            if region is None or region.all():
                how = 'none'
            else:
                case.data[modality] = array * region[..., None].astype(np.uint8)
            kept = 1.0 if region is None else float(region.mean())
            case.info.setdefault(modality, {}).update({'kept': kept, 'blanked': how})
        return case

    def _stated(self, case: Case, modality: str, size: tuple[int, int]) -> np.ndarray | None:
        """(H, W) bool of the regions that the file states, or None."""
        facts = case.info.get(modality, {})
        file, regions = Path(facts.get('file', '')), facts.get('regions')
        if regions is None and file.is_file() and 'panel' not in facts:
            try:
                regions = read_regions(file)
            except DataError as error:
                raise error.at(case=case.case_id, modality=modality) from error
        keep = np.zeros(size, bool)
        for region in regions or ():
            if region.kind in PICTURES:
                keep[max(0, region.y0) : region.y1, max(0, region.x0) : region.x1] = True
        return keep if keep.any() else None


def ultrasound_region(frames: np.ndarray) -> np.ndarray:
    """Find the ultrasound picture of a screen: the largest textured or moving patch, with its gaps closed.

    Lines of text are narrow: an opening of 1/40 of the frame takes them away, where they do not touch the picture.
    Where nothing is found the whole frame is kept: a picture that was cropped already has no edge to find.

    Args:
        frames: (H, W, 3) or (T, H, W, 3) uint8.

    Returns:
        (H, W) bool.

    Raises:
        ValueError: Another shape or type.

    Example:
        >>> screen = np.zeros((100, 120, 3), np.uint8)
        >>> screen[20:80, 30:100] = 90
        >>> screen[5:8, 3:20] = 255  # a line of text
        >>> int(ultrasound_region(screen).sum()) == 60 * 70
        True
    """
    if frames.dtype != np.uint8 or frames.ndim not in (3, 4) or frames.shape[-1] != 3 or not frames.size:
        raise ValueError(f'expected (H, W, 3) or (T, H, W, 3) uint8, got {frames.shape} {frames.dtype}')
    bright = brightness(frames)
    background = int(np.bincount(bright[_border(bright.shape)], minlength=256).argmax())
    lit = (np.abs(bright.astype(np.int16) - background) > DARK).astype(np.uint8)
    side = min(bright.shape)
    dense = cv2.blur(lit.astype(np.float32), (_odd(side / 25),) * 2) > 0.4  # speckle has dark gaps, text has wide ones
    solid = cv2.morphologyEx(dense.astype(np.uint8), cv2.MORPH_OPEN, _disc(side / 20))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=4)
    if count < 2:
        return np.ones(bright.shape, bool)
    best = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    if stats[best, cv2.CC_STAT_AREA] < SMALLEST * bright.size:
        return np.ones(bright.shape, bool)
    return _fill(labels == best, lit, side)


def brightness(frames: np.ndarray) -> np.ndarray:
    """(H, W) uint8: the brightest channel of a still; of a clip the largest of its frames."""
    if frames.ndim == 3:
        return frames.max(-1)
    out = frames[0].max(-1)
    for frame in frames[1:]:
        np.maximum(out, frame.max(-1), out=out)
    return out


def _fill(core: np.ndarray, lit: np.ndarray, side: int) -> np.ndarray:
    """The core grown to the lit pixels at its edge, holes filled: shadows and vessels belong to the picture."""
    near = cv2.dilate(core.astype(np.uint8), _disc(side / 40)) & lit
    whole = (core | (near > 0)).astype(np.uint8) & cv2.dilate(lit, _disc(side / 60))
    whole = cv2.morphologyEx(whole, cv2.MORPH_OPEN, _disc(side / 60))
    contours, _ = cv2.findContours(whole, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(contours, key=cv2.contourArea)
    out = np.zeros(lit.shape, np.uint8)
    cv2.drawContours(out, [cv2.convexHull(largest)], -1, 1, -1)
    return out > 0


def _border(shape: tuple[int, ...]) -> np.ndarray:
    edge = np.ones(shape, bool)
    edge[2:-2, 2:-2] = False
    return edge


def _odd(size: float) -> int:
    return max(3, round(size) // 2 * 2 + 1)


def _disc(size: float) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_RECT, (_odd(size),) * 2)
