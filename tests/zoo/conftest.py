"""A model zoo of random files, and a web server that serves it with faults."""

from __future__ import annotations

import hashlib
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

FILES = {'model.safetensors': 300_000, 'config.py': 900}


def make_zoo(root: Path, name: str = 'small', **more: Any) -> Path:
    """A zoo of one model with the files of FILES."""
    rng = np.random.default_rng(len(name))
    (root / name).mkdir(parents=True)
    files = []
    for file, size in FILES.items():
        content = rng.bytes(size)
        (root / name / file).write_bytes(content)
        files.append(dict(Path=f'{name}/{file}', SHA256=hashlib.sha256(content).hexdigest(), Size=size))
    record = dict(Name=name, Weights=f'{name}/model.safetensors', Files=files, **more)
    (root / 'index.yml').write_text(yaml.safe_dump(dict(Models=[record])))
    return root


@dataclass
class Server:
    """What the server does with the requests to come, and what it was asked for.

    `faults` are used up one a request for the weights: a name of a method of Handler, or a status code.
    """

    root: Path
    faults: list[str | int] = field(default_factory=list)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    elsewhere: str = ''
    always: str | int | None = None
    url: str = ''

    def of_weights(self) -> list[str | None]:
        """The Range headers of the requests for the weights."""
        return [r for path, r in self.asked if path.endswith('model.safetensors')]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.0'
    state: Server

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.state.asked.append((self.path, self.headers.get('Range')))
        path = self.state.root / self.path.lstrip('/')
        if not path.is_file():
            return self.answer(404, b'<html>not found</html>')
        content, fault = path.read_bytes(), None
        if path.name == 'model.safetensors':
            fault = self.state.faults.pop(0) if self.state.faults else self.state.always
        start = int((self.headers.get('Range') or 'bytes=0-')[6:-1])
        if isinstance(fault, int):
            return self.answer(fault, b'<html>error</html>')
        if fault is not None:
            return getattr(self, fault)(content, start)
        return self.ranged(content, start)

    def answer(self, code: int, content: bytes, **headers: str) -> None:
        self.send_response(code)
        self.send_header('Content-Length', headers.pop('length', str(len(content))))
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.end_headers()
        self.wfile.write(content)

    def ranged(self, content: bytes, start: int) -> None:
        if start:
            place = f'bytes {start}-{len(content) - 1}/{len(content)}'
            return self.answer(206, content[start:], Content_Range=place)
        return self.answer(200, content)

    def cut(self, content: bytes, start: int) -> None:
        half = content[start : start + (len(content) - start) // 2]
        code, headers = (
            (206, dict(Content_Range=f'bytes {start}-{len(content) - 1}/{len(content)}')) if start else (200, {})
        )
        self.answer(code, half, length=str(len(content) - start), **headers)

    def cut_without_length(self, content: bytes, start: int) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(content[:1000])

    def stall(self, content: bytes, start: int) -> None:
        self.answer(200, content[:5000], length=str(len(content)))
        self.wfile.flush()
        time.sleep(1.0)

    def drip(self, content: bytes, start: int) -> None:
        self.answer(200, b'', length=str(len(content)))
        for i in range(40):
            self.wfile.write(content[i : i + 1])
            time.sleep(0.05)

    def wrong(self, content: bytes, start: int) -> None:
        self.answer(200, bytes(len(content)))

    def wrong_bit(self, content: bytes, start: int) -> None:
        self.ranged(content[:-1] + bytes([content[-1] ^ 1]), start)

    def page(self, content: bytes, start: int) -> None:
        self.answer(200, b'<!DOCTYPE html>please log in')

    def longer(self, content: bytes, start: int) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(content + bytes(2**20))

    def from_zero(self, content: bytes, start: int) -> None:
        """Says that it took the range, and sends the file from its start."""
        self.answer(
            206, content[: len(content) - start], Content_Range=f'bytes {start}-{len(content) - 1}/{len(content)}'
        )

    def other_range(self, content: bytes, start: int) -> None:
        self.answer(206, content[10:], Content_Range=f'bytes 10-{len(content) - 1}/{len(content)}')

    def no_range(self, content: bytes, start: int) -> None:
        self.answer(200, content)

    def nonsense(self, content: bytes, start: int) -> None:
        self.wfile.write(b'\x00\x01 this is no HTTP\r\n\r\n')

    def hang_up(self, content: bytes, start: int) -> None:
        pass

    def redirect(self, content: bytes, start: int) -> None:
        self.answer(302, b'', Location=self.state.elsewhere)

    def redirect_here(self, content: bytes, start: int) -> None:
        self.answer(302, b'', Location=self.path)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / 'cache'


@pytest.fixture
def serve() -> Iterator[Callable[[Path], Server]]:
    """Start a server on a folder."""
    running = []

    def start(root: Path) -> Server:
        state = Server(root)
        handler = type('Bound', (Handler,), {'state': state})
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        state.url = f'http://127.0.0.1:{server.server_address[1]}'
        running.append(server)
        return state

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def zoo_folder(tmp_path: Path) -> Path:
    """A zoo in a folder."""
    return make_zoo(tmp_path / 'zoo')


@pytest.fixture
def new_zoo() -> Callable[..., Path]:
    """Make another zoo: (folder, name, fields of the entry)."""
    return make_zoo
