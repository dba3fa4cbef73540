"""The application: routes, guards around them, and errors in one form."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from usmm.server.http.auth import LOGIN_PATH, Doorkeeper, Guard
from usmm.server.http.headers import SafeHeaders
from usmm.server.http.http_errors import RequestError
from usmm.server.http.logs import AccessLog, log_defect
from usmm.server.http.openapi import describe, route_options
from usmm.server.http.pages import STATIC, Pages
from usmm.server.http.responses import FAILED, error_reply, json_reply
from usmm.server.http.routes import Api, EngineLike
from usmm.server.queue import ClientGone, WorkQueue
from usmm.server.server_limits import Limits
from usmm.server.spool import Spool, default_spool
from usmm.version import __version__

GONE = 499  # nobody reads it; it stands in the log


@dataclass(frozen=True)
class Settings:
    """How a server works.

    Args:
        limits: What a request may take.
        token: Needed by every route but health; None: none is.
        hosts: Names by which the server may be called, beside those of loopback.
        jobs: Requests that the engine answers at a time.
        spool: Where uploads lie; None: a folder of this user below the system's temporary folder.
        spool_bytes: Of all uploads at a time.
        static: Folder of the page.
    """

    limits: Limits = field(default_factory=Limits)
    token: str | None = field(default=None, repr=False)
    hosts: Iterable[str] = ()
    jobs: int = 2
    spool: Path | None = None
    spool_bytes: int = 2**31
    static: Path = STATIC


class Server:
    """An ASGI application over an engine.

    Args:
        engine: What answers; closed with the server.
        settings: How it works.
    """

    def __init__(self, engine: EngineLike, settings: Settings) -> None:
        self.engine, self.settings, self._closed = engine, settings, False
        limits = settings.limits
        self.guard = Guard(settings.token, settings.hosts)
        self.queue = WorkQueue(settings.jobs, limits.waiting, limits.wait_seconds)
        self.spool = Spool(settings.spool or default_spool(), limits.keep_seconds, settings.spool_bytes)
        self.pages = Pages(self.guard, limits, self.spool, settings.static)
        self.app = self._application()
        self.description = describe(self.app, limits, self.guard.closed)
        self._asgi: ASGIApp = AccessLog(SafeHeaders(Doorkeeper(self.app, self.guard, self._login)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._asgi(scope, receive, send)

    def close(self) -> None:
        """Stop: waiting requests are refused, uploads removed, the engine closed. A second time does nothing."""
        if not self._closed:
            self._closed = True
            self.queue.close()
            self.spool.close()
            self.engine.close()

    def _application(self) -> FastAPI:
        app = FastAPI(
            title='usmm', version=__version__, docs_url=None, redoc_url=None, openapi_url=None,
            redirect_slashes=False, lifespan=self._life,
        )  # fmt: skip
        options = route_options(self.engine.models())
        for method, path, handler in Api(self.engine, self.settings.limits, self.spool, self.queue).routes():
            app.add_api_route(path, handler, methods=[method], **options[handler.__name__])
        for path, handler in (
            ('/', self.pages.index),
            ('/static/{name:path}', self.pages.static_file),
            ('/api/openapi.json', self._openapi),
            ('/api/docs', self.pages.docs_page),
            ('/api/docs/{name}', self.pages.docs_file),
        ):
            app.add_api_route(path, handler, methods=['GET'], response_model=None, include_in_schema=False)
        app.add_api_route(
            LOGIN_PATH, self.pages.session, methods=['POST', 'DELETE'], response_model=None, include_in_schema=False
        )
        app.add_exception_handler(RequestError, _told)
        app.add_exception_handler(HTTPException, _framework)
        app.add_exception_handler(RequestValidationError, _invalid)
        app.add_exception_handler(ClientGone, _nobody)
        app.add_exception_handler(ClientDisconnect, _nobody)
        app.add_exception_handler(Exception, _defect)
        return app

    @asynccontextmanager
    async def _life(self, app: FastAPI) -> AsyncIterator[None]:
        yield
        self.close()

    async def _openapi(self, request: Request) -> Response:
        return json_reply(self.description)

    async def _login(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.pages.login(Request(scope, receive))(scope, receive, send)


async def _told(request: Request, error: Exception) -> Response:
    return error_reply(error if isinstance(error, RequestError) else FAILED)


async def _framework(request: Request, error: Exception) -> Response:
    """Errors of the framework: only their status is kept, their words may repeat the path."""
    status = error.status_code if isinstance(error, HTTPException) else 400
    headers = error.headers if isinstance(error, HTTPException) else None
    if status == 404:
        return error_reply(RequestError('not_found', 'There is nothing at this address.'))
    words = 'This address is not for this method.' if status == 405 else 'The request cannot be understood.'
    return error_reply(RequestError('bad_request', words), status, headers)


async def _invalid(request: Request, error: Exception) -> Response:
    return error_reply(RequestError('bad_request', 'The request cannot be understood.'), 422)


async def _nobody(request: Request, error: Exception) -> Response:
    return Response(None, GONE)


async def _defect(request: Request, error: Exception) -> Response:
    log_defect(error)
    return error_reply(FAILED)
