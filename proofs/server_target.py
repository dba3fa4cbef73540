"""Asking a server by hand: requests whose every byte is chosen, and answers as they came."""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPResponse
from typing import Any

from server_process import TOKEN, Running

PREDICT, BATCH, PREVIEW = '/api/v1/models/{}/predictions', '/api/v1/models/{}/batch', '/api/v1/preview'
AUTH = f'Authorization: Bearer {TOKEN}'
PATIENCE = 60.0  # s
Part = tuple[bytes, bytes]


@dataclass(frozen=True)
class Reply:
    """An answer.

    Args:
        status: 0: the connection ended without one.
        headers: Names in lower case.
        body: Its bytes.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b''

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The code of an error."""
        try:
            return self.json['error']['code']
        except (ValueError, KeyError, TypeError):
            return None

    @property
    def safe(self) -> bool:
        """Whether a browser can do nothing with it but what is meant."""
        policy = self.headers.get('content-security-policy', '')
        return policy.startswith("default-src 'none'") and self.headers.get('x-content-type-options') == 'nosniff'


def part(name: str, content: bytes | str, filename: bytes | str | None = None, kind: str = '') -> Part:
    """The headers and the content of one part of a form; a file name is put in as it is."""
    text = f'Content-Disposition: form-data; name="{name}"'.encode()
    if filename is not None:
        text += b'; filename="' + (filename.encode() if isinstance(filename, str) else filename) + b'"'
    text += f'\r\nContent-Type: {kind}'.encode() if kind else b''
    return text, content.encode() if isinstance(content, str) else content


def form(parts: Sequence[Part]) -> tuple[bytes, str]:
    """A body and its content type."""
    line = secrets.token_hex(12)
    body = b''.join(f'--{line}\r\n'.encode() + head + b'\r\n\r\n' + content + b'\r\n' for head, content in parts)
    return body + f'--{line}--\r\n'.encode(), f'multipart/form-data; boundary={line}'


def request(method: str, path: str, headers: Sequence[str] = (), body: bytes = b'', host: str = 'localhost') -> bytes:
    """A request as bytes; with the token."""
    lines = [f'{method} {path} HTTP/1.1', f'Host: {host}', AUTH, *headers]
    lines += [f'Content-Length: {len(body)}'] if body else []
    return '\r\n'.join([*lines, '', '']).encode('latin-1') + body


class Target:
    """A server that is attacked or asked.

    Args:
        running: Its process.
        model: Id of the model that is asked.
        parts: A request that it answers.
        limits: Names and values of the limits that it was started with.
    """

    def __init__(self, running: Running, model: str, parts: Sequence[Part], limits: Mapping[str, float]) -> None:
        self.running, self.model, self.parts, self.limits = running, model, list(parts), dict(limits)
        self.predict, self.batch = PREDICT.format(model), BATCH.format(model)
        self.expected = self.probabilities()

    def connect(self, seconds: float = PATIENCE, source: str = '127.0.0.1') -> socket.socket:
        """An open connection; a `source` such as 127.0.0.9 is another client to the server."""
        return socket.create_connection(('127.0.0.1', self.running.port), seconds, (source, 0))

    def raw(self, content: bytes, seconds: float = PATIENCE, source: str = '127.0.0.1') -> bytes:
        """All that comes back for these bytes, until the server ends the connection or is silent for so long."""
        found = b''
        with self.connect(seconds, source) as line, suppress(OSError):
            with suppress(OSError):  # it may answer, and close, before all is sent
                line.sendall(content)
            while data := line.recv(65536):
                found += data
        return found

    def send(self, content: bytes, source: str = '127.0.0.1', method: str = 'GET') -> Reply:
        """The first answer to these bytes."""
        with self.connect(source=source) as line, suppress(OSError):
            with suppress(OSError):
                line.sendall(content)
            return read_reply(line, method)
        return Reply(0)

    def ask(
        self,
        method: str,
        path: str,
        headers: Sequence[str] = (),
        body: bytes = b'',
        token: bool = True,
        source: str = '127.0.0.1',
    ) -> Reply:
        """The answer to one request on a connection of its own."""
        content = request(method, path, [*headers, 'Connection: close'], body)
        if not token:
            content = content.replace(f'{AUTH}\r\n'.encode(), b'', 1)
        return self.send(content, source, method)

    def post(self, path: str, parts: Sequence[Part], headers: Sequence[str] = ()) -> Reply:
        """The answer to a form."""
        body, kind = form(parts)
        return self.ask('POST', path, [f'Content-Type: {kind}', *headers], body)

    def upload(self, content: bytes, filename: bytes | str = 'a.png', kind: str = 'image/png', read: str = '') -> Reply:
        """A file in the field of an image of a preview, or of a clip where `read` says so."""
        return self.post(PREVIEW, [part('file', content, filename, kind), *([part('kind', read)] if read else [])])

    def probabilities(self) -> dict[str, float]:
        """What the model says of the good request.

        Raises:
            RuntimeError: It does not answer.
        """
        end = time.monotonic() + PATIENCE
        while (found := self.post(self.predict, [*self.parts, part('explain', 'false')])).status in (429, 503):
            if time.monotonic() > end:
                break
            time.sleep(0.5)
        if found.status != 200:
            raise RuntimeError(f'a normal request was answered {found.status}: {found.body[:300]!r}')
        return found.json['probabilities']

    def harmed(self) -> str | None:
        """What is wrong with the server, or None."""
        if not self.running.alive:
            return 'the server has died'
        try:
            found = self.probabilities()
        except (RuntimeError, OSError) as error:
            return str(error)
        if any(abs(found[name] - value) > 1e-6 for name, value in self.expected.items()):
            return 'a normal request has another answer than before'
        return None if self.running.empty() else 'an upload stays in the spool'


def read_reply(line: socket.socket, method: str = 'GET') -> Reply:
    """One answer from a connection."""
    answer = HTTPResponse(line, method=method)
    try:
        answer.begin()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, headers, answer.read())
    except (OSError, ValueError):
        return Reply(0)
    except Exception as error:  # http.client has many of its own
        if type(error).__module__ != 'http.client':
            raise
        return Reply(0)
    finally:
        answer.close()
