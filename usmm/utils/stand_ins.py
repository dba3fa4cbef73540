"""Texts that stand where a file should be: an error page of a web server, or a pointer of git-lfs."""

from __future__ import annotations

START = 512
"""Bytes that are looked at."""


def stand_in_of(start: bytes, wanted: str) -> str | None:
    """What stands in the place of a file, or None.

    Args:
        start: The first bytes of the file.
        wanted: What it should be, for the message.

    Example:
        >>> stand_in_of(b'<!DOCTYPE html><html>', 'the index itself')
        'a web page, perhaps an error page that was saved under this name'
    """
    text = start[:START].removeprefix(b'\xef\xbb\xbf').lstrip().lower()
    if text.startswith(b'version https://git-lfs'):
        return f'a pointer of git-lfs, not {wanted}: run `git lfs pull`'
    if text.startswith((b'<!doctype', b'<html', b'<?xml')):
        return 'a web page, perhaps an error page that was saved under this name'
    return None
