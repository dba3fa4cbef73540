from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from usmm.server.http.connection import guarded, raw_error
from usmm.server.http.http_errors import RequestError
from usmm.server.server_limits import Limits

Live = Callable[..., SimpleNamespace]
GET = b'GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n'
POST = (
    b'POST /api/v1/models/small/predictions HTTP/1.1\r\nHost: localhost\r\n'
    b'Content-Type: multipart/form-data; boundary=x\r\n'
)
PART = b'--x\r\nContent-Disposition: form-data; name=bus; filename=a\r\n\r\n'
CHUNKED = POST + b'Transfer-Encoding: chunked\r\n\r\n'


def chunk(data: bytes) -> bytes:
    return b'%x\r\n%s\r\n' % (len(data), data)


def all_of(connection: socket.socket) -> bytes:
    """Everything up to the end of the connection."""
    found = b''
    while data := connection.recv(65536):
        found += data
    return found


def one_of(connection: socket.socket) -> bytes:
    """One answer with a stated length."""
    found = b''
    while b'\r\n\r\n' not in found:
        found += connection.recv(65536)
    head, _, body = found.partition(b'\r\n\r\n')
    length = int(next(line for line in head.lower().split(b'\r\n') if line.startswith(b'content-length')).split()[1])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b'\r\n\r\n' + body


def wait_until(reached: Callable[[], bool], seconds: float = 8) -> bool:
    end = time.monotonic() + seconds
    while not reached() and time.monotonic() < end:
        time.sleep(0.01)
    return reached()


def post(png: bytes) -> bytes:
    body = PART + png + b'\r\n--x--\r\n'
    return POST + b'Content-Length: %d\r\n\r\n' % len(body) + body


def test_headers_that_trickle_have_an_end(live: Live) -> None:
    connection = live(header_seconds=0.4).connect()
    start = time.monotonic()
    connection.sendall(b'GET / HTTP/1.1\r\n')
    sent = 0
    try:
        while time.monotonic() - start < 5:
            connection.sendall(b'X-A: b\r\n')
            sent += 1
            time.sleep(0.05)
    except OSError:
        pass
    assert 0.3 < time.monotonic() - start < 4
    assert sent >= 4


def test_late_headers_are_answered_and_silence_is_not(live: Live) -> None:
    server = live(header_seconds=0.3)
    late, silent = server.connect(), server.connect()
    late.sendall(b'GET / HT')
    assert all_of(late).startswith(b'HTTP/1.1 408 ')
    assert all_of(silent) == b''


def test_the_time_starts_again_with_each_answer(live: Live) -> None:
    connection = live(header_seconds=0.5).connect()
    for _ in range(4):
        time.sleep(0.25)
        connection.sendall(GET)
        assert one_of(connection).startswith(b'HTTP/1.1 200')
    connection.sendall(GET[:10])
    assert all_of(connection).startswith(b'HTTP/1.1 408 ')


def test_requests_in_one_piece_are_answered_in_turn(live: Live) -> None:
    connection = live(header_seconds=0.5).connect()
    connection.sendall(GET * 3)
    assert all_of(connection).count(b'{"status":"ok"}') == 3


def test_a_body_that_trickles_has_an_end(live: Live) -> None:
    server = live(upload_seconds=0.4)
    connection = server.connect()
    connection.sendall(CHUNKED + chunk(PART + b'GIF89a'))
    stop = threading.Event()

    def trickle() -> None:
        while not stop.wait(0.05):
            try:
                connection.sendall(chunk(b'x'))
            except OSError:
                return

    thread = threading.Thread(target=trickle)
    thread.start()
    found = one_of(connection)
    stop.set()
    thread.join()
    assert found.startswith(b'HTTP/1.1 408 ')
    assert b'"code":"timeout"' in found
    assert b'connection: close' in found.lower()
    assert not any(path.is_dir() for path in server.server.spool.path.iterdir())


def test_an_endless_chunked_body_is_cut_off_and_its_sender_told(live: Live) -> None:
    server = live(request_bytes=300_000, file_bytes=100_000)
    connection = server.connect()
    connection.sendall(CHUNKED + chunk(PART + b'GIF89a'))
    sent = 0
    try:
        while sent < 50_000_000 and not _readable(connection):
            connection.sendall(chunk(b'x' * 20_000))
            sent += 20_000
    except OSError:
        pytest.fail('the connection was reset before the answer came')
    found = all_of(connection)
    assert found.startswith(b'HTTP/1.1 413 ')
    assert sent < 10_000_000
    assert server.engine.calls == []


def _readable(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        connection.settimeout(10)


def test_a_stated_size_is_refused_without_the_body(live: Live) -> None:
    connection = live().connect()
    connection.sendall(POST + b'Content-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n')
    found = all_of(connection)
    assert found.startswith(b'HTTP/1.1 413 ')
    assert b'100 Continue' not in found


@pytest.mark.parametrize(
    'start',
    [
        b'\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03',
        b'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
        b'GET / HTTP/1.1\r\n\r\n',
        b'GET /' + b'a' * 40_000 + b' HTTP/1.1\r\n',
        b'GET / HTTP/1.1\r\nX: ' + b'a' * 40_000,
        b'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n',
        b'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n',
        b'Doe Jane\r\n\r\n',
    ],
)
def test_what_is_no_http_is_refused_and_not_repeated(live: Live, start: bytes) -> None:
    connection = live().connect()
    connection.sendall(start)
    found = all_of(connection)
    assert found.startswith(b'HTTP/1.1 400 ')
    assert b'"code":"bad_request"' in found
    assert b'Content-Security-Policy' in found
    assert b'Doe' not in found
    assert b'uvicorn' not in found.lower()


def test_nothing_hides_behind_a_request_of_two_sizes(live: Live) -> None:
    connection = live().connect()
    both = b'Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n' % (len(GET) + 5)
    connection.sendall(b'POST /api/v1/preview HTTP/1.1\r\nHost: localhost\r\n' + both + GET)
    found = all_of(connection)
    assert found.startswith(b'HTTP/1.1 400 ')
    assert found.count(b'HTTP/1.1 ') == 1


def test_a_broken_chunk_ends_the_request(live: Live) -> None:
    server = live()
    connection = server.connect()
    connection.sendall(CHUNKED + chunk(PART + b'GIF89a') + b'zz\r\n')
    assert all_of(connection).startswith(b'HTTP/1.1 400 ')
    assert wait_until(lambda: not any(path.is_dir() for path in server.server.spool.path.iterdir()))


def test_no_more_connections_than_allowed(live: Live) -> None:
    server = live(connections=2)
    first = [server.connect(), server.connect()]
    for connection in first:
        connection.sendall(GET)
        assert one_of(connection).startswith(b'HTTP/1.1 200')
    third = server.connect()
    assert all_of(third).startswith(b'HTTP/1.1 503 ')
    first[0].close()
    assert wait_until(lambda: _asks(server))


def _asks(server: SimpleNamespace) -> bool:
    connection = server.connect()
    try:
        connection.sendall(GET)
        return one_of(connection).startswith(b'HTTP/1.1 200')
    except OSError:
        return False
    finally:
        connection.close()


def test_a_client_that_leaves_while_it_waits_frees_its_place(live: Live, stand_in: Any) -> None:
    server = live(engine=stand_in.StandIn(hold=True), jobs=1, waiting=1)
    running, waiting = server.connect(), server.connect()
    running.sendall(post(stand_in.PNG))
    assert server.engine.entered.acquire(timeout=8)
    waiting.sendall(post(stand_in.PNG))
    assert wait_until(lambda: server.server.queue.waiting == 1)
    full = server.connect()
    full.sendall(post(stand_in.PNG))
    assert one_of(full).startswith(b'HTTP/1.1 429 ')
    waiting.close()
    assert wait_until(lambda: server.server.queue.waiting == 0)
    again = server.connect()
    again.sendall(post(stand_in.PNG))
    assert wait_until(lambda: server.server.queue.waiting == 1)
    server.engine.let_go.set()
    assert one_of(running).startswith(b'HTTP/1.1 200 ')
    assert one_of(again).startswith(b'HTTP/1.1 200 ')
    assert len(server.engine.calls) == 2
    assert wait_until(lambda: not any(path.is_dir() for path in server.server.spool.path.iterdir()))


def test_a_client_that_leaves_during_its_upload_leaves_nothing(live: Live) -> None:
    server = live()
    connection = server.connect()
    connection.sendall(CHUNKED + chunk(PART + b'GIF89a' + b'x' * 5000))
    spool = server.server.spool.path
    assert wait_until(lambda: any(spool.rglob('0.gif')))
    connection.close()
    assert wait_until(lambda: not any(path.is_dir() for path in spool.iterdir()))


def test_a_client_that_does_not_read_its_answer_is_cut_off(live: Live, stand_in: Any) -> None:
    server = live(upload_seconds=0.5)
    server.engine.preview = lambda *given: {'x': 'y' * 30_000_000}
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(10)
    connection.connect(('127.0.0.1', server.port))
    connection.sendall(
        post(stand_in.PNG)
        .replace(b'models/small/predictions', b'preview')
        .replace(b'=bus;', b'=file;')
        .replace(b'Length: %d' % (len(PART + stand_in.PNG) + 9), b'Length: %d' % (len(PART + stand_in.PNG) + 10))
    )
    assert connection.recv(10) == b'HTTP/1.1 2'
    # sooner than the 5 seconds after which an idle connection is closed
    assert wait_until(lambda: len(server.runner.server_state.connections) == 0, 4)
    connection.close()


def test_stopping_refuses_what_waits(live: Live, stand_in: Any) -> None:
    server = live(engine=stand_in.StandIn(hold=True), jobs=1)
    running, waiting = server.connect(), server.connect()
    running.sendall(post(stand_in.PNG))
    assert server.engine.entered.acquire(timeout=8)
    waiting.sendall(post(stand_in.PNG))
    assert wait_until(lambda: server.server.queue.waiting == 1)
    server.runner.should_exit = True
    assert one_of(waiting).startswith(b'HTTP/1.1 503 ')
    server.engine.let_go.set()
    assert one_of(running).startswith(b'HTTP/1.1 200 ')
    assert wait_until(lambda: server.engine.closed == 1)
    assert not server.server.spool.path.exists()


def test_connections_must_be_positive() -> None:
    with pytest.raises(ValueError, match='connections must be 1 or more, got 0'):
        guarded(Limits(), 0)


def test_a_raw_answer_states_its_length() -> None:
    head, _, body = raw_error(503, RequestError('stopping', 'words')).partition(b'\r\n\r\n')
    assert b'Content-Length: %d\r\n' % len(body) in head + b'\r\n'
    assert b'Retry-After: ' in head
