"""The page, its files, the API's own page and the sign-in. Only files that were there at the start are served."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from usmm.server.http.auth import COOKIE, SESSION_SECONDS, Guard, client_of
from usmm.server.http.http_errors import RequestError
from usmm.server.http.responses import error_reply
from usmm.server.http.uploads import Form, receive
from usmm.server.server_limits import Limits
from usmm.server.spool import Spool

HERE = Path(__file__).resolve().parents[1]
STATIC, DOCS = HERE / 'static', HERE / 'apidocs'
SWAGGER = ('swagger-ui.css', 'swagger-ui-bundle.js')
TYPES = {
    '.html': 'text/html; charset=utf-8',
    '.js': 'text/javascript; charset=utf-8',
    '.css': 'text/css; charset=utf-8',
    '.json': 'application/json',
    '.svg': 'image/svg+xml',
    '.png': 'image/png',
    '.ico': 'image/x-icon',
    '.woff2': 'font/woff2',
    '.txt': 'text/plain; charset=utf-8',
}
SIGN_IN = Form({}, frozenset({'token'}))
FORM, FORM_BYTES = 'application/x-www-form-urlencoded', 4096


class Files:
    """Files that may be asked for, by name: a name that is not in the list is not looked for on the disk.

    Args:
        files: Name -> file.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self.files = {name: path for name, path in files.items() if path.suffix in TYPES}

    @classmethod
    def of(cls, folder: Path) -> Files:
        """All files of a folder and its subfolders."""
        found = sorted(path for path in folder.rglob('*') if path.is_file() and not path.is_symlink())
        return cls({path.relative_to(folder).as_posix(): path for path in found})

    def reply(self, name: str, request: Request, status: int = 200) -> Response:
        """A file as an answer; 304 where the client has it.

        Args:
            name: Of the file.
            request: Its header If-None-Match is looked at.
            status: HTTP status.

        Raises:
            RequestError: `not_found`.
        """
        if name not in self.files:
            raise RequestError('not_found', 'There is no such file.')
        content = self.files[name].read_bytes()
        headers = {'ETag': f'"{hashlib.sha256(content).hexdigest()[:32]}"', 'Cache-Control': 'no-cache'}
        if status == 200 and headers['ETag'] in request.headers.get('if-none-match', ''):
            return Response(None, 304, headers)
        return Response(content, status, headers, TYPES[self.files[name].suffix])


class Pages:
    """Handlers of what is not the API.

    Args:
        guard: For signing in.
        limits: Of the sign-in form.
        spool: Of the same.
        static: Folder of the page.
    """

    def __init__(self, guard: Guard, limits: Limits, spool: Spool, static: Path = STATIC) -> None:
        self.guard, self.limits, self.spool = guard, limits, spool
        self.static, self.docs = Files.of(static), Files({**Files.of(DOCS).files, **_swagger()})

    async def index(self, request: Request) -> Response:
        """The page."""
        return self.static.reply('index.html', request)

    async def static_file(self, request: Request) -> Response:
        """A file of the page."""
        return self.static.reply(request.path_params['name'], request)

    async def docs_page(self, request: Request) -> Response:
        """The page of the API."""
        return self.docs.reply('index.html', request)

    async def docs_file(self, request: Request) -> Response:
        """A file of the API's page."""
        return self.docs.reply(request.path_params['name'], request)

    async def session(self, request: Request) -> Response:
        """Sign in (POST) or out (DELETE)."""
        if request.method == 'DELETE':
            self.guard.close_session(request.headers)
            reply = Response(None, 204)
            reply.delete_cookie(COOKIE, '/', httponly=True, samesite='strict')
            return reply
        token = await self._token(request)
        browser = 'text/html' in request.headers.get('accept', '')
        try:
            self.guard.try_token(token, client_of(request.scope))
        except RequestError as error:
            return self.login(request) if browser and error.code == 'unauthorized' else error_reply(error)
        reply = Response(None, 303, {'Location': '/'}) if browser else Response(None, 204)
        if self.guard.closed:
            reply.set_cookie(
                COOKIE, self.guard.open_session(), int(SESSION_SECONDS), path='/', httponly=True, samesite='strict',
                secure=request.url.scheme == 'https',
            )  # fmt: skip
        return reply

    def login(self, request: Request) -> Response:
        """The page that asks for the token, status 401."""
        if 'login.html' not in self.static.files:
            return error_reply(RequestError('unauthorized', 'A token is needed.'))
        reply = self.static.reply('login.html', request, 401)
        reply.headers['Cache-Control'] = 'no-store'
        reply.headers['WWW-Authenticate'] = 'Bearer'
        return reply

    async def _token(self, request: Request) -> str:
        kind = request.headers.get('content-type', '')
        if kind.split(';')[0].strip().lower() == FORM:
            values = await asyncio.wait_for(self._form(request), self.limits.upload_seconds)
        else:
            length = request.headers.get('content-length')
            with self.spool.folder() as folder:
                uploads = await receive(request.stream(), kind, length, SIGN_IN, folder, self.limits)
            values = [uploads.values[name] for name in uploads.values]
        if len(values) != 1:
            raise RequestError('bad_request', 'The form needs its field token, once.', 'token')
        return values[0]

    async def _form(self, request: Request) -> list[str]:
        content = b''
        async for data in request.stream():
            content += data
            if len(content) > FORM_BYTES:
                raise RequestError('too_large', f'The form is longer than {FORM_BYTES} bytes.')
        try:
            return parse_qs(content.decode('ascii'), max_num_fields=8, errors='strict').get('token', [])
        except ValueError:
            raise RequestError('bad_request', 'The body is no form.') from None


def _swagger() -> dict[str, Path]:
    from swagger_ui_bundle import swagger_ui_path

    return {name: Path(str(swagger_ui_path)) / name for name in SWAGGER}
