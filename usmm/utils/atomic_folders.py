"""Folders that appear complete: filled under a temporary name, then moved into place."""

from __future__ import annotations

import errno
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from usmm.utils.atomic_files import MARK, short_name, sync_folder

NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, 'EDQUOT', errno.ENOSPC)}


@contextmanager
def new_folder(out: str | Path, replace: bool = False) -> Iterator[Path]:
    """A folder to fill, which becomes `out` if the block ends without an error and is removed otherwise.

    It lies beside `out` and has the permissions of the umask. Its files are not flushed to the disk one by one.

    Args:
        out: The folder to make, or a symbolic link to it; its parents are created.
        replace: Replace a folder that is not empty; it stays until the new one is complete.

    Raises:
        ValueError: `out` is the current folder or one above it.
        FileExistsError: `out` is a file, or a folder that is not empty and `replace` is False.
        OSError: The folder cannot be made or moved; a folder that stood at `out` stays.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     with new_folder(Path(parent, 'out')) as folder:
        ...         _ = Path(folder, 'a.txt').write_text('content')
        ...     [path.name for path in Path(parent, 'out').iterdir()]
        ['a.txt']
    """
    # a symbolic link stays, and the folder that it names is filled or replaced
    out = Path(out).resolve() if Path(out).is_symlink() else Path(out)
    if Path.cwd().is_relative_to(out.resolve()):
        raise ValueError(f'{out} is the current folder or one above it: give the name of a new folder')
    if out.exists() and (not out.is_dir() or (not replace and any(out.iterdir()))):
        raise FileExistsError(f'{out} exists and is not an empty folder; give another place or remove it first')
    out.parent.mkdir(parents=True, exist_ok=True)
    token = secrets.token_hex(4)
    folder = out.with_name(f'.{short_name(out)}.{token}.{MARK}')
    folder.mkdir()
    try:
        yield folder
        if not replace and out.is_dir():
            out.rmdir()  # fails if something was put there meanwhile
        _move(folder, out, out.with_name(f'.{short_name(out)}.{token}.old'))
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in NO_ROOM and error.filename is None:
            raise OSError(error.errno, f'cannot write {out}: {error.strerror}') from error
        raise


def _move(folder: Path, out: Path, old: Path) -> None:
    if out.is_dir():
        out.rename(old)
        try:
            folder.rename(out)
        except BaseException:
            old.rename(out)
            raise
    else:
        folder.rename(out)
    sync_folder(out.parent)
    shutil.rmtree(old, ignore_errors=True)
