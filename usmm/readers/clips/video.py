"""MP4, MOV, AVI and MPEG clips, through PyAV (FFmpeg)."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.video.stream import VideoStream

from usmm.readers import limits
from usmm.readers.clips.containers import check_complete, check_count, check_duration
from usmm.readers.clips.frames import Clip, ClipFrame, SamplingGrid, mean_rate
from usmm.readers.errors import DataError, reading

DEMUXERS = 'mov,mp4,m4a,3gp,3g2,mj2,avi,mpeg,mpegts,mpegvideo,h264,hevc,m4v,matroska,webm'
"""Containers that may be opened: not playlists, which would make FFmpeg read other files and addresses."""

LUMA_FIRST = re.compile(r'yuv[aj]?4\d\dp|nv(12|16|21|24|61|42)')
"""Pixel formats whose first plane is the grey picture in 8 bits."""

FULL_RANGE = 2
LIMITED_TO_FULL = np.clip(np.rint((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)

Placement: TypeAlias = tuple[bool, bool, bool]


class VideoFrame(ClipFrame):
    """A decoded frame, kept as the decoder left it.

    Args:
        index, time: As in `ClipFrame`.
        frame: The frame of PyAV; it owns its pixels.
        placement: How it is shown, see `_placement`.
    """

    def __init__(self, index: int, time: float, frame: av.VideoFrame, placement: Placement) -> None:
        super().__init__(index, time)
        self._frame, self._placement = frame, placement

    def rgb(self) -> np.ndarray:
        """(H, W, 3) uint8, RGB, upright: FFmpeg's quick conversion, the same pixels as OpenCV's, up to a level dark."""
        return _upright(self._frame.to_ndarray(format='rgb24'), self._placement)

    def grey(self) -> np.ndarray:
        """(H, W) uint8: the luma, from the Y plane where there is one.

        Video keeps luma in 16..235 unless it says otherwise; it is stretched to 0..255, as conversion to RGB does.
        """
        return _upright(_luma(self._frame), self._placement)

    def grey_mean(self) -> float:
        """Mean grey level of the whole frame, 0 to 255."""
        return float(cv2.mean(_luma(self._frame))[0])


class VideoClip(Clip):
    """A clip in a container that FFmpeg reads.

    Times come from the frames' timestamps. The container's frame rate and count are claims that are often wrong;
    the rate bridges frames without a timestamp and nothing else. Pixels that are not square stay as they are stored.

    Args:
        path: The file.
        threads: Decoding threads; 0: one a core; None: what OMP_NUM_THREADS says, else one in a worker process
            (loaders already run one process a core) and one a core elsewhere.

    Raises:
        DataError: if the file is cut, holds no video, or its first frame cannot be decoded.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        self._open_end = check_complete(path)
        self._threads = default_threads() if threads is None else threads
        self._rate: float | None = None
        frames = _decode(path, self._threads, self._open_end)
        try:
            first = next(frames)
        except StopIteration:
            raise DataError('holds no frames', file=path) from None
        with reading(path, 'a clip'):
            # of one frame alone: PyAV ties a frame to itself when its side data are read, so that it is not freed
            self._placement = _placement(first)
            height, width = _upright(np.empty((first.height, first.width, 0)), self._placement).shape[:2]
        super().__init__(path, width, height)
        # The first call of sample() goes on from here, so opening costs no second start of the decoder.
        self._started: Iterator[av.VideoFrame] | None = itertools.chain([first], frames)
        self._decoder = frames

    @property
    def fps(self) -> float:
        """Mean frames per second by the timestamps of the whole file; the first question reads it, undecoded."""
        if self._rate is None:
            self._rate = mean_rate(_packet_times(self.path))
        return self._rate

    def close(self) -> None:
        """Close the file; frames already taken stay valid."""
        super().close()
        self._started = None
        self._decoder.close()  # type: ignore[attr-defined]

    def _frames(self, grid: SamplingGrid) -> Iterator[ClipFrame]:
        frames, self._started = self._started or _decode(self.path, self._threads, self._open_end), None
        return self._take(frames, grid)

    def _take(self, frames: Iterator[av.VideoFrame], grid: SamplingGrid) -> Iterator[ClipFrame]:
        clock = Clock()
        size = None
        for index, frame in enumerate(frames):
            size = size or (frame.width, frame.height)
            if (frame.width, frame.height) != size:
                raise DataError(f'changes its size from {size} to {(frame.width, frame.height)}', file=self.path)
            time = clock.read(frame.time)
            if grid.takes(time):
                yield VideoFrame(index, time, frame, self._placement)


class Clock:
    """Turn timestamps into seconds since the first frame that always rise.

    A missing timestamp, or one that does not rise (files joined from pieces start again), continues at the last
    interval seen.

    Args:
        interval: Seconds to assume before two timestamps were seen.

    Example:
        >>> clock = Clock()
        >>> [round(clock.read(t), 2) for t in (7.0, 7.1, None, 7.3, 0.0, 0.1)]
        [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    """

    def __init__(self, interval: float = 0.04) -> None:
        self._interval, self._last, self._shift = interval, -interval, 0.0
        self._started = False

    def read(self, stamp: float | None) -> float:
        """The time of the next frame.

        Args:
            stamp: Its timestamp in seconds, or None.
        """
        expected = self._last + self._interval
        if not self._started:
            expected, self._started = 0.0, True
            self._shift = -(stamp or 0.0)
        time = expected if stamp is None else stamp + self._shift
        if time <= self._last and stamp is not None:
            time, self._shift = expected, expected - stamp
        if self._last >= 0:
            self._interval = time - self._last
        self._last = time
        return time


def default_threads() -> int:
    """Decoding threads that suit the process: see `VideoClip`; 0 means one a core."""
    asked = os.environ.get('OMP_NUM_THREADS', '')
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    return 0 if multiprocessing.parent_process() is None else 1


def _open(path: Path) -> InputContainer:
    # An absolute path has no scheme, so FFmpeg takes it for a file and nothing else.
    return av.open(str(path.absolute()), options={'format_whitelist': DEMUXERS, 'protocol_whitelist': 'file'})


def _decode(path: Path, threads: int, open_end: bool) -> Iterator[av.VideoFrame]:
    """All frames, in presentation order; damage that the decoder notices is an error.

    Args:
        path: The file.
        threads: Of the decoder.
        open_end: Whether the container has no length, so that the number of frames shows whether it is whole.
    """
    count, packets, end = 0, 0, 0.0
    with reading(path, 'a clip'), _open(path) as container:
        stream = _video_stream(container, path)
        stream.thread_type, stream.thread_count = 'AUTO', threads
        for packet in container.demux(stream):
            frames = packet.decode()
            if packet.dts is not None or packet.size:  # the last one only empties the decoder
                packets += 1
                end = max(end, float(((packet.pts or 0) + (packet.duration or 0)) * (packet.time_base or 0)))
            if packet.is_corrupt or any(frame.is_corrupt for frame in frames):
                raise DataError(f'is cut or damaged near frame {count}', file=path)
            count += len(frames)
            yield from frames
        if open_end:
            check_count(stream.frames, packets, path)
            if 'matroska' in container.format.name:
                check_duration((container.duration or 0) / av.time_base, end, path)


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    if not container.streams.video:
        raise DataError('holds no video', file=path)
    stream = container.streams.video[0]
    context = stream.codec_context
    if context is None:
        raise DataError('holds video of a kind that cannot be decoded', file=path)
    limits.check_frame(context.width, context.height, path)
    context.options = {'max_pixels': str(min(limits.MAX_PIXELS, limits.MAX_FRAME_PIXELS))}
    return stream


def _packet_times(path: Path) -> list[float]:
    """Rising times of all frames, without decoding one."""
    with reading(path, 'a clip'), _open(path) as container:
        stream = _video_stream(container, path)
        stamps = [(p.pts, p.dts) for p in container.demux(stream) if p.size]
        base = float(stream.time_base or 0)
    known = [pts for pts, _ in stamps if pts is not None]
    if len(known) < len(stamps):  # AVI: in decoding order only
        known = [dts for _, dts in stamps if dts is not None]
    clock = Clock()
    return [clock.read(stamp * base) for stamp in sorted(known)]


def _luma(frame: av.VideoFrame) -> np.ndarray:
    """(H, W) uint8 in full range, as stored."""
    name = frame.format.name
    if not LUMA_FIRST.fullmatch(name):
        return cv2.cvtColor(frame.to_ndarray(format='rgb24'), cv2.COLOR_RGB2GRAY)
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    luma = rows[: frame.height, : frame.width]
    if name.startswith('yuvj') or frame.color_range == FULL_RANGE:
        return luma.copy()
    return cv2.LUT(luma, LIMITED_TO_FULL)


def _upright(pixels: np.ndarray, placement: Placement) -> np.ndarray:
    """Turn and mirror as the display matrix asks: telephones film sideways, some probes and front cameras mirrored."""
    swap, mirror, flip = placement
    if not (swap or mirror or flip):
        return pixels
    pixels = pixels.swapaxes(0, 1) if swap else pixels
    return np.ascontiguousarray(pixels[:: -1 if flip else 1, :: -1 if mirror else 1])


SKEW = 0.02
"""Share by which a display matrix may differ from a right angle: about one degree, as FFmpeg allows."""


def _placement(frame: av.VideoFrame) -> Placement:
    """Whether a frame is shown with rows and columns swapped, then mirrored left to right, then top to bottom.

    The display matrix (ISO 14496-12, 8.3.2) shows the pixel at (x, y) at (a x + c y, b x + d y).

    Raises:
        DataError: if the matrix turns by another angle than a right one.
    """
    side = frame.side_data.get('DISPLAYMATRIX')
    if not isinstance(side, SideData):
        return False, False, False
    a, b, _, c, d = (float(v) for v in np.frombuffer(memoryview(side), np.int32)[:5])
    straight, swapped = min(abs(a), abs(d)), min(abs(b), abs(c))
    if max(abs(b), abs(c)) <= SKEW * straight and straight > 0:
        return False, a < 0, d < 0
    if max(abs(a), abs(d)) <= SKEW * swapped and swapped > 0:
        return True, c < 0, b < 0
    raise DataError(
        f'asks to be shown turned by {np.degrees(np.arctan2(b, a)):.0f} degrees (its display matrix), expected a right '
        'angle: save it upright'
    )
