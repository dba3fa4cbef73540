"""Files that really lie in a folder: opened without following a link, as somebody else may have put them there."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path, PurePosixPath
from typing import BinaryIO

BY_HANDLE = os.open in os.supports_dir_fd and hasattr(os, 'O_NOFOLLOW')
FLAGS = os.O_RDONLY | getattr(os, 'O_NONBLOCK', 0) | getattr(os, 'O_BINARY', 0) | getattr(os, 'O_NOCTTY', 0)
NOT_REGULAR = 'is no regular file'


class OutsideError(OSError):
    """A file that is not taken: it lies elsewhere, is not a regular file, or is too large."""


def open_inside(folder: str | Path, path: str, max_bytes: int) -> BinaryIO:
    """Open a regular file below a folder for reading.

    Every folder on the way, and the file, is opened by its name in the one before it, and none of them may be a link.
    What the file is, is asked of the open file. A pipe is not waited for.

    A file with several names (hard links) may be the file of another person elsewhere. It is taken only if it has the
    owner and the group of its folder, and not everybody may write there.

    Args:
        folder: May be a link itself.
        path: Relative to the folder, `/` between its parts.
        max_bytes: Larger files are refused.

    Raises:
        OutsideError: The path leads out of the folder or over a link, or the file is not regular, too large, or also
            lies elsewhere.
        FileNotFoundError: There is no such file.
        OSError: It cannot be opened.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, 'a.txt').write_text('content')
        ...     with open_inside(folder, 'a.txt', 100) as file:
        ...         file.read()
        b'content'
    """
    whole = Path(folder, path) if '\0' not in path else Path(folder)
    parts = path.split('/')
    is_plain = '\0' not in path and '\\' not in path and not PurePosixPath(path).is_absolute() and not Path(path).drive
    if not is_plain or any(part in ('', '.', '..') for part in parts):
        raise _refused(path, f'is not a path below {folder}')
    try:
        handle, parent = (_by_handle if BY_HANDLE else _by_name)(Path(folder), parts)
    except OutsideError:
        raise
    except OSError as error:
        if error.errno == errno.ELOOP or _has_link(Path(folder), parts):
            raise _refused(whole, 'is a link, or lies behind one') from error
        raise
    file = os.fdopen(handle, 'rb')
    problem = _problem(os.fstat(file.fileno()), parent, max_bytes)
    if problem is not None:
        file.close()
        raise _refused(whole, problem)
    return file


def read_inside(folder: str | Path, path: str, max_bytes: int) -> bytes:
    """The content of a regular file below a folder; see `open_inside`.

    Raises:
        OSError: As of `open_inside`; also if the file grows over the limit while it is read.
    """
    with open_inside(folder, path, max_bytes) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise _refused(Path(folder, path), f'has over {max_bytes} bytes')
    return content


def _problem(state: os.stat_result, parent: os.stat_result, max_bytes: int) -> str | None:
    """Why an open file is not taken."""
    if not stat.S_ISREG(state.st_mode):
        return NOT_REGULAR
    if state.st_size > max_bytes:
        return f'has {state.st_size} bytes, over the limit of {max_bytes}'
    is_own = (state.st_uid, state.st_gid) == (parent.st_uid, parent.st_gid)
    if state.st_nlink > 1 and (not is_own or parent.st_mode & stat.S_IWOTH):
        return 'also lies elsewhere (it is a hard link, perhaps to the file of another person): put a copy in its place'
    return None


def _by_handle(folder: Path, parts: list[str]) -> tuple[int, os.stat_result]:
    """An open file, and the state of the folder that it lies in."""
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = inner
        # opening a device can have an effect, and a socket cannot be opened
        mode = os.stat(parts[-1], dir_fd=here, follow_symlinks=False).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
            raise _refused(folder.joinpath(*parts), NOT_REGULAR)
        return os.open(parts[-1], FLAGS | os.O_NOFOLLOW, dir_fd=here), os.fstat(here)
    finally:
        os.close(here)


def _by_name(folder: Path, parts: list[str]) -> tuple[int, os.stat_result]:
    """As `_by_handle`, where the system opens no file relative to a folder: links are looked for before and after."""
    whole = folder.joinpath(*parts)
    before = whole.lstat()
    if _has_link(folder, parts):
        raise _refused(whole, 'is a link, or lies behind one')
    if not stat.S_ISREG(before.st_mode):
        raise _refused(whole, NOT_REGULAR)
    handle = os.open(whole, FLAGS)
    after = os.fstat(handle)
    if (before.st_dev, before.st_ino) != (after.st_dev, after.st_ino):
        os.close(handle)
        raise _refused(whole, 'was replaced while it was opened')
    return handle, whole.parent.stat()


def _has_link(folder: Path, parts: list[str]) -> bool:
    """Whether a part of a path is a link; on Windows also a junction, which leads to another folder."""
    places = [folder.joinpath(*parts[: number + 1]) for number in range(len(parts))]
    return any(
        place.is_symlink() or _real(place) != _real(place.parent) / os.path.normcase(place.name) for place in places
    )


def _real(path: Path) -> Path:
    return Path(os.path.normcase(os.path.realpath(path)))


def _refused(path: str | Path, why: str) -> OutsideError:
    text = str(path).replace('\0', '\\0')
    return OutsideError(f'{text[-300:]} {why}')
