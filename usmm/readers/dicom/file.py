"""Open a DICOM file and check what it states before any pixel is decoded."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_file_meta_info
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from usmm.readers import limits
from usmm.readers.errors import DataError

SUFFIXES = ('.dcm', '.dicom', '.ima')
COLOURS = ('MONOCHROME1', 'MONOCHROME2', 'PALETTE COLOR', 'RGB', 'YBR_FULL', 'YBR_FULL_422', 'YBR_ICT', 'YBR_RCT')
USED = (
    'SequenceOfUltrasoundRegions', 'FrameTimeVector', 'FrameTime', 'CineRate', 'RecommendedDisplayFrameRate',
    'PixelSpacing', 'NominalScannedPixelSpacing', 'WindowCenter', 'WindowWidth', 'RescaleSlope', 'RescaleIntercept',
    'Rows', 'Columns', 'NumberOfFrames', 'SamplesPerPixel', 'PhotometricInterpretation', 'BitsAllocated', 'BitsStored',
    'PixelRepresentation', 'PlanarConfiguration',
)  # fmt: skip
PREFIX = 132
PIXEL_DATA = (0x7FE0, 0x0010)
ITEM, DELIMITER = b'\xfe\xff\x00\xe0', b'\xfe\xff\xdd\xe0'
UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True)
class PixelFacts:
    """What a DICOM header states about its pixels.

    Args:
        rows, columns, frames: Size.
        samples: Values a pixel, 1 or 3.
        colour: Photometric interpretation.
        allocated, stored: Bits a value takes, and bits of these in use.
        signed: Whether values are signed.
        syntax: Transfer syntax.
    """

    rows: int
    columns: int
    frames: int
    samples: int
    colour: str
    allocated: int
    stored: int
    signed: bool
    syntax: UID


def is_dicom(path: Path) -> bool:
    """Whether the content (else, for old files without a preamble, the name) says DICOM."""
    with path.open('rb') as stream:
        return stream.read(PREFIX)[128:] == b'DICM' or path.suffix.lower() in SUFFIXES


class Metered(io.BufferedReader):
    """A file that counts how often it is read: a header of many small elements takes more than its bytes tell."""

    def __init__(self, raw: io.RawIOBase | io.BytesIO, path: Path) -> None:
        super().__init__(raw)  # type: ignore[arg-type]
        self.path = path
        self.reads_left: int | None = None

    @property
    def name(self) -> str:  # type: ignore[override]
        """The file, also where the content is held in memory: pydicom asks for it."""
        return str(self.path)

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file.

        Raises:
            DataError: if `reads_left` is a number, and used up.
        """
        if self.reads_left is not None:
            self.reads_left -= 1
            if self.reads_left < 0:
                raise DataError(f'has a header of over {limits.MAX_HEADER_READS} parts')
        return super().read(size)


def open_stream(path: Path) -> Metered:
    """The file as a stream that starts at the preamble; a deflated file is inflated, to the limit and no further.

    Raises:
        DataError: if a deflated file inflates to more than `limits.MAX_INFLATED_BYTES`.
    """
    with path.open('rb') as stream:
        if stream.read(PREFIX)[128:] != b'DICM':
            return Metered(io.FileIO(path), path)
    meta = read_file_meta_info(path)
    if meta.get('TransferSyntaxUID') != DeflatedExplicitVRLittleEndian:
        return Metered(io.FileIO(path), path)
    return Metered(_inflated(path, meta), path)


def _inflated(path: Path, meta: FileMetaDataset) -> io.BytesIO:
    with path.open('rb') as stream:
        stream.seek(PREFIX + 12 + int(meta.FileMetaInformationGroupLength))
        packed = stream.read()
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    content = inflater.decompress(packed, limits.MAX_INFLATED_BYTES)
    if not inflater.eof:
        if len(content) < limits.MAX_INFLATED_BYTES:
            raise DataError('is cut: its deflated data have no end', file=path)
        raise DataError(f'inflates to more than the limit of {limits.MAX_INFLATED_BYTES} bytes', file=path)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    head = DicomBytesIO()
    write_file_meta_info(head, meta)
    return io.BytesIO(b'\0' * 128 + b'DICM' + head.getvalue() + content)


def read_header(stream: Metered, path: Path) -> Dataset:
    """Everything before the pixels; the stream is left where the pixels start.

    Raises:
        DataError: if there are more elements, or larger ones, than a header needs.
    """
    stream.seek(0)
    stream.reads_left = limits.MAX_HEADER_READS
    header = dcmread(stream, stop_before_pixels=True, force=path.suffix.lower() in SUFFIXES)
    stream.reads_left = None
    for name in USED:
        value = getattr(header.get_item(name), 'value', None) if name in header else None  # as stored
        if isinstance(value, bytes) and len(value) > limits.MAX_ELEMENT_BYTES:
            raise DataError(
                f'has {name} of {len(value)} bytes, over the limit of {limits.MAX_ELEMENT_BYTES}', file=path
            )
    return header


def pixel_facts(header: Dataset, path: Path) -> PixelFacts:
    """What the header states, checked for sense and against the limits.

    Raises:
        DataError: if a needed element is missing, or a value is not one that can be read here.
    """
    needed = ('Rows', 'Columns', 'PhotometricInterpretation', 'BitsAllocated')
    if missing := [name for name in needed if header.get(name) is None]:
        raise DataError(f'is not a DICOM image: it has no {", ".join(missing)}', file=path)
    allocated = int(header.BitsAllocated)
    facts = PixelFacts(
        rows=int(header.Rows),
        columns=int(header.Columns),
        frames=int(header.get('NumberOfFrames') or 1),
        samples=int(header.get('SamplesPerPixel') or 1),
        colour=str(header.PhotometricInterpretation),
        allocated=allocated,
        stored=int(header.get('BitsStored') or allocated),
        signed=bool(header.get('PixelRepresentation') or 0),
        syntax=UID(getattr(header, 'file_meta', Dataset()).get('TransferSyntaxUID', '')),
    )
    _check(facts, path)
    return facts


def _check(facts: PixelFacts, path: Path) -> None:
    check_size = limits.check_frame if facts.frames > 1 else limits.check_pixels
    check_size(facts.columns, facts.rows, path)
    if facts.colour not in COLOURS:
        raise DataError(f'has colours {facts.colour!r}, expected one of {", ".join(COLOURS)}', file=path)
    if facts.samples != (1 if facts.colour.startswith(('MONO', 'PALETTE')) else 3):
        raise DataError(f'has {facts.samples} samples a pixel, which {facts.colour} cannot have', file=path)
    if facts.allocated not in (8, 16) or not 1 <= facts.stored <= facts.allocated:
        raise DataError(f'stores {facts.stored} of {facts.allocated} bits a sample, expected 8 or 16', file=path)
    if facts.frames < 1:
        raise DataError(f'states {facts.frames} frames', file=path)
    if not facts.syntax:
        raise DataError('does not say how its pixels are stored (no transfer syntax)', file=path)


def check_pixel_data(stream: BinaryIO, header: Dataset, facts: PixelFacts, path: Path) -> None:
    """Refuse a file that holds fewer pixels than its header states, by lengths alone.

    Args:
        stream: Left by `read_header` at the pixels.
        header, facts: What was read.
        path: For messages.

    Raises:
        DataError: if there are no pixels, or not all of them.
    """
    _, little = header.original_encoding
    start = stream.tell()
    head = stream.read(8)
    if len(head) < 8 or struct.unpack('<HH' if little else '>HH', head[:4]) != PIXEL_DATA:
        raise DataError('has no pixel data', file=path)
    # Whether the type stands in the file is seen in the file: some state one encoding and use the other.
    size = stream.read(4) if head[4:6] in (b'OB', b'OW', b'UN') else head[4:]
    length = int.from_bytes(size, 'little' if little else 'big')
    if length == UNDEFINED:
        _check_fragments(stream, facts, path)
    else:
        _check_native(stream, length, facts, path)
    stream.seek(start)


def _check_native(stream: BinaryIO, length: int, facts: PixelFacts, path: Path) -> None:
    start = stream.tell()
    present = min(length, stream.seek(0, 2) - start)
    expected = facts.rows * facts.columns * facts.frames * facts.samples * facts.allocated // 8
    if facts.colour == 'YBR_FULL_422':
        expected = expected * 2 // 3
    if present < expected:
        raise DataError(
            f'is cut or states a wrong size: {facts.frames} frames of {facts.columns} x {facts.rows} pixels need '
            f'{expected} bytes, it holds {present}',
            file=path,
        )


def _check_fragments(stream: BinaryIO, facts: PixelFacts, path: Path) -> None:
    start = stream.tell()
    size, fragments = stream.seek(0, 2), -1  # the first item is the offset table
    stream.seek(start)
    while (tag := stream.read(4)) == ITEM:
        end = int.from_bytes(stream.read(4), 'little') + stream.tell()
        if end > size:
            break
        stream.seek(end)
        fragments += 1
    if tag != DELIMITER:
        raise DataError(f'is cut or damaged after {max(fragments, 0)} fragments of pixel data', file=path)
    if fragments < facts.frames:
        raise DataError(f'states {facts.frames} frames, holds {fragments}', file=path)
