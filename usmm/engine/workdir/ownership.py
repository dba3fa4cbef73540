"""The lock of a work directory: one process at a time (with those of its launcher) writes into it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.dist import is_main_process

from usmm.utils import work_files
from usmm.utils.locks import FileLock, LockedError


class Ownership:
    """Holds the lock of a work directory; entering it again while it is held has no effect.

    The main process takes the lock, for all processes of its launcher.

    Args:
        folder: The work directory; created when the lock is taken.

    Example:
        >>> import tempfile
        >>> ownership = Ownership(Path(tempfile.mkdtemp()))
        >>> with ownership.held(), ownership.held():
        ...     print(ownership.is_held)
        True
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.is_held = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock within a `with` block.

        Raises:
            OSError: Another process, or another training of this process, works in the folder.
        """
        if self.is_held or not is_main_process():
            yield
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / work_files.LOCK, required=False)
        try:
            lock.acquire()
        except LockedError as error:
            text = f'another process is training in {self.folder}: wait for its end, or choose another work_dir'
            raise OSError(errno.EBUSY, text) from error
        self.is_held = True
        try:
            yield
        finally:
            self.is_held = False
            lock.release()
