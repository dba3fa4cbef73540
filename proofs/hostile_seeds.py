"""Good files of every kind that usmm reads, made on the fly: what `prove_files.py` damages."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import openpyxl
from PIL import Image
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
    UltrasoundMultiFrameImageStorage,
    generate_uid,
)


@dataclass(frozen=True)
class Seed:
    """A good file.

    Args:
        name: Name of the format, for the table.
        role: What it is read as: `image`, `mask`, `clip`, `table` or `dicom`.
        suffix: Of the file's name.
        content: Its bytes.
        head: Bytes at the start that count as the header: where edits hurt most.
    """

    name: str
    role: str
    suffix: str
    content: bytes
    head: int = 128


def scene(index: int, width: int = 64, height: int = 48) -> np.ndarray:
    """A smooth RGB picture that changes with the index."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin((x + 7 * index) / 15), np.cos((y - 5 * index) / 11), np.sin((x + y) / 23 + index / 3)]
    return np.stack([(110 + 90 * wave).astype(np.uint8) for wave in waves], axis=-1)


def make_seeds(folder: Path) -> list[Seed]:
    """One good file a format; `folder` is for what can only be written to a path."""
    return [*_images(), *_clips(folder), *_tables(), *_dicoms()]


def _images() -> list[Seed]:
    picture = Image.fromarray(scene(0))
    grey = picture.convert('L')
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 200)
    mask = Image.fromarray((np.asarray(grey) > 110).astype(np.uint8) * 255)
    rows: list[tuple[str, str, Image.Image, str, str, dict[str, Any]]] = [
        ('PNG', 'image', picture, 'PNG', '.png', {}),
        ('PNG 16 bit', 'image', deep, 'PNG', '.png', {}),
        ('PNG palette', 'image', picture.convert('P'), 'PNG', '.png', {'transparency': 3}),
        ('JPG', 'image', picture, 'JPEG', '.jpg', {}),
        ('JPG progressive', 'image', picture, 'JPEG', '.jpg', {'progressive': True}),
        ('TIFF', 'image', picture, 'TIFF', '.tif', {}),
        ('TIFF LZW', 'image', picture, 'TIFF', '.tif', {'compression': 'tiff_lzw'}),
        ('TIFF 16 bit', 'image', deep, 'TIFF', '.tif', {}),
        ('BMP', 'image', picture, 'BMP', '.bmp', {}),
        ('mask PNG', 'mask', mask, 'PNG', '.png', {}),
        ('mask PNG 1 bit', 'mask', mask.convert('1'), 'PNG', '.png', {}),
    ]
    return [Seed(name, role, suffix, _saved(image, kind, **more)) for name, role, image, kind, suffix, more in rows]


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _clips(folder: Path) -> list[Seed]:
    kinds = [
        ('MP4', '.mp4', 'libx264', 'yuv420p'),
        ('MOV', '.mov', 'mpeg4', 'yuv420p'),
        ('AVI', '.avi', 'mjpeg', 'yuvj420p'),
        ('MPEG', '.mpg', 'mpeg2video', 'yuv420p'),
    ]
    seeds = [Seed(n, 'clip', s, _video(folder / f'seed{s}', codec, pixels), 512) for n, s, codec, pixels in kinds]
    frames = [Image.fromarray(scene(i)).convert('P') for i in range(6)]
    gif = _saved(frames[0], 'GIF', save_all=True, append_images=frames[1:], duration=80)
    return [*seeds, Seed('GIF', 'clip', '.gif', gif, 64)]


def _video(path: Path, codec: str, pixels: str, frames: int = 12) -> bytes:
    with av.open(str(path), 'w') as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, pixels
        for i in range(frames):
            for packet in stream.encode(av.VideoFrame.from_ndarray(scene(i), format='rgb24').reformat(format=pixels)):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path.read_bytes()


def _tables() -> list[Seed]:
    rows: list[list[Any]] = [
        ['case_id', 'label', 'age', 'bus'],
        *([f'c{i}', 'ADC', 40 + i, f'{i}.png'] for i in range(30)),
    ]
    text = '\r\n'.join(','.join(map(str, row)) for row in rows)
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    stream = io.BytesIO()
    book.save(stream)
    return [
        Seed('CSV', 'table', '.csv', text.encode(), 32),
        Seed('CSV UTF-16', 'table', '.csv', text.encode('utf-16'), 32),
        Seed('XLSX', 'table', '.xlsx', stream.getvalue(), 512),
    ]


def _dicoms() -> list[Seed]:
    cine = np.stack([scene(i) for i in range(3)])
    grey = np.stack([frame[..., 0] for frame in cine]).astype(np.uint16) * 16
    kinds: list[tuple[str, np.ndarray, str, Callable[[Dataset], bytes]]] = [
        ('explicit little endian', cine, 'RGB', lambda d: _stored(d, ExplicitVRLittleEndian)),
        ('implicit little endian', cine, 'RGB', lambda d: _stored(d, ImplicitVRLittleEndian)),
        ('explicit big endian', grey, 'MONOCHROME2', lambda d: _stored(d, ExplicitVRBigEndian)),
        ('deflated', cine, 'RGB', lambda d: _stored(d, DeflatedExplicitVRLittleEndian)),
        ('RLE', cine, 'RGB', lambda d: _compressed(d, RLELossless)),
        ('JPEG baseline', cine, 'YBR_FULL_422', _jpeg),
        ('JPEG 2000 lossless', cine, 'RGB', lambda d: _compressed(d, JPEG2000Lossless)),
        ('JPEG 2000', cine, 'RGB', lambda d: _compressed(d, JPEG2000, j2k_psnr=[40])),
        ('JPEG-LS', cine, 'RGB', lambda d: _compressed(d, JPEGLSLossless)),
        ('palette', cine[..., 0], 'PALETTE COLOR', lambda d: _stored(d, ExplicitVRLittleEndian)),
        ('YBR', cine, 'YBR_FULL', lambda d: _stored(d, ExplicitVRLittleEndian)),
    ]
    seeds = [Seed(f'DICOM {n}', 'dicom', '.dcm', write(dataset(v, colour)), 700) for n, v, colour, write in kinds]
    lossless = Path(str(get_testdata_file('SC_rgb_jpeg_gdcm.dcm', download=False))).read_bytes()
    return [*seeds, Seed('DICOM JPEG lossless', 'dicom', '.dcm', lossless, 700)]


def dataset(values: np.ndarray, colour: str) -> Dataset:
    """An uncompressed cine with regions and frame times."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[colour])
    made.SequenceOfUltrasoundRegions = DicomSequence([_region()])
    made.NumberOfFrames, made.Rows, made.Columns = values.shape[:3]
    made.SamplesPerPixel = 3 if values.ndim == 4 else 1
    if values.ndim == 4:
        made.PlanarConfiguration = 0
    made.FrameTime, made.PhotometricInterpretation = '40', colour
    made.BitsAllocated = 8 * values.dtype.itemsize
    made.BitsStored = 8 if made.BitsAllocated == 8 else 12
    made.HighBit, made.PixelRepresentation = made.BitsStored - 1, 0
    if made.BitsAllocated == 16:
        made.WindowCenter, made.WindowWidth = '2000', '4000'
    if colour == 'PALETTE COLOR':
        for shift, name in enumerate(('Red', 'Green', 'Blue')):
            setattr(made, f'{name}PaletteColorLookupTableDescriptor', [256, 0, 16])
            table = (np.arange(256) + 40 * shift).astype(np.uint16) % 256 * 257
            setattr(made, f'{name}PaletteColorLookupTableData', table.astype('<u2').tobytes())
    made.PixelData = values.tobytes()
    made['PixelData'].VR = 'OB' if values.dtype.itemsize == 1 else 'OW'
    return made


def _region() -> Dataset:
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType = 1, 1
    item.RegionLocationMinX0, item.RegionLocationMinY0 = 4, 4
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = 60, 44
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
    item.PhysicalDeltaX = item.PhysicalDeltaY = 0.01
    return item


def _stored(made: Dataset, syntax: UID) -> bytes:
    made.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        made.PixelData = np.frombuffer(made.PixelData, '<u2').astype('>u2').tobytes()
    return written(made, implicit=syntax == ImplicitVRLittleEndian, little=syntax != ExplicitVRBigEndian)


def written(made: Dataset, implicit: bool = False, little: bool = True) -> bytes:
    """The bytes of a dataset as a file."""
    stream = io.BytesIO()
    dcmwrite(stream, made, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    return stream.getvalue()


def _compressed(made: Dataset, syntax: UID, **options: Any) -> bytes:
    made.compress(syntax, generate_instance_uid=False, **options)
    return written(made)


def _jpeg(made: Dataset) -> bytes:
    size = (made.NumberOfFrames, made.Rows, made.Columns, 3)
    frames = np.frombuffer(made.PixelData, np.uint8).reshape(size)
    pieces = [_saved(Image.fromarray(frame), 'JPEG', quality=90) for frame in frames]
    return written(with_fragments(made, pieces, JPEGBaseline8Bit))


def with_fragments(made: Dataset, pieces: list[bytes], syntax: UID) -> Dataset:
    """The dataset with these compressed frames."""
    made.PixelData = encapsulate(pieces)
    made['PixelData'].is_undefined_length = True
    made['PixelData'].VR = 'OB'
    made.file_meta.TransferSyntaxUID = syntax
    return made


def reopened(content: bytes) -> Dataset:
    """The dataset of a file's bytes."""
    return dcmread(io.BytesIO(content))
