"""Files are opened in a process of their own: a bomb, a crash or a decoder taken over costs one request."""

from __future__ import annotations

import math
import multiprocessing
import threading
import time
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from typing import TypeAlias

import numpy as np

from usmm.server.decode.confine import Bounds
from usmm.server.decode.decode_child import CaseJob, Job, main, plain_reason
from usmm.server.decode.transport import TransportError, receive
from usmm.server.http.http_errors import RequestError
from usmm.server.server_limits import MIB, Limits
from usmm.utils.json_types import JsonValue

PRELOAD = 'usmm.server.decode.preload'
REPLY_BYTES = 512 * MIB
"""Bytes of pixels that a process may send back: what a network takes is small."""

MOST_NOTES = 1000
Facts: TypeAlias = dict[str, JsonValue]


class Decoder:
    """Runs jobs, each in a fresh process.

    Args:
        limits: Of the server.
    """

    def __init__(self, limits: Limits) -> None:
        self.bounds = Bounds(limits.decode_seconds, limits.decode_bytes)
        self.wall = 2 * limits.decode_seconds
        self._context = multiprocessing.get_context('forkserver')
        self._context.set_forkserver_preload([PRELOAD])
        self._lock = threading.Lock()  # the bookkeeping of multiprocessing is not made for threads
        self._running: set[ForkServerProcess] = set()
        self._closed = False

    def run(self, job: Job) -> tuple[Facts, Mapping[str, np.ndarray]]:
        """Do a job.

        Returns:
            Facts, of which nothing was checked but that they are plain data, and arrays of uint8.

        Raises:
            RequestError: A file cannot be read; says which input it was.
        """
        reader, writer = self._context.Pipe(duplex=False)
        process = self._context.Process(target=main, args=(writer, job, self.bounds), daemon=True)
        with reader:
            try:
                with self._lock:
                    if self._closed:
                        raise RequestError('stopping', 'the server is being stopped')
                    process.start()
                    self._running.add(process)
            finally:
                writer.close()
            try:
                return self._answer(process, reader.fileno(), _inputs(job))
            finally:
                self._end(process)

    def close(self) -> None:
        """End what runs, and start nothing more."""
        with self._lock:
            self._closed = True
            for process in self._running:
                process.kill()

    def _answer(
        self, process: ForkServerProcess, file: int, inputs: frozenset[str]
    ) -> tuple[Facts, Mapping[str, np.ndarray]]:
        deadline, at = time.monotonic() + self.wall, None
        try:
            for _ in range(MOST_NOTES):
                facts, arrays = receive(file, deadline, REPLY_BYTES)
                if set(facts) != {'at'}:
                    break
                at = facts['at'] if facts['at'] in inputs else None
            else:
                raise TransportError('it talks without an end')
        except TransportError as error:
            raise self._ended(process, deadline, at) from error
        if 'error' in facts:
            raise _told(facts, inputs, at)
        return facts, arrays

    def _ended(self, process: ForkServerProcess, deadline: float, at: str | None) -> RequestError:
        """What to say of a process that gave no answer."""
        with self._lock:
            process.join(min(1.0, max(0.0, deadline - time.monotonic())))
            code = process.exitcode
        if code is None or code == -24 or time.monotonic() >= deadline:  # SIGXCPU
            seconds = math.ceil(self.bounds.seconds)
            return RequestError('unreadable', f'reading it takes longer than {seconds} seconds', at)
        return RequestError('unreadable', 'reading it failed: the file is damaged, or asks for too much memory', at)

    def _end(self, process: ForkServerProcess) -> None:
        with self._lock:
            self._running.discard(process)
            if process.exitcode is None:
                process.kill()
            process.join(5)
            if process.exitcode is not None:
                process.close()


def _inputs(job: Job) -> frozenset[str]:
    if not isinstance(job, CaseJob):
        return frozenset()
    return frozenset(f'{m}{suffix}' for m in job.case.files for suffix in ('', '_mask', '_box'))


def _told(facts: Facts, inputs: frozenset[str], at: str | None) -> RequestError:
    """The error of a child; it is checked as everything that comes from there."""
    text, place = facts.get('error'), facts.get('input')
    found = place if isinstance(place, str) and place in inputs else at
    code = 'bad_value' if facts.get('box') is True else 'unreadable'
    return RequestError(code, plain_reason(text if isinstance(text, str) else ''), found)
