"""OpenCV's threads and `os.fork`."""

from __future__ import annotations

import os
import sys

_THREADS: list[int] = []


def opencv_without_threads_in_forks() -> None:
    """Let a process end OpenCV's pool of threads before it forks, and take it up again behind the fork.

    A child inherits the locks of that pool but not its threads: where one of them was held during the fork, the first
    call of OpenCV in the child waits forever (seen with OpenCV 5.1, whose wheels have a pool of their own). Loading
    workers of torch, which are forks on Linux, hang a training that way once in some hundred starts. The child does
    without threads, as the workers of torch do. Can go when OpenCV handles forks by itself.
    """
    if hasattr(os, 'register_at_fork'):
        os.register_at_fork(before=_end_threads, after_in_parent=_start_threads, after_in_child=_THREADS.clear)


def _end_threads() -> None:
    cv2 = sys.modules.get('cv2')
    if cv2 is not None and hasattr(cv2, 'setNumThreads'):  # not while OpenCV is being imported
        _THREADS.append(cv2.getNumThreads())
        cv2.setNumThreads(0)


def _start_threads() -> None:
    if _THREADS:
        sys.modules['cv2'].setNumThreads(_THREADS.pop())
