from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import Headers

from usmm.server.http.auth import CLIENTS, Guard, plain_host
from usmm.server.http.http_errors import RequestError

TOKEN = 'correct-horse-battery'
BEARER = {'Authorization': f'Bearer {TOKEN}'}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def host(name: str) -> Headers:
    return Headers({'host': name})


@pytest.mark.parametrize('name', ['localhost', 'LOCALHOST:8000', '127.0.0.1:8000', '[::1]:8000', 'localhost.'])
def test_loopback_names_are_ours(name: str) -> None:
    Guard().check_host(host(name))


@pytest.mark.parametrize(
    'name',
    [
        'evil.example',
        'localhost.evil.example',
        '127.0.0.1.nip.io',
        'localhost:80@evil',
        '',
        '[::1',
        '[::1]x',
        'a:b',
        '0.0.0.0',
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(RequestError, match='not known by this name') as error:
        Guard().check_host(host(name))
    assert error.value.code == 'forbidden'


def test_a_request_without_a_host_or_with_two_is_refused() -> None:
    for headers in (Headers({}), Headers(raw=[(b'host', b'localhost'), (b'host', b'localhost')])):
        with pytest.raises(RequestError, match='not known by this name'):
            Guard().check_host(headers)


def test_names_that_were_given_are_ours() -> None:
    guard = Guard(hosts=['Scan.Hospital.example', '10.0.0.5'])
    guard.check_host(host('scan.hospital.example:443'))
    guard.check_host(host('10.0.0.5'))


@pytest.mark.parametrize(
    'headers',
    [
        {'sec-fetch-site': 'cross-site'},
        {'sec-fetch-site': 'same-site'},
        {'origin': 'http://evil.example'},
        {'origin': 'null'},
        {'origin': 'http://localhost:9999'},
        {'origin': 'http://['},
        {'origin': 'http://localhost:8000.evil.example'},
    ],
)
def test_pages_of_other_sites_change_nothing(headers: dict[str, str]) -> None:
    given = Headers({'host': 'localhost:8000', **headers})
    with pytest.raises(RequestError, match='pages of other sites') as error:
        Guard().check_origin('POST', given)
    assert error.value.code == 'forbidden'
    Guard().check_origin('GET', given)


@pytest.mark.parametrize(
    'headers',
    [{}, {'sec-fetch-site': 'same-origin', 'origin': 'http://localhost:8000'}, {'sec-fetch-site': 'none'}],
)
def test_our_own_page_and_programs_may_post(headers: dict[str, str]) -> None:
    Guard().check_origin('POST', Headers({'host': 'localhost:8000', **headers}))


@pytest.mark.parametrize(
    ('token', 'words'),
    [
        ('short', 'must have 16 characters or more, it has 5'),
        ('with blanks in its text', 'without blanks'),
        ('ü' * 16, 'ASCII'),
    ],
)
def test_a_token_must_be_long_and_plain(token: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Guard(token)


@pytest.mark.parametrize(
    'headers', [{}, {'authorization': 'Basic x'}, {'authorization': 'Bearer '}, {'cookie': 'usmm_session=x'}]
)
def test_without_a_token_nothing(headers: dict[str, str]) -> None:
    with pytest.raises(RequestError, match='A token is needed') as error:
        Guard(TOKEN).check_token(Headers(headers), 'a')
    assert error.value.code == 'unauthorized'


def test_wrong_tokens_are_counted_for_each_client_and_forgotten() -> None:
    clock = Clock()
    guard = Guard(TOKEN, clock=clock)
    for _ in range(10):
        with pytest.raises(RequestError, match='The token is wrong'):
            guard.try_token('x' * 21, 'bad')
    with pytest.raises(RequestError, match='Too many wrong tokens') as error:
        guard.try_token(TOKEN, 'bad')
    assert error.value.code == 'busy'
    guard.try_token(TOKEN, 'good')
    clock.now += 61
    guard.try_token(TOKEN, 'bad')


def test_memory_of_wrong_tokens_is_bounded() -> None:
    guard = Guard(TOKEN)
    for i in range(CLIENTS + 5):
        with pytest.raises(RequestError, match='wrong'):
            guard.try_token('x', str(i))
    assert len(guard._wrong) == CLIENTS


def test_sessions_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    guard = Guard(TOKEN, clock=clock)
    secret = guard.open_session()
    headers = Headers({'cookie': f'other=1; usmm_session={secret}'})
    guard.check_token(headers, 'a')
    clock.now += 12 * 3600 + 1
    with pytest.raises(RequestError, match='A token is needed'):
        guard.check_token(headers, 'a')
    monkeypatch.setattr('usmm.server.http.auth.SESSIONS', 3)
    for _ in range(9):
        guard.open_session()
    assert len(guard._sessions) == 3


def test_the_first_session_goes_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('usmm.server.http.auth.SESSIONS', 1)
    guard = Guard(TOKEN)
    first, second = (Headers({'cookie': f'usmm_session={guard.open_session()}'}) for _ in range(2))
    guard.check_token(second, 'a')
    with pytest.raises(RequestError, match='A token is needed'):
        guard.check_token(first, 'a')


@pytest.mark.parametrize(
    ('given', 'plain'), [('[::1]', '::1'), ('a.b:1', 'a.b'), ('A', 'a'), ('a:x', ''), ('[::1]:x', '')]
)
def test_plain_host(given: str, plain: str) -> None:
    assert plain_host(given) == plain


@pytest.mark.parametrize(
    ('method', 'path'),
    [
        ('GET', '/'), ('GET', '/api/v1/version'), ('GET', '/api/v1/models'), ('POST', '/api/v1/preview'),
        ('GET', '/api/docs'), ('GET', '/api/openapi.json'), ('GET', '/static/app.js'), ('GET', '/nothing'),
        ('POST', '/api/v1/health'), ('GET', '/session'), ('GET', '/static/../static/app.js'), ('GET', '/API/V1/HEALTH'),
        ('GET', '//api/v1/health'), ('GET', '/api/v1/health/'), ('GET', '/api/v1/models/small/card'),
    ],
)  # fmt: skip
def test_every_route_but_health_needs_the_token(make_client: Callable[..., Any], method: str, path: str) -> None:
    client = make_client(token=TOKEN)
    assert client.request(method, path).status_code == 401
    assert client.request(method, path, headers=BEARER).status_code != 401
    assert client.get('/api/v1/health').status_code == 200


def test_a_browser_signs_in_and_out(make_client: Callable[..., Any]) -> None:
    client = make_client(token=TOKEN)
    assert client.post('/session', data={'token': 'wrong'}).status_code == 401
    signed = client.post('/session', data={'token': TOKEN})
    cookie = signed.headers['set-cookie']
    assert signed.status_code == 204
    assert TOKEN not in cookie
    assert {'HttpOnly', 'SameSite=strict', 'Path=/'} <= {part.strip() for part in cookie.split(';')}
    assert client.get('/api/v1/models').status_code == 200
    assert client.post('/session', data={'token': TOKEN}, headers={'Accept': 'text/html'}).headers['location'] == '/'
    kept = httpx_copy(client)
    assert client.request('DELETE', '/session').status_code == 204
    assert client.get('/api/v1/models').status_code == 401
    client.cookies = kept
    assert client.get('/api/v1/models').status_code == 401


@pytest.mark.parametrize(
    'headers',
    [{'Origin': 'https://evil.example'}, {'Origin': 'null'}, {'Origin': 'http://localhost.evil.example'},
     {'Sec-Fetch-Site': 'cross-site'}, {'Sec-Fetch-Site': 'same-site'}],
)  # fmt: skip
def test_a_page_of_another_site_signs_nobody_out(headers: dict[str, str], make_client: Callable[..., Any]) -> None:
    client = make_client(token=TOKEN)
    client.post('/session', data={'token': TOKEN})
    refused = client.request('DELETE', '/session', headers=headers)
    assert (refused.status_code, refused.json()['error']['code']) == (403, 'forbidden')
    assert 'set-cookie' not in refused.headers
    assert client.get('/api/v1/models').status_code == 200  # still signed in
    assert client.request('DELETE', '/session', headers={'Origin': 'http://localhost'}).status_code == 204


def httpx_copy(client: Any) -> Any:
    return type(client.cookies)(client.cookies)


def test_a_browser_without_token_sees_the_page_that_asks(make_client: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / 'static').mkdir()
    for name in ('login.html', 'login.css', 'index.html', 'app.js'):
        (tmp_path / 'static' / name).write_text(name)
    client = make_client(token=TOKEN, static=tmp_path / 'static')
    page = client.get('/')
    assert (page.status_code, page.text, page.headers['cache-control']) == (401, 'login.html', 'no-store')
    assert client.get('/static/login.css').status_code == 200
    assert client.get('/static/app.js').status_code == 401
    wrong = client.post('/session', data={'token': 'wrong'}, headers={'Accept': 'text/html'})
    assert (wrong.status_code, wrong.text) == (401, 'login.html')
    assert client.get('/', headers=BEARER).text == 'index.html'


def test_another_name_and_another_site_are_stopped_before_all_else(make_client: Callable[..., Any]) -> None:
    client = make_client()
    assert client.get('/api/v1/health', headers={'Host': 'evil.example'}).status_code == 403
    assert client.post('/api/v1/preview', headers={'Origin': 'http://evil.example'}).status_code == 403
    assert client.engine.calls == []
