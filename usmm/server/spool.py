"""Where uploads lie while they are read: private, short-lived, and cleaned also after a kill."""

from __future__ import annotations

import errno
import math
import os
import secrets
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from usmm.server.http.http_errors import RequestError
from usmm.utils.locks import FileLock, LockedError

OWN, LOCK, START_LOCK = 'server-', 'lock', '.start'
PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600
NO_ROOM = 'The server has no room for the upload. Try again later.'
NO_FOLDER = 'The server cannot write uploads at the moment. Tell those who run it, and try again later.'
LATE = 'The request took too long; what had come of it was removed.'
FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def default_spool() -> Path:
    """A folder of this user below the system's folder for temporary files."""
    return Path(tempfile.gettempdir()) / f'usmm-serve-{os.getuid()}'


class Spool:
    """A folder of uploads. Each server has its own part of it, with a lock that ends with its process.

    What servers that ended without cleaning have left is removed when the next one starts. A folder that is removed
    while the server runs is made again.

    Args:
        root: The folder, made if absent; it must belong to this user alone.
        keep_seconds: Folders of requests that were not renewed for so long are removed by `sweep`, unless held.
        most_bytes: Of all uploads at a time; more are refused as busy.
        clock: Seconds, for tests.

    Raises:
        ValueError: The folder is a link, belongs to another user or may be read by others.
    """

    def __init__(
        self,
        root: str | Path,
        keep_seconds: float,
        most_bytes: int = 2**31,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.root, self.keep_seconds, self.most_bytes, self.clock = Path(root), keep_seconds, most_bytes, clock
        self._guard, self._remaking, self.used = threading.Lock(), threading.Lock(), 0
        self._folders: dict[Folder, float] = {}
        _private(self.root)
        # two servers that start at once: a new folder is not yet locked
        with FileLock(self.root / START_LOCK, timeout=math.inf, mode=PRIVATE_FILE):
            self.removed = _clean(self.root)
            self._make_part()
        self._stop = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep_on, name='spool-sweeper', daemon=True)
        self._sweeper.start()

    def folder(self) -> Folder:
        """A folder for one request; a context manager that removes it at its end."""
        try:
            made = self._new_folder()
        except FileNotFoundError:  # somebody has removed our part, or all of the spool
            self._restore()
            made = self._new_folder()
        with self._guard:
            self._folders[made] = self.clock()
        return made

    def problem(self) -> str | None:
        """Why uploads cannot be written now; None: they can. Writes a small file, and removes it."""
        try:
            with self.folder() as folder:
                file = folder.new_file('.test')
                try:
                    file.write(b'x')
                finally:
                    file.close()
        except RequestError as error:
            return None if error.code == 'busy' else error.message
        return None

    def take(self, count: int) -> None:
        """Count bytes that are about to be written.

        Args:
            count: Bytes; negative: given back.

        Raises:
            RequestError: `busy`, where all uploads together would exceed the limit.
        """
        with self._guard:
            if count > 0 and self.used + count > self.most_bytes:
                raise RequestError('busy', 'The server holds too many uploads at the moment. Try again soon.')
            self.used += count

    def renew(self, folder: Folder) -> None:
        """Let the time of a request's folder start again, as its next step begins."""
        with self._guard:
            if folder in self._folders:
                self._folders[folder] = self.clock()

    @contextmanager
    def hold(self, folder: Folder) -> Iterator[None]:
        """Keep a request's folder while it is used, however long that takes.

        Raises:
            RequestError: `timeout`: it was removed before.
        """
        with self._guard:
            if folder.removed:
                raise RequestError('timeout', LATE)
            folder.holders += 1
        try:
            yield
        finally:
            with self._guard:
                folder.holders -= 1
                left = folder.holders == 0 and folder.left
                if folder in self._folders:
                    self._folders[folder] = self.clock()
            if left:
                self.forget(folder)

    def forget(self, folder: Folder) -> None:
        """Remove a request's folder and what it holds, once nobody holds it."""
        with self._guard:
            if folder.holders:
                folder.left = True
                return
            known = self._folders.pop(folder, None) is not None
            folder.removed = True
            self.used -= folder.bytes if known else 0
        shutil.rmtree(folder.path, ignore_errors=True)

    def sweep(self) -> int:
        """Remove folders that are too old and that nobody holds.

        Returns:
            How many there were.
        """
        latest = self.clock() - self.keep_seconds
        with self._guard:
            old = [folder for folder, since in self._folders.items() if since < latest and not folder.holders]
        for folder in old:
            self.forget(folder)
        return len(old)

    def close(self) -> None:
        """Remove everything of this server."""
        self._stop.set()
        self._sweeper.join(timeout=5)
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()

    def _make_part(self) -> None:
        """The part of this server, with its lock."""
        self.path = self.root / f'{OWN}{os.getpid()}-{secrets.token_hex(4)}'
        self.path.mkdir(PRIVATE_FOLDER)
        self._lock = FileLock(self.path / LOCK, mode=PRIVATE_FILE)
        self._lock.acquire()

    def _restore(self) -> None:
        """Make the part again where it was removed.

        Raises:
            RequestError: That cannot be done.
        """
        with self._remaking:
            if self.path.is_dir():  # another request was faster
                return
            try:
                _private(self.root)
                self._lock.release()
                self._make_part()
            except (OSError, ValueError) as error:
                raise cannot_write(error) from error

    def _new_folder(self) -> Folder:
        try:
            return Folder(self, self.path / secrets.token_hex(8))
        except FileNotFoundError:
            raise
        except OSError as error:
            raise cannot_write(error) from error

    def _sweep_on(self) -> None:
        while not self._stop.wait(min(self.keep_seconds / 4, 5)):
            self.sweep()


class Folder:
    """Files of one request, named by number: a client's name is never written.

    Args:
        spool: Where it belongs.
        path: To be made.
    """

    def __init__(self, spool: Spool, path: Path) -> None:
        self.spool, self.path, self.bytes, self.count, self.removed = spool, path, 0, 0, False
        self.holders, self.left = 0, False  # who uses it; whether it is to be removed after that
        path.mkdir(PRIVATE_FOLDER)

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *problem: object) -> None:
        self.spool.forget(self)

    def renew(self) -> None:
        """The next step of the request begins."""
        self.spool.renew(self)

    def new_file(self, suffix: str) -> SpoolFile:
        """An empty file, for this user alone.

        Args:
            suffix: From the sniffed type.
        """
        path = self.path / f'{self.count}{suffix}'
        self.count += 1
        return SpoolFile(self, path)


class SpoolFile:
    """A file that is being written.

    Args:
        folder: Its folder.
        path: Of the file; it must not exist.

    Raises:
        RequestError: `timeout` where the folder was removed after its time, `no_room` or `unavailable` where nothing
            can be written.
    """

    def __init__(self, folder: Folder, path: Path) -> None:
        self.folder, self.path, self.size = folder, path, 0
        if folder.removed:
            raise RequestError('timeout', LATE)
        try:
            self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE_FILE)
        except OSError as error:
            raise cannot_write(error) from error

    def write(self, data: bytes) -> None:
        """Append.

        Args:
            data: The bytes.

        Raises:
            RequestError: `busy`, where the limit of all uploads is reached; `no_room` or `unavailable`, where nothing
                can be written; `timeout`, where the folder was removed after its time.
        """
        if self.folder.removed:
            raise RequestError('timeout', LATE)
        self.folder.spool.take(len(data))
        self.folder.bytes += len(data)
        self.size += len(data)
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._handle, view) :]
        except OSError as error:
            raise cannot_write(error) from error

    def close(self) -> None:
        """End writing; a second time does nothing."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def cannot_write(error: Exception) -> RequestError:
    """What a client is told when the spool cannot be written.

    Example:
        >>> cannot_write(OSError(errno.ENOSPC, 'No space left on device')).code, cannot_write(PermissionError()).code
        ('no_room', 'unavailable')
    """
    if isinstance(error, OSError) and error.errno in FULL_DISK:
        return RequestError('no_room', NO_ROOM)
    return RequestError('unavailable', NO_FOLDER)


def _private(root: Path) -> None:
    root.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        root.mkdir(PRIVATE_FOLDER)
    found = root.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise ValueError(f'the spool must be a folder and no link: {root}')
    if found.st_uid != os.getuid():
        raise ValueError(f'the spool belongs to another user: {root}')
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise ValueError(f'others may read the spool {root}: make it private (chmod 700) or name another')


def _clean(root: Path) -> int:
    """Remove the parts of servers whose lock is free: their processes have ended."""
    removed = 0
    for part in root.glob(f'{OWN}*'):
        lock = part / LOCK
        held = FileLock(lock, mode=PRIVATE_FILE) if lock.is_file() and not lock.is_symlink() else nullcontext()
        with suppress(LockedError), held:  # without a lock file: ended before it had its lock
            shutil.rmtree(part, ignore_errors=True)
            removed += 1
    return removed
