"""DICOM stills and multi-frame cine: file -> arrays and facts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import Dataset

from usmm.readers.clips.frames import ArrayFrame, Clip, ClipFrame, SamplingGrid, mean_rate
from usmm.readers.depth import Window, check_depth
from usmm.readers.dicom.facts import Region, regions_of, spacing_of, times_of
from usmm.readers.dicom.file import (
    Metered,
    PixelFacts,
    check_pixel_data,
    is_dicom,
    open_stream,
    pixel_facts,
    read_header,
)
from usmm.readers.dicom.pixels import iter_rgb
from usmm.readers.errors import DataError, existing_file, reading
from usmm.readers.limits import check_clip_bytes


@dataclass(frozen=True, eq=False)
class DicomImage:
    """All of a DICOM file that usmm uses.

    Args:
        frames: (T, H, W, 3) uint8, RGB; T is 1 for a still.
        times: (T,) seconds since the first frame, None where the file says nothing about time.
        spacing: (row, column) distance of pixels in mm, or None.
        regions: The ultrasound regions, none for many scanners.
    """

    frames: np.ndarray
    times: np.ndarray | None
    spacing: tuple[float, float] | None
    regions: tuple[Region, ...]


@dataclass(frozen=True, eq=False)
class _Opened:
    stream: Metered
    header: Dataset
    facts: PixelFacts


def read_dicom(path: str | Path, window: Window | None = None) -> DicomImage:
    """Read a DICOM still or cine: RGB, YBR, palette and grey; JPEG, JPEG 2000, JPEG-LS, RLE, deflated, uncompressed.

    Args:
        path: The file.
        window: (low, high): the modality values of a grey image that become 0 and 255, in place of the file's own
            window or table; see `usmm.readers.dicom.grey.grey_levels`.

    Raises:
        DataError: if the file is absent, cut, damaged, not an image, or larger than the limits.
    """
    check_depth(window, None)
    path = existing_file(path)
    with _opened(path) as opened:
        facts = opened.facts
        check_clip_bytes(facts.frames, facts.rows, facts.columns, path)
        frames = np.empty((facts.frames, facts.rows, facts.columns, 3), np.uint8)
        for index, frame in enumerate(iter_rgb(opened.stream, opened.header, facts, path, window=window)):
            frames[index] = frame
        header = opened.header
        return DicomImage(frames, times_of(header, facts.frames), spacing_of(header), regions_of(header))


def read_still(path: Path, window: Window | None = None) -> np.ndarray:
    """(H, W, 3) uint8 of a DICOM file with one frame.

    Raises:
        DataError: as `read_dicom`, and if the file is a cine.
    """
    with _opened(path) as opened:
        if opened.facts.frames > 1:
            raise DataError(f'holds {opened.facts.frames} frames, expected one image: give it as a clip', file=path)
        (frame,) = iter_rgb(opened.stream, opened.header, opened.facts, path, window=window)
        return frame


def read_regions(path: str | Path) -> tuple[Region, ...]:
    """The ultrasound regions of a DICOM file; empty for other files. Pixels are not decoded.

    Raises:
        DataError: if the file is absent or a damaged DICOM file.
    """
    path = existing_file(path)
    if not is_dicom(path):
        return ()
    with reading(path, 'DICOM'), open_stream(path) as stream:
        return regions_of(read_header(stream, path))


class DicomClip(Clip):
    """A multi-frame DICOM file; frames that are not kept are not decoded.

    Args:
        path: The file.
        fps: Frame rate to take where the file says nothing about time, or what it says cannot be true.
        window: As in `read_dicom`.

    Raises:
        DataError: as `read_dicom`.
    """

    def __init__(self, path: Path, fps: float | None = None, window: Window | None = None) -> None:
        with _opened(path) as opened:
            facts = opened.facts
            try:
                times = times_of(opened.header, facts.frames)
            except DataError:
                if fps is None:
                    raise
                times = None
        super().__init__(path, facts.columns, facts.rows)
        if times is None and fps is not None:
            times = np.arange(facts.frames) / fps
        if times is None and facts.frames == 1:
            times = np.zeros(1)
        self.times, self.window = times, window

    @property
    def fps(self) -> float:
        """Mean frames per second by the frame times; nan where there are none."""
        return math.nan if self.times is None else mean_rate(self.times)

    def _frames(self, grid: SamplingGrid) -> Iterator[ClipFrame]:
        if self.times is None and grid.step is not None:
            raise DataError('says nothing about time: give the frame rate, open_clip(path, fps=...)', file=self.path)
        return self._take(grid)

    def _take(self, grid: SamplingGrid) -> Iterator[ClipFrame]:
        with _opened(self.path) as opened:
            times = np.full(opened.facts.frames, math.nan) if self.times is None else self.times
            kept = [i for i, time in enumerate(times) if grid.takes(time)]
            every = len(kept) == len(times)
            indices = None if every else kept
            decoded = iter_rgb(opened.stream, opened.header, opened.facts, self.path, indices, self.window)
            with closing(decoded) as frames:
                # Frames come first, so that zip runs to their end, where their number is checked.
                for frame, index in zip(frames, kept):
                    yield ArrayFrame(index, float(times[index]), frame)


@contextmanager
def _opened(path: Path) -> Iterator[_Opened]:
    with reading(path, 'DICOM'), open_stream(path) as stream:
        header = read_header(stream, path)
        facts = pixel_facts(header, path)
        facts = check_pixel_data(stream, header, facts, path)
        yield _Opened(stream, header, facts)
