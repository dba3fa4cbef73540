"""Lossless JPEG (process 14) in DICOM, 8 bits: FFmpeg decodes it, the packages that pydicom knows are GPL or native.

The module is a decoding plugin of pydicom, so its function names and signatures are pydicom's.
"""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from av.video.plane import VideoPlane
from pydicom.pixels import get_decoder
from pydicom.pixels.decoders.base import DecodeRunner
from pydicom.uid import JPEGLossless, JPEGLosslessSV1

LABEL = 'usmm_ffmpeg'
DECODER_DEPENDENCIES = {JPEGLossless: ('av',), JPEGLosslessSV1: ('av',)}


def is_available(uid: str) -> bool:
    """Whether this FFmpeg has the decoder."""
    return uid in DECODER_DEPENDENCIES and 'mjpeg' in av.codecs_available


def decode_frame(data: bytes, runner: DecodeRunner) -> bytearray:
    """Decode one frame to its components as they are stored, colour by pixel.

    Raises:
        ValueError: if the frame is not lossless JPEG of 8 bits, or is damaged.
    """
    codec: Any = av.CodecContext.create('mjpeg', 'r')
    frames = [*codec.decode(av.Packet(data)), *codec.decode(None)]
    if len(frames) != 1 or frames[0].is_corrupt:
        raise ValueError('the lossless JPEG frame is damaged')
    pixels = _components(frames[0])
    if pixels.size != runner.frame_length(unit='pixels'):
        raise ValueError(f'the lossless JPEG frame is {frames[0].width} x {frames[0].height} pixels')
    runner.set_option('planar_configuration', 0)
    return bytearray(pixels.tobytes())


def _components(frame: av.VideoFrame) -> np.ndarray:
    name = frame.format.name
    if name in ('yuv444p', 'yuvj444p'):  # three components without a mark of their colours: as they are
        return np.stack([_plane(plane) for plane in frame.planes], axis=-1)
    if name in ('gray', 'gray8'):
        return _plane(frame.planes[0])
    if frame.format.is_rgb and all(c.bits == 8 for c in frame.format.components):
        return frame.to_ndarray(format='rgb24')
    raise ValueError(f'lossless JPEG of pixel format {name} is not read, only 8 bits')


def _plane(plane: VideoPlane) -> np.ndarray:
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]


def register() -> None:
    """Tell pydicom of this decoder where it has none of its own."""
    for uid in DECODER_DEPENDENCIES:
        decoder = get_decoder(uid)
        if not decoder.is_available:
            decoder.add_plugin(LABEL, (__name__, 'decode_frame'))
