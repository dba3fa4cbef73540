"""Headers of every answer: what a browser may do with it, and whether the connection can go on."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from usmm.server.http.http_errors import RequestError
from usmm.server.http.responses import error_reply

POLICY = '; '.join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
ALWAYS = {
    'Content-Security-Policy': POLICY,
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Permissions-Policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'X-Robots-Tag': 'noindex',
}
KEEP_NOTHING = 'no-store'
TWO_SIZES = 'The request states its size in two ways.'


class SafeHeaders:
    """Put the headers on every answer of an application.

    An answer that is sent while parts of the request are still on their way closes the connection: else the rest,
    however long, would have to be read before the next request.

    A request that states both a length and chunks is refused, and its connection closed (RFC 9112, section 6.3): a
    proxy that goes by the other of the two would take its end for a request of another user, or the reverse.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope['type'] != 'http':
            await self.app(scope, receive, send)
            return
        headers_in = Headers(scope=scope)
        unread = has_body(headers_in)

        async def watched() -> Message:
            nonlocal unread
            message = await receive()
            if message['type'] != 'http.request' or not message.get('more_body', False):
                unread = False
            return message

        async def dressed(message: Message) -> None:
            if message['type'] == 'http.response.start':
                headers = MutableHeaders(scope=message)
                headers.update(ALWAYS)
                headers.setdefault('Cache-Control', KEEP_NOTHING)
                del headers['server']
                if unread:
                    headers['Connection'] = 'close'
            await send(message)

        if 'transfer-encoding' in headers_in and 'content-length' in headers_in:
            await error_reply(RequestError('bad_request', TWO_SIZES))(scope, watched, dressed)
            return
        await self.app(scope, watched, dressed)


def has_body(headers: Headers) -> bool:
    """Whether a request says that a body follows."""
    return 'transfer-encoding' in headers or headers.get('content-length', '0').strip('0 ') != ''
