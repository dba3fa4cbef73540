"""Files of a case: PNG stills and masks, H.264 clips, and the same as DICOM."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.stream import VideoStream

Frame = npt.NDArray[np.uint8]


def write_png(path: Path, image: npt.NDArray[np.uint8] | npt.NDArray[np.bool_]) -> None:
    """Write an RGB image (H, W, 3), or a boolean mask (H, W) as 0 and 255."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = image.astype(np.uint8)
    pixels = pixels * np.uint8(255) if image.dtype == bool else pixels[..., ::-1]
    path.write_bytes(cv2.imencode('.png', pixels, [cv2.IMWRITE_PNG_COMPRESSION, 2])[1].tobytes())


def clip_encoder() -> str:
    """H.264 where PyAV has libx264, else MPEG-4."""
    return 'libx264' if 'libx264' in av.codecs_available else 'mpeg4'


def write_clip(path: Path, frames: Iterable[Frame], fps: float, palette: Frame | None) -> None:
    """Encode grey frames as MP4.

    Args:
        path: File, ends in `.mp4`.
        frames: Grey frames (H, W), H and W even.
        fps: Frames per second.
        palette: (256, 3) RGB colours of the grey values, or None for grey.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    luts = _yuv_tables(palette)
    rate = Fraction(fps).limit_denominator(1000)
    with av.open(str(path), 'w') as container:
        stream = cast(VideoStream, container.add_stream(clip_encoder(), rate=rate))
        stream.pix_fmt = 'yuv420p'
        # one thread: x264 writes other bytes with another number of threads
        stream.codec_context.thread_count = 1
        if clip_encoder() == 'libx264':
            stream.options = {'preset': 'ultrafast', 'crf': '24', 'tune': 'zerolatency'}
        else:
            stream.bit_rate = 4_000_000
        for i, grey in enumerate(frames):
            if i == 0:
                stream.height, stream.width = grey.shape
            picture = av.VideoFrame.from_ndarray(_yuv(grey, luts), format='yuv420p')
            picture.pts, picture.time_base = i, 1 / rate
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def tinted(frames: Iterable[Frame], palette: Frame | None) -> Iterator[Frame]:
    """RGB frames (H, W, 3) of grey frames."""
    for grey in frames:
        yield np.repeat(grey[..., None], 3, 2) if palette is None else palette[grey]


def _yuv_tables(palette: Frame | None) -> npt.NDArray[np.uint8]:
    """(3, 256) Y, U, V in studio range (BT.601, as decoders assume for small pictures) of the 256 grey values."""
    grey = np.arange(256, dtype=np.uint8)
    colours = (np.repeat(grey[:, None], 3, 1) if palette is None else palette).astype(float)
    r, g, b = colours.T / 255
    luma = 16 + 65.481 * r + 128.553 * g + 24.966 * b
    u = 128 - 37.797 * r - 74.203 * g + 112 * b
    v = 128 + 112 * r - 93.786 * g - 18.214 * b
    return np.clip(np.round([luma, u, v]), 0, 255).astype(np.uint8)


def _yuv(grey: Frame, tables: npt.NDArray[np.uint8]) -> Frame:
    """(1.5 H, W) planar 4:2:0 picture of a grey frame."""
    height, width = grey.shape
    half = cv2.resize(grey, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    chroma = [cv2.LUT(half, tables[k]).reshape(height // 4, width) for k in (1, 2)]
    return np.concatenate([cv2.LUT(grey, tables[0]), *chroma])
