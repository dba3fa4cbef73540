"""What is logged: when, which kind of request, and how it ended. Nothing that was sent is ever written."""

from __future__ import annotations

import logging
import sys
import time
import traceback
from pathlib import Path
from types import TracebackType

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from usmm.server.http.responses import FAILED, error_reply

ACCESS = logging.getLogger('usmm.server.access')
DEFECTS = logging.getLogger('usmm.server.defects')
OTHERS = ('uvicorn', 'uvicorn.error', 'uvicorn.access', 'uvicorn.asgi', 'python_multipart', 'asyncio', 'multipart')
METHODS = frozenset({'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'})
NO_ROUTE = '-'


class AccessLog:
    """Log one line for each request, and turn what nobody caught into an answer without its text.

    The line: time, method, route as written in the program (never the path that came), status, milliseconds, bytes in.

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
        start, taken, status = time.perf_counter(), 0, 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get('body', b''))
            return message

        async def noted(message: Message) -> None:
            nonlocal status
            if message['type'] == 'http.response.start':
                status = message['status']
            await send(message)

        try:
            await self.app(scope, counted, noted)
        except Exception as error:
            log_defect(error)
            if not status:
                await error_reply(FAILED)(scope, counted, noted)
        finally:
            milliseconds = (time.perf_counter() - start) * 1000
            ACCESS.info('%s %s %d %.0f %d', method_of(scope), route_of(scope), status, milliseconds, taken)


def method_of(scope: Scope) -> str:
    """The method; a word that is none is not repeated."""
    return scope['method'] if scope['method'] in METHODS else 'OTHER'


def route_of(scope: Scope) -> str:
    """The route with the names of its parts, such as /api/v1/models/{model}; '-' where there is none."""
    return getattr(scope.get('route'), 'path', NO_ROUTE)


def log_defect(error: BaseException) -> None:
    """Log the type of an error and where it was raised, and nothing of its text.

    Args:
        error: What nobody caught; logged once, also where it passes here twice.
    """
    if getattr(error, '_logged', False):
        return
    error._logged = True  # type: ignore[attr-defined]
    DEFECTS.error('%s at %s', type(error).__name__, place_of(error.__traceback__))


def place_of(trace: TracebackType | None) -> str:
    """The innermost places of a traceback, file names without folders: `engine.py:12 < app.py:40`."""
    frames = traceback.extract_tb(trace)[-4:]
    return ' < '.join(f'{Path(frame.filename).name}:{frame.lineno}' for frame in reversed(frames)) or 'unknown place'


def set_up_logs(to: str | Path | None = None) -> None:
    """Send our lines to standard error or a file, and silence the libraries, which would log what was sent.

    Args:
        to: A file to append to; None: standard error.
    """
    handler = logging.StreamHandler(sys.stderr) if to is None else logging.FileHandler(to, encoding='utf-8')
    formatter = logging.Formatter('%(asctime)sZ %(message)s', '%Y-%m-%dT%H:%M:%S')
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    for logger in (ACCESS, DEFECTS):
        for old in logger.handlers[:]:
            logger.removeHandler(old)
            old.close()
        logger.addHandler(handler)
        logger.propagate = False
        logger.setLevel(logging.INFO)
    for name in OTHERS:
        other = logging.getLogger(name)
        other.handlers = [logging.NullHandler()]
        other.propagate = False
