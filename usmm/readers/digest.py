"""What a file holds, as a short text."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from usmm.readers.errors import existing_file, reading

BLOCK = 2**20


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file's content, in hex; computed once for a path, size and time of change.

    Args:
        path: The file.

    Raises:
        DataError: if the file is absent or empty or cannot be read.
    """
    path = existing_file(path).absolute()
    state = path.stat()
    return _digest(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=100_000)
def _digest(path: Path, size: int, changed: int) -> str:
    digest = hashlib.sha256()
    with reading(path, 'a file'), path.open('rb') as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
