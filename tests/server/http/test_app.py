from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from usmm.server.http.app import Settings

CODE = """
import sys, usmm.server.http.app, usmm.server.http.start
print(*sorted({'torch', 'mmengine', 'cv2', 'pandas'} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ('method', 'path', 'status', 'code'),
    [
        ('GET', '/nothing', 404, 'not_found'),
        ('GET', '/static/nothing.js', 404, 'not_found'),
        ('GET', '/static/..%2f..%2fapp.py', 404, 'not_found'),
        ('GET', '/api/docs/..%2f..%2fapp.py', 404, 'not_found'),
        ('GET', '/docs', 404, 'not_found'),
        ('GET', '/openapi.json', 404, 'not_found'),
        ('GET', '/api/v1/models/', 404, 'not_found'),
        ('DELETE', '/api/v1/models', 405, 'bad_request'),
        ('OPTIONS', '/api/v1/preview', 405, 'bad_request'),
        ('TRACE', '/', 405, 'bad_request'),
        ('POST', '/api/v1/preview', 415, 'bad_type'),
    ],
)
def test_errors_have_one_form(make_client: Callable[..., Any], method: str, path: str, status: int, code: str) -> None:
    found = make_client().request(method, path)
    error = found.json()['error']
    assert (found.status_code, error['code']) == (status, code)
    assert set(error) == {'code', 'message', 'input'}
    assert found.headers['content-security-policy'].startswith("default-src 'none'")
    if status == 405:
        assert found.headers['allow']


def test_methods_that_are_allowed_are_told(make_client: Callable[..., Any]) -> None:
    assert set(make_client().get('/session').headers['allow'].split(', ')) == {'POST', 'DELETE'}


def test_closing_closes_all_once(make_server: Callable[..., Any]) -> None:
    server = make_server()
    server.close()
    server.close()
    assert server.engine.closed == 1
    assert not server.spool.path.exists()


def test_the_token_is_not_shown() -> None:
    assert 'battery' not in repr(Settings(token='correct-horse-battery'))


def test_the_http_side_needs_no_torch() -> None:
    done = subprocess.run([sys.executable, '-c', CODE], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ''
