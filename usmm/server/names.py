"""Names that clients give to files: only ever compared with one another."""

from __future__ import annotations

from pathlib import PureWindowsPath


def plain_place(text: str) -> str | None:
    r"""A relative place with slashes; None where it is absolute, leads upwards or names nothing.

    Example:
        >>> plain_place('bus/C0001.png'), plain_place('.\\bus\\a.png'), plain_place('../a.png'), plain_place('/etc/x')
        ('bus/C0001.png', 'bus/a.png', None, None)
    """
    windows = PureWindowsPath(text)
    if windows.drive or windows.root or '\0' in text:
        return None
    parts = [part for part in windows.parts if part != '.']
    return '/'.join(parts) if parts and '..' not in parts else None
