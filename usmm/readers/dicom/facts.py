"""What a DICOM header says beside the pixels: frame times, pixel spacing, ultrasound regions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom import Dataset

from usmm.readers.dicom.header_values import integer_of, name_of, number_of, numbers_of
from usmm.readers.errors import DataError

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
    height, width = integer_of(header, 'Rows') or 0, integer_of(header, 'Columns') or 0
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
    stated = numbers_of(header, 'PixelSpacing') or numbers_of(header, 'NominalScannedPixelSpacing')
    if len(stated) == 2 and all(value > 0 for value in stated):
        return stated[0], stated[1]
    for region in regions_of(header):
        if region.kind in PICTURES and region.spacing is not None:
            return region.spacing
    return None


def times_of(header: Dataset, frames: int) -> np.ndarray | None:
    """Seconds of each frame since the first, or None where the file says nothing about time.

    In this order: the frame time vector, the frame time, the cine rate, the recommended display rate; where the file's
    frame increment pointer names the frame time, that comes first. An element that cannot be true is left aside where
    the others agree with each other: a vector of another length than the clip, with steps after the first that are
    shorter than `SHORTEST`, or that holds the times of the frames in place of steps; and a frame time or rate that
    stands for steps shorter than `SHORTEST`, such as one in seconds.

    Args:
        header: The dataset.
        frames: Number of frames.

    Returns:
        (frames,) float64.

    Raises:
        DataError: if an element is not a number, a step is negative, or an element that cannot be true stands beside no
            other element, or beside some that contradict each other.

    Example:
        >>> header = Dataset()
        >>> header.FrameTime = '40'
        >>> times_of(header, 3).tolist()
        [0.0, 0.04, 0.08]
    """
    vector, stated = numbers_of(header, 'FrameTimeVector'), _steps(header)
    steps = {keyword: step for keyword, step in stated.items() if step >= SHORTEST * (1 - ROUNDING)}
    problems = [_step_problem(header, keyword) for keyword in stated if keyword not in steps]
    pointed = header.get('FrameIncrementPointer') == FRAME_TIME and 'FrameTime' in steps
    if frames > 1:
        if vector and not pointed:
            problem = _vector_problem(vector, frames, steps)
            if problem is None:
                return np.cumsum([0.0, *vector[1:]]) / 1000
            problems.insert(0, problem)
        if problems:
            _check_agreement(steps, problems[0])
    step = next(iter(steps.values()), None)
    return None if step is None else np.arange(frames) * step


FRAME_TIME = 0x00181063
AGREEMENT = 0.1
"""Share by which elements that state the time of a frame may differ: rates are rounded to whole numbers."""

SHORTEST = 1e-4
"""Seconds from frame to frame: no scanner stores more than 10,000 frames a second."""

ROUNDING = 1e-9
EVEN = 1.5
"""Ratio up to which the differences of values count as equal: frames come at a steady rate, rounded."""

CERTAIN = 5
"""Frames from which on values that rise evenly are times of frames, whatever the other elements state."""


def _steps(header: Dataset) -> dict[str, float]:
    """Seconds a frame by each element that states them, zeros left out: they stand for unknown."""
    steps = {}
    for keyword in ('FrameTime', 'CineRate', 'RecommendedDisplayFrameRate'):
        number = number_of(header, keyword)
        if number is not None and number < 0:
            raise DataError(f'has {name_of(keyword)} of {number:g}, expected a positive number: correct the element')
        if number:
            steps[keyword] = number / 1000 if keyword == 'FrameTime' else 1 / number
    return steps


def _step_problem(header: Dataset, keyword: str) -> str:
    unit = 'ms, expected 0.1 ms or more' if keyword == 'FrameTime' else 'frames/s, expected 10000 or fewer'
    return f'has {name_of(keyword)} of {number_of(header, keyword):g} {unit}'


def _vector_problem(vector: tuple[float, ...], frames: int, steps: dict[str, float]) -> str | None:
    name = name_of('FrameTimeVector')
    if len(vector) != frames:
        return f'has {name} of {len(vector)} values for {frames} frames'
    wrong = [(index, step) for index, step in enumerate(vector) if index and step <= 0]
    if wrong:
        index, step = wrong[0]
        return f'has {name} with {len(wrong)} steps that are not above 0, the first is {step:g} ms at frame {index + 1}'
    short = [(index, step) for index, step in enumerate(vector) if index and step < SHORTEST * 1000 * (1 - ROUNDING)]
    if short:
        index, step = short[0]
        return (
            f'has {name} with {len(short)} steps of less than 0.1 ms, the first is {step:g} ms at frame {index + 1} '
            '(the element is in milliseconds)'
        )
    if _holds_times(vector, steps):
        return (
            f'has {name} that rises from {vector[0]:g} to {vector[-1]:g} ms, as times of frames do, where the time '
            'since the frame before is expected'
        )
    return None


def _holds_times(vector: tuple[float, ...], steps: dict[str, float]) -> bool:
    """Whether a vector holds the time of each frame: it rises evenly, and many do, or the other elements confirm it."""
    differences = np.diff(vector)
    if len(vector) < 3 or differences.min() <= 0 or differences.max() > EVEN * differences.min():
        return False
    if len(vector) >= CERTAIN and vector[0] <= 2 * differences.max():  # and it begins near 0
        return True
    mean = float(differences.mean()) / 1000
    return bool(steps) and all(abs(mean - step) <= AGREEMENT * step for step in steps.values())


def _check_agreement(steps: dict[str, float], problem: str) -> None:
    if not steps:
        raise DataError(
            f'{problem}, and no other element states the time of a frame: correct the element, or give the frame rate, '
            'open_clip(path, fps=...)'
        )
    if max(steps.values()) > min(steps.values()) * (1 + AGREEMENT):
        stated = ', '.join(f'{name_of(keyword)} {1 / step:.4g} frames/s' for keyword, step in steps.items())
        raise DataError(f'{problem}, and the other elements contradict each other ({stated}): correct the elements')
