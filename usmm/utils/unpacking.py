"""Reading zip archives of somebody else: bytes are counted while they come out, whatever the archive states."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

CHUNK = 2**16
MAX_DIRECTORY_BYTES = 12 * 2**20
"""Bytes of the list of entries, of which each takes 46 and its name; Python makes an object of 700 bytes of each."""

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@contextmanager
def open_archive(source: str | Path | BinaryIO) -> Iterator[zipfile.ZipFile]:
    """An archive that is open for reading.

    Args:
        source: A path, or an open file, which stays open.

    Raises:
        ValueError: It is no zip archive, or has too many entries, or one that is encrypted or compressed in a way that
            unpacks without a limit. The message begins with `its`. Damage that is found in the block is raised as well.
        OSError: It cannot be read.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> with zipfile.ZipFile(file, 'w') as archive:
        ...     archive.writestr('a.txt', 'content')
        >>> with open_archive(file) as archive:
        ...     read_entry(archive, archive.getinfo('a.txt'), 100)
        b'content'
    """
    try:
        with (
            Path(source).open('rb') if isinstance(source, (str, Path)) else nullcontext(source) as file,
            zipfile.ZipFile(_Guarded(file)) as archive,  # type: ignore[arg-type]
        ):
            for entry in archive.infolist():
                if entry.compress_type not in METHODS:
                    kind = entry.compress_type
                    raise ValueError(
                        f'its entry {_name(entry)} is packed by method {kind}; 0 and 8 (deflate) are known'
                    )
                if entry.header_offset < 0:
                    raise ValueError(f'its archive is damaged: entry {_name(entry)} lies before its start')
                if entry.flag_bits & 1:
                    raise ValueError(f'its entry {_name(entry)} is encrypted')
            yield archive
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise ValueError(f'its archive is damaged: {error or type(error).__name__}') from error


def entry_chunks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, max_bytes: int) -> Iterator[bytes]:
    """The content of an entry in pieces of at most `CHUNK` bytes.

    Raises:
        ValueError: It has over `max_bytes` bytes, stated or real, or less than stated.
    """
    if entry.file_size > max_bytes:
        raise ValueError(f'its entry {_name(entry)} has {entry.file_size} bytes, over the limit of {max_bytes}')
    count = 0
    with archive.open(entry) as packed:
        while chunk := packed.read(CHUNK):
            count += len(chunk)
            if count > max_bytes:
                raise ValueError(f'its entry {_name(entry)} has over {max_bytes} bytes')
            yield chunk
    if count != entry.file_size:
        raise ValueError(f'its entry {_name(entry)} has {count} bytes, and {entry.file_size} are stated')


def read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, max_bytes: int) -> bytes:
    """The content of an entry. Raises ValueError as `entry_chunks`."""
    return b''.join(entry_chunks(archive, entry, max_bytes))


class _Guarded:
    """A file that refuses to give more at once than a list of entries has.

    zipfile reads that list in one piece, of the size that the end of the archive states, and all else in small pieces.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.seek, self.tell, self.seekable = file, file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        content = self.file.read(MAX_DIRECTORY_BYTES + 1 if size < 0 else min(size, MAX_DIRECTORY_BYTES + 1))
        if len(content) > MAX_DIRECTORY_BYTES:
            raise ValueError(f'its list of entries has over {MAX_DIRECTORY_BYTES} bytes')
        return content


def _name(entry: zipfile.ZipInfo) -> str:
    return repr(entry.filename[:100])
