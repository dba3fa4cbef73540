"""Processes that end with the one that started them, however that ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from multiprocessing import current_process, forkserver, parent_process

PDEATHSIG = 1  # of prctl(2)
PAUSE = 1.0  # seconds between two looks at the parent, on systems that do not tell


def end_with_parent() -> None:
    """Let this process be killed as soon as its parent ends; at once where the parent has ended already.

    A process that is killed cannot end those that it started: the workers of a cross-validation would go on training.
    Linux sends a signal (for the end of the thread that started this process); elsewhere a thread looks whether the
    parent is there. What this process starts itself must call this function, too.
    """
    parent = os.getppid()
    is_late = _has_ended(parent)
    if _is_of_forkserver():
        _let_forkserver_end()
    if not _signal_on_death():
        threading.Thread(target=_watch, args=(parent,), daemon=True, name='usmm-parent').start()
    if is_late or os.getppid() != parent:
        _end()


def _signal_on_death() -> bool:
    """Ask Linux for the signal; whether that was possible."""
    if not sys.platform.startswith('linux'):
        return False
    prctl = getattr(ctypes.CDLL(None), 'prctl', None)
    return prctl is not None and prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0


def _has_ended(parent: int) -> bool:
    """Whether the process that multiprocessing states as the parent has ended; `parent` is what the system states."""
    started = parent_process()
    if started is None:
        return False
    if started.pid != parent and not _has_other_parent():
        return True  # it was handed to another process
    return not started.is_alive()


def _has_other_parent() -> bool:
    """Whether the system may state another parent than multiprocessing does."""
    return _is_of_forkserver() or sys.platform == 'win32'


def _is_of_forkserver() -> bool:
    return type(current_process()).__name__ == 'ForkServerProcess'


def _let_forkserver_end() -> None:
    """Close the pipe by which a server of forks sees that somebody still needs it: only its own parent does then.

    Every process that it starts holds that pipe open to start more of them, so that it would not end before this one,
    nor this one before it.
    """
    handle = getattr(forkserver._forkserver, '_forkserver_alive_fd', None)  # type: ignore[attr-defined]
    if handle is not None:
        os.close(handle)
        forkserver._forkserver._forkserver_alive_fd = None  # type: ignore[attr-defined]


def _watch(parent: int) -> None:
    while os.getppid() == parent and not _has_ended(parent):
        time.sleep(PAUSE)
    _end()


def _end() -> None:
    """End without a clean-up, which could wait for the parent."""
    os.kill(os.getpid(), getattr(signal, 'SIGKILL', signal.SIGTERM))
