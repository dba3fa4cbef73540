"""Messages from a process that may have been taken over: what is right comes through, the rest is refused."""

from __future__ import annotations

import json
import os
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest

from usmm.server.decode import transport
from usmm.server.decode.transport import TransportError, clean_numbers, receive, send

Pipe = tuple[int, int]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with suppress(OSError):
            os.close(end)


def soon() -> float:
    return time.monotonic() + 2


def write(pipe: Pipe, content: bytes) -> None:
    """Into the pipe, which is closed behind it; what does not fit waits in a thread."""

    def run() -> None:
        with os.fdopen(os.dup(pipe[1]), 'wb') as stream:
            os.close(pipe[1])
            stream.write(content)

    thread = threading.Thread(target=run)
    thread.start()
    if len(content) < 60_000:
        thread.join()


def message(head: object) -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack('>I', len(text)) + text


def test_facts_and_pixels_come_through(pipe: Pipe) -> None:
    arrays = {
        'a': np.arange(60, dtype=np.uint8).reshape(4, 5, 3)[:, ::-1],
        'big': np.full((3, 700, 900, 3), 7, np.uint8),
    }
    facts = {'words': 'ä', 'list': [1, 2.5, None, True]}
    thread = threading.Thread(target=send, args=(pipe[1], facts, arrays))
    thread.start()
    got, pixels = receive(pipe[0], soon(), 10**7)
    thread.join()
    assert got == facts and list(pixels) == ['a', 'big']
    assert all(np.array_equal(pixels[name], array) and pixels[name].dtype == np.uint8 for name, array in arrays.items())


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (b'', 'ended early'),
        (b'\0\0', 'ended early'),
        (message({'facts': {}, 'arrays': [['a', [3]]]}) + b'ab', 'ended early'),
        (struct.pack('>I', transport.MAX_HEADER + 1), 'a header of .* over the limit'),
        (message(b'{"facts": {}, "arrays": []'), 'no JSON'),
        (message(b'\xff\xfe'), 'no JSON'),
        (message(b'[' * 50_000), 'no JSON'),
        (message(b'{"facts": {"a": NaN}, "arrays": []}'), 'no JSON'),
        (message([1]), 'no facts'),
        (message({'facts': [], 'arrays': []}), 'no facts'),
        (message({'facts': {}, 'arrays': {}}), 'no list of arrays'),
        (message({'facts': {}, 'arrays': [['a', [1]]] * 65}), 'too many'),
        (message({'facts': {}, 'arrays': [['a', [1]], ['a', [1]]]}), 'stands twice'),
        (message({'facts': {}, 'arrays': [['a', [-1]]]}), 'a name and a shape'),
        (message({'facts': {}, 'arrays': [['a', [1.5]]]}), 'a name and a shape'),
        (message({'facts': {}, 'arrays': [['a', [True]]]}), 'a name and a shape'),
        (message({'facts': {}, 'arrays': [['a', [1] * 5]]}), 'a name and a shape'),
        (message({'facts': {}, 'arrays': [[1, [1]]]}), 'a name and a shape'),
        (message({'facts': {}, 'arrays': [['a', [2**31, 2**31, 2**31]]]}), 'bytes of pixels are over the limit'),
        (message({'facts': {}, 'arrays': [['a', [600]], ['b', [600]]]}), '1200 bytes of pixels are over the limit'),
    ],
)
def test_what_breaks_the_rules_is_refused(pipe: Pipe, content: bytes, words: str) -> None:
    write(pipe, content)
    with pytest.raises(TransportError, match=words):
        receive(pipe[0], soon(), 1000)


def test_a_message_that_does_not_come_is_not_waited_for(pipe: Pipe) -> None:
    os.write(pipe[1], b'\0')
    start = time.monotonic()
    with pytest.raises(TransportError, match='did not come in time'):
        receive(pipe[0], start + 0.2, 1000)
    assert 0.15 < time.monotonic() - start < 1.5


def test_only_bytes_are_sent(pipe: Pipe) -> None:
    with pytest.raises(ValueError, match='a must be uint8, got object'):
        send(pipe[1], {}, {'a': np.array([{}], object)})


@pytest.mark.parametrize('values', [[1], [1, '2'], [1, True], [1, 1e10], 'ab', None, {}, [1, [2]]])
def test_numbers_that_are_none(values: object) -> None:
    assert clean_numbers(values, 2) is None  # type: ignore[arg-type]
