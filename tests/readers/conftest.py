"""Files made on the fly, by other libraries than the one that reads them where there is a choice."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage, generate_uid


def scene(index: int, width: int = 96, height: int = 64) -> np.ndarray:
    """A smooth RGB picture that changes with the index, so that codecs lose little and frames differ."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin((x + 7 * index) / 15), np.cos((y - 5 * index) / 11), np.sin((x + y) / 23 + index / 3)]
    return np.stack([(110 + 90 * wave).astype(np.uint8) for wave in waves], axis=-1)


@pytest.fixture(scope='session')
def picture() -> Callable[..., np.ndarray]:
    """`scene`, for the tests."""
    return scene


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    """Write a clip with PyAV; `ticks` are timestamps in thousandths of a second."""

    def make(
        name: str,
        frames: int | list[np.ndarray] = 30,
        codec: str = 'libx264',
        pixels: str = 'yuv420p',
        rate: int = 10,
        ticks: list[int] | None = None,
        rotation: int | None = None,
        colour_range: int = 1,
        mux: dict[str, str] | None = None,
        codec_options: dict[str, str] | None = None,
    ) -> Path:
        pictures = [scene(i) for i in range(frames)] if isinstance(frames, int) else frames
        path = tmp_path / name
        with av.open(str(path), 'w', options=mux or {}) as container:
            stream: Any = container.add_stream(codec, rate=rate, options=codec_options or {})
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = pixels
            stream.codec_context.color_range = colour_range
            if ticks is not None:
                stream.codec_context.time_base = Fraction(1, 1000)
            if rotation is not None:
                stream.set_display_rotation(rotation)
            for index, array in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(array, format='rgb24')
                frame = frame.reformat(format=pixels, dst_color_range=colour_range)
                if ticks is not None:
                    frame.pts, frame.time_base = ticks[index], stream.codec_context.time_base
                for packet in stream.encode(frame):
                    container.mux(packet)
            for packet in stream.encode():
                container.mux(packet)
        return path

    return make


@pytest.fixture
def make_dicom(tmp_path: Path) -> Callable[..., Path]:
    """Write uncompressed DICOM from stored values (H, W), (H, W, 3), (T, H, W) or (T, H, W, 3)."""

    def make(name: str, values: np.ndarray, colour: str, compress: Any = None, **elements: Any) -> Path:
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        colours = values.shape[-1] == 3 and values.ndim > 2
        size = values.shape[:-1] if colours else values.shape
        dataset.Rows, dataset.Columns = size[-2:]
        if len(size) == 3:
            dataset.NumberOfFrames = size[0]
        dataset.SamplesPerPixel = 3 if colours else 1
        if colours:
            dataset.PlanarConfiguration = 0
        dataset.PhotometricInterpretation = colour
        dataset.BitsAllocated = dataset.BitsStored = values.dtype.itemsize * 8
        dataset.HighBit = dataset.BitsStored - 1
        dataset.PixelRepresentation = int(values.dtype.kind == 'i')
        content = values.tobytes()
        dataset.PixelData = content + b'\0' * (len(content) % 2)
        dataset['PixelData'].VR = 'OB' if values.dtype.itemsize == 1 else 'OW'
        for key, value in elements.items():
            setattr(dataset, key, value)
        if compress is not None:
            dataset.compress(compress, generate_instance_uid=False)
        path = tmp_path / name
        dataset.save_as(path, enforce_file_format=True)
        return path

    return make


def write_tiff(
    path: Path,
    pixels: np.ndarray,
    *,
    scale: int | None = None,
    planar: int = 1,
    order: str = '<',
    pages: int = 1,
    deflate: bool = False,
    rows: int = 3,
    data: bytes | None = None,
    **tags: Any,
) -> Path:
    """A TIFF of strips; `tags` are t<number>=value or values, None to leave one out."""
    height, width, samples = np.atleast_3d(pixels).shape
    array = np.atleast_3d(pixels).astype(pixels.dtype.newbyteorder(order))
    parts = [array] if planar == 1 else [array[..., i] for i in range(samples)]
    strips = [part[y : y + rows].tobytes() for part in parts for y in range(0, height, rows)]
    strips = [zlib.compress(strip) for strip in strips] if deflate else strips if data is None else [data]
    scale = scale if scale is not None else 2 if samples >= 3 else 1
    bits = [pixels.dtype.itemsize * 8] * samples
    entries: dict[int, Any] = {
        256: width, 257: height, 258: bits, 259: 8 if deflate else 1, 262: scale, 277: samples,
        278: height if data is not None else rows, 284: planar,
    } | {int(key[1:]): value for key, value in tags.items()}  # fmt: skip
    out = bytearray(b'II*\0' if order == '<' else b'MM\0*') + bytes(4)
    entries[273], entries[279] = [], [len(strip) for strip in strips]
    for strip in strips:
        entries[273].append(len(out))
        out += strip + bytes(len(strip) % 2)
    last = 4
    for _ in range(pages):
        records = b''
        present = {tag: value for tag, value in entries.items() if value is not None}
        for tag, value in sorted(present.items()):
            numbers = value if isinstance(value, list) else [value]
            kind, code = (4, 'I') if max(numbers) > 65535 or tag in (273, 279) else (3, 'H')
            packed = struct.pack(f'{order}{len(numbers)}{code}', *numbers)
            if len(packed) > 4:
                place, packed = len(out), packed + bytes(len(packed) % 2)
                out += packed
                packed = struct.pack(f'{order}I', place)
            records += struct.pack(f'{order}HHI', tag, kind, len(numbers)) + packed.ljust(4, b'\0')
        struct.pack_into(f'{order}I', out, last, len(out))
        out += struct.pack(f'{order}H', len(present)) + records
        last = len(out)
        out += bytes(4)
    path.write_bytes(out)
    return path


@pytest.fixture(scope='session')
def write() -> Callable[..., Path]:
    """`write_tiff`, for the tests."""
    return write_tiff


@pytest.fixture
def cut(tmp_path: Path) -> Callable[[Path, float], Path]:
    """The first part of a file, under another name."""

    def make(path: Path, share: float) -> Path:
        content = path.read_bytes()
        target = tmp_path / f'cut_{int(share * 1000)}_{path.name}'
        target.write_bytes(content[: int(len(content) * share)])
        return target

    return make


def opencv_frames(path: Path) -> list[np.ndarray]:
    """All frames as OpenCV reads them, RGB."""
    capture, found = cv2.VideoCapture(str(path)), []
    while True:
        more, frame = capture.read()
        if not more:
            return found
        found.append(frame[..., ::-1])


@pytest.fixture(scope='session')
def by_opencv() -> Callable[[Path], list[np.ndarray]]:
    """`opencv_frames`, for the tests."""
    return opencv_frames
