"""Files are opened in a process of their own: a bomb, a crash or a decoder taken over costs one request."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TypeAlias

import numpy as np

from usmm.server.decode.confine import Bounds
from usmm.server.decode.decode_child import CaseJob, Job, StepsJob, main, plain_reason
from usmm.server.decode.transport import TransportError, receive
from usmm.server.http.http_errors import RequestError
from usmm.server.server_limits import MIB, Limits
from usmm.utils.json_types import JsonValue

PRELOAD = 'usmm.server.decode.preload'
REPLY_BYTES = 512 * MIB
"""Bytes of pixels that a process may send back: what a network takes is small."""

MOST_NOTES = 1000
STARTS = 3  # of a process, before the request is refused
PAUSE_SECONDS = 0.3  # between them: a server of forks that was killed takes a moment to be dead
COLD_SECONDS = 180.0  # in which a new server of forks has imported what it forks with
PROVED_SECONDS = 10.0  # how long the last answer of a process proves that others can be started
LOST = 'The process that reads files was lost, and is started again. Send the request again.'
NO_START = 'Files cannot be read at the moment: no process can be started for that.'
FORKSERVER_LOST = 255  # what multiprocessing takes for the exit code where the server of forks has gone
FROM_OUTSIDE = frozenset(-number for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP))
"""Exit codes of a process that somebody else ended: no file does that."""

Facts: TypeAlias = dict[str, JsonValue]


class Decoder:
    """Runs jobs, each in a fresh process.

    Processes are forked from a server of forks, which multiprocessing starts, and starts again where it was killed. One
    that does not answer is killed here after `start_seconds`.

    Args:
        limits: Of the server.
        start_seconds: A process has started by then, where the server of forks runs already.
    """

    def __init__(self, limits: Limits, start_seconds: float = 20.0) -> None:
        self.start_seconds, self._proved = start_seconds, -math.inf
        # One thread that stays: a process that ends with its parent ends with the thread that started it.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix='decoder-start')
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
            RequestError: A file cannot be read, and which input it was; or `unavailable`, where the process was lost
                for reasons of the server's.
        """
        reader, writer = self._context.Pipe(duplex=False)
        process = self._context.Process(target=main, args=(writer, job, self.bounds), daemon=True)
        with reader:
            try:
                with self._lock:
                    if self._closed:
                        raise RequestError('stopping', 'the server is being stopped')
                    self._start(process)
                    self._running.add(process)
            finally:
                writer.close()
            try:
                answer = self._answer(process, reader.fileno(), _inputs(job))
            finally:
                self._end(process)
        self._proved = time.monotonic()
        return answer

    def problem(self) -> str | None:
        """Why files cannot be read now; None: they can, as a process has shown that was started now or just before."""
        if time.monotonic() < self._proved + PROVED_SECONDS:
            return None
        try:
            self.run(StepsJob(()))
        except RequestError as error:
            return None if error.code == 'stopping' else error.message
        return None

    def close(self) -> None:
        """End what runs, and start nothing more."""
        with self._lock:
            self._closed = True
            for process in self._running:
                process.kill()
            self._starter.shutdown(wait=False)

    def _start(self, process: ForkServerProcess) -> None:
        """Start a process, and notice where the server of forks is dead or does not answer. Holds the lock."""
        for attempt in range(STARTS):
            time.sleep(PAUSE_SECONDS if attempt else 0)
            seconds = self.start_seconds if _forkserver_lives() else max(COLD_SECONDS, self.start_seconds)
            starting = self._starter.submit(process.start)
            try:
                problem = starting.exception(seconds)
            except (TimeoutError, FutureTimeoutError):  # two classes before Python 3.11
                self._proved = -math.inf
                _kill_forkserver()  # the thread goes on with an error, and the next start makes a new one
                wait([starting], seconds)
                raise RequestError('unavailable', LOST) from None
            if problem is None:
                return
        self._proved = -math.inf
        raise RequestError('unavailable', NO_START) from problem

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
            code, closed = process.exitcode, self._closed
        if closed:
            return RequestError('stopping', 'the server is being stopped')
        if code == FORKSERVER_LOST:
            self._proved = -math.inf
            return RequestError('unavailable', LOST)
        if code is None or code == -24 or time.monotonic() >= deadline:  # SIGXCPU
            seconds = math.ceil(self.bounds.seconds)
            return RequestError('unreadable', f'reading it takes longer than {seconds} seconds', at)
        if code in FROM_OUTSIDE:
            return RequestError('unavailable', LOST)
        return RequestError('unreadable', 'reading it failed: the file is damaged, or asks for too much memory', at)

    def _end(self, process: ForkServerProcess) -> None:
        with self._lock:
            self._running.discard(process)
            if process.exitcode is None:
                process.kill()
            process.join(5)
            if process.exitcode is not None:
                process.close()


def _forkserver_pid() -> int | None:
    """The server of forks; multiprocessing has no public way to it."""
    number: int | None = getattr(forkserver._forkserver, '_forkserver_pid', None)  # type: ignore[attr-defined]
    return number


def _forkserver_lives() -> bool:
    """Whether there is a server of forks that has not ended; stopped ones live."""
    number = _forkserver_pid()
    if number is None:
        return False
    try:
        state = Path(f'/proc/{number}/stat').read_text(encoding='ascii', errors='replace').rpartition(')')[2].split()
    except OSError:  # it has ended; or this is not Linux, and the longer time is taken
        return False
    return state[:1] not in (['Z'], ['X'])


def _kill_forkserver() -> None:
    """End a server of forks that does not answer, stopped ones too."""
    number = _forkserver_pid()
    if number is not None:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


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
