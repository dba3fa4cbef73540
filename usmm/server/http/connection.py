"""Connections: time for the headers, for reading answers, and room for so many clients at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from usmm.server.http.accept import established
from usmm.server.http.headers import ALWAYS, KEEP_NOTHING
from usmm.server.http.http_errors import RequestError
from usmm.server.http.responses import EXTRA, to_json
from usmm.server.server_limits import Limits

HEADER_BYTES = 16 * 1024
LINGER_SECONDS = 2.0
REASONS = {400: 'Bad Request', 408: 'Request Timeout', 503: 'Service Unavailable'}
BAD = RequestError('bad_request', 'The request is not HTTP as it should be.')
LATE = RequestError('timeout', 'The headers took too long to arrive.')
CROWDED = RequestError('unavailable', 'The server has too many connections. Try again soon.')


class GuardedProtocol(H11Protocol):
    """HTTP/1.1 with deadlines that slow clients cannot stretch.

    From the start of a connection, and from each answer, a client has `header_seconds` to send the next headers,
    however it trickles them. From the moment at which an answer has to wait for a client that reads slowly, the client
    has `upload_seconds` to read the rest, however it trickles that; then it is cut off. An answer that ends
    a request before its body has come is followed by a short time in which the rest is thrown away: closing at once
    would reset the connection, and the client would not see the answer.

    Made by `guarded`, which sets limits and the number of connections.
    """

    limits = Limits()
    most = 200

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        self._late: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None
        self._started = False
        self._waits = False  # to write more
        established(transport)
        self._line = Line(transport, self)
        super().connection_made(self._line)  # type: ignore[arg-type]
        if len(self.connections) > self.most:
            self.connections.discard(self)  # else those that are refused would keep others out
            self._line.write(raw_error(503, CROWDED))
            self._line.close(linger=False)
            return
        self._wait_for_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._line.lost()
        self._stop_waiting()
        self.resume_writing()
        self._not_stuck()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes have come; on a connection that is being closed they are thrown away."""
        if self._line.is_closing():
            return
        self._started = True
        super().data_received(data)

    def handle_events(self) -> None:
        """Work through what came; the headers' time ends with the headers."""
        super().handle_events()
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """An answer is sent; the next headers' time begins."""
        self._started = False
        if not self._waits:
            self._not_stuck()
        if not self._line.is_closing():
            self._wait_for_headers()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client reads slowly, or not; the time for the rest of the answer begins."""
        self._waits = True
        super().pause_writing()
        if self._stuck is None:
            self._stuck = self.loop.call_later(self.limits.upload_seconds, self._line.abort)

    def resume_writing(self) -> None:
        """The client has read what was waiting; the time runs on as long as there is more of this answer."""
        self._waits = False
        if self.cycle is None or self.cycle.response_complete:
            self._not_stuck()
        super().resume_writing()

    def _not_stuck(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; the words of the parser could repeat what came."""
        self._refuse(400, BAD)

    def _refuse(self, status: int, error: RequestError) -> None:
        """Send an error without the application, and close."""
        running = self.cycle is not None and not self.cycle.response_complete
        if running:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if running and self.cycle.response_started:
            self._line.abort()
            return
        self._line.write(raw_error(status, error))
        self._line.close(linger=True)

    def _wait_for_headers(self) -> None:
        self._stop_waiting()
        self._late = self.loop.call_later(self.limits.header_seconds, self._too_late)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _too_late(self) -> None:
        if self._line.is_closing():
            return
        if self._started:
            self._refuse(408, LATE)
        else:
            self._line.close()


class Line:
    """A transport that closes gently: it ends writing, throws away what still comes, and has done after a while.

    Args:
        transport: The real one.
        protocol: Whose request may be on its way.
    """

    def __init__(self, transport: asyncio.Transport, protocol: GuardedProtocol) -> None:
        self._transport, self._protocol = transport, protocol
        self._closing = False
        self._timers: list[asyncio.TimerHandle] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._closing or self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Send, unless it is too late for that."""
        if not self.is_closing():
            self._transport.write(data)

    def abort(self) -> None:
        """Close at once; what was not sent is lost."""
        self._closing = True
        self._transport.abort()

    def close(self, linger: bool | None = None) -> None:
        """Close when all is sent.

        Args:
            linger: Wait for the rest of what the client sends; None: where its request is not whole.
        """
        if self.is_closing():
            return
        self._closing = True
        protocol = self._protocol
        if linger is None:
            linger = protocol.conn.their_state is h11.SEND_BODY
        self._timers.append(protocol.loop.call_later(protocol.limits.upload_seconds, self._transport.abort))
        if not linger:
            self._transport.close()
            return
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._transport.resume_reading()
        self._timers.append(protocol.loop.call_later(LINGER_SECONDS, self._transport.close))

    def lost(self) -> None:
        """The connection has ended."""
        self._closing = True
        for timer in self._timers:
            timer.cancel()


def guarded(limits: Limits, connections: int = 200) -> type[GuardedProtocol]:
    """The protocol class with these limits.

    Args:
        limits: Of time.
        connections: At a time.

    Raises:
        ValueError: connections below 1.
    """
    if connections < 1:
        raise ValueError(f'connections must be 1 or more, got {connections}')
    return type('GuardedProtocol', (GuardedProtocol,), {'limits': limits, 'most': connections})


def raw_error(status: int, error: RequestError) -> bytes:
    """A whole answer as bytes, for what never reaches the application.

    Args:
        status: HTTP status.
        error: What to tell.
    """
    body = to_json(error.body())
    more = {'Content-Type': 'application/json', 'Content-Length': str(len(body)), 'Connection': 'close'}
    headers = {**ALWAYS, **EXTRA.get(error.code, {}), 'Cache-Control': KEEP_NOTHING, **more}
    lines = [f'HTTP/1.1 {status} {REASONS[status]}', *(f'{name}: {value}' for name, value in headers.items()), '', '']
    return '\r\n'.join(lines).encode() + body
