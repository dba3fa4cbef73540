"""SHA-256 digests: of a file, of source code, of plain values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

BLOCK = 2**20  # bytes read at a time: a clip may be larger than the memory


def file_digest(path: str | Path) -> str:
    """SHA-256 of the content of a file, as 64 hexadecimal digits.

    Args:
        path: The file, read now; `usmm.datasets.data_digest` keeps the digests of files that do not change.

    Raises:
        OSError: The file is absent or cannot be read.

    Example:
        >>> import os
        >>> file_digest(os.devnull)[:16]  # of no bytes
        'e3b0c44298fc1c14'
    """
    found = hashlib.sha256()  # hashlib.file_digest needs Python 3.11
    with Path(path).open('rb') as file:
        while block := file.read(BLOCK):
            found.update(block)
    return found.hexdigest()


@cache
def code_digest(*folders: Path) -> str:
    """SHA-256 of the Python files in folders and below, computed once per process.

    A cache whose keys contain the digest of the code that makes its entries needs no version number. Names of files
    count, the place of the folders does not.

    Args:
        folders: Folders of source code; their order counts.

    Raises:
        ValueError: A folder has no Python file, so a change of its code would not be noticed.
        OSError: A file cannot be read.

    Example:
        >>> len(code_digest(Path(__file__).parent))
        64
    """
    entries: list[tuple[int, str, str]] = []
    for number, folder in enumerate(folders):
        files = sorted(folder.rglob('*.py'))
        if not files:
            raise ValueError(f'{folder} has no Python files to compute a digest of')
        entries += [(number, file.relative_to(folder).as_posix(), file_digest(file)) for file in files]
    return value_digest(entries)


def value_digest(value: object, default: Callable[[object], object] | None = None) -> str:
    """SHA-256 of a value that JSON can hold; the order of the keys of a dict does not count.

    Args:
        value: Any value; tuples count as lists.
        default: Turns other objects into values of JSON, see `json.dumps`.

    Raises:
        TypeError: JSON cannot hold the value, and there is no `default`.

    Example:
        >>> value_digest({'a': 1, 'b': (2, 3)}) == value_digest({'b': [2, 3], 'a': 1})
        True
    """
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=default).encode()).hexdigest()
