"""Formats that are not read, by the first bytes of a file: what a message names in place of a decoder's words."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

START = 64  # bytes that show the format
TO_PNG, TO_MP4 = 'save it as PNG', 'convert it to MP4 (ffmpeg -i FILE out.mp4)'
# first bytes -> what the file is, and what to do
PREFIXES = {
    b'\x30\x26\xb2\x75\x8e\x66\xcf\x11': ('a Windows Media (ASF) video', TO_MP4),
    b'FLV\x01': ('a Flash video', TO_MP4),
    b'\x1aE\xdf\xa3': ('a Matroska or WebM video', TO_MP4),
    b'%PDF': ('a PDF', 'export its pictures as PNG'),
    b'8BPS': ('a Photoshop file', TO_PNG),
    b'\x76\x2f\x31\x01': ('an OpenEXR image', TO_PNG),
    b'\x00\x00\x00\x0cjP  ': ('a JPEG 2000 image', TO_PNG),
    b'\xff\x4f\xff\x51': ('a JPEG 2000 code stream', TO_PNG),
    b'\xff\x0a': ('a JPEG XL code stream', TO_PNG),
    b'\x00\x00\x00\x0cJXL ': ('a JPEG XL image', TO_PNG),
    b'II\xbc': ('a JPEG XR image', TO_PNG),
    b'<!DOCTYPE': ('a web page', 'download the file itself'),
    b'<html': ('a web page', 'download the file itself'),
    b'<svg': ('an SVG drawing', TO_PNG),
}
BRANDS = {b'heic', b'heix', b'mif1', b'avif', b'avis', b'msf1'}  # of images in the container of MP4


def foreign_format(path: Path) -> str | None:
    """What a file is and what to do, where it is of a known format that is not read; else None.

    Args:
        path: The file; one that cannot be opened is of no known format.

    Example:
        >>> import os
        >>> print(foreign_format(Path(os.devnull)))
        None
    """
    try:
        with path.open('rb') as file:
            start = file.read(START)
            if start[:3] == JPEG:
                return _jpeg(file)
    except OSError:
        return None
    if start[:4] == b'RIFF' and start[8:12] == b'WEBP':
        return f'a WebP image, which is not read: {TO_PNG}'
    if start[4:8] == b'ftyp' and start[8:12] in BRANDS:
        return f'a HEIC or AVIF image, which is not read: {TO_PNG}'
    for prefix, (name, hint) in PREFIXES.items():
        if start.lstrip().startswith(prefix) or start.startswith(prefix):
            return f'{name}, which is not read: {hint}'
    return None


JPEG = b'\xff\xd8\xff'
MOST_SEGMENTS = 1000
BASELINE, JPEG_LS = 0xC0, 0xF7
NO_FRAME = (0xC4, 0xC8, 0xCC)  # markers of tables among those of frames


def _jpeg(file: BinaryIO) -> str | None:
    """What a JPEG is that Pillow may not read, by its frame header (ITU T.81, B.2.2)."""
    file.seek(2)
    for _ in range(MOST_SEGMENTS):
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF or head[1] in (0xD9, 0xDA):
            return None
        marker, length = head[1], int.from_bytes(head[2:], 'big')
        if marker == JPEG_LS:
            return f'a JPEG-LS image, which is not read: {TO_PNG}'
        if marker in range(BASELINE, 0xD0) and marker not in NO_FRAME:
            bits = int.from_bytes(file.read(1), 'big')
            return f'a JPEG of {bits} bits, which is not read: {TO_PNG}' if bits != 8 else None
        file.seek(length - 2, 1)
    return None
