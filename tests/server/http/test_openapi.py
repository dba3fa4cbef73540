from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from usmm.server.http.http_errors import STATUS
from usmm.server.http.routes import Api
from usmm.server.server_limits import Limits


def as_json_schema(node: Any) -> Any:
    """What OpenAPI 3.0 says with `nullable`, JSON Schema says with a choice."""
    if isinstance(node, list):
        return [as_json_schema(one) for one in node]
    if not isinstance(node, dict):
        return node
    plain = {key: as_json_schema(value) for key, value in node.items() if key != 'nullable'}
    return {'anyOf': [plain, {'type': 'null'}]} if node.get('nullable') is True else plain


@pytest.fixture
def told(make_server: Callable[..., Any]) -> dict[str, Any]:
    return make_server(token='a-token-of-these-tests').description


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from ([node['$ref']] if '$ref' in node else [])
        node = list(node.values())
    for one in node if isinstance(node, list) else []:
        yield from references(one)


def test_every_route_of_the_api_is_told_and_no_other(told: dict[str, Any], make_server: Callable[..., Any]) -> None:
    server = make_server()
    routes = {(m, path) for m, path, _ in Api(server.engine, Limits(), server.spool, server.queue).routes()}
    assert {(m.upper(), path) for path, item in told['paths'].items() for m in item if m != 'parameters'} == routes


def test_every_reference_is_there_and_used(told: dict[str, Any]) -> None:
    used = set(references(told))
    for place in used:
        node: Any = told
        for part in place.removeprefix('#/').split('/'):
            node = node[part]
    names = {f'#/components/{kind}/{name}' for kind, all_ in told['components'].items() for name in all_}
    assert {name for name in names if 'securitySchemes' not in name} == used


def test_the_document_is_openapi(told: dict[str, Any]) -> None:
    schemathesis = pytest.importorskip('schemathesis', reason='only where the package is')
    schema = schemathesis.openapi.from_dict(told)
    schema.validate()
    assert sum(1 for _ in schema.get_all_operations()) == 8


def test_fields_of_a_form_are_those_of_the_models(told: dict[str, Any]) -> None:
    body = told['paths']['/api/v1/models/{model}/predictions']['post']['requestBody']
    fields = body['content']['multipart/form-data']['schema']['properties']
    assert set(fields) == {'bus', 'bus_mask', 'bus_box', 'ceus', 'age', 'sex', 'explain', 'blank'}
    assert 'in years, 0 to 120' in fields['age']['description']
    assert 'one of f, m' in fields['sex']['description']


def test_errors_of_the_program_are_told(told: dict[str, Any]) -> None:
    predict = told['paths']['/api/v1/models/{model}/predictions']['post']['responses']
    assert {int(code) for code in predict} == {200, *STATUS.values()}
    assert set(told['components']['schemas']['ErrorDetail']['properties']['code']['enum']) == set(STATUS)


def test_the_token_is_told_where_there_is_one(told: dict[str, Any], make_server: Callable[..., Any]) -> None:
    assert told['security'] == [{'token': []}]
    assert told['paths']['/api/v1/health']['get']['security'] == []
    assert 'security' not in make_server().description


def test_answers_have_the_shapes_that_are_told(make_client: Callable[..., Any], stand_in: Any) -> None:
    jsonschema = pytest.importorskip('jsonschema_rs', reason='only where the package is')
    client = make_client()
    told = client.get('/api/openapi.json').json()
    answers = {
        'Health': client.get('/api/v1/health'),
        'Version': client.get('/api/v1/version'),
        'Models': client.get('/api/v1/models'),
        'Answer': client.post('/api/v1/models/small/predictions', files={'bus': ('a', stand_in.PNG)}),
        'Preview': client.post('/api/v1/preview', files={'file': ('a', stand_in.PNG)}),
        'Batch': client.post('/api/v1/models/small/batch', files={'table': ('a', b'a,b\n')}),
        'Error': client.get('/nothing'),
    }
    for name, answer in answers.items():
        schema = {'$ref': f'#/components/schemas/{name}', 'components': told['components']}
        jsonschema.validate(as_json_schema(schema), answer.json())


def test_no_address_of_the_net_is_named(told: dict[str, Any]) -> None:
    assert not re.findall(r'https?://', json.dumps(told))
