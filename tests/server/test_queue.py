from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from usmm.server.http.http_errors import RequestError
from usmm.server.queue import ClientGone, WorkQueue


def run(scene: Any) -> Any:
    return asyncio.run(asyncio.wait_for(scene, 10))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0.005)


def test_so_many_run_and_the_rest_waits_its_turn() -> None:
    async def scene() -> None:
        queue, go, order = WorkQueue(1, 3, 5), threading.Event(), []

        def call(name: int) -> int:
            go.wait(5)
            order.append(name)
            return name

        tasks = []
        for name in range(4):
            tasks.append(asyncio.ensure_future(queue.run(call, name)))
            await settle()
        assert (queue.running, queue.waiting) == (1, 3)
        with pytest.raises(RequestError, match='Too many requests are waiting') as error:
            await queue.run(call, 9)
        assert error.value.code == 'busy'
        go.set()
        assert await asyncio.gather(*tasks) == [0, 1, 2, 3] == order
        await settle()
        assert (queue.running, queue.waiting) == (0, 0)
        queue.close()

    run(scene())


def test_two_run_at_a_time() -> None:
    async def scene() -> None:
        queue, both = WorkQueue(2, 1, 5), threading.Barrier(2, timeout=5)
        await asyncio.gather(queue.run(both.wait), queue.run(both.wait))
        queue.close()

    run(scene())


def test_a_wait_has_an_end_and_frees_its_place() -> None:
    async def scene() -> None:
        queue, go = WorkQueue(1, 1, 0.05), threading.Event()
        first = asyncio.ensure_future(queue.run(go.wait, 5))
        await settle()
        with pytest.raises(RequestError, match='busy for too long'):
            await queue.run(go.wait)
        assert queue.waiting == 0
        go.set()
        await first
        assert await queue.run(lambda: 3) == 3
        queue.close()

    run(scene())


def test_who_goes_away_frees_the_place_and_never_runs() -> None:
    async def scene() -> None:
        queue, go, left, ran = WorkQueue(1, 1, 5), threading.Event(), asyncio.Event(), []
        first = asyncio.ensure_future(queue.run(go.wait, 5))
        await settle()
        second = asyncio.ensure_future(queue.run(ran.append, 1, gone=left.wait()))
        await settle()
        left.set()
        with pytest.raises(ClientGone):
            await second
        third = asyncio.ensure_future(queue.run(ran.append, 3))
        await settle()
        assert queue.waiting == 1
        third.cancel()
        with pytest.raises(asyncio.CancelledError):
            await third
        go.set()
        await first
        assert (queue.waiting, ran) == (0, [])
        await settle()
        assert queue.running == 0
        queue.close()

    run(scene())


def test_an_error_comes_through_and_frees_the_thread() -> None:
    async def scene() -> None:
        queue = WorkQueue(1, 1, 5)

        def fails() -> None:
            raise KeyError('inside')

        for _ in range(3):
            with pytest.raises(KeyError, match='inside'):
                await queue.run(fails)
        await settle()
        assert queue.running == 0
        queue.close()

    run(scene())


def test_closing_refuses_what_waits_and_what_comes() -> None:
    async def scene() -> None:
        queue, go = WorkQueue(1, 2, 5), threading.Event()
        first = asyncio.ensure_future(queue.run(go.wait, 5))
        await settle()
        second = asyncio.ensure_future(queue.run(go.wait))
        await settle()
        queue.close()
        with pytest.raises(RequestError, match='being stopped') as error:
            await second
        assert error.value.code == 'stopping'
        with pytest.raises(RequestError, match='being stopped'):
            queue.check()
        go.set()
        assert await first is True

    run(scene())


def test_jobs_must_be_positive() -> None:
    with pytest.raises(ValueError, match='jobs must be 1 or more, got 0'):
        WorkQueue(0, 1, 1)
