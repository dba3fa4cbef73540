"""The OpenAPI document: FastAPI describes routes and answers; the forms, which our own parser reads, are added here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias, TypedDict, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from usmm.server import answer_types
from usmm.server.answer_types import ModelInfo, VariableInfo
from usmm.server.http.http_errors import STATUS
from usmm.server.http.responses import RETRY_SECONDS
from usmm.server.server_limits import MIB, Limits
from usmm.utils.json_types import JsonValue

Schema: TypeAlias = dict[str, JsonValue]
FILE: Schema = {'type': 'string', 'format': 'binary'}
BLANK: Schema = {
    'type': 'string',
    'enum': ['auto', 'stated'],
    'default': 'auto',
    'description': 'what is made black: all outside the ultrasound region, detected where the file does not state it '
    '(auto), or only where the file states it (stated)',
}
ABOUT = """\
**Research use only. usmm is not a medical device.**

Inputs of one case go in, probabilities come out; nothing of a request is kept. Types of files are recognised by their
content. Limits of a request: {files} files, {file} MiB each, {request} MiB in all, {seconds:g} seconds to arrive.
Errors have one form, see the schema Error; programs should go by `code`. Where a token is set, every route but
`/api/v1/health` needs it: `Authorization: Bearer TOKEN`.
"""
ANYWHERE = ('unauthorized', 'forbidden', 'busy', 'failed', 'stopping', 'unavailable')
UPLOAD = (*ANYWHERE, 'bad_request', 'timeout', 'too_large', 'bad_type', 'unreadable', 'no_room')
WORDS = {
    400: 'the form is not valid',
    401: 'a token is needed, or is wrong',
    403: 'called by another name, or from a page of another site',
    404: 'there is no such model',
    408: 'the request took too long to arrive',
    413: 'too large',
    415: 'a type that is not accepted',
    422: 'a file cannot be read, an input is missing, or a value is wrong',
    429: 'too many requests wait, or too many wrong tokens were tried',
    500: 'a defect of the server',
    503: 'the server is being stopped, has too many connections, or cannot write or read files at the moment',
    507: 'the server has no room for the upload',
}
NULL: Schema = {'type': 'null'}


class RouteOptions(TypedDict, total=False):
    """How FastAPI describes a route: arguments of `add_api_route`."""

    summary: str
    response_description: str
    response_model: object
    response_class: type[Response]
    responses: dict[int | str, dict[str, object]]
    openapi_extra: Schema


def route_options(models: Sequence[ModelInfo]) -> dict[str, RouteOptions]:
    """Name of a handler of `Api` -> how its route is described.

    Args:
        models: Their inputs become fields of the forms.
    """
    known: JsonValue = [model['id'] for model in models]
    schema: Schema = {'type': 'string', **({'enum': known} if known else {})}
    where: Schema = {'name': 'model', 'in': 'path', 'required': True, 'description': 'the id of a model'}
    of_model: Schema = {'parameters': [{**where, 'schema': schema}]}
    missing = (*ANYWHERE, 'not_found')
    text: Schema = {'schema': {'type': 'string'}}
    card = _route('The card of a model', None, missing, of_model, 'text/markdown', text)
    card['response_class'] = Response  # else FastAPI adds JSON
    predict: Schema = {**of_model, 'requestBody': _case(models)}
    batch: Schema = {**of_model, 'requestBody': _table()}
    return {
        'health': _route('Whether the server answers', answer_types.Health, ANYWHERE),
        'version': _route('Versions', answer_types.Version, ANYWHERE),
        'models': _route('The models: their inputs and outputs', answer_types.Models, ANYWHERE),
        'model': _route('One model', ModelInfo, missing, of_model),
        'card': card,
        'preview': _route('What is read of one file', answer_types.Preview, UPLOAD, {'requestBody': _preview()}),
        'predict': _route('The prediction for one case', answer_types.Answer, (*UPLOAD, 'not_found'), predict),
        'batch': _route('The predictions for a table of cases', answer_types.Batch, (*UPLOAD, 'not_found'), batch,
                        'text/csv', text),
    }  # fmt: skip


def describe(app: FastAPI, limits: Limits, closed: bool) -> Schema:
    """The OpenAPI document of an application.

    Args:
        app: With all routes.
        limits: Of the server.
        closed: Whether a token is needed.

    Returns:
        OpenAPI 3.0, ready for JSON: the page that shows it reads no later version.
    """
    about = ABOUT.format(
        files=limits.files, file=limits.file_bytes // MIB, request=limits.request_bytes // MIB,
        seconds=limits.upload_seconds,
    )  # fmt: skip
    document: Schema = get_openapi(
        title=app.title, version=app.version, openapi_version='3.0.3', description=about, routes=app.routes,
        servers=[{'url': '/'}],
    )  # fmt: skip
    if closed:
        components, paths = (cast(dict[str, object], document[name]) for name in ('components', 'paths'))
        components['securitySchemes'] = {'token': {'type': 'http', 'scheme': 'bearer'}}
        document['security'] = [{'token': []}]
        paths['/api/v1/health']['get']['security'] = []  # type: ignore[call-overload, index]
    return {key: nullable(value) for key, value in document.items()}


def nullable(node: JsonValue) -> JsonValue:
    """A schema of JSON Schema in terms of OpenAPI 3.0, which has no type null and no constants.

    Example:
        >>> nullable({'anyOf': [{'type': 'string'}, {'type': 'null'}]})
        {'type': 'string', 'nullable': True}
    """
    if isinstance(node, list):
        return [nullable(one) for one in node]
    if not isinstance(node, dict):
        return node
    plain = {key: nullable(value) for key, value in node.items()}
    if 'const' in plain:
        plain['enum'] = [plain.pop('const')]
    choices = plain.get('anyOf')
    if not isinstance(choices, list) or NULL not in choices:
        return plain
    rest = [choice for choice in choices if choice != NULL]
    del plain['anyOf']
    if len(rest) == 1 and isinstance(rest[0], dict):  # nothing may stand beside a reference
        one: Schema = {'type': 'object', 'allOf': rest} if '$ref' in rest[0] else rest[0]
        return {**one, **plain, 'nullable': True}
    return {**plain, 'anyOf': rest, 'nullable': True}


def _route(
    words: str,
    answer: object,
    errors: Iterable[str],
    extra: Schema | None = None,
    kind: str | None = None,
    content: Schema | None = None,
) -> RouteOptions:
    statuses = sorted({STATUS[code] for code in errors})
    responses: dict[int | str, dict[str, object]] = {status: _error(status) for status in statuses}
    if kind is not None:
        responses[200] = {'content': {kind: content}}
    return {
        'summary': words, 'response_description': words, 'response_model': answer, 'responses': responses,
        'openapi_extra': extra or {},
    }  # fmt: skip


def _error(status: int) -> dict[str, object]:
    described: dict[str, object] = {'model': answer_types.Error, 'description': WORDS[status]}
    if status in (429, 503, 507):
        words = f'seconds to wait, usually {RETRY_SECONDS}'
        described['headers'] = {'Retry-After': {'description': words, 'schema': {'type': 'integer'}}}
    return described


def _case(models: Iterable[ModelInfo]) -> Schema:
    """Fields of all models; a field that a model does not have is refused by name."""
    fields: Schema = {}
    for model in models:
        whose = f'model {model["id"]}'
        for one in model['inputs']:
            name, label = one['name'], f'{one["label"]} ({one["kind"]}, {whose})'
            fields[name] = {'type': 'array', 'items': FILE, 'description': f'{label}; several files: several parts'}
            if one['outline']:
                fields[f'{name}_mask'] = {**FILE, 'description': f'outline of the lesion in {name}, an image'}
                fields[f'{name}_box'] = {
                    'type': 'string',
                    'description': f'box around the lesion in {name}: "x0,y0,x1,y1" in pixels of the file',
                }
        for variable in model['variables']:
            fields[variable['name']] = {'type': 'string', 'description': f'{_value(variable)} ({whose})'}
    flags: JsonValue = ['true', 'false']
    words = 'compute heat maps and contributions'
    fields['explain'] = {'type': 'string', 'enum': flags, 'default': 'true', 'description': words}
    fields['blank'] = BLANK
    return _form(fields)


def _value(variable: VariableInfo) -> str:
    unit = f', in {variable["unit"]}' if variable['unit'] else ''
    limits = variable['range']
    between = f', {limits[0]} to {limits[1]}' if limits else ''
    which = f', one of {", ".join(map(str, variable["values"]))}' if variable['values'] else ''
    return f'{variable["label"]}{unit}{between}{which}'


def _preview() -> Schema:
    kind: Schema = {'type': 'string', 'enum': ['image', 'clip'], 'default': 'image'}
    return _form({'file': FILE, 'kind': kind, 'blank': BLANK}, 'file')


def _table() -> Schema:
    files: Schema = {'type': 'array', 'items': FILE, 'description': 'the files that the table names'}
    return _form({'table': {**FILE, 'description': 'CSV or XLSX, one case per row'}, 'files': files}, 'table')


def _form(fields: Schema, *required: str) -> Schema:
    schema: Schema = {'type': 'object', 'properties': fields, 'additionalProperties': False}
    if required:
        schema['required'] = list(required)
    return {'required': True, 'content': {'multipart/form-data': {'schema': schema}}}
