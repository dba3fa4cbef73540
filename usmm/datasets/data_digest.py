"""The digest of a file of a data set, which is read once."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from usmm.readers.errors import existing_file, reading
from usmm.utils.digests import file_digest


def data_digest(path: str | Path) -> str:
    """SHA-256 of the content of a file, computed once as long as the file stays the same.

    A file counts as the same with its path and `file_state`, whose time of the last change of metadata cannot be set
    back by a program that restores size and time of the content.

    Args:
        path: The file.

    Raises:
        DataError: The file is absent or empty or cannot be read.
    """
    path = existing_file(path).absolute()
    return _digest(path, file_state(path))


def file_state(path: Path) -> tuple[int, ...]:
    """Inode, size, and times of the last change of content and of metadata: what changes with a file's content.

    Raises:
        OSError: The file is absent.
    """
    state = path.stat()
    return state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


@lru_cache(maxsize=100_000)
def _digest(path: Path, state: tuple[int, ...]) -> str:
    with reading(path, 'a file'):
        return file_digest(path)
