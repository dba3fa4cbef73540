from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.datastructures import Headers
from starlette.responses import Response

from usmm.server.http.headers import SafeHeaders, has_body


async def _plain(scope: Any, receive: Any, send: Any) -> None:
    await Response('x', headers={'Server': 'secret/1.0', **scope['reply']})(scope, receive, send)


async def _reading(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get('more_body'):
        pass
    await _plain(scope, receive, send)


def asked(app: Any, headers: dict[str, str], reply: dict[str, str] | None = None, pieces: int = 1) -> dict[str, str]:
    sent: list[Any] = []
    bodies = [{'type': 'http.request', 'body': b'x', 'more_body': i + 1 < pieces} for i in range(pieces)]

    async def receive() -> Any:
        return bodies.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {'type': 'http', 'reply': reply or {}, 'headers': [(k.encode(), v.encode()) for k, v in headers.items()]}
    asyncio.run(SafeHeaders(app)(scope, receive, send))
    return {name.decode(): value.decode() for name, value in sent[0]['headers']}


def test_every_answer_is_closed_in() -> None:
    found = asked(_plain, {})
    policy = dict(part.split(' ', 1) for part in found['content-security-policy'].split('; '))
    assert policy['default-src'] == policy['frame-ancestors'] == policy['base-uri'] == "'none'"
    assert policy['script-src'] == policy['style-src'] == policy['connect-src'] == policy['form-action'] == "'self'"
    assert 'unsafe' not in found['content-security-policy']
    assert found['x-content-type-options'] == 'nosniff'
    assert found['referrer-policy'] == 'no-referrer'
    assert found['cache-control'] == 'no-store'
    assert found['cross-origin-resource-policy'] == found['cross-origin-opener-policy'] == 'same-origin'
    assert 'server' not in found
    assert 'connection' not in found


def test_a_reply_may_say_how_it_is_kept_but_not_weaken_the_rest() -> None:
    found = asked(_plain, {}, {'Cache-Control': 'no-cache', 'Content-Security-Policy': 'default-src *'})
    assert found['cache-control'] == 'no-cache'
    assert '*' not in found['content-security-policy']


@pytest.mark.parametrize('headers', [{'content-length': '5'}, {'transfer-encoding': 'chunked'}])
def test_an_answer_before_the_body_ends_the_connection(headers: dict[str, str]) -> None:
    assert asked(_plain, headers)['connection'] == 'close'
    assert 'connection' not in asked(_reading, headers, pieces=3)


@pytest.mark.parametrize(
    ('headers', 'expected'),
    [
        ({}, False),
        ({'content-length': '0'}, False),
        ({'content-length': '10'}, True),
        ({'transfer-encoding': 'x'}, True),
    ],
)
def test_has_body(headers: dict[str, str], expected: bool) -> None:
    assert has_body(Headers(headers)) is expected


def test_a_request_of_two_sizes_is_refused_and_its_connection_closed() -> None:
    called: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        called.append(scope)

    found = asked(app, {'transfer-encoding': 'chunked', 'content-length': '5'})
    assert (found['connection'], called) == ('close', [])
    assert 'content-security-policy' in found
