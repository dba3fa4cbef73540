"""Names that clients give to files: only ever compared with one another."""

from __future__ import annotations

from pathlib import PureWindowsPath
from unicodedata import normalize


def plain_place(text: str) -> str | None:
    r"""A relative place with slashes and composed letters; None where it is absolute, leads upwards or names nothing.

    macOS sends names with letters and accents apart (NFD); a table that was typed elsewhere has them composed (NFC).

    Example:
        >>> plain_place('bus/C0001.png'), plain_place('.\\bus\\a.png'), plain_place('../a.png'), plain_place('/etc/x')
        ('bus/C0001.png', 'bus/a.png', None, None)
    """
    windows = PureWindowsPath(normalize('NFC', text))
    if windows.drive or windows.root or '\0' in text:
        return None
    parts = [part for part in windows.parts if part != '.']
    return '/'.join(parts) if parts and '..' not in parts else None
