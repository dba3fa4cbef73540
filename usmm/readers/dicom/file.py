"""Open a DICOM file and check what it states before any pixel is decoded."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_file_meta_info
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, RLELossless

from usmm.readers import limits
from usmm.readers.dicom.codestream import Codestream, begins_picture, read_codestream
from usmm.readers.dicom.header_values import integer_of, name_of
from usmm.readers.errors import DataError

SUFFIXES = ('.dcm', '.dicom', '.ima')
COLOURS = ('MONOCHROME1', 'MONOCHROME2', 'PALETTE COLOR', 'RGB', 'YBR_FULL', 'YBR_FULL_422', 'YBR_ICT', 'YBR_RCT')
USED = (
    'SequenceOfUltrasoundRegions', 'FrameTimeVector', 'FrameTime', 'CineRate', 'RecommendedDisplayFrameRate',
    'PixelSpacing', 'NominalScannedPixelSpacing', 'WindowCenter', 'WindowWidth', 'RescaleSlope', 'RescaleIntercept',
    'Rows', 'Columns', 'NumberOfFrames', 'SamplesPerPixel', 'PhotometricInterpretation', 'BitsAllocated', 'BitsStored',
    'PixelRepresentation', 'PlanarConfiguration', 'HighBit', 'ModalityLUTSequence', 'VOILUTSequence', 'VOILUTFunction',
    'PresentationLUTShape', 'FrameIncrementPointer', 'SharedFunctionalGroupsSequence',
)  # fmt: skip
FRAME_GROUPS = 'PerFrameFunctionalGroupsSequence'
PREFIX = 132
PIXEL_DATA = (0x7FE0, 0x0010)
ITEM, DELIMITER = b'\xfe\xff\x00\xe0', b'\xfe\xff\xdd\xe0'
UNDEFINED = 0xFFFFFFFF
VIDEO = '1.2.840.10008.1.2.4.10'
"""Start of the transfer syntaxes that hold one stream of MPEG-2, H.264 or HEVC (PS3.5, A.4.5 to A.4.8)."""
PADDING = 3
"""Bytes that may follow the last pixel, to an even length or one of four."""


@dataclass(frozen=True)
class PixelFacts:
    """What a DICOM header states about its pixels.

    Args:
        rows, columns, frames: Size.
        samples: Values a pixel, 1 or 3.
        colour: Photometric interpretation.
        allocated, stored: Bits a value takes, and bits of these in use.
        high: Number of the highest bit in use, from 0.
        signed: Whether values are signed.
        syntax: Transfer syntax.
        full_size: Whether pixels that are labelled 4:2:2 are there in full size; `check_pixel_data` finds out.
        transformed: Whether JPEG 2000 turned RGB into other components itself, so that decoded pixels are RGB whatever
            the label; `check_pixel_data` finds out.
    """

    rows: int
    columns: int
    frames: int
    samples: int
    colour: str
    allocated: int
    stored: int
    high: int
    signed: bool
    syntax: UID
    full_size: bool = False
    transformed: bool = False


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
    for name in (*USED, FRAME_GROUPS):
        most = limits.MAX_FRAME_GROUP_BYTES if name == FRAME_GROUPS else limits.MAX_ELEMENT_BYTES
        value = getattr(header.get_item(name), 'value', None) if name in header else None  # as stored
        if isinstance(value, bytes) and len(value) > most:
            raise DataError(f'has {name} of {len(value)} bytes, over the limit of {most}', file=path)
    return header


def pixel_facts(header: Dataset, path: Path) -> PixelFacts:
    """What the header states, checked for sense and against the limits.

    Raises:
        DataError: if a needed element is missing, or a value is not one that can be read here.
    """
    needed: tuple[str, ...] = ('Rows', 'Columns', 'PhotometricInterpretation', 'BitsAllocated')
    if missing := [name for name in needed if header.get(name) is None]:
        raise DataError(f'is not a DICOM image: it has no {", ".join(missing)}', file=path)
    needed = ('SamplesPerPixel', 'BitsStored', 'PixelRepresentation')
    if (integer_of(header, 'SamplesPerPixel') or 1) > 1:
        needed += ('PlanarConfiguration',)
    if missing := [name_of(name) for name in needed if header.get(name) is None]:
        raise DataError(f'has no {", ".join(missing)}, which its pixels need: add the element', file=path)
    if (planar := integer_of(header, 'PlanarConfiguration') or 0) not in (0, 1):
        raise DataError(
            f'has {name_of("PlanarConfiguration")} of {planar}, expected 0 or 1: correct the element', file=path
        )
    allocated = integer_of(header, 'BitsAllocated') or 0
    stored = integer_of(header, 'BitsStored') or allocated
    high = integer_of(header, 'HighBit')
    facts = PixelFacts(
        rows=integer_of(header, 'Rows') or 0,
        columns=integer_of(header, 'Columns') or 0,
        frames=integer_of(header, 'NumberOfFrames') or 1,
        samples=integer_of(header, 'SamplesPerPixel') or 1,
        colour=str(header.PhotometricInterpretation),
        allocated=allocated,
        stored=stored,
        high=stored - 1 if high is None or stored == allocated else high,
        signed=bool(integer_of(header, 'PixelRepresentation')),
        syntax=UID(getattr(header, 'file_meta', Dataset()).get('TransferSyntaxUID', '')),
    )
    _check(facts, path)
    return facts


def _check(facts: PixelFacts, path: Path) -> None:
    if facts.syntax.startswith(VIDEO):
        raise DataError(
            f'holds a video ({facts.syntax.name}), which is not read inside DICOM: extract it, with '
            f'`gdcmraw -i {path.name} -o video.mp4` of GDCM or `dcmdump +W . {path.name}` of DCMTK (its larger .raw '
            'file), and list the video in place of the DICOM file',
            file=path,
        )
    check_size = limits.check_frame if facts.frames > 1 else limits.check_pixels
    check_size(facts.columns, facts.rows, path)
    if facts.colour not in COLOURS:
        raise DataError(f'has colours {facts.colour!r}, expected one of {", ".join(COLOURS)}', file=path)
    if facts.samples != (1 if facts.colour.startswith(('MONO', 'PALETTE')) else 3):
        raise DataError(f'has {facts.samples} samples a pixel, which {facts.colour} cannot have', file=path)
    if facts.allocated not in (8, 16) or not 1 <= facts.stored <= facts.allocated:
        raise DataError(f'stores {facts.stored} of {facts.allocated} bits a sample, expected 8 or 16', file=path)
    if not facts.stored - 1 <= facts.high < facts.allocated:
        raise DataError(
            f'has {name_of("HighBit")} of {facts.high}, which {facts.stored} of {facts.allocated} bits cannot have: '
            'correct the element',
            file=path,
        )
    if facts.samples == 3 and facts.signed:
        raise DataError(f'has signed colours ({name_of("PixelRepresentation")} of 1), expected unsigned', file=path)
    if facts.colour.startswith('YBR') and facts.stored != facts.allocated:
        raise DataError(
            f'stores {facts.stored} of {facts.allocated} bits a sample, expected all in {facts.colour}', file=path
        )
    if facts.colour.startswith('YBR_FULL') and facts.allocated != 8:
        raise DataError(
            f'has {name_of("BitsAllocated")} of {facts.allocated}, expected 8 in {facts.colour}: convert it to RGB',
            file=path,
        )
    if facts.frames < 1:
        raise DataError(f'states {facts.frames} frames', file=path)
    if not facts.syntax:
        raise DataError('does not say how its pixels are stored (no transfer syntax)', file=path)
    if not facts.syntax.is_transfer_syntax:
        raise DataError(
            f'has {name_of("TransferSyntaxUID")} of {str(facts.syntax)!r}, which is not a transfer syntax: correct the '
            'element',
            file=path,
        )


def check_pixel_data(stream: BinaryIO, header: Dataset, facts: PixelFacts, path: Path) -> PixelFacts:
    """Refuse a file that holds fewer pixels than its header states, or more, by lengths alone.

    Args:
        stream: Left by `read_header` at the pixels.
        header, facts: What was read.
        path: For messages.

    Returns:
        The facts, with what the lengths tell.

    Raises:
        DataError: if there are no pixels, not all of them, or pixels that the header does not state.
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
        facts = _check_fragments(stream, facts, path)
    else:
        facts = _check_native(stream, length, facts, integer_of(header, 'PlanarConfiguration') or 0, path)
    stream.seek(start)
    return facts


def _check_native(stream: BinaryIO, length: int, facts: PixelFacts, planar: int, path: Path) -> PixelFacts:
    start = stream.tell()
    present = min(length, stream.seek(0, 2) - start)
    frame = facts.rows * facts.columns * facts.samples * facts.allocated // 8
    if facts.colour == 'YBR_FULL_422':
        facts = replace(facts, full_size=0 <= present - frame * facts.frames <= PADDING)
        frame = frame if facts.full_size else frame * 2 // 3
        if planar and not facts.full_size:
            raise DataError(
                f'holds 4:2:2 pixels, which {name_of("PlanarConfiguration")} of {planar} cannot have: correct that '
                f'element, or {name_of("PhotometricInterpretation")} where the pixels are stored otherwise',
                file=path,
            )
        if facts.columns % 2 and not facts.full_size:
            raise DataError(f'has 4:2:2 pixels in {facts.columns} columns, expected an even number', file=path)
    expected = frame * facts.frames
    if present < expected:
        raise DataError(
            f'is cut or states a wrong size: {facts.frames} frames of {facts.columns} x {facts.rows} pixels need '
            f'{expected} bytes, it holds {present}',
            file=path,
        )
    if present > expected + PADDING:
        raise DataError(
            f'holds {present} bytes of pixels, {present / frame:.6g} frames of {facts.columns} x {facts.rows} pixels, '
            f'and states {facts.frames} in {name_of("NumberOfFrames")}: correct that element, or the size or bits of a '
            'frame',
            file=path,
        )
    return facts


def _check_fragments(stream: BinaryIO, facts: PixelFacts, path: Path) -> PixelFacts:
    start = stream.tell()
    size, fragments = stream.seek(0, 2), -1  # the first item is the offset table
    pictures: list[Codestream | None] = []
    stream.seek(start)
    while (tag := stream.read(4)) == ITEM:
        length = int.from_bytes(stream.read(4), 'little')
        begin = stream.tell()
        if begin + length > size:
            break
        if fragments >= 0 and (facts.syntax == RLELossless or begins_picture(stream.read(12))):
            stream.seek(begin)
            pictures.append(read_codestream(stream, begin + length))
        stream.seek(begin + length)
        fragments += 1
    if tag != DELIMITER:
        raise DataError(f'is cut or damaged after {max(fragments, 0)} fragments of pixel data', file=path)
    if fragments < facts.frames:
        raise DataError(f'states {facts.frames} frames, holds {fragments}', file=path)
    if len(pictures) > facts.frames:
        raise DataError(
            f'holds {len(pictures)} compressed frames, and states {facts.frames} in {name_of("NumberOfFrames")}: '
            'correct that element',
            file=path,
        )
    stated = [picture for picture in pictures if picture is not None]
    for picture in dict.fromkeys(stated):
        _check_picture(picture, facts, path)
    return replace(facts, transformed=any(picture.transformed for picture in stated))


def _check_picture(picture: Codestream, facts: PixelFacts, path: Path) -> None:
    """Compare a compressed frame with the header."""
    size = (picture.width, picture.height or facts.rows)
    if size != (facts.columns, facts.rows):
        raise DataError(
            f'holds compressed frames of {size[0]} x {size[1]} pixels, and states {facts.columns} in '
            f'{name_of("Columns")} and {facts.rows} in {name_of("Rows")}: correct the elements',
            file=path,
        )
    if picture.samples != facts.samples:
        raise DataError(
            f'holds compressed frames of {picture.samples} samples a pixel, and states {facts.samples} in '
            f'{name_of("SamplesPerPixel")} and {facts.colour} in {name_of("PhotometricInterpretation")}: correct the '
            'elements',
            file=path,
        )
    if picture.bits < facts.stored:
        words = f'of {picture.bits} bits' if picture.bits else 'of several depths'
        raise DataError(
            f'holds compressed samples {words}, and states {facts.stored} in {name_of("BitsStored")}: correct the '
            'element',
            file=path,
        )
    if picture.signed is not None and picture.signed != facts.signed:
        kinds = {True: 'signed', False: 'unsigned'}
        raise DataError(
            f'holds {kinds[picture.signed]} compressed samples, and states {kinds[facts.signed]} ones in '
            f'{name_of("PixelRepresentation")}: correct the element',
            file=path,
        )
