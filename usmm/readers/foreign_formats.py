"""Formats that are not read, by the first bytes of a file: what a message names in place of a decoder's words."""

from __future__ import annotations

from pathlib import Path

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
