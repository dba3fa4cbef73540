"""A process that uses OpenCV with several threads can be forked."""

from __future__ import annotations

import io
import multiprocessing
import sys
import threading
from multiprocessing.connection import Connection

import cv2
import numpy as np
import pytest
from rich.console import Console
from rich.file_proxy import FileProxy

import usmm


@pytest.fixture
def two_threads():
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    yield
    cv2.setNumThreads(before)


def resized(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, (300, 200), interpolation=cv2.INTER_AREA)


def answer(pipe: Connection, image: np.ndarray) -> None:
    pipe.send((cv2.getNumThreads(), resized(image).tobytes()))


def test_a_fork_has_no_pool_of_threads_and_its_parent_keeps_its_own(two_threads):
    assert usmm.__version__
    image = np.random.default_rng(0).integers(0, 256, (900, 700), dtype=np.uint8)
    expected = resized(image).tobytes()  # starts the pool
    mine, other = multiprocessing.get_context('fork').Pipe()
    child = multiprocessing.get_context('fork').Process(target=answer, args=(other, image))
    child.start()
    assert mine.poll(60), 'the child waits for threads that it does not have'
    assert mine.recv() == (1, expected)
    child.join()
    assert child.exitcode == 0 and cv2.getNumThreads() == 2


def warn(pipe: Connection) -> None:
    print('a warning', file=sys.stderr)
    pipe.send('done')


def test_a_fork_writes_while_its_parent_draws_a_progress_line(monkeypatch):
    """The lock of the console is held here as by the thread that draws, which the child does not have."""
    console = Console(file=io.StringIO())
    monkeypatch.setattr(sys, 'stderr', FileProxy(console, sys.stderr))
    mine, other = multiprocessing.get_context('fork').Pipe()
    child = multiprocessing.get_context('fork').Process(target=warn, args=(other,))
    held, enough = threading.Event(), threading.Event()

    def draw() -> None:
        with console._lock:
            held.set()
            enough.wait(60)

    thread = threading.Thread(target=draw)
    thread.start()
    assert held.wait(60)
    child.start()
    try:
        assert mine.poll(60), 'the child waits for a lock that nobody gives back'
    finally:
        enough.set()
        thread.join()
        child.kill()
        child.join()
    assert isinstance(sys.stderr, FileProxy), 'the parent keeps its own'
