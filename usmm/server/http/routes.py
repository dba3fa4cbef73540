"""The API: each request read to the spool, answered by the engine in a thread, and forgotten."""

from __future__ import annotations

import math
import platform
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from usmm.server.answer_types import Answer, Batch, BatchRow, ModelInfo, Models, Preview, Version
from usmm.server.decode.sniff import BY_SUFFIX, CLIP, STILL
from usmm.server.http.http_errors import RequestError
from usmm.server.http.responses import json_reply, to_json
from usmm.server.http.uploads import Form, Uploads, receive
from usmm.server.queue import WorkQueue
from usmm.server.server_limits import Limits
from usmm.server.spool import Folder, Spool
from usmm.version import __version__

PREFIX, API = '/api/v1', '1'
KINDS, BLANKS = {'image': STILL, 'clip': CLIP}, ('auto', 'stated')
FLAGS = {'true': True, 'false': False}
OPTIONS = frozenset({'explain', 'blank'})
HEALTH_SECONDS = 1.0
PREVIEW = Form({'file': 'any'}, frozenset({'kind', 'blank'}), once=frozenset({'file'}))
BATCH = Form({'table': 'table', 'files': 'any'}, frozenset())


class Handler(Protocol):
    """Answers the requests of a route; its name finds the description of the route."""

    __name__: str

    def __call__(self, request: Request) -> Awaitable[Response]:
        """Answer one request."""


class FieldsLike(Protocol):
    """Fields of a model's form."""

    @property
    def files(self) -> Mapping[str, str]:
        """Field -> 'image', 'clip' or 'mask'."""

    @property
    def values(self) -> AbstractSet[str]:
        """Names of text fields."""


class EngineLike(Protocol):
    """What answers. It blocks, and raises RequestError; all else is a defect."""

    def models(self) -> list[ModelInfo]:
        """The models, as they are told."""

    def card(self, model: str) -> str:
        """A model's page, Markdown."""

    def fields(self, model: str) -> FieldsLike:
        """A model's form."""

    def preview(self, path: Path, kind: str, blank: str) -> Preview:
        """What is read of a file."""

    def predict(
        self, model: str, files: Mapping[str, Sequence[Path]], values: Mapping[str, str], explain: bool, blank: str
    ) -> Answer:
        """The answer for a case."""

    def batch(self, model: str, table: Path, files: Mapping[str, Path]) -> tuple[list[BatchRow], str]:
        """Rows and CSV of a table of cases."""

    def problem(self) -> str | None:
        """Why files cannot be read now; None: they can."""

    def close(self) -> None:
        """The end."""


class Api:
    """Handlers of the routes below `PREFIX`.

    Args:
        engine: What answers.
        limits: What a request may take.
        spool: Where uploads lie.
        queue: Before the threads that the engine works in.
    """

    def __init__(self, engine: EngineLike, limits: Limits, spool: Spool, queue: WorkQueue) -> None:
        self.engine, self.limits, self.spool, self.queue = engine, limits, spool, queue
        self._looking, self._looked, self._found = threading.Lock(), -math.inf, list[str]()

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Method, path and handler of each."""
        model = f'{PREFIX}/models/{{model}}'
        return [
            ('GET', f'{PREFIX}/health', self.health),
            ('GET', f'{PREFIX}/version', self.version),
            ('GET', f'{PREFIX}/models', self.models),
            ('GET', model, self.model),
            ('GET', f'{model}/card', self.card),
            ('POST', f'{PREFIX}/preview', self.preview),
            ('POST', f'{model}/predictions', self.predict),
            ('POST', f'{model}/batch', self.batch),
        ]

    async def health(self, request: Request) -> Response:
        """Whether the server answers, and can read files."""
        problems = await run_in_threadpool(self._problems)
        if problems:
            raise RequestError('unavailable', ' '.join(problems))
        return json_reply({'status': 'ok'})

    def _problems(self) -> list[str]:
        """What is wrong, looked at again at most every `HEALTH_SECONDS`: everybody may ask."""
        with self._looking:
            now = time.monotonic()
            if now >= self._looked + HEALTH_SECONDS:
                found = (self.spool.problem(), self.engine.problem())
                self._found, self._looked = [text for text in found if text is not None], now
            return self._found

    async def version(self, request: Request) -> Response:
        """Versions."""
        found: Version = {
            'usmm': __version__,
            'torch': version('torch'),
            'python': platform.python_version(),
            'api': API,
        }
        return json_reply(found)

    async def models(self, request: Request) -> Response:
        """All models."""
        found: Models = {'models': self.engine.models()}
        return json_reply(found)

    async def model(self, request: Request) -> Response:
        """One model."""
        name = request.path_params['model']
        found = next((model for model in self.engine.models() if model['id'] == name), None)
        if found is None:
            raise RequestError('not_found', 'There is no such model here.')
        return json_reply(found)

    async def card(self, request: Request) -> Response:
        """The page of a model."""
        return Response(self.engine.card(request.path_params['model']), media_type='text/markdown; charset=utf-8')

    async def preview(self, request: Request) -> Response:
        """What is read of one file."""
        self.queue.check()
        with self.spool.folder() as folder:
            uploads = await self._receive(request, PREVIEW, folder)
            path = only(uploads, 'file')
            kind = chosen(uploads.values, 'kind', KINDS, 'image')
            if KINDS[kind] not in BY_SUFFIX[path.suffix].uses:
                words = f'This is a file of the type {BY_SUFFIX[path.suffix].name}, which is read as no {kind}.'
                raise RequestError('bad_type', words, 'file')
            blank = chosen(uploads.values, 'blank', BLANKS, 'auto')
            return json_reply(await self._run(request, folder, lambda: self.engine.preview(path, kind, blank)))

    async def predict(self, request: Request) -> Response:
        """The answer for one case."""
        began, model = time.perf_counter(), request.path_params['model']
        fields = self.engine.fields(model)
        self.queue.check()
        with self.spool.folder() as folder:
            form = Form(fields.files, frozenset(fields.values) | OPTIONS)
            uploads = await self._receive(request, form, folder)
            explain = FLAGS[chosen(uploads.values, 'explain', FLAGS, 'true')]
            blank = chosen(uploads.values, 'blank', BLANKS, 'auto')
            values = {name: text for name, text in uploads.values.items() if name not in OPTIONS}
            queued = time.perf_counter()

            def answer() -> Answer:
                waited = time.perf_counter() - queued
                found = self.engine.predict(model, uploads.files, values, explain, blank)
                total = time.perf_counter() - began
                seconds = found['seconds']
                return {**found, 'seconds': {**seconds, 'wait': round(waited, 3), 'total': round(total, 3)}}

            return json_reply(await self._run(request, folder, answer))

    async def batch(self, request: Request) -> Response:
        """The answers for a table of cases."""
        model = request.path_params['model']
        self.engine.fields(model)
        self.queue.check()
        with self.spool.folder() as folder:
            uploads = await self._receive(request, BATCH, folder, whole_names=True)
            table = only(uploads, 'table')
            as_csv = 'text/csv' in request.headers.get('accept', '')

            def answer() -> bytes | Batch:
                rows, text = self.engine.batch(model, table, uploads.named)
                return text.encode() if as_csv else {'model': model, 'rows': rows}

            body = await self._run(request, folder, answer)
        if as_csv:
            headers = {'Content-Disposition': 'attachment; filename="predictions.csv"'}
            return Response(body, 200, headers, 'text/csv; charset=utf-8')
        return json_reply(body)

    async def _receive(self, request: Request, form: Form, folder: Folder, whole_names: bool = False) -> Uploads:
        kind, length = request.headers.get('content-type', ''), request.headers.get('content-length')
        return await receive(request.stream(), kind, length, form, folder, self.limits, whole_names)

    async def _run(self, request: Request, folder: Folder, call: Callable[[], object]) -> bytes:
        """The answer's bytes, made in a worker thread: an answer holds pictures, megabytes of text."""

        def work() -> bytes:
            with self.spool.hold(folder):  # also where the client, and with it this request, is gone
                found = call()
            return found if isinstance(found, bytes) else to_json(found)

        with self.spool.hold(folder):  # while it waits
            return await self.queue.run(work, gone=gone(request))


async def gone(request: Request) -> None:
    """Ends when the client of a request, whose body was read, closes its connection."""
    while (await request.receive())['type'] != 'http.disconnect':
        pass


def chosen(values: Mapping[str, str], name: str, known: Collection[str], default: str) -> str:
    """A field that is one of a few words.

    Args:
        values: Fields of the form.
        name: The field.
        known: The words.
        default: Where it is not given.

    Raises:
        RequestError: `bad_request`.
    """
    value = values.get(name, default)
    if value not in known:
        raise RequestError('bad_request', f'{name} must be one of: {", ".join(known)}.', name)
    return value


def only(uploads: Uploads, name: str) -> Path:
    """The one file of a field.

    Args:
        uploads: What came.
        name: The field.

    Raises:
        RequestError: `missing_input`.
    """
    if name not in uploads.files:
        raise RequestError('missing_input', f'A file is needed in the field {name}.', name)
    return uploads.files[name][0]
