"""A listening socket that counts its connections, by client and in all, from the moment at which they are accepted.

A client that connects and says nothing, or that begins a TLS handshake and does not end it, is not seen by the HTTP
protocol. It is counted here, and closed when its time is over.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from contextlib import suppress


class Connection(socket.socket):
    """An accepted connection; closing it gives its place back.

    Args:
        listener: That accepted it.
        file: Its descriptor.
        client: Address of the client.
    """

    def __init__(self, listener: CountingListener, file: int, client: str) -> None:
        super().__init__(listener.family, listener.type, listener.proto, fileno=file)
        self._listener, self._client, self.established = listener, client, False

    def close(self) -> None:
        """Close, and give the place back."""
        listener, self._listener = self._listener, None  # type: ignore[assignment]
        if listener is not None:
            listener.gone(self._client)
        super().close()

    def expire(self) -> None:
        """End a connection that has not come as far as HTTP."""
        if not self.established and self.fileno() >= 0:
            with suppress(OSError):
                self.shutdown(socket.SHUT_RDWR)


class CountingListener(socket.socket):
    """A listening socket that accepts so many connections at a time, and of one client only some of them.

    Those that are too many are closed at once, before a byte of them is read.

    Args:
        listener: The socket; its descriptor is taken over.
        most: Connections at a time.
        most_of_client: Of one address at a time. The addresses of an IPv6 network (/64) count as one.
        seconds: By then a connection is established: with TLS, its handshake is done.
    """

    def __init__(self, listener: socket.socket, most: int, most_of_client: int, seconds: float) -> None:
        super().__init__(listener.family, listener.type, listener.proto, fileno=listener.detach())
        self.setblocking(False)
        self.most, self.most_of_client, self.seconds = most, most_of_client, seconds
        self.open = 0
        self.refused = 0
        self.by_client: Counter[str] = Counter()

    def accept(self) -> tuple[Connection, object]:  # type: ignore[override]
        """The next connection that has a place.

        Raises:
            BlockingIOError: There is none.
        """
        while True:
            file, address = self._accept()  # type: ignore[attr-defined]  # what socket.accept is made of
            client = client_network(str(address[0]) if isinstance(address, tuple) else '')
            made = Connection(self, file, client)
            self.open += 1
            self.by_client[client] += 1
            made.setblocking(False)
            if self.open > self.most or self.by_client[client] > self.most_of_client:
                self.refused += 1
                made.close()
                continue
            with suppress(RuntimeError):  # no loop runs: a test accepts
                asyncio.get_running_loop().call_later(self.seconds, made.expire)
            return made, address

    def gone(self, client: str) -> None:
        """A connection has ended."""
        self.open -= 1
        self.by_client[client] -= 1
        if self.by_client[client] <= 0:
            del self.by_client[client]


def client_network(address: str) -> str:
    """What counts as one client: an IPv4 address, or the network of 64 bits of an IPv6 address.

    Example:
        >>> client_network('192.0.2.7'), client_network('2001:db8:1:2:3:4:5:6'), client_network('::ffff:192.0.2.7')
        ('192.0.2.7', '2001:db8:1:2::/64', '192.0.2.7')
    """
    import ipaddress

    try:
        found = ipaddress.ip_address(address.partition('%')[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found, 64), strict=False))


def established(transport: asyncio.BaseTransport) -> None:
    """Note that a connection has come as far as HTTP."""
    found = transport.get_extra_info('socket')
    inner = getattr(found, '_sock', found)  # asyncio wraps the socket
    if isinstance(inner, Connection):
        inner.established = True
