"""Start a server: check what it is asked to be, open its socket, load the models, answer until it is stopped."""

from __future__ import annotations

import ipaddress
import math
import os
import signal
import socket
import stat
import threading
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from pathlib import Path

import uvicorn

from usmm.server.http.accept import CountingListener
from usmm.server.http.app import Server
from usmm.server.http.auth import plain_host
from usmm.server.http.connection import HEADER_BYTES, guarded
from usmm.server.http.logs import set_up_logs
from usmm.server.server_limits import Limits

TOKEN_VARIABLE = 'USMM_SERVE_TOKEN'
STOP_SECONDS, IDLE_SECONDS = 10, 5
TOLD = 32
EVERYWHERE = frozenset({'', '0.0.0.0', '::'})


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address.

    Example:
        >>> is_loopback('127.0.0.1'), is_loopback('localhost'), is_loopback('0.0.0.0'), is_loopback('example.org')
        (True, True, False, False)
    """
    name = plain_host(host)
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == 'localhost'


def read_token(path: str | Path | None) -> str | None:
    """The token of a file or of the environment, which loses it: processes that are started later do not inherit it.

    Args:
        path: A file of one line; None: the environment variable USMM_SERVE_TOKEN, if it is set.

    Raises:
        ValueError: The file may be read by everybody, or is empty.
    """
    given = os.environ.pop(TOKEN_VARIABLE, None)
    if path is None:
        return given or None
    if stat.S_IMODE(Path(path).stat().st_mode) & 0o007:
        raise ValueError(f'everybody may read the token file {path}: make it private (chmod 600)')
    token = Path(path).read_text(encoding='utf-8').strip()
    if not token:
        raise ValueError(f'the token file {path} is empty')
    return token


def check_exposure(host: str, allowed: Iterable[str], token: str | None, tls: bool) -> list[str]:
    """Whether a server may be reached as it is asked to be.

    Args:
        host: Address to listen at.
        allowed: Names by which it may be called.
        token: Of the server, or None.
        tls: Whether connections are encrypted.

    Returns:
        Warnings.

    Raises:
        ValueError: Others can reach it without a token, or it listens everywhere and nobody said by which name.
    """
    if is_loopback(host):
        return []
    if token is None:
        raise ValueError(f'{host} can be reached from other machines: give a token (--token-file or {TOKEN_VARIABLE})')
    if host in EVERYWHERE and not list(allowed):
        raise ValueError(f'with --host {host} say by which names the server is called: --allow-host NAME')
    if tls:
        return []
    return ['without --certfile the token and all that is sent pass the network unencrypted']


def named_hosts(host: str, allowed: Iterable[str]) -> list[str]:
    """The names by which a server may be called: the address that it listens at, where it is one, and those given.

    Example:
        >>> named_hosts('0.0.0.0', ['scan.example']), named_hosts('10.0.0.5', [])
        (['scan.example'], ['10.0.0.5'])
    """
    return [*allowed] if host in EVERYWHERE else [host, *allowed]


def read_limits(given: Iterable[str], limits: Limits | None = None) -> Limits:
    """Limits from `name=value`.

    Args:
        given: Such as `['waiting=32', 'file_bytes=1048576']`.
        limits: Those that are changed; None: the defaults.

    Raises:
        ValueError: An unknown name, or a value that is none.

    Example:
        >>> read_limits(['waiting=3']).waiting
        3
    """
    limits = limits or Limits()
    known = {field.name: getattr(limits, field.name) for field in fields(limits)}
    for one in given:
        name, mark, text = one.partition('=')
        if name not in known or not mark:
            raise ValueError(f'a limit is NAME=VALUE, and NAME one of {", ".join(known)}; got {one!r}')
        try:
            known[name] = type(known[name])(text)
        except ValueError:
            kind = 'a whole number' if isinstance(known[name], int) else 'a number'
            raise ValueError(f'limit {name} must be {kind}, got {text!r}') from None
        if not math.isfinite(known[name]):
            raise ValueError(f'limit {name} must be finite, got {text!r}')
    return replace(limits, **known)


def open_socket(host: str, port: int) -> socket.socket:
    """Listen, before the models are loaded: a port that is taken is told at once.

    Args:
        host: Address or name.
        port: 0: a free one.

    Raises:
        OSError: The address is taken or not of this machine.
    """
    name = plain_host(host) if host.startswith('[') else host
    family = socket.getaddrinfo(name or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
    return socket.create_server((name, port), family=family, backlog=128)


def address_of(listener: socket.socket, tls: bool) -> str:
    """The address to open in a browser."""
    host, port = listener.getsockname()[:2]
    return f'http{"s" if tls else ""}://{f"[{host}]" if ":" in host else host}:{port}'


class Runner(uvicorn.Server):
    """uvicorn, which tells the application at once that it is being stopped.

    Args:
        config: Of uvicorn.
        stopping: Called first.
    """

    def __init__(self, config: uvicorn.Config, stopping: Callable[[], object]) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Refuse what waits, then end."""
        self._stopping()
        await super().shutdown(sockets)


def runner(server: Server, connections: int = 200, certfile: str | None = None, keyfile: str | None = None) -> Runner:
    """A server that is ready to run on a socket: `runner(...).run([listener])`.

    Args:
        server: The application.
        connections: At a time.
        certfile: TLS certificate, PEM.
        keyfile: Its key, where it is not in the same file.

    Raises:
        ValueError: connections below 1.
    """
    config = uvicorn.Config(
        server, http=guarded(server.settings.limits, connections), ws='none', lifespan='on', loop='asyncio',
        log_config=None, access_log=False, server_header=False, proxy_headers=False,
        h11_max_incomplete_event_size=HEADER_BYTES, timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS, ssl_certfile=certfile, ssl_keyfile=keyfile,
    )  # fmt: skip
    return Runner(config, server.queue.close)


def serve(
    server: Server,
    listener: socket.socket,
    connections: int = 200,
    certfile: str | None = None,
    keyfile: str | None = None,
    log: str | Path | None = None,
    of_client: int | None = None,
) -> None:
    """Answer until the process is told to end (SIGINT, SIGTERM, or SIGHUP of a terminal that is closed).

    Args:
        server: The application.
        listener: An open socket.
        connections, certfile, keyfile: As of `runner`.
        log: File for the log; None: standard error.
        of_client: Connections of one client at a time; None: a quarter of `connections`.

    Raises:
        ValueError: connections or of_client below 1.
    """
    most = of_client if of_client is not None else max(1, connections // 4)
    if most < 1:
        raise ValueError(f'connections of one client must be 1 or more, got {most}')
    set_up_logs(log)
    spare = 0 if certfile else TOLD  # those that are told that there are too many; before TLS is there, nothing is told
    counting = CountingListener(listener, connections + spare, most, server.settings.limits.header_seconds)
    _end_with_the_terminal()
    try:
        runner(server, connections, certfile, keyfile).run([counting])
    finally:
        server.close()


def _end_with_the_terminal() -> None:
    """Let a terminal that is closed end the server as SIGTERM does: uploads are removed. `nohup` goes on to keep it."""
    number = getattr(signal, 'SIGHUP', None)  # Windows has none
    if number is None or threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(number) == signal.SIG_DFL:
        signal.signal(number, lambda *_: signal.raise_signal(signal.SIGTERM))
