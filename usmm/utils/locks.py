"""File locks between processes: held by an open file, so that they end with their process, however it ends."""

from __future__ import annotations

import errno
import os
import sys
import time
import weakref
from pathlib import Path

PAUSE = 0.05  # seconds between two attempts
HELD = {errno.EAGAIN, errno.EACCES, errno.EDEADLK}
NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}  # a file system without locks

if sys.platform == 'win32':
    import msvcrt

    BEHIND_THE_NOTE = 2**30  # nobody can read what is locked there

    def _lock(handle: int, shared: bool) -> None:
        os.lseek(handle, BEHIND_THE_NOTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBRLCK if shared else msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(handle: int, shared: bool) -> None:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


MOST_NOTE = 4096  # bytes of a note that are read


class LockedError(OSError):
    """Another process, or another `FileLock`, holds the lock."""


class FileLock:
    """A lock that one holder at a time can have; a context manager.

    The file stays when the lock is released; `remove` takes it away. A process that is forked while the lock is held
    does not share it: the lock ends with the process that took it, not with the last of its children.

    Args:
        path: The lock file, created if absent; its folder must exist. A symbolic link is refused.
        timeout: Seconds to wait for another holder; `math.inf`: without a limit.
        mode: Permissions of a new lock file, reduced by the umask.
        required: Raise where the file system has no locks; False: go on without one.
        shared: Several holders at once, as long as all of them share; none beside one that does not.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, FileLock(Path(folder, 'lock')):
        ...     try:
        ...         FileLock(Path(folder, 'lock')).acquire()
        ...     except LockedError:
        ...         print('held')
        held
    """

    def __init__(
        self,
        path: str | Path,
        timeout: float = 0.0,
        mode: int = 0o644,
        required: bool = True,
        shared: bool = False,
    ) -> None:
        self.path, self.timeout, self.mode, self.required, self.shared = Path(path), timeout, mode, required, shared
        self._handle = -1

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            LockedError: It was not free within `timeout`.
            OSError: The file cannot be opened; or the file system has no locks, and one is required.
        """
        flags = os.O_RDWR | os.O_CREAT | getattr(os, 'O_NOFOLLOW', 0)
        while True:
            handle = os.open(self.path, flags, self.mode)  # not inherited by programs that this process starts
            try:
                self._wait(handle)
                current = self._is_current(handle)
            except BaseException:
                os.close(handle)
                raise
            if current:
                break
            os.close(handle)  # the last holder removed the file; others lock the one that has its name now
        self._handle = handle
        _HELD.add(self)

    def release(self) -> None:
        """Give the lock back; without effect if it is not held."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
            _HELD.discard(self)

    def write_note(self, text: str) -> None:
        """Put a text into the file of the lock that is held, for others to read; an empty one removes it.

        Raises:
            OSError: It cannot be written.
        """
        os.ftruncate(self._handle, 0)
        os.lseek(self._handle, 0, os.SEEK_SET)
        os.write(self._handle, text.encode())

    def read_note(self) -> str:
        """What the holder wrote into the file; empty where there is nothing, or it cannot be read."""
        try:
            with self.path.open('rb') as file:
                return file.read(MOST_NOTE).decode(errors='replace')
        except OSError:
            return ''

    def remove(self) -> None:
        """Remove the file of the lock that is held, and give the lock back."""
        if os.name == 'posix':  # elsewhere a file that is open cannot be removed
            self.path.unlink(missing_ok=True)
        self.release()

    def __enter__(self) -> FileLock:
        self.acquire()
        return self

    def __exit__(self, *problem: object) -> None:
        self.release()

    def _is_current(self, handle: int) -> bool:
        """Whether the path still names the file that is locked."""
        try:
            return os.path.samestat(os.fstat(handle), self.path.stat(follow_symlinks=False))
        except FileNotFoundError:
            return False

    def _wait(self, handle: int) -> None:
        end = time.monotonic() + self.timeout
        while True:
            try:
                _lock(handle, self.shared)
                return
            except OSError as error:
                if error.errno in NO_LOCKS and not self.required:
                    return
                if error.errno not in HELD:
                    raise
            if time.monotonic() >= end:
                raise LockedError(errno.EBUSY, f'another process holds the lock {self.path}')
            time.sleep(PAUSE)


_HELD: weakref.WeakSet[FileLock] = weakref.WeakSet()


def _leave_to_parent() -> None:
    for lock in [*_HELD]:
        lock.release()


if hasattr(os, 'register_at_fork'):
    # a fork has the same open file, and would keep the lock of a parent that is killed; to close it releases nothing
    os.register_at_fork(after_in_child=_leave_to_parent)
