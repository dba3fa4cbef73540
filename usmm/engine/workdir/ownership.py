"""The lock of a work directory: one process at a time (with those of its launcher) writes into it."""

from __future__ import annotations

import errno
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mmengine.dist import is_main_process

from usmm.utils import work_files
from usmm.utils.locks import FileLock, LockedError


class Ownership:
    """Holds the lock of a work directory; entering it again while it is held has no effect.

    The main process takes the lock, for all processes of its launcher, which must have been started. The lock ends
    with the process, however that ends. While it is held, its file states the process, the machine and since when.

    Args:
        folder: The work directory; created when the lock is taken.
        shared: Beside others that share, such as jobs that each run one fold of a cross-validation; not beside one
            that owns the folder alone.

    Example:
        >>> import tempfile
        >>> ownership = Ownership(Path(tempfile.mkdtemp()))
        >>> with ownership.held(), ownership.held():
        ...     print(ownership.is_held)
        True
    """

    def __init__(self, folder: str | Path, shared: bool = False) -> None:
        self.folder, self.shared = Path(folder), shared
        self.is_held = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock within a `with` block.

        Raises:
            OSError: Another process, or another training of this process, works in the folder; or it cannot be written.
        """
        if self.is_held or not is_main_process():
            yield
            return
        lock = FileLock(self.folder / work_files.LOCK, required=False, shared=self.shared)
        is_new = not self.folder.exists()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except LockedError as error:
            owner = _owner_in(lock.read_note())
            text = f'{self.folder} is in use: {owner} works in it; wait for its end, or choose another work_dir'
            raise OSError(errno.EBUSY, text) from error
        except OSError as error:
            text = f'cannot write into {self.folder}: {error.strerror or error}'
            raise OSError(error.errno, text) from error
        self.is_held = True
        try:
            with suppress(OSError):  # a full disk is reported by what is written next
                lock.write_note(_note())
            yield
        finally:
            self.is_held = False
            with suppress(OSError):
                if is_new and not self.shared and [path.name for path in self.folder.iterdir()] == [work_files.LOCK]:
                    lock.remove()  # a run that failed before it wrote anything leaves nothing
                    self.folder.rmdir()
                elif not self.shared:  # of those that share, the others may be there still
                    lock.write_note('')
            lock.release()


def _note() -> str:
    since = time.strftime('%Y-%m-%d %H:%M:%S')
    return json.dumps({'pid': os.getpid(), 'host': socket.gethostname(), 'since': since})


def _owner_in(note: str) -> str:
    """The owner that a lock file names, in words."""
    try:
        content = json.loads(note)
        pid, host, since = int(content['pid']), str(content['host']), str(content['since'])
    except (KeyError, TypeError, ValueError):
        return 'another process'
    mine = pid == os.getpid() and host == socket.gethostname()
    who = 'another training of this process' if mine else f'process {pid}'
    return f'{who} on {host}, since {since},'
