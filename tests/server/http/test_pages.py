from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def client(make_client: Callable[..., Any], tmp_path: Path) -> Any:
    folder = tmp_path / 'static'
    (folder / 'sub').mkdir(parents=True)
    (folder / 'index.html').write_text('<p>page')
    (folder / 'sub' / 'a.js').write_text('1')
    (folder / 'secret.key').write_text('key')
    (tmp_path / 'outside.js').write_text('outside')
    (folder / 'link.js').symlink_to(tmp_path / 'outside.js')
    return make_client(static=folder)


def test_the_page_and_its_files(client: Any) -> None:
    page = client.get('/')
    assert (page.text, page.headers['content-type']) == ('<p>page', 'text/html; charset=utf-8')
    script = client.get('/static/sub/a.js')
    assert script.headers['content-type'].startswith('text/javascript')
    assert script.headers['cache-control'] == 'no-cache'
    again = client.get('/static/sub/a.js', headers={'If-None-Match': script.headers['etag']})
    assert (again.status_code, again.content) == (304, b'')


@pytest.mark.parametrize(
    'name',
    ['secret.key', 'link.js', '../outside.js', '..%2foutside.js', '%2e%2e/outside.js', 'sub', ''],
)
def test_only_known_files_are_served(client: Any, name: str) -> None:
    assert client.get(f'/static/{name}').status_code == 404


def test_the_api_page_is_local_and_has_no_inline_script(client: Any) -> None:
    page = client.get('/api/docs').text
    used = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert [path for path in used if not path.startswith('/api/docs/')] == ['/static/icon.svg']
    used.remove('/static/icon.svg')
    assert len(used) == 3
    assert all(path.startswith('/api/docs/') and client.get(path).status_code == 200 for path in used)
    assert not re.search(r'<script>|<style|style=| on\w+=', page)
    assert 'validatorUrl: null' in client.get('/api/docs/start.js').text
    assert client.get('/api/docs/swagger-initializer.js').status_code == 404


def test_signing_in_where_no_token_is_set_gives_no_cookie(client: Any) -> None:
    found = client.post('/session', data={'token': 'anything'})
    assert found.status_code == 204
    assert 'set-cookie' not in found.headers


@pytest.mark.parametrize(
    ('given', 'status'),
    [
        ({'files': {'token': (None, 'x')}}, 204),
        ({'data': {'token': ['a', 'b']}}, 400),
        ({'data': {'other': 'a'}}, 400),
        ({'data': {'token': 'x' * 5000}}, 413),
        ({'content': b'token=%ff', 'headers': {'content-type': 'application/x-www-form-urlencoded'}}, 400),
        ({'content': b'\xff', 'headers': {'content-type': 'application/x-www-form-urlencoded'}}, 400),
        ({'json': {'token': 'x'}}, 415),
        ({'files': {'token': ('a.txt', 'x')}}, 400),
    ],
)
def test_the_form_of_the_token(client: Any, given: Any, status: int) -> None:
    assert client.post('/session', **given).status_code == status


def test_a_page_without_a_sign_in_file_is_told_as_json(make_client: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / 'empty').mkdir()
    found = make_client(token='correct-horse-battery', static=tmp_path / 'empty').get('/')
    assert (found.status_code, found.json()['error']['code']) == (401, 'unauthorized')


def test_over_tls_the_cookie_stays_there(make_client: Callable[..., Any]) -> None:
    client = make_client(token='correct-horse-battery')
    found = client.request('POST', 'https://localhost/session', data={'token': 'correct-horse-battery'})
    assert 'Secure' in found.headers['set-cookie']
