"""Clips of every kind: file -> frames in time order."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from usmm.readers.dicom import DicomClip
from usmm.readers.dicom_file import is_dicom
from usmm.readers.errors import DataError, existing_file, reading
from usmm.readers.frames import Clip
from usmm.readers.gif import GifClip
from usmm.readers.limits import check_clip_bytes
from usmm.readers.video import VideoClip


def open_clip(path: str | Path, threads: int | None = None, fps: float | None = None) -> Clip:
    """Open a clip: MP4, MOV, AVI, MPEG, GIF or DICOM, by its content.

    Args:
        path: The file.
        threads: Decoding threads of a video, see `VideoClip`.
        fps: Frame rate of a DICOM cine that says nothing about time; other files always say.

    Raises:
        ValueError: if fps is not positive.
        DataError: if the file is absent, of another kind, cut, or cannot be decoded.

    Example: the mean grey level once a second::

        with open_clip('clip.mp4') as clip:
            levels = [frame.grey_mean() for frame in clip.sample(step=1.0)]
    """
    if fps is not None and not fps > 0:
        raise ValueError(f'fps must be positive or None, got {fps!r}')
    path = existing_file(path)
    with reading(path, 'a clip'):
        if is_dicom(path):
            return DicomClip(path, fps)
        with path.open('rb') as stream:
            start = stream.read(6)
        if start in (b'GIF87a', b'GIF89a'):
            return GifClip(path)
        return VideoClip(path, threads)


def read_clip(path: str | Path, step: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Read a clip into memory.

    Args:
        path: The file.
        step: Seconds between kept frames; None: every frame.

    Returns:
        Frames (T, H, W, 3) uint8, RGB, and their times (T,) in seconds since the first.

    Raises:
        DataError: as `open_clip`, and if the frames exceed `limits.MAX_CLIP_BYTES`.
    """
    times: list[float] = []
    with open_clip(path) as clip:
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
