"""Atomic file writing: a reader sees the old file or the complete new one, also after a crash or a loss of power."""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

MARK = 'part'  # the last but one suffix of a temporary file
# The two alternatives are the names that earlier versions gave: a process id, or a UUID.
TEMPORARY = re.compile(rf'\..+\.([0-9a-f]{{8}}\.{MARK}(\.\w+)?|\d+|[0-9a-f]{{32}})', re.DOTALL)
NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}  # no hard links on this disk


def short_name(path: Path) -> str:
    """The name of a path, cut so that a temporary name made of it stays below a file system's limit (255 bytes).

    Example:
        >>> short_name(Path('folder', 'a.txt')), len(short_name(Path('x' * 250)))
        ('a.txt', 150)
    """
    return path.name.encode()[:150].decode(errors='ignore')


@contextmanager
def atomic_path(
    path: str | Path,
    verify: Callable[[Path], None] | None = None,
    *,
    overwrite: bool = True,
    sync: bool = True,
) -> Iterator[Path]:
    """A temporary path beside `path`, moved to `path` when the block ends without an error.

    For libraries that write to a path; see `atomic_text` and `atomic_binary` for open files. The temporary file has the
    suffix of `path`, and the permissions that the block gives it, by default those of the umask. When the block or the
    writing fails it is removed, and the file that stood at `path` stays. Folders are created.

    Args:
        path: The file to write.
        verify: Called with the temporary path before the move, when the content is on the disk; raises ValueError if
            the file is damaged.
        overwrite: Replace an existing file; False: raise if there is one, even if another process makes it meanwhile.
        sync: Flush the file and its folder to the disk, so that a loss of power leaves the old or the new content.
            False is faster, for files that are verified on reading and can be computed again.

    Raises:
        OSError: The file cannot be written or `verify` refuses it; the message contains `path`.
        FileExistsError: `overwrite` is False and the file exists.
        IsADirectoryError: The path has no name of a file, such as `.`.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> with atomic_path(Path(folder.name, 'deep', 'a.txt')) as temporary:
        ...     _ = temporary.write_text('content')
        >>> Path(folder.name, 'deep', 'a.txt').read_text()
        'content'
        >>> folder.cleanup()
    """
    path = Path(path)
    if not path.name or path.name == '..':
        raise IsADirectoryError(errno.EISDIR, f'cannot write {path}: it is a folder; give the name of a file')
    temporary = path.with_name(f'.{short_name(path)}.{secrets.token_hex(4)}.{MARK}{path.suffix}')
    try:
        if not overwrite and os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, 'the file exists')
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if sync:
            _sync_file(temporary, drop=verify is not None)
        if verify is not None:
            try:
                verify(temporary)
            except ValueError as error:
                raise OSError(errno.EIO, str(error)) from error
        if overwrite:
            temporary.replace(path)
        else:
            _place_new(temporary, path)
        if sync:
            sync_folder(path.parent)
    except OSError as error:
        raise OSError(error.errno, f'cannot write {path}: {error.strerror or error}') from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_text(path: str | Path, *, overwrite: bool = True, sync: bool = True) -> Iterator[TextIO]:
    r"""An open UTF-8 text file that becomes `path` when the block ends without an error; ends of lines stay as written.

    Args:
        path, overwrite, sync: See `atomic_path`.

    Raises:
        OSError: See `atomic_path`.

    Example:
        >>> import csv, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> with atomic_text(Path(folder.name, 'a.csv')) as file:
        ...     _ = csv.writer(file).writerow(['a', 'b'])
        >>> Path(folder.name, 'a.csv').read_bytes()
        b'a,b\r\n'
        >>> folder.cleanup()
    """
    with (
        atomic_path(path, overwrite=overwrite, sync=sync) as temporary,
        temporary.open('w', encoding='utf-8', newline='') as file,
    ):
        yield file


@contextmanager
def atomic_binary(
    path: str | Path, verify: Callable[[Path], None] | None = None, *, overwrite: bool = True, sync: bool = True
) -> Iterator[BinaryIO]:
    """An open binary file that becomes `path` when the block ends without an error.

    Args:
        path, verify, overwrite, sync: See `atomic_path`.

    Raises:
        OSError: See `atomic_path`.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> with atomic_binary(Path(folder.name, 'a.bin')) as file:
        ...     _ = file.write(b'content')
        >>> Path(folder.name, 'a.bin').read_bytes()
        b'content'
        >>> folder.cleanup()
    """
    with atomic_path(path, verify, overwrite=overwrite, sync=sync) as temporary, temporary.open('wb') as file:
        yield file


def write_bytes(path: str | Path, content: bytes, *, overwrite: bool = True, sync: bool = True) -> Path:
    """Write a file atomically and return its path.

    Args:
        path, overwrite, sync: See `atomic_path`.
        content: The whole content.

    Raises:
        OSError: See `atomic_path`.
    """
    with atomic_binary(path, overwrite=overwrite, sync=sync) as file:
        file.write(content)
    return Path(path)


def write_text(path: str | Path, text: str, errors: str = 'strict', *, overwrite: bool = True) -> Path:
    """Write a UTF-8 text file atomically and return its path; ends of lines stay as they are.

    Args:
        path, overwrite: See `atomic_path`.
        text: The whole content.
        errors: What to do with lone surrogates, see `str.encode`.

    Raises:
        OSError: See `atomic_path`.
        UnicodeEncodeError: The text has lone surrogates and `errors` is 'strict'.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_text(Path(folder, 'a.txt'), 'content').read_text()
        'content'
    """
    return write_bytes(path, text.encode('utf-8', errors), overwrite=overwrite)


def remove_temporary_files(folder: Path) -> None:
    """Remove the temporary files that killed processes left in a folder. No process may be writing to it."""
    for path in folder.glob('.*'):
        if path.is_file() and TEMPORARY.fullmatch(path.name):
            path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Flush the entries of a folder to the disk; without this a loss of power can undo a rename.

    Raises:
        OSError: The disk fails.
    """
    if os.name != 'posix':
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # this file system needs no flush of a folder
            raise
    finally:
        os.close(handle)


def _sync_file(path: Path, drop: bool) -> None:
    with path.open('rb+') as file:
        os.fsync(file.fileno())
        if drop and hasattr(os, 'posix_fadvise'):
            # the check then reads the disk, not the memory that was just written
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _place_new(temporary: Path, path: Path) -> None:
    """Give a file its name only if the name is free: a rename would replace what another process put there."""
    try:
        path.hardlink_to(temporary)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))  # reserves the name
        temporary.replace(path)
