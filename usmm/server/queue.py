"""Requests that wait for the model: a bounded queue before a few worker threads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from usmm.server.http.http_errors import RequestError

Answer = TypeVar('Answer')
FULL = 'Too many requests are waiting. Try again in a few seconds.'
TOO_LONG = 'The server was busy for too long. Try again in a few seconds.'
STOPPING = 'The server is being stopped.'


class ClientGone(Exception):
    """The client went away before its turn came; there is nobody to answer."""


class WorkQueue:
    """Calls that block, run in threads, so many at a time, while a bounded number waits.

    Args:
        jobs: Calls at a time.
        waiting: Calls that may wait; one more is refused.
        wait_seconds: How long one waits.

    Raises:
        ValueError: jobs below 1.
    """

    def __init__(self, jobs: int, waiting: int, wait_seconds: float) -> None:
        if jobs < 1:
            raise ValueError(f'jobs must be 1 or more, got {jobs}')
        self.jobs, self.most, self.wait_seconds = jobs, waiting, wait_seconds
        self.running = self.waiting = 0
        self._turns: list[asyncio.Future[None]] = []
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix='usmm-server')
        self._closed = False

    def check(self) -> None:
        """Refuse early, before a body is read that could not be answered.

        Raises:
            RequestError: `busy` or `stopping`.
        """
        if self._closed:
            raise RequestError('stopping', STOPPING)
        if self.running >= self.jobs and self.waiting >= self.most:
            raise RequestError('busy', FULL)

    async def run(self, call: Callable[..., Answer], *args: object, gone: Awaitable[object] | None = None) -> Answer:
        """Wait for a free thread, then for the answer.

        Args:
            call: What blocks.
            args: Its arguments.
            gone: Ends when the client has gone away; a call that waits then gives up its place.

        Raises:
            RequestError: `busy` where the queue is full or the wait too long, `stopping` where the server ends.
            ClientGone: The client went away while it waited.
        """
        watch = None if gone is None else asyncio.ensure_future(gone)
        try:
            await self._turn(watch)
        finally:
            if watch is not None:
                watch.cancel()
        future = asyncio.get_running_loop().run_in_executor(self._threads, lambda: call(*args))
        future.add_done_callback(lambda _: self._free())  # also where nobody waits for the answer any more
        return await asyncio.shield(future)

    def close(self) -> None:
        """Refuse all that wait and all that come; calls that run may end. From the loop's thread."""
        self._closed = True
        for turn in self._turns:
            if not turn.done():
                turn.set_exception(RequestError('stopping', STOPPING))
        self._threads.shutdown(wait=False)

    async def _turn(self, watch: asyncio.Future[object] | None) -> None:
        self.check()
        if self.running < self.jobs:
            self.running += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turns.append(turn)
        self.waiting += 1
        try:
            waiting: list[asyncio.Future[object] | asyncio.Future[None]] = [turn] if watch is None else [turn, watch]
            await asyncio.wait(waiting, timeout=self.wait_seconds, return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            if turn.done() and turn.exception() is None:
                self._free()
            raise
        finally:
            self.waiting -= 1
            if turn in self._turns:
                self._turns.remove(turn)
        if turn.done():
            turn.result()
        elif watch is not None and watch.done():
            raise ClientGone
        else:
            raise RequestError('busy', TOO_LONG)

    def _free(self) -> None:
        """Hand the thread to the one that waits longest."""
        while self._turns:
            turn = self._turns.pop(0)
            if not turn.done():
                turn.set_result(None)
                return
        self.running -= 1
