"""What a DICOM header says beside the pixels: frame times, pixel spacing, ultrasound regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset

FORMATS = {2: 'm-mode', 3: 'spectral', 4: 'waveform', 5: 'graphics'}
"""Region spatial formats other than a picture (PS3.3, C.8.5.5.1.1)."""

KINDS = {0: 'image', 1: 'tissue', 2: 'color flow', 0xD: 'gray bar', 0xE: 'color bar', 0xF: 'backscatter'}
"""Data types of regions that are pictures (PS3.3, C.8.5.5.1.2)."""

PICTURES = ('image', 'tissue', 'color flow', 'backscatter')
"""Kinds of regions that show the body."""

CENTIMETRE = 3


@dataclass(frozen=True)
class Region:
    """One calibrated region of an ultrasound screen.

    Args:
        x0, y0, x1, y1: Its pixels are `image[y0:y1, x0:x1]`; DICOM's last pixel is inclusive, these are not.
        kind: `'tissue'`, `'color flow'`, `'image'` (a picture of unstated kind), `'spectral'`, `'m-mode'`, ...
        spacing: (row, column) distance of pixels in mm, None where the region is not a calibrated picture.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    kind: str
    spacing: tuple[float, float] | None = None


def regions_of(header: Dataset) -> tuple[Region, ...]:
    """The ultrasound regions, cut to the image.

    Exported files are often smaller than the screen that their regions describe. Whether such an image was shrunk or
    cropped nothing says, so a region that leaves the image keeps its place but loses its pixel spacing.

    Args:
        header: A dataset with Rows and Columns.
    """
    height, width = int(header.get('Rows') or 0), int(header.get('Columns') or 0)
    found = (_region(item, height, width) for item in header.get('SequenceOfUltrasoundRegions') or ())
    return tuple(region for region in found if region is not None)


def _region(item: Dataset, height: int, width: int) -> Region | None:
    names = ('RegionLocationMinX0', 'RegionLocationMinY0', 'RegionLocationMaxX1', 'RegionLocationMaxY1')
    corners = [item.get(name) for name in names]
    if any(corner is None for corner in corners):
        return None
    x0, y0, x1, y1 = (int(corner) for corner in corners)  # type: ignore[arg-type]
    fits = x1 <= width and y1 <= height  # the last pixel is inclusive, but not every scanner knows
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1 + 1, width), min(y1 + 1, height)
    if x0 >= x1 or y0 >= y1:
        return None
    return Region(x0, y0, x1, y1, _kind(item), _region_spacing(item) if fits else None)


def _kind(item: Dataset) -> str:
    spatial = int(item.get('RegionSpatialFormat') or 0)
    if spatial in FORMATS:
        return FORMATS[spatial]
    return KINDS.get(int(item.get('RegionDataType') or 0), 'other')


def _region_spacing(item: Dataset) -> tuple[float, float] | None:
    units = (item.get('PhysicalUnitsYDirection'), item.get('PhysicalUnitsXDirection'))
    deltas = (item.get('PhysicalDeltaY'), item.get('PhysicalDeltaX'))
    if units != (CENTIMETRE, CENTIMETRE) or not all(deltas):
        return None
    return abs(float(deltas[0])) * 10, abs(float(deltas[1])) * 10  # type: ignore[arg-type]


def spacing_of(header: Dataset) -> tuple[float, float] | None:
    """(row, column) distance of pixels in mm: the image's own, else that of its first calibrated picture region."""
    stated = header.get('PixelSpacing') or header.get('NominalScannedPixelSpacing')
    if stated is not None and len(stated) == 2 and all(float(v) > 0 for v in stated):
        return float(stated[0]), float(stated[1])
    for region in regions_of(header):
        if region.kind in PICTURES and region.spacing is not None:
            return region.spacing
    return None


def times_of(header: Dataset, frames: int) -> np.ndarray | None:
    """Seconds of each frame since the first, or None where the file says nothing about time.

    In this order: the frame time vector (when it has an entry a frame), the frame time, the cine rate, the
    recommended display rate.

    Args:
        header: The dataset.
        frames: Number of frames.

    Returns:
        (frames,) float64.
    """
    vector = header.get('FrameTimeVector')
    if vector is not None and not isinstance(vector, Sequence):
        vector = [vector]
    if vector is not None and len(vector) == frames:
        steps = np.array([0.0, *(float(v) for v in vector[1:])])
        return np.cumsum(steps) / 1000
    step = float(header.get('FrameTime') or 0) / 1000
    rate = float(header.get('CineRate') or header.get('RecommendedDisplayFrameRate') or 0)
    if step <= 0 and rate > 0:
        step = 1 / rate
    return np.arange(frames) * step if step > 0 else None
