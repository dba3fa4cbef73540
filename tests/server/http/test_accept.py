"""Connections are counted from the moment they are accepted: silent ones, handshakes, and those of one client."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from usmm.server.http.accept import CountingListener
from usmm.server.http.start import open_socket, serve

Serve = Callable[..., SimpleNamespace]


def wait_until(reached: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not reached() and time.monotonic() < end:
        time.sleep(0.01)
    return reached()


@pytest.fixture
def listening() -> Iterator[CountingListener]:
    with CountingListener(open_socket('127.0.0.1', 0), 4, 2, 10) as found:
        yield found


def connect(listener: socket.socket, client: str = '127.0.0.1') -> socket.socket:
    return socket.create_connection(listener.getsockname()[:2], timeout=5, source_address=(client, 0))


def accepted(listener: CountingListener) -> list[Any]:
    """All that wait; a connection on this machine is there when `connect` returns."""
    found = []
    while True:
        try:
            found.append(listener.accept()[0])
        except BlockingIOError:
            return found


def test_one_client_takes_its_share_and_no_more(listening: CountingListener) -> None:
    clients = [connect(listening) for _ in range(5)] + [connect(listening, '127.0.0.2')]
    found = accepted(listening)
    assert [c.getpeername()[0] for c in found] == ['127.0.0.1', '127.0.0.1', '127.0.0.2']
    assert (listening.open, listening.refused) == (3, 3)
    assert clients[4].recv(1) == b''  # closed at once
    found[0].close()
    found[0].close()  # a second time gives nothing back
    assert (listening.open, listening.by_client) == (2, {'127.0.0.1': 1, '127.0.0.2': 1})
    clients.append(connect(listening))
    assert len(accepted(listening)) == 1
    for one in (*clients, *found):
        one.close()


def test_all_together_are_limited(listening: CountingListener) -> None:
    clients = [connect(listening, f'127.0.0.{i}') for i in range(1, 7)]
    found = accepted(listening)
    assert (len(found), listening.open, listening.refused) == (4, 4, 2)
    for one in (*clients, *found):
        one.close()
    assert listening.open == 0 and not listening.by_client


def test_a_connection_that_says_nothing_ends(listening: CountingListener) -> None:
    client = connect(listening)
    (one,) = accepted(listening)
    one.established = True
    one.expire()
    client.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.recv(1)
    one.established = False
    one.expire()
    client.settimeout(5)
    assert client.recv(1) == b''
    one.close()
    one.expire()  # after the end nothing happens
    client.close()


@pytest.fixture(scope='module')
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which('openssl') is None:
        pytest.skip('no openssl, which makes the certificate')
    path = tmp_path_factory.mktemp('tls') / 'both.pem'
    key = path.with_name('key.pem')
    command = ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    subject = ['-days', '2', '-subj', '/CN=localhost', '-keyout', str(key), '-out', str(path)]
    subprocess.run([*command, *subject], check=True, capture_output=True)
    path.write_text(path.read_text() + key.read_text())
    return path


@pytest.fixture
def serving(make_server: Callable[..., Any]) -> Iterator[Serve]:
    """`serve` in a thread, as the command runs it."""
    running: list[tuple[Any, threading.Thread, list[socket.socket]]] = []

    def start(certfile: Path | None = None, connections: int = 8, of_client: int | None = None, **given: Any) -> Any:
        from usmm.server.http import start as module

        made: list[Any] = []
        keep = module.runner
        server, listener = make_server(**given), open_socket('127.0.0.1', 0)
        port = listener.getsockname()[1]

        def kept(*arguments: Any) -> Any:
            made.append(keep(*arguments))
            return made[0]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, 'runner', kept)
            patch.setattr(module, 'set_up_logs', lambda log: None)
            arguments = (server, listener, connections, certfile and str(certfile), None, None, of_client)
            thread = threading.Thread(target=serve, args=arguments, daemon=True)
            thread.start()
            assert wait_until(lambda: bool(made) and made[0].started)
        opened: list[socket.socket] = []
        running.append((made[0], thread, opened))

        def join(client: str = '127.0.0.1') -> socket.socket:
            opened.append(socket.create_connection(('127.0.0.1', port), timeout=10, source_address=(client, 0)))
            return opened[-1]

        return SimpleNamespace(port=port, connect=join, server=server, runner=made[0])

    yield start
    for runs, thread, opened in running:
        for one in opened:
            one.close()
        runs.should_exit = True
        thread.join(timeout=15)


def test_silent_connections_of_one_client_leave_room_for_others(serving: Serve) -> None:
    server = serving(of_client=3)
    for _ in range(12):
        server.connect()
    transport = httpx.HTTPTransport(local_address='127.0.0.2')
    with httpx.Client(transport=transport, base_url=f'http://127.0.0.1:{server.port}', timeout=10) as client:
        assert client.get('/api/v1/health').json() == {'status': 'ok'}


def test_handshakes_that_do_not_end_are_counted_and_closed(serving: Serve, certificate: Path) -> None:
    server = serving(certificate, connections=3, of_client=3, header_seconds=1.0)
    silent = [server.connect() for _ in range(5)]
    assert wait_until(lambda: _closed(silent[4]))  # a place for three: the others are closed at once
    half = [one for one in silent if not _closed(one)]
    assert len(half) == 3
    half[0].sendall(b'\x16\x03\x01\x02\x00\x01')  # the beginning of a handshake
    assert wait_until(lambda: all(map(_closed, half)))  # after a second
    context = ssl.create_default_context(cafile=str(certificate))
    with httpx.Client(verify=context, base_url=f'https://localhost:{server.port}', timeout=10) as client:
        assert wait_until(lambda: _answers(client))  # the places are given back a moment after the lines end


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get('/api/v1/health').status_code == 200
    except httpx.TransportError:
        return False


def _closed(connection: socket.socket) -> bool:
    connection.settimeout(0.01)
    try:
        return connection.recv(1) == b''
    except TimeoutError:
        return False
    except OSError:
        return True


def test_an_answer_that_is_read_in_drops_is_cut_off(serving: Serve) -> None:
    server = serving(upload_seconds=1.0)
    server.server.engine.card = lambda model: 'x' * 60_000_000
    client = server.connect()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.sendall(b'GET /api/v1/models/small/card HTTP/1.1\r\nHost: localhost\r\n\r\n')
    assert client.recv(10) == b'HTTP/1.1 2'
    end = time.monotonic() + 8
    while server.runner.server_state.connections and time.monotonic() < end:
        client.recv(200_000)  # it never stops reading, and the answer has 60 million bytes
        time.sleep(0.05)
    assert not server.runner.server_state.connections


def test_a_client_that_reads_is_not_cut_off(serving: Serve) -> None:
    server = serving(upload_seconds=3.0)
    server.server.engine.card = lambda model: 'x' * 30_000_000
    with httpx.Client(base_url=f'http://127.0.0.1:{server.port}', timeout=10) as client:
        for _ in range(2):  # the time of the first answer does not run into the second
            assert len(client.get('/api/v1/models/small/card').content) == 30_000_000
            assert wait_until(lambda: all(p._stuck is None for p in server.runner.server_state.connections))


@pytest.mark.parametrize('number', [0, -1])
def test_a_number_of_connections_that_is_none(number: int, make_server: Callable[..., Any]) -> None:
    told = f'connections of one client must be 1 or more, got {number}'
    with open_socket('127.0.0.1', 0) as listener, pytest.raises(ValueError, match=told):
        serve(make_server(), listener, of_client=number)
