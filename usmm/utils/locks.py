"""File locks between processes: held by an open file, so that they end with their process, however it ends."""

from __future__ import annotations

import errno
import os
import sys
import time
from pathlib import Path

PAUSE = 0.05  # seconds between two attempts
HELD = {errno.EAGAIN, errno.EACCES, errno.EDEADLK}
NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}  # a file system without locks

if sys.platform == 'win32':
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class LockedError(OSError):
    """Another process, or another `FileLock`, holds the lock."""


class FileLock:
    """A lock that one holder at a time can have; a context manager.

    The file stays when the lock is released: removing it would let two processes lock two files of the same name.

    Args:
        path: The lock file, created if absent; its folder must exist. A symbolic link is refused.
        timeout: Seconds to wait for another holder; `math.inf`: without a limit.
        mode: Permissions of a new lock file, reduced by the umask.
        required: Raise where the file system has no locks; False: go on without one.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, FileLock(Path(folder, 'lock')):
        ...     try:
        ...         FileLock(Path(folder, 'lock')).acquire()
        ...     except LockedError:
        ...         print('held')
        held
    """

    def __init__(self, path: str | Path, timeout: float = 0.0, mode: int = 0o644, required: bool = True) -> None:
        self.path, self.timeout, self.mode, self.required = Path(path), timeout, mode, required
        self._handle = -1

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            LockedError: It was not free within `timeout`.
            OSError: The file cannot be opened; or the file system has no locks, and one is required.
        """
        flags = os.O_RDWR | os.O_CREAT | getattr(os, 'O_NOFOLLOW', 0)
        handle = os.open(self.path, flags, self.mode)  # not inherited by programs that this process starts
        try:
            self._wait(handle)
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle

    def release(self) -> None:
        """Give the lock back; without effect if it is not held."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def __enter__(self) -> FileLock:
        self.acquire()
        return self

    def __exit__(self, *problem: object) -> None:
        self.release()

    def _wait(self, handle: int) -> None:
        end = time.monotonic() + self.timeout
        while True:
            try:
                _lock(handle)
                return
            except OSError as error:
                if error.errno in NO_LOCKS and not self.required:
                    return
                if error.errno not in HELD:
                    raise
            if time.monotonic() >= end:
                raise LockedError(errno.EBUSY, f'another process holds the lock {self.path}')
            time.sleep(PAUSE)
