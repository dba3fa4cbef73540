"""What holds locks when a process forks, so that the child waits without end: OpenCV's threads, rich's output."""

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


def output_without_rich_in_forks() -> None:
    """Let a fork write to the real output while its parent shows a progress line of rich.

    Rich puts an object of its own in place of the output of a terminal, and a thread draws the line. A child that is
    forked while this thread draws inherits a lock that nobody gives back, and hangs at the first warning that it
    writes: seen with loading workers that warn while every case is read once. Can go when rich handles forks by itself.
    """
    if hasattr(os, 'register_at_fork'):
        os.register_at_fork(after_in_child=_real_output)


def _real_output() -> None:
    for name in ('stdout', 'stderr'):
        real = getattr(getattr(sys, name), 'rich_proxied_file', None)
        if real is not None:
            setattr(sys, name, real)


def _end_threads() -> None:
    cv2 = sys.modules.get('cv2')
    if cv2 is not None and hasattr(cv2, 'setNumThreads'):  # not while OpenCV is being imported
        _THREADS.append(cv2.getNumThreads())
        cv2.setNumThreads(0)


def _start_threads() -> None:
    if _THREADS:
        sys.modules['cv2'].setNumThreads(_THREADS.pop())
