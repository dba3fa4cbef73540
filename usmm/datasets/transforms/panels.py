"""Split screens that hold two pictures side by side: B-mode beside elastography, or beside contrast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from usmm.datasets.transforms.base_transform import Transform
from usmm.readers import DataError, Region
from usmm.readers.dicom.facts import PICTURES
from usmm.registry import TRANSFORMS
from usmm.structures import Case, ModalityInfo

DARK = 24
"""Grey level up to which a pixel counts as background."""

DARK_SHARE = 0.95
"""Share of a column that must be dark between two panels; the rest may be crossed by writing."""

MIDDLE = (0.3, 0.7)
"""Where the band between two panels may lie, as shares of the width."""

MIN_BAND = 4
"""Pixels that the band must be wide."""

MIN_CONTENT = 0.1
"""Share of a panel that must be brighter than the background, so that a colour bar is no panel."""


class Box(NamedTuple):
    """A rectangle of pixels, `image[y0:y1, x0:x1]`."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        """Columns."""
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        """Rows."""
        return self.y1 - self.y0


def find_panels(image: np.ndarray, regions: Sequence[Region] = ()) -> tuple[Box, ...]:
    """Find the two panels of a dual screen.

    The scanner's own ultrasound regions decide where they show two pictures side by side. Else the widest dark band
    near the middle does, if what lies left and right of it looks like two panels: both with content, neither less than
    half as wide as the other. Of a clip the brightest value over time counts, so that a contrast panel that starts
    black is seen.

    Args:
        image: (H, W, 3) or (T, H, W, 3) uint8.
        regions: Ultrasound regions of the file, if it has them.

    Returns:
        The left and the right box, or nothing where the screen holds one picture.

    Raises:
        ValueError: if the image has another shape.
    """
    if image.ndim not in (3, 4) or image.shape[-1] != 3:
        raise ValueError(f'expected an image (H, W, 3) or a clip (T, H, W, 3), got shape {image.shape}')
    height, width = image.shape[-3:-1]
    return panels_of_regions(regions, width, height) or panels_by_band(image)


def panels_of_regions(regions: Sequence[Region], width: int, height: int) -> tuple[Box, ...]:
    """The two panels that ultrasound regions describe, or nothing; regions inside one another (a colour box) are one.

    Args:
        regions: Regions; those that show no picture (traces, colour bars) do not count.
        width, height: Size of the image, to which the boxes are cut.
    """
    boxes: list[Box] = []
    for region in sorted((r for r in regions if r.kind in PICTURES), key=lambda r: (r.x0, -r.x1)):
        box = Box(max(region.x0, 0), max(region.y0, 0), min(region.x1, width), min(region.y1, height))
        if boxes and _overlap(boxes[-1], box) > 0.1:
            boxes[-1] = _union(boxes[-1], box)
        else:
            boxes.append(box)
    if len(boxes) != 2 or not _side_by_side(boxes[0], boxes[1]):
        return ()
    left, right = boxes
    return left._replace(x1=min(left.x1, right.x0)), right


def panels_by_band(image: np.ndarray) -> tuple[Box, ...]:
    """The two panels beside the widest dark band near the middle, or nothing.

    Args:
        image: (H, W, 3) or (T, H, W, 3) uint8.
    """
    bright = image.max(axis=(*range(image.ndim - 3), image.ndim - 1)) > DARK
    rows = np.flatnonzero(bright.any(axis=1))
    if not rows.size:
        return ()
    bright = bright[rows[0] : rows[-1] + 1]
    band = _band((~bright).mean(axis=0) >= DARK_SHARE)
    if band is None:
        return ()
    left, right = _content(bright[:, : band[0]], 0), _content(bright[:, band[1] :], band[1])
    if left is None or right is None or not _side_by_side(left, right):
        return ()
    top, bottom = min(left.y0, right.y0) + int(rows[0]), max(left.y1, right.y1) + int(rows[0])
    return left._replace(y0=top, y1=bottom), right._replace(y0=top, y1=bottom)


def _band(dark: np.ndarray) -> tuple[int, int] | None:
    """First and last + 1 column of the widest dark run whose middle lies near the middle of the image."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], dark, [False]]).astype(np.int8)))
    runs = [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
    low, high = (share * dark.size for share in MIDDLE)
    runs = [(a, b) for a, b in runs if b - a >= MIN_BAND and low <= (a + b) / 2 <= high]
    return max(runs, key=lambda run: run[1] - run[0], default=None)


def _content(bright: np.ndarray, x0: int) -> Box | None:
    """The box around the bright pixels, None where they are too few to be a picture."""
    columns, rows = np.flatnonzero(bright.sum(axis=0) > 1), np.flatnonzero(bright.sum(axis=1) > 1)
    if not columns.size or not rows.size:
        return None
    box = Box(x0 + int(columns[0]), int(rows[0]), x0 + int(columns[-1]) + 1, int(rows[-1]) + 1)
    share = bright[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].mean()
    return box if share >= MIN_CONTENT else None


def _overlap(a: Box, b: Box) -> float:
    """Common columns as a share of the narrower box."""
    return max(min(a.x1, b.x1) - max(a.x0, b.x0), 0) / max(min(a.width, b.width), 1)


def _union(a: Box, b: Box) -> Box:
    return Box(min(a.x0, b.x0), min(a.y0, b.y0), max(a.x1, b.x1), max(a.y1, b.y1))


def _side_by_side(a: Box, b: Box) -> bool:
    """Whether two boxes, left and right, are panels of one screen: alike in width, and level."""
    common = min(a.y1, b.y1) - max(a.y0, b.y0)
    widths, heights = sorted((a.width, b.width)), sorted((a.height, b.height))
    return widths[0] * 2 >= widths[1] and common * 2 >= heights[1]


@TRANSFORMS.register_module()
class SplitPanels(Transform):
    """Give the two panels of a dual screen to two modalities; masks and regions follow their panel.

    Put it straight behind the loading transform, before anything that crops or resizes. A case without the source
    passes unchanged.

    Args:
        source: Modality that was loaded with both panels, an image or a clip.
        into: Modalities of the left and of the right panel, one of which may be the source; None drops a panel.
        single: What to do with a screen on which `find_panels` sees one picture: `'error'`; `'keep'`, leave it as the
            source; or `'half'`, cut it in the middle.

    Example:
        >>> SplitPanels('bus', into=('bus', 'ue'))
        SplitPanels(source='bus', into=('bus', 'ue'), single='error')
    """

    def __init__(self, source: str, into: Sequence[str | None], single: str = 'error') -> None:
        names = [name for name in into if name is not None]
        if isinstance(into, str) or len(into) != 2 or not names or len(set(names)) != len(names):
            raise ValueError(f'into must name the modalities of the left and the right panel, got {into!r}')
        if single not in ('error', 'keep', 'half'):
            raise ValueError(f"single must be 'error', 'keep' or 'half', got {single!r}")
        self.source, self.into, self.single = source, tuple(into), single

    def __call__(self, case: Case) -> Case:
        """Split the source of a case.

        Raises:
            DataError: if there are no two panels and `single='error'`, or a target modality has data already.
        """
        if self.source not in case.data:
            return case
        self._check_targets(case)
        boxes = self._boxes(case)
        if not boxes:
            return case
        pixels, mask = case.data.pop(self.source), case.masks.pop(self.source, None)
        info = case.info.pop(self.source, {})
        for name, box in zip(self.into, boxes):
            if name is not None:
                _give(case, name, box, pixels, mask, info)
        return case

    def _check_targets(self, case: Case) -> None:
        for name in self.into:
            if name is not None and name != self.source and name in case.data:
                raise DataError(
                    f'already has data, a panel of {self.source!r} would replace them', case=case.case_id, modality=name
                )

    def _boxes(self, case: Case) -> tuple[Box, ...]:
        pixels = case.data[self.source]
        boxes = find_panels(pixels, case.info.get(self.source, {}).get('regions', ()))
        if boxes or self.single == 'keep':
            return boxes
        if self.single == 'error':
            file = next(iter(case.files.get(self.source, ())), None)
            raise DataError('shows no two panels to split', file=file, case=case.case_id, modality=self.source)
        height, width = pixels.shape[-3:-1]
        return Box(0, 0, width // 2, height), Box(width - width // 2, 0, width, height)


def _give(case: Case, name: str, box: Box, pixels: np.ndarray, mask: np.ndarray | None, info: ModalityInfo) -> None:
    rows, columns = slice(box.y0, box.y1), slice(box.x0, box.x1)
    case.data[name] = pixels[..., rows, columns, :]
    part = None if mask is None else mask[rows, columns]
    if part is not None and part.any():  # a lesion drawn on the other panel only is no mask of this one
        case.masks[name] = part
    regions = tuple(moved for region in info.get('regions', ()) if (moved := _moved(region, box)) is not None)
    case.info[name] = {**info, 'regions': regions, 'panel': (box.x0, box.y0, box.x1, box.y1)}


def _moved(region: Region, box: Box) -> Region | None:
    """The part of a region inside a panel, in the panel's coordinates."""
    x0, x1 = max(region.x0, box.x0) - box.x0, min(region.x1, box.x1) - box.x0
    y0, y1 = max(region.y0, box.y0) - box.y0, min(region.y1, box.y1) - box.y0
    return replace(region, x0=x0, y0=y0, x1=x1, y1=y1) if x0 < x1 and y0 < y1 else None
