"""The digest of a file of a data set, which is read once."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from usmm.readers.errors import existing_file, reading
from usmm.utils.digests import file_digest


def data_digest(path: str | Path) -> str:
    """SHA-256 of the content of a file, computed once for a path, size and time of change.

    Not for checks that a file was not changed on purpose: size and time can be restored.

    Args:
        path: The file.

    Raises:
        DataError: The file is absent or empty or cannot be read.
    """
    path = existing_file(path).absolute()
    state = path.stat()
    return _digest(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=100_000)
def _digest(path: Path, size: int, changed: int) -> str:
    with reading(path, 'a file'):
        return file_digest(path)
