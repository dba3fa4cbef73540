"""What the API's page tells: every route, what it takes and all that it may answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from usmm.server.http.http_errors import STATUS
from usmm.server.http.responses import RETRY_SECONDS
from usmm.server.http.schemas import SCHEMAS, Schema, refer
from usmm.server.server_limits import MIB, Limits
from usmm.version import __version__

FILE: Schema = {'type': 'string', 'format': 'binary'}
BLANK: Schema = {
    'type': 'string',
    'enum': ['auto', 'stated'],
    'default': 'auto',
    'description': 'what is made black: all outside the ultrasound region, found where the file does not state it '
    '(auto), or only where the file states it (stated)',
}
ABOUT = """\
**Research use only. usmm is not a medical device.**

Inputs of one case go in, probabilities come out; nothing of a request is kept. Types of files are found by their
content. Limits of a request: {files} files, {file} MiB each, {request} MiB in all, {seconds:g} seconds to arrive.
Errors have one form, see the schema Error; programs should go by `code`. Where a token is set, every route but
`/api/v1/health` needs it: `Authorization: Bearer TOKEN`.
"""
ANYWHERE = ('unauthorized', 'forbidden', 'busy', 'failed', 'stopping')
UPLOAD = ('bad_request', 'timeout', 'too_large', 'bad_type', 'unreadable')
WORDS = {
    400: 'the form is not as it should be',
    401: 'a token is needed, or is wrong',
    403: 'called by another name, or from a page of another site',
    404: 'there is no such model',
    408: 'the request took too long to arrive',
    413: 'too large',
    415: 'a type that is not taken',
    422: 'a file cannot be read, an input is missing, or a value is wrong',
    429: 'too many requests wait, or too many wrong tokens were tried',
    500: 'a defect of the server',
    503: 'the server is being stopped, or has too many connections',
}
MODEL_NAME = 'the id of a model'


def describe(models: Iterable[Mapping[str, Any]], limits: Limits, closed: bool) -> dict[str, Any]:
    """The OpenAPI document.

    Args:
        models: As the engine tells them; their inputs become fields of the forms.
        limits: Of the server.
        closed: Whether a token is needed.

    Returns:
        OpenAPI 3.0, ready for JSON.
    """
    models = list(models)
    found: dict[str, Any] = {
        'openapi': '3.0.3',
        'info': {'title': 'usmm', 'version': __version__, 'description': _about(limits)},
        'servers': [{'url': '/'}],
        'paths': _paths(models, closed),
        'components': {
            'schemas': SCHEMAS,
            'parameters': {'model': _model_parameter(models)},
            'responses': {str(status): _error(status) for status in WORDS},
        },
    }
    if closed:
        found['components']['securitySchemes'] = {'token': {'type': 'http', 'scheme': 'bearer'}}
        found['security'] = [{'token': []}]
    return found


def _paths(models: list[Mapping[str, Any]], closed: bool) -> dict[str, Any]:
    model = [{'$ref': '#/components/parameters/model'}]
    health = _operation('Whether the server answers', _json('Health'))
    paths: dict[str, dict[str, Any]] = {
        '/api/v1/health': {'get': {**health, **({'security': []} if closed else {})}},
        '/api/v1/version': {'get': _operation('Versions', _json('Version'))},
        '/api/v1/models': {'get': _operation('The models: what they take and say', _json('Models'))},
        '/api/v1/models/{model}': {'get': _operation('One model', _json('Model'), ('not_found',))},
        '/api/v1/models/{model}/card': {'get': _operation("A model's card", _text('text/markdown'), ('not_found',))},
        '/api/v1/preview': {'post': _operation('What is read of one file', _json('Preview'), UPLOAD, _preview())},
        '/api/v1/models/{model}/predictions': {
            'post': _operation('The answer for one case', _json('Answer'), (*UPLOAD, 'not_found'), _case(models))
        },
        '/api/v1/models/{model}/batch': {
            'post': _operation(
                'The answers for a table of cases',
                {**_json('Batch'), **_text('text/csv')},
                (*UPLOAD, 'not_found'),
                _table(),
            )
        },
    }
    for path, item in paths.items():
        if '{model}' in path:
            item['parameters'] = model
    return paths


def _operation(
    words: str, content: dict[str, Any], errors: Iterable[str] = (), body: dict[str, Any] | None = None
) -> dict[str, Any]:
    codes = sorted({STATUS[code] for code in (*ANYWHERE, *errors)})
    responses: dict[str, Any] = {'200': {'description': words, 'content': content}}
    responses.update({str(code): {'$ref': f'#/components/responses/{code}'} for code in codes})
    return {'summary': words, 'responses': responses, **({'requestBody': body} if body else {})}


def _case(models: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Fields of all models; a field that a model does not have is refused by name."""
    fields: dict[str, Schema] = {}
    for model in models:
        for one in model['inputs']:
            name, label = one['name'], f'{one["label"]} ({one["kind"]}, {_whose(model)})'
            fields[name] = {'type': 'array', 'items': FILE, 'description': f'{label}; several files: several parts'}
            if one['outline']:
                fields[f'{name}_mask'] = {**FILE, 'description': f'outline of the lesion in {name}, an image'}
                fields[f'{name}_box'] = {
                    'type': 'string',
                    'description': f'box around the lesion in {name}: "x0,y0,x1,y1" in pixels of the file',
                }
        for one in model['variables']:
            fields[one['name']] = _value(one, model)
    fields['explain'] = {
        'type': 'string',
        'enum': ['true', 'false'],
        'default': 'true',
        'description': 'make heat-maps, contributions',
    }
    fields['blank'] = BLANK
    return _form(fields)


def _value(variable: Mapping[str, Any], model: Mapping[str, Any]) -> Schema:
    unit = f', in {variable["unit"]}' if variable['unit'] else ''
    limits = variable['range']
    between = f', {limits[0]} to {limits[1]}' if limits else ''
    which = f', one of {", ".join(map(str, variable["values"]))}' if variable['values'] else ''
    return {'type': 'string', 'description': f'{variable["label"]}{unit}{between}{which} ({_whose(model)})'}


def _whose(model: Mapping[str, Any]) -> str:
    return f'model {model["id"]}'


def _preview() -> dict[str, Any]:
    kind = {'type': 'string', 'enum': ['image', 'clip'], 'default': 'image'}
    return _form({'file': FILE, 'kind': kind, 'blank': BLANK}, ('file',))


def _table() -> dict[str, Any]:
    files = {'type': 'array', 'items': FILE, 'description': 'the files that the table names'}
    table = {**FILE, 'description': 'CSV or XLSX, a case in each row'}
    return _form({'table': table, 'files': files}, ('table',))


def _form(fields: dict[str, Schema], required: tuple[str, ...] = ()) -> dict[str, Any]:
    schema: Schema = {'type': 'object', 'properties': fields, 'additionalProperties': False}
    if required:
        schema['required'] = list(required)
    return {'required': True, 'content': {'multipart/form-data': {'schema': schema}}}


def _json(name: str) -> dict[str, Any]:
    return {'application/json': {'schema': refer(name)}}


def _text(kind: str) -> dict[str, Any]:
    return {kind: {'schema': {'type': 'string'}}}


def _error(status: int) -> dict[str, Any]:
    found: dict[str, Any] = {'description': WORDS[status], 'content': _json('Error')}
    if status in (429, 503):
        words = f'seconds to wait, {RETRY_SECONDS} as a rule'
        found['headers'] = {'Retry-After': {'description': words, 'schema': {'type': 'integer'}}}
    return found


def _model_parameter(models: list[Mapping[str, Any]]) -> dict[str, Any]:
    known = [model['id'] for model in models]
    return {
        'name': 'model', 'in': 'path', 'required': True, 'description': MODEL_NAME,
        'schema': {'type': 'string', **({'enum': known} if known else {})},
    }  # fmt: skip


def _about(limits: Limits) -> str:
    return ABOUT.format(
        files=limits.files, file=limits.file_bytes // MIB, request=limits.request_bytes // MIB,
        seconds=limits.upload_seconds,
    )  # fmt: skip
