"""Attacks by bytes on the wire: slow clients, sizes that lie, requests hidden in others, many connections."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from attacks_forms import PNG
from server_attacks import Attack, Expect
from server_target import AUTH, PREVIEW, Target, form, part, read_reply, request

FORM = 'Content-Type: multipart/form-data; boundary=B'
POST = f'POST {PREVIEW} HTTP/1.1\r\nHost: localhost\r\n{AUTH}\r\n{FORM}\r\n'.encode()
HEAD = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.gif"\r\n\r\nGIF89a'
HIDDEN = b'GET /static/hidden-request HTTP/1.1\r\nHost: localhost\r\n\r\n'
SLACK = 6.0  # s that a busy machine may take beyond a limit
HIDES = {
    'CL and TE': b'Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n' % (5 + len(HIDDEN)) + HIDDEN,
    'TE and CL': b'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n' + HIDDEN,
    'two lengths': b'Content-Length: 0\r\nContent-Length: %d\r\n\r\n' % len(HIDDEN) + HIDDEN,
    'two lengths in one': b'Content-Length: 0, %d\r\n\r\n' % len(HIDDEN) + HIDDEN,
    'a signed length': b'Content-Length: +%d\r\n\r\n' % len(HIDDEN) + HIDDEN,
    'a negative length': b'Content-Length: -1\r\n\r\n' + HIDDEN,
    'a length in hex': b'Content-Length: 0x10\r\n\r\n' + HIDDEN,
    'TE of another name': b'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n' + HIDDEN,
    'two TE': b'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n' + HIDDEN,
    'a folded header': b'X-A: b\r\n Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n' + HIDDEN,
    'a blank before the colon': b'Transfer-Encoding : chunked\r\nContent-Length: 0\r\n\r\n' + HIDDEN,
    'bare line feeds in a chunk': b'Transfer-Encoding: chunked\r\n\r\n5;\nxxxxx\r\n0\r\n\r\n' + HIDDEN,
}
CHUNKS = {
    'no number': b'zz\r\nabc\r\n',
    'negative': b'-5\r\nabcde\r\n',
    'huge': b'ffffffffffffffffffff\r\nabc',
    'too small': b'2\r\nabcdef\r\n0\r\n\r\n',
    'an endless extension': b'5;' + b'a' * 3_000_000,
    'endless trailers': b'0\r\n' + b'X-A: b\r\n' * 300_000,
}
LINES = {
    'HTTP/0.9': b'GET /api/v1/models\r\n\r\n',
    'HTTP/2': b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + b'\0' * 9,
    'TLS': b'\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03' + b'\0' * 508,
    'a header of 1 MB': b'GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ' + b'a' * 1_000_000,
    '20,000 headers': b'GET / HTTP/1.1\r\nHost: localhost\r\n' + b'X-A: b\r\n' * 20_000,
    'an address of 1 MB': b'GET /' + b'a' * 1_000_000 + b' HTTP/1.1\r\n',
    'NUL in a header': b'GET / HTTP/1.1\r\nHost: localhost\r\nX-A: a\0b\r\n\r\n',
    'a bare CR in a header': b'GET / HTTP/1.1\r\nHost: localhost\r\nX-A: a\rb: c\r\n\r\n',
    'two hosts': b'GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n',
    'no host': b'GET / HTTP/1.1\r\n\r\n',
}


def attacks() -> Iterator[Attack]:
    """All of this kind."""
    for name, content in HIDES.items():
        yield Attack('hidden request', name, partial(_hidden, content), check=True)
    yield Attack('hidden request', 'one behind the other', _pipelined, check=True)
    yield Attack('hidden request', 'behind a body that is refused', _behind_refused, check=True)
    for name, content in CHUNKS.items():
        yield Attack('chunk', name, partial(_chunk, content))
    for name, content in LINES.items():
        yield Attack('line', name, partial(_line, content))
    yield Attack('size', 'a declared body that is too large', _declared)
    yield Attack('size', 'a chunked body that is too large', _chunked, check=True)
    yield Attack('size', 'a file that is too large', _too_large, check=True)
    yield Attack('slow', 'headers', _slow_headers)
    yield Attack('slow', 'a body', _slow_body)
    yield Attack('slow', 'a reader', _slow_reader)
    yield Attack('slow', 'a body that never comes', _no_body)
    yield Attack('many', 'idle connections', _idle, check=True)
    yield Attack('many', 'uploads that are broken off', _broken_off, check=True)
    yield Attack('many', 'requests at once', _flood, check=True)


def _hidden(content: bytes, target: Target) -> str | None:
    """The hidden request must not be answered as one of its own behind a request that was taken."""
    found = target.raw(POST + content, 4)
    if b'HTTP/1.1 500' in found:
        return 'answered 500'
    if found.count(b'HTTP/1.1 ') <= 1:
        return None
    first = found.split(b'HTTP/1.1 ')[1][:3]
    # A length of 0 that is stated once ends the first request: the second is not hidden but the next.
    plain = content.startswith((b'X-A: b', b'Content-Length: 0\r\n\r\n'))
    return None if plain or first == b'100' else f'two answers, the first {first.decode()}'


def _pipelined(target: Target) -> str | None:
    """Answers come in the order of their requests, each for its own."""
    asked = [request('GET', path) for path in ('/api/v1/version', '/api/v1/nothing', '/api/v1/health')] * 3
    found = target.raw(b''.join(asked[:-1]) + request('GET', '/api/v1/health', ['Connection: close']))
    words = [
        next((word for word in (b'"usmm"', b'not_found', b'"ok"') if word in one), b'?')
        for one in found.split(b'HTTP/1.1 ')[1:]
    ]
    right = [b'"usmm"', b'not_found', b'"ok"'] * 3
    return None if words == right else f'answers are mixed up: {words}'


def _behind_refused(target: Target) -> str | None:
    found = target.raw(POST.replace(AUTH.encode(), b'X-A: b') + b'Content-Length: 500\r\n\r\n' + HIDDEN * 3, 4)
    return None if found.count(b'HTTP/1.1 ') == 1 else 'a body was taken for requests'


def _chunk(content: bytes, target: Target) -> str | None:
    start = POST + b'Transfer-Encoding: chunked\r\n\r\n%x\r\n' % len(HEAD) + HEAD + b'\r\n'
    reply = target.send(start + content)
    return Expect((0, 400, 408))(reply)


def _line(content: bytes, target: Target) -> str | None:
    return Expect((0, 400, 403, 408))(target.send(content))


def _declared(target: Target) -> str | None:
    for size in (int(target.limits['request_bytes']) + 1, 2**63, 10**30):
        with target.connect() as line:
            line.sendall(POST + b'Content-Length: %d\r\n\r\n' % size)
            problem = Expect((400, 413))(read_reply(line))
        if problem:
            return problem
    return None


def _chunked(target: Target) -> str | None:
    """It is answered, what still comes is thrown away for a moment, and then the connection is closed."""
    piece = b'%x\r\n' % 2**18 + b'x' * 2**18 + b'\r\n'
    start, most = time.monotonic(), target.limits['upload_seconds'] + SLACK
    with target.connect() as line:
        line.sendall(POST + b'Transfer-Encoding: chunked\r\n\r\n%x\r\n' % len(HEAD) + HEAD + b'\r\n')
        with suppress(OSError):
            while time.monotonic() - start < most:
                line.sendall(piece)
        reply = read_reply(line)
    if time.monotonic() - start >= most:
        return 'the server went on taking it'
    return Expect((0, 413))(reply) or (None if target.running.empty() else 'its start stays in the spool')


def _too_large(target: Target) -> str | None:
    content = PNG + b'\0' * int(target.limits['file_bytes'])
    return Expect((413,))(target.upload(content))


def _slow_headers(target: Target) -> str | None:
    start, most = time.monotonic(), target.limits['header_seconds'] + SLACK
    with target.connect() as line, suppress(OSError):
        line.sendall(b'GET / HTTP/1.1\r\nHost: localhost\r\n')
        while time.monotonic() - start < most:
            line.sendall(b'X-A: b\r\n')
            time.sleep(0.1)
    return 'the connection stayed open' if time.monotonic() - start >= most else None


def _slow_body(target: Target) -> str | None:
    start, most = time.monotonic(), target.limits['upload_seconds'] + SLACK
    with target.connect() as line:
        line.sendall(POST + b'Transfer-Encoding: chunked\r\n\r\n%x\r\n' % len(HEAD) + HEAD + b'\r\n')
        with suppress(OSError):
            while time.monotonic() - start < most:
                line.sendall(b'1\r\nx\r\n')
                time.sleep(0.05)
    if time.monotonic() - start >= most:
        return 'the connection stayed open'
    return None if target.running.empty() else 'its start stays in the spool'


def _no_body(target: Target) -> str | None:
    start = time.monotonic()
    with target.connect(target.limits['upload_seconds'] + SLACK) as line:
        line.sendall(POST + b'Content-Length: 5000\r\n\r\n')
        reply = read_reply(line)
    return Expect((408,))(reply) or (f'{time.monotonic() - start:.0f} s' if not target.running.empty() else None)


def _slow_reader(target: Target) -> str | None:
    """Ask for much, in a small window, and do not read."""
    ended = threading.Event()
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    line.connect(('127.0.0.1', target.running.port))
    line.settimeout(target.limits['upload_seconds'] + SLACK)

    def ask() -> None:
        with suppress(OSError):
            for _ in range(4000):
                line.sendall(request('GET', '/api/docs/swagger-ui-bundle.js'))
        ended.set()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    cut = ended.wait(target.limits['upload_seconds'] + SLACK)
    line.close()
    thread.join(5)
    return None if cut else 'the connection stayed open'


def _idle(target: Target) -> str | None:
    """More connections than allowed, all silent: they end by themselves, and others are served then."""
    lines: list[socket.socket] = []
    with suppress(OSError):
        lines += [target.connect() for _ in range(int(target.limits['connections']) + 50)]
    time.sleep(target.limits['header_seconds'] + 0.5)
    end = time.monotonic() + SLACK
    reply = target.ask('GET', '/api/v1/health')
    while reply.status != 200 and time.monotonic() < end:
        time.sleep(0.3)
        reply = target.ask('GET', '/api/v1/health')
    for line in lines:
        line.close()
    return None if reply.status == 200 else f'others are answered {reply.status}'


def _broken_off(target: Target) -> str | None:
    for _ in range(40):
        with target.connect() as line:
            line.sendall(POST + b'Transfer-Encoding: chunked\r\n\r\n%x\r\n' % len(HEAD) + HEAD + b'\r\n')
    return None if target.running.empty(10) else 'an upload stays in the spool'


def _flood(target: Target) -> str | None:
    """Twice as many as may wait, at once: each is answered, or told to come again."""
    body, kind = form([part('file', PNG, 'a.png'), part('blank', 'stated')])
    found: list[int] = []

    def ask() -> None:
        found.append(target.ask('POST', PREVIEW, [f'Content-Type: {kind}'], body).status)

    threads = [threading.Thread(target=ask) for _ in range(2 * int(target.limits['waiting']))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    strange = set(found) - {200, 429, 503}
    return f'answered {sorted(strange)}' if strange or len(found) != len(threads) else None
