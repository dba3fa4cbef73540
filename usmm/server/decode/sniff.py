"""The type of a file by its first bytes. Names and types that a client states are never looked at."""

from __future__ import annotations

from dataclasses import dataclass

NEEDED = 512
"""First bytes that decide; fewer do where the file is shorter."""
STILL, CLIP, TABLE = 'still', 'clip', 'table'


@dataclass(frozen=True)
class FileType:
    """A type that is read.

    Args:
        name: As told to people.
        suffix: Of the file in the spool.
        uses: `'still'`, `'clip'` and `'table'`, as far as they hold.
    """

    name: str
    suffix: str
    uses: frozenset[str]


def _type(name: str, suffix: str, *uses: str) -> FileType:
    return FileType(name, suffix, frozenset(uses))


PNG, JPEG = _type('PNG', '.png', STILL), _type('JPEG', '.jpg', STILL)
BMP, TIFF = _type('BMP', '.bmp', STILL), _type('TIFF', '.tif', STILL)
GIF, DICOM = _type('GIF', '.gif', STILL, CLIP), _type('DICOM', '.dcm', STILL, CLIP)
MP4, MOV = _type('MP4', '.mp4', CLIP), _type('MOV', '.mov', CLIP)
AVI, MPEG = _type('AVI', '.avi', CLIP), _type('MPEG', '.mpg', CLIP)
CSV, XLSX = _type('CSV', '.csv', TABLE), _type('XLSX', '.xlsx', TABLE)
BY_SUFFIX = {kind.suffix: kind for kind in (PNG, JPEG, BMP, TIFF, GIF, DICOM, MP4, MOV, AVI, MPEG, CSV, XLSX)}

STARTS: tuple[tuple[bytes, FileType], ...] = (
    (b'\x89PNG\r\n\x1a\n', PNG),
    (b'\xff\xd8\xff', JPEG),
    (b'II*\0', TIFF),
    (b'MM\0*', TIFF),
    (b'GIF87a', GIF),
    (b'GIF89a', GIF),
    (b'\0\0\x01\xba', MPEG),
    (b'\0\0\x01\xb3', MPEG),
)
BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
OLD_MOV = frozenset({b'moov', b'mdat', b'wide', b'free', b'skip'})
PICTURE_BRANDS = (b'heic', b'heix', b'hevc', b'heim', b'heis', b'mif1', b'msf1', b'avif', b'avis', b'crx ')
XLSX_FIRST = (b'[Content_Types].xml', b'_rels/', b'docProps/', b'xl/')
REFUSED: tuple[tuple[bytes, str], ...] = (
    (b'%pdf', 'a PDF'),
    (b'pk\x03\x04', 'a ZIP archive'),
    (b'pk\x05\x06', 'a ZIP archive'),
    (b'rar!', 'an archive'),
    (b'7z\xbc\xaf', 'an archive'),
    (b'\x1f\x8b', 'an archive'),
    (b'mz', 'a program'),
    (b'\x7felf', 'a program'),
    (b'#!', 'a script'),
    (b'<svg', 'an SVG'),
    (b'<!doctype', 'a web page'),
    (b'<html', 'a web page'),
    (b'<script', 'a web page'),
    (b'<', 'XML or a web page'),
    (b'{\\rtf', 'a text document'),
    (b'\xd0\xcf\x11\xe0', 'an old Office file'),
)
BLANK = b'\xef\xbb\xbf \t\r\n\f\0'
CONTROL = bytes({*range(32)} - {*b'\t\n\r\f\x1b'}) + b'\x7f'


def sniff(head: bytes) -> FileType | None:
    r"""The type of a picture, a clip or a workbook.

    A DICOM file starts with 128 bytes that may be anything: where they are the start of another type, or of one that
    is refused, the file is two things at once and is none for us.

    Args:
        head: The first `NEEDED` bytes, or all of a shorter file.

    Returns:
        The type, or None.

    Example:
        >>> sniff(b'\xff\xd8\xff\xe0').name, sniff(b'<svg xmlns="')
        ('JPEG', None)
    """
    found = next((kind for start, kind in STARTS if head.startswith(start)), None) or _boxed(head)
    if head[128:132] == b'DICM':
        return DICOM if found is None and refused(head) is None else None
    return found


def sniff_table(head: bytes) -> FileType | None:
    """The type of a case table: XLSX by its first entry; CSV where it is text that no other program would open.

    Args:
        head: As of `sniff`.
    """
    if head.startswith(b'PK\x03\x04'):
        return XLSX if head[30:].startswith(XLSX_FIRST) else None
    if sniff(head) is not None or refused(head) is not None:
        return None
    if head.startswith((b'\xff\xfe', b'\xfe\xff')):  # UTF-16: every second byte of English text is zero
        text = head[2 : len(head) // 2 * 2].decode('utf-16-le' if head[0] == 0xFF else 'utf-16-be', 'replace')
        return None if text.lstrip().startswith('<') or '\0' in text else CSV
    return CSV if head and not any(byte in CONTROL for byte in head) else None


def refused(head: bytes) -> str | None:
    """What a file is that is known and not read, in words; None for all others."""
    start = head.lstrip(BLANK)[:16].lower()
    return next((words for sign, words in REFUSED if start.startswith(sign)), None)


def _boxed(head: bytes) -> FileType | None:
    """Types whose sign stands behind a length, or is too short to stand alone."""
    if head[:4] == b'RIFF':
        return AVI if head[8:12] == b'AVI ' else None
    if head[:2] == b'BM':
        return BMP if int.from_bytes(head[14:18], 'little') in BMP_HEADERS else None
    if head[4:8] == b'ftyp':
        if head[8:12] in PICTURE_BRANDS:
            return None
        return MOV if head[8:12] == b'qt  ' else MP4
    return MOV if head[4:8] in OLD_MOV else None
