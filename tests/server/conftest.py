"""One engine with the two published models, a stand-in for it, and servers over either."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import httpx
import pytest


@pytest.fixture(scope='session')
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three synthetic patients."""
    from usmm.phantoms.generate import make_phantom

    return make_phantom(tmp_path_factory.mktemp('phantom') / 'ph', 3, 5, strength=2, clip_seconds=1.5, workers=1)


@pytest.fixture(scope='session')
def engine() -> Iterator[Any]:
    """The two models of the shipped zoo, with small limits."""
    import torch

    from usmm.server.engine import Engine
    from usmm.server.server_limits import MIB, Limits

    torch.set_num_threads(1)
    limits = Limits(decode_seconds=4, decode_bytes=512 * MIB)
    found = Engine(['msmfn_small_phantom', 'msmfn_small_breast'], limits, device='cpu')
    yield found
    found.close()


@pytest.fixture(scope='session')
def hostile(project_root: Path) -> Any:
    """The makers of bombs."""
    sys.path.insert(0, str(project_root / 'proofs'))
    try:
        import hostile_bombs
    finally:
        sys.path.remove(str(project_root / 'proofs'))
    return hostile_bombs


@pytest.fixture(scope='session')
def stand_in() -> ModuleType:
    """The module stand_in.py: an engine that answers at once."""
    spec = importlib.util.spec_from_file_location('stand_in', Path(__file__).with_name('stand_in.py'))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def make_server(stand_in: ModuleType, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Make a `Server` over a stand-in, with limits by name; `engine`, `token`, `hosts`, `jobs` and `static` too."""
    from usmm.server.http.app import Server, Settings
    from usmm.server.server_limits import Limits

    made: list[Server] = []

    def make(engine: Any = None, **given: Any) -> Server:
        known = ('token', 'hosts', 'jobs', 'static')
        settings: dict[str, Any] = {name: given.pop(name) for name in known if name in given}
        made.append(
            Server(engine or stand_in.StandIn(), Settings(Limits(**given), spool=tmp_path / 'spool', **settings))
        )
        return made[-1]

    yield make
    for server in made:
        server.close()


class Client:
    """Asks an application in this process, each time in an event loop of its own; keeps cookies."""

    def __init__(self, server: Any) -> None:
        self.server, self.engine, self.cookies = server, server.engine, httpx.Cookies()

    def request(self, method: str, path: str, **given: Any) -> httpx.Response:
        """One request, and its whole answer."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.server)
            base = 'http://localhost'
            async with httpx.AsyncClient(transport=transport, base_url=base, cookies=self.cookies) as client:
                found = await client.request(method, path, **given)
                self.cookies = client.cookies
                return found

        return asyncio.run(ask())

    def get(self, path: str, **given: Any) -> httpx.Response:
        """GET."""
        return self.request('GET', path, **given)

    def post(self, path: str, **given: Any) -> httpx.Response:
        """POST."""
        return self.request('POST', path, **given)


@pytest.fixture
def make_client(make_server: Callable[..., Any]) -> Callable[..., Client]:
    """A client of a server that `make_server` makes."""
    return lambda **given: Client(make_server(**given))


@pytest.fixture
def live(make_server: Callable[..., Any]) -> Iterator[Callable[..., SimpleNamespace]]:
    """A server on a free port of this machine: its `port`, `server`, `engine`, `runner` and `connect`."""
    from usmm.server.http.start import open_socket, runner

    running: list[tuple[Any, threading.Thread]] = []
    opened: list[socket.socket] = []

    def start(connections: int = 50, **given: Any) -> SimpleNamespace:
        server, listener = make_server(**given), open_socket('127.0.0.1', 0)
        port, runs = listener.getsockname()[1], runner(server, connections)
        thread = threading.Thread(target=runs.run, args=([listener],), daemon=True)
        thread.start()
        running.append((runs, thread))
        end = time.monotonic() + 10
        while not runs.started and time.monotonic() < end:
            time.sleep(0.01)

        def connect() -> socket.socket:
            opened.append(socket.create_connection(('127.0.0.1', port), timeout=10))
            return opened[-1]

        return SimpleNamespace(port=port, server=server, engine=server.engine, connect=connect, runner=runs)

    yield start
    for made in opened:
        made.close()
    for runs, thread in running:
        runs.should_exit = True
        thread.join(timeout=15)
