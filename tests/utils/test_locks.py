from __future__ import annotations

import errno
import math
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from usmm.utils import locks
from usmm.utils.locks import FileLock, LockedError

HOLD = 'import sys, time\nfrom usmm.utils.locks import FileLock\n{}\nprint("held", flush=True)\ntime.sleep(60)\n'


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / 'lock'
    with FileLock(path):
        with pytest.raises(LockedError, match=r'another process holds the lock .*lock') as found:
            FileLock(path).acquire()
        assert found.value.errno == errno.EBUSY
    with FileLock(path):
        assert path.is_file()
    assert path.is_file(), 'removing it would let two processes lock two files of one name'


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / 'lock'
    text = HOLD.format(f'lock = FileLock({str(path)!r}); lock.acquire()')
    with subprocess.Popen([sys.executable, '-c', text], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == 'held\n'
        with pytest.raises(LockedError, match='another process'):
            FileLock(path, timeout=0.1).acquire()
        other.kill()
        other.wait()
    with FileLock(path):
        pass


@pytest.mark.parametrize('timeout', [30, math.inf])
def test_waiting_for_another_holder(timeout: float, tmp_path: Path) -> None:
    holder = FileLock(tmp_path / 'lock')
    holder.acquire()
    threading.Timer(0.2, holder.release).start()
    start = time.monotonic()
    with FileLock(tmp_path / 'lock', timeout=timeout):
        assert 0.15 < time.monotonic() - start < 20


def test_a_second_release_does_not_close_the_file_of_another(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / 'lock')
    lock.acquire()
    lock.release()
    with (tmp_path / 'other').open('w') as other:  # has the number of the file that was closed
        lock.release()
        other.write('x')
    assert (tmp_path / 'other').read_text() == 'x'


def test_permissions_and_links(tmp_path: Path) -> None:
    with FileLock(tmp_path / 'private', mode=0o600):
        assert stat.S_IMODE((tmp_path / 'private').stat().st_mode) == 0o600
    (tmp_path / 'link').symlink_to(tmp_path / 'elsewhere')
    with pytest.raises(OSError, match='link'):
        FileLock(tmp_path / 'link').acquire()
    assert not (tmp_path / 'elsewhere').exists()


@pytest.mark.parametrize('code', sorted(locks.NO_LOCKS))
def test_a_file_system_without_locks(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int, shared: bool) -> None:
        raise OSError(code, 'no locks here')

    monkeypatch.setattr(locks, '_lock', refuse)
    with FileLock(tmp_path / 'lock', required=False):
        pass
    before = os.listdir('/proc/self/fd') if Path('/proc/self/fd').exists() else []  # noqa: PTH208
    with pytest.raises(OSError, match='no locks here'):
        FileLock(tmp_path / 'lock').acquire()
    after = os.listdir('/proc/self/fd') if before else []  # noqa: PTH208
    assert len(before) == len(after), 'the file is closed'


def test_other_errors_are_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(handle: int, shared: bool) -> None:
        raise OSError(errno.EIO, 'Input/output error')

    monkeypatch.setattr(locks, '_lock', fail)
    with pytest.raises(OSError, match='Input/output error'):
        FileLock(tmp_path / 'lock', required=False).acquire()


def test_those_that_share_exclude_one_that_does_not(tmp_path: Path) -> None:
    path = tmp_path / 'lock'
    with FileLock(path, shared=True), FileLock(path, shared=True), pytest.raises(LockedError):
        FileLock(path).acquire()
    with FileLock(path), pytest.raises(LockedError):
        FileLock(path, shared=True).acquire()


def test_a_note_is_read_by_others(tmp_path: Path) -> None:
    path = tmp_path / 'lock'
    assert FileLock(path).read_note() == ''
    with FileLock(path) as lock:
        lock.write_note('a long note of the first holder')
        lock.write_note('short, ä')
        assert FileLock(path).read_note() == 'short, ä'
        lock.write_note('')
        assert FileLock(path).read_note() == ''


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs forks')
def test_a_lock_ends_with_its_process_although_a_fork_lives(tmp_path: Path) -> None:
    path = tmp_path / 'lock'
    fork = f'import os\nlock = FileLock({str(path)!r})\nlock.acquire()\nchild = os.fork()'
    text = HOLD.format(fork).replace('print("held", flush=True)', 'child and print(child, flush=True)')
    with subprocess.Popen([sys.executable, '-c', text], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        child = int(other.stdout.readline())
        with pytest.raises(LockedError):
            FileLock(path).acquire()
        other.kill()
        other.wait()
        try:
            FileLock(path, timeout=10).acquire()
        finally:
            os.kill(child, 9)


def test_a_lock_whose_file_was_removed_meanwhile_is_taken_on_the_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'lock'
    lock, real = locks._lock, []

    def late(handle: int, shared: bool) -> None:
        lock(handle, shared)
        if not real:  # the last holder removes the file between the opening and the locking
            real.append(handle)
            path.unlink()

    monkeypatch.setattr(locks, '_lock', late)
    with FileLock(path):
        assert path.exists()
        with pytest.raises(LockedError):
            FileLock(path).acquire()


def test_remove_takes_the_file_away(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / 'lock')
    lock.acquire()
    lock.remove()
    assert not [*tmp_path.iterdir()]
    lock.acquire()
    lock.release()
