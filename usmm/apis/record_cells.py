"""Cells of a record: whether they say something, and the files that they name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from usmm.apis.pixel_arrays import is_pixels
from usmm.readers import is_missing


def is_empty(value: Any) -> bool:
    """Whether a cell says nothing: None, nan, an empty list, or one of the words for missing.

    Example:
        >>> is_empty(' n/a '), is_empty(float('nan')), is_empty(0)
        (True, True, False)
    """
    if isinstance(value, str):
        return is_missing(value)
    if is_pixels(value):
        return False
    if isinstance(value, (list, tuple, Mapping)):
        return not value
    return value is None or bool(pd.isna(value)) if pd.api.types.is_scalar(value) else False


def paths_of(value: Any, root: Path, what: str) -> tuple[Path, ...]:
    """Absolute paths of a cell of a table (`;` between several), a path, or a list of paths.

    Args:
        value: The cell.
        root: Folder that relative paths start from.
        what: What the files are, for the message.

    Raises:
        TypeError: It is something else.

    Example:
        >>> [path.name for path in paths_of('a.png; b.png', Path(), 'bus')]
        ['a.png', 'b.png']
    """
    if isinstance(value, str):
        value = [part.strip() for part in value.split(';') if part.strip()]
    listed = list(value) if isinstance(value, (list, tuple)) else [value]
    if not listed or not all(isinstance(item, (str, Path)) for item in listed):
        kinds = sorted({type(item).__name__ for item in listed})
        raise TypeError(f'{what} must be a path, paths, an array or a PIL image, got {", ".join(kinds) or "nothing"}')
    return tuple(_path(str(item), root) for item in listed)


def _path(text: str, root: Path) -> Path:
    path = Path(os.path.normpath(root.absolute() / text))
    if '\\' in text and not path.is_file():  # a table written on Windows
        path = Path(os.path.normpath(root.absolute() / text.replace('\\', '/')))
    return path
