from __future__ import annotations

import json

import pytest

from usmm.server.http.http_errors import RequestError
from usmm.server.http.responses import error_reply, json_reply, to_json


def test_json_keeps_letters_and_reads_back() -> None:
    content = {'a': [1, 2.5, None], 'b': 'µ "x"'}
    assert json.loads(to_json(content)) == content


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_numbers_that_json_does_not_know_are_defects(value: float) -> None:
    with pytest.raises(ValueError, match='not JSON compliant'):
        to_json({'score': value})


def test_bytes_are_taken_as_written() -> None:
    assert json_reply(b'{"a":1}').body == b'{"a":1}'


@pytest.mark.parametrize(('code', 'header'), [('busy', 'retry-after'), ('unauthorized', 'www-authenticate')])
def test_errors_that_need_a_header_have_it(code: str, header: str) -> None:
    reply = error_reply(RequestError(code, 'words'))
    assert header in reply.headers
    assert reply.status_code == RequestError(code, '').status


def test_an_error_may_have_another_status_and_more_headers() -> None:
    reply = error_reply(RequestError('bad_request', 'words'), 405, {'Allow': 'GET'})
    assert (reply.status_code, reply.headers['allow']) == (405, 'GET')
