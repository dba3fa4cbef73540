"""Clips of every kind: file -> frames in time order."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from usmm.readers.clips.containers import check_complete
from usmm.readers.clips.frames import ArrayFrame, Clip, ClipFrame, SamplingGrid
from usmm.readers.clips.video import VideoClip
from usmm.readers.depth import Window, check_depth
from usmm.readers.dicom.file import is_dicom
from usmm.readers.dicom.read import DicomClip
from usmm.readers.errors import DataError, existing_file, reading
from usmm.readers.limits import check_clip_bytes, check_frame


def open_clip(
    path: str | Path, threads: int | None = None, fps: float | None = None, window: Window | None = None
) -> Clip:
    """Open a clip: MP4, MOV, AVI, MPEG, GIF or DICOM, by its content.

    Args:
        path: The file.
        threads: Decoding threads of a video, see `VideoClip`.
        fps: Frame rate of a DICOM cine that says nothing about time; other files always say.
        window: (low, high): the grey values of a DICOM cine that become 0 and 255, see `read_dicom`.

    Raises:
        ValueError: if fps is not positive, or the window does not rise.
        DataError: if the file is absent, of another kind, cut, or cannot be decoded.

    Example: the mean grey level once a second::

        with open_clip('clip.mp4') as clip:
            levels = [frame.grey_mean() for frame in clip.sample(step=1.0)]
    """
    if fps is not None and not fps > 0:
        raise ValueError(f'fps must be positive or None, got {fps!r}')
    check_depth(window, None)
    path = existing_file(path)
    with reading(path, 'a clip'):
        if is_dicom(path):
            return DicomClip(path, fps, window)
        with path.open('rb') as stream:
            start = stream.read(6)
        if start in (b'GIF87a', b'GIF89a'):
            return GifClip(path)
        return VideoClip(path, threads)


def read_clip(
    path: str | Path, step: float | None = None, window: Window | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Read a clip into memory.

    Args:
        path: The file.
        step: Seconds between kept frames; None: every frame.
        window: As in `open_clip`.

    Returns:
        Frames (T, H, W, 3) uint8, RGB, and their times (T,) in seconds since the first.

    Raises:
        DataError: as `open_clip`, and if the frames exceed `limits.MAX_CLIP_BYTES`.
    """
    times: list[float] = []
    with open_clip(path, window=window) as clip:
        frames = np.empty((1, clip.height, clip.width, 3), np.uint8)
        for count, frame in enumerate(clip.sample(step)):
            check_clip_bytes(count + 1, clip.height, clip.width, clip.path)
            if count == len(frames):  # a list to stack would need twice the memory; this grows in place, by an eighth
                frames.resize((count + count // 8 + 4, *frames.shape[1:]), refcheck=False)
            frames[count] = frame.rgb()
            times.append(frame.time)
    if not times:
        raise DataError('holds no frames', file=path)
    frames.resize((len(times), *frames.shape[1:]), refcheck=False)
    return frames, np.array(times)


SHORTEST = 0.02
DEFAULT = 0.1


class GifClip(Clip):
    """An animated GIF.

    Each frame says how long it stays. A duration below 20 ms counts as 100 ms, as in every browser: such files come
    from tools that left it empty. Transparent pixels that nothing was drawn below are black.

    Args:
        path: The file.

    Raises:
        DataError: if the file is cut or damaged.
    """

    def __init__(self, path: Path) -> None:
        check_complete(path)
        with reading(path, 'a GIF'), Image.open(path, formats=('GIF',)) as image:
            width, height = image.size
            check_frame(width, height, path)
            image.load()
        super().__init__(path, width, height)
        self._rate: float | None = None

    @property
    def fps(self) -> float:
        """Mean frames per second by the durations of the frames, the last one left out."""
        if self._rate is None:
            count, end = 0, 0.0
            with reading(self.path, 'a GIF'), Image.open(self.path, formats=('GIF',)) as image:
                for time in _times(image):
                    count, end = count + 1, time
            self._rate = (count - 1) / end if count > 1 else math.nan
        return self._rate

    def _frames(self, grid: SamplingGrid) -> Iterator[ClipFrame]:
        with reading(self.path, 'a GIF'), Image.open(self.path, formats=('GIF',)) as image:
            for index, time in enumerate(_times(image)):
                if image.size != (self.width, self.height):
                    size = (self.width, self.height)
                    raise DataError(f'changes its size from {size} to {image.size}', file=self.path)
                if grid.takes(time):
                    yield ArrayFrame(index, time, _on_black(image))


def _times(image: Image.Image) -> Iterator[float]:
    """Go through the frames; the image shows the frame whose time was yielded last."""
    time = 0.0
    for index in range(getattr(image, 'n_frames', 1)):
        image.seek(index)
        yield time
        duration = image.info.get('duration', 0) / 1000
        time += duration if duration >= SHORTEST else DEFAULT


def _on_black(image: Image.Image) -> np.ndarray:
    if image.mode == 'RGB' and 'transparency' not in image.info:
        return np.array(image)
    shown = image.convert('RGBA')
    canvas = Image.new('RGBA', shown.size, (0, 0, 0, 255))
    return np.asarray(Image.alpha_composite(canvas, shown).convert('RGB')).copy()
