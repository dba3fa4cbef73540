"""Who may ask: the host that is named, the page that asks, and the token."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterable

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from usmm.server.http.http_errors import RequestError
from usmm.server.http.responses import error_reply

COOKIE = 'usmm_session'
LOOPBACK = ('localhost', '127.0.0.1', '::1')
SAFE = frozenset({'GET', 'HEAD', 'OPTIONS'})
SHORTEST_TOKEN = 16
TRIES, WINDOW = 10, 60.0
SESSIONS, SESSION_SECONDS = 1000, 12 * 3600.0
CLIENTS = 10_000
LOGIN_PATH, HEALTH_PATH, LOGIN_FILES = '/session', '/api/v1/health', '/static/login.'


class Guard:
    """Tokens, sessions, and how often a wrong token was tried.

    Args:
        token: None: nobody needs one.
        hosts: Names and addresses by which the server may be called, without ports; those of loopback always may.
        clock: Seconds, for tests.

    Raises:
        ValueError: The token is short, or not of printable ASCII without blanks.
    """

    def __init__(
        self, token: str | None = None, hosts: Iterable[str] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        if token is not None and len(token) < SHORTEST_TOKEN:
            raise ValueError(f'the token must have {SHORTEST_TOKEN} characters or more, it has {len(token)}')
        if token is not None and not all('!' <= letter <= '~' for letter in token):
            raise ValueError('the token must be printable ASCII without blanks: it is sent in a header')
        self._token = None if token is None else _digest(token)
        self.hosts, self.clock = frozenset(plain_host(host) for host in (*LOOPBACK, *hosts)), clock
        self._sessions: dict[bytes, float] = {}
        self._wrong: dict[str, list[float]] = {}

    @property
    def closed(self) -> bool:
        """Whether a token is needed."""
        return self._token is not None

    def check_host(self, headers: Headers) -> None:
        """Refuse a request that names another host: a foreign page whose name was made to point here (DNS rebinding).

        Args:
            headers: Of the request.

        Raises:
            RequestError: `forbidden`.
        """
        named = headers.getlist('host')
        if len(named) != 1 or plain_host(named[0]) not in self.hosts:
            raise RequestError('forbidden', 'The server is not known by this name. Name it with --allow-host.')

    def check_origin(self, method: str, headers: Headers) -> None:
        """Refuse what another site's page sends in the name of a user (CSRF).

        Args:
            method: GET and HEAD change nothing, and their answers cannot be read by other sites.
            headers: Of the request.

        Raises:
            RequestError: `forbidden`.
        """
        if method in SAFE:
            return
        if headers.get('sec-fetch-site', 'same-origin') not in ('same-origin', 'none'):
            raise RequestError('forbidden', 'Requests from pages of other sites are refused.')
        origin = headers.get('origin')
        host = headers.get('host', '').lower()
        if origin is not None and origin.lower() not in (f'http://{host}', f'https://{host}'):
            raise RequestError('forbidden', 'Requests from pages of other sites are refused.')

    def check_token(self, headers: Headers, client: str) -> None:
        """Refuse a request without the token or a session.

        Args:
            headers: Of the request.
            client: Its address, to count wrong tries.

        Raises:
            RequestError: `unauthorized`; `busy` after too many wrong tokens from there, also for the right one.
        """
        if self._token is None or self._in_session(headers):
            return
        kind, _, token = headers.get('authorization', '').partition(' ')
        if kind.lower() != 'bearer' or not token:
            raise RequestError('unauthorized', 'A token is needed: send it as "Authorization: Bearer ...", or sign in.')
        self.try_token(token.strip(), client)

    def try_token(self, token: str, client: str) -> None:
        """Compare a token in constant time, and count the wrong ones.

        Args:
            token: As it came.
            client: Address of the client.

        Raises:
            RequestError: As `check_token`.
        """
        now = self.clock()
        wrong = [when for when in self._wrong.get(client, []) if now - when < WINDOW]
        if len(wrong) >= TRIES:
            raise RequestError('busy', 'Too many wrong tokens. Wait a minute.')
        if self._token is not None and not hmac.compare_digest(_digest(token), self._token):
            self._wrong.pop(client, None)  # the latest to err stands last
            self._wrong[client] = [*wrong, now]
            while len(self._wrong) > CLIENTS:
                del self._wrong[next(iter(self._wrong))]
            raise RequestError('unauthorized', 'The token is wrong.')

    def open_session(self) -> str:
        """A new session's secret, for the cookie."""
        now = self.clock()
        self._sessions = {key: end for key, end in self._sessions.items() if end > now}
        while len(self._sessions) >= SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        secret = secrets.token_urlsafe(32)
        self._sessions[_digest(secret)] = now + SESSION_SECONDS
        return secret

    def close_session(self, headers: Headers) -> None:
        """End the session that a request names, if there is one."""
        for secret in _cookies(headers):
            self._sessions.pop(_digest(secret), None)

    def _in_session(self, headers: Headers) -> bool:
        ends = (self._sessions.get(_digest(secret)) for secret in _cookies(headers))
        return any(end is not None and end > self.clock() for end in ends)


class Doorkeeper:
    """Let a request pass to the application, or answer it here.

    Args:
        app: The application.
        guard: Who may pass.
        login: The page that asks for the token, sent with status 401 to a browser that opens `/`; None: JSON.
    """

    def __init__(self, app: ASGIApp, guard: Guard, login: ASGIApp | None = None) -> None:
        self.app, self.guard, self.login = app, guard, login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope['type'] != 'http':
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self.guard.check_host(headers)
            self.guard.check_origin(scope['method'], headers)
            if not is_open(scope):
                self.guard.check_token(headers, client_of(scope))
        except RequestError as error:
            page = self.login if error.code == 'unauthorized' and scope['path'] == '/' else None
            await (page or error_reply(error))(scope, receive, send)
            return
        await self.app(scope, receive, send)


def is_open(scope: Scope) -> bool:
    """Whether a request needs no token: health, signing in and out, and what the sign-in page is made of."""
    path, method = scope['path'], scope['method']
    reads = method in ('GET', 'HEAD')
    if path == LOGIN_PATH:
        return method in ('POST', 'DELETE')
    return reads and (path == HEALTH_PATH or path.startswith(LOGIN_FILES))


def client_of(scope: Scope) -> str:
    """The address of the client, '' where it is not known."""
    return (scope.get('client') or ('', 0))[0]


def plain_host(host: str) -> str:
    """A host without its port and brackets, in lower case.

    Example:
        >>> plain_host('[::1]:8000'), plain_host('LOCALHOST:80'), plain_host('::1')
        ('::1', 'localhost', '::1')
    """
    host = host.strip().lower()
    if host.startswith('['):
        inside, end, rest = host[1:].partition(']')
        return inside if end and (not rest or (rest[0] == ':' and rest[1:].isdecimal())) else ''
    if host.count(':') > 1:
        return host
    name, _, port = host.partition(':')
    return name.removesuffix('.') if not port or port.isdecimal() else ''


def _cookies(headers: Headers) -> list[str]:
    """The values of our cookie; a browser may hold several of one name."""
    return [cookie_parser(line)[COOKIE] for line in headers.getlist('cookie') if COOKIE in cookie_parser(line)]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode('utf-8', 'surrogateescape')).digest()
