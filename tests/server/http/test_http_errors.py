from __future__ import annotations

import pytest

from usmm.server.http.http_errors import STATUS, RequestError


@pytest.mark.parametrize(
    ('code', 'status'),
    [('bad_request', 400), ('unauthorized', 401), ('too_large', 413), ('busy', 429), ('failed', 500)],
)
def test_a_code_has_its_status(code: str, status: int) -> None:
    assert RequestError(code, 'words').status == status


def test_the_body_holds_code_words_and_field() -> None:
    error = RequestError('bad_value', 'age is too high', 'age')
    assert error.body() == {'error': {'code': 'bad_value', 'message': 'age is too high', 'input': 'age'}}
    assert str(error) == 'age is too high'


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown code 'teapot'; known are"):
        RequestError('teapot', 'words')


def test_every_status_is_one_of_http_errors() -> None:
    assert all(400 <= status < 600 for status in STATUS.values())
