"""What every clip offers: frames in time order, whose pixels are converted only when they are asked for."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

TOLERANCE = 1e-3
"""Seconds by which a timestamp may fall short of a sampling time: containers round to milliseconds."""


class ClipFrame(ABC):
    """One frame. It stays valid while it is held, also after its clip was closed.

    Args:
        index: Number of the frame in the file, from 0.
        time: Seconds since the first frame.
    """

    def __init__(self, index: int, time: float) -> None:
        self.index, self.time = index, time

    @abstractmethod
    def rgb(self) -> np.ndarray:
        """(H, W, 3) uint8, RGB. Each call converts again: keep the array, or the frame, but not both."""

    def grey(self) -> np.ndarray:
        """(H, W) uint8, the weighted grey (Rec. 601: 0.299 R + 0.587 G + 0.114 B)."""
        return cv2.cvtColor(self.rgb(), cv2.COLOR_RGB2GRAY)

    def grey_mean(self) -> float:
        """Mean grey level of the whole frame, 0 to 255."""
        return float(cv2.mean(self.grey())[0])

    def __repr__(self) -> str:
        return f'{type(self).__name__}(index={self.index}, time={self.time:.3f})'


class ArrayFrame(ClipFrame):
    """A frame whose RGB pixels exist already.

    Args:
        index, time: As in `ClipFrame`.
        pixels: (H, W, 3) uint8, RGB.
    """

    def __init__(self, index: int, time: float, pixels: np.ndarray) -> None:
        super().__init__(index, time)
        self._pixels = pixels

    def rgb(self) -> np.ndarray:
        """(H, W, 3) uint8, RGB."""
        return self._pixels


class SamplingGrid:
    """Says which frames to keep: the first one at or after each multiple of `step`.

    A frame counts as on time when it falls short of the multiple by no more than `TOLERANCE`. A gap in the clip
    longer than `step` yields one frame, not several copies.

    Args:
        step: Seconds between kept frames; None keeps every frame.

    Raises:
        ValueError: if step is not a positive number.

    Example:
        >>> grid = SamplingGrid(1.0)
        >>> [t for t in (0.0, 0.4, 0.8, 1.2, 1.6, 2.0, 5.1) if grid.takes(t)]
        [0.0, 1.2, 2.0, 5.1]
    """

    def __init__(self, step: float | None) -> None:
        if step is not None and not (step > 0 and math.isfinite(step)):
            raise ValueError(f'step must be a positive number of seconds or None, got {step!r}')
        self.step, self._next = step, 0

    def takes(self, time: float) -> bool:
        """Whether to keep the frame at `time` (seconds); frames are asked for in time order."""
        if self.step is None:
            return True
        if time < self._next * self.step - TOLERANCE:
            return False
        self._next = math.floor((time + TOLERANCE) / self.step) + 1
        return True


class Clip(ABC):
    """A clip that is streamed: however long it is, only the frames that the caller holds are in memory.

    Args:
        path: The file.
        width, height: Size of a frame in pixels, upright.
    """

    def __init__(self, path: Path, width: int, height: int) -> None:
        self.path, self.width, self.height = path, width, height
        self._closed = False

    @property
    @abstractmethod
    def fps(self) -> float:
        """Mean frames per second by the timestamps; nan for a single frame and for a clip without any times."""

    @abstractmethod
    def _frames(self, grid: SamplingGrid) -> Iterator[ClipFrame]:
        """The frames that the grid takes, in time order."""

    def sample(self, step: float | None = None) -> Iterator[ClipFrame]:
        """Stream frames in time order; may be called again, each call starts at the beginning.

        The end of the clip is always reached and checked, so a cut file is an error even where the kept frames
        would be whole.

        Args:
            step: Seconds between kept frames, see `SamplingGrid`; None: every frame.

        Raises:
            ValueError: if step is not positive, or the clip is closed.
            DataError: while iterating, where a frame is damaged or the file ends early.
        """
        if self._closed:
            raise ValueError(f'the clip is closed: {self.path}')
        return self._frames(SamplingGrid(step))

    def close(self) -> None:
        """Give back what the clip holds; frames already taken stay valid."""
        self._closed = True

    def __enter__(self) -> Clip:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def mean_rate(times: np.ndarray | list[float]) -> float:
    """Frames per second of frames at these times (seconds, rising); nan for fewer than two.

    Example:
        >>> mean_rate([0.0, 0.5, 1.0])
        2.0
    """
    if len(times) < 2 or not times[-1] > times[0]:
        return math.nan
    return (len(times) - 1) / float(times[-1] - times[0])
