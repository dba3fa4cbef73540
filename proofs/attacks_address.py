"""Attacks by address, method, host, origin and token."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from server_attacks import Attack, Expect
from server_process import TOKEN
from server_target import AUTH, PREVIEW, Target, part, request

CODE = ('from __future__', 'root:x:', '[build-system]', 'def main')  # of files that nobody may read
PATHS = {
    'parent folders': '/static/../../app.py',
    'encoded': '/static/..%2f..%2fapp.py',
    'encoded dots': '/static/%2e%2e/%2e%2e/app.py',
    'double-encoded': '/static/%252e%252e%252fapp.py',
    'absolute': '/static//etc/passwd',
    'absolute, encoded': '/static/%2fetc%2fpasswd',
    'backslashes': '/static/..%5c..%5capp.py',
    'dots that survive a filter': '/static/....//....//app.py',
    'overlong UTF-8': '/static/..%c0%af..%c0%afapp.py',
    'NUL before a suffix': '/static/../../app.py%00.js',
    'through a file': '/static/app.js/../../app.py',
    'the page of the API': '/api/docs/..%2fapp.py',
    'a model id': '/api/v1/models/..%2f..%2f..%2fetc%2fpasswd/card',
    'a model id of dots': '/api/v1/models/%2e%2e/card',
    'an absolute model id': '/api/v1/models/%2Fetc%2Fpasswd',
    'a template': '/api/v1/models/%7B%7B7*7%7D%7D',
    'a format string': '/api/v1/models/%25s%25n%7B0%7D',
    'an attribute of Python': '/api/v1/models/__class__',
}
HOSTS = {
    'foreign': 'evil.example',
    'a name that ends as ours': 'localhost.evil.example',
    'our name as a user': 'localhost@evil.example',
    'with a path': 'localhost/evil',
    'empty': '',
    'a port that is none': 'localhost:80evil',
    'two in one': 'localhost, evil.example',
}
CROSS = {
    'Origin': ['Origin: http://evil.example'],
    'Origin null': ['Origin: null'],
    'Origin of another port': ['Origin: http://localhost:1'],
    'Sec-Fetch-Site': ['Sec-Fetch-Site: cross-site'],
    'Sec-Fetch-Site of a sister': ['Sec-Fetch-Site: same-site'],
}
CLOSED = ('/api/v1/models', '/api/v1/version', '/api/openapi.json', '/api/docs', '/static/app.js', '/api/v1/nothing')
WRONG = {
    'none': [],
    'a wrong one': ['Authorization: Bearer wrong-wrong-wrong-wrong'],
    'its start': [f'Authorization: Bearer {TOKEN[:-1]}'],
    'more than it': [f'Authorization: Bearer {TOKEN}x'],
    'another scheme': [f'Authorization: Basic {TOKEN}'],
    'no scheme': [f'Authorization: {TOKEN}'],
    'empty': ['Authorization: Bearer '],
    'a forged cookie': ['Cookie: usmm_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'],
    'the token as a cookie': [f'Cookie: usmm_session={TOKEN}'],
    'trust in a proxy': ['X-Forwarded-For: 127.0.0.1', 'X-Real-IP: 127.0.0.1', 'X-Forwarded-User: admin'],
}
ROUNDABOUT = {
    'query': f'/api/v1/models?token={TOKEN}&access_token={TOKEN}',
    'over an open route': '/api/v1/health/../models',
    'over an open route, encoded': '/api/v1/health/%2e%2e/models',
    'over an open file': '/static/login.css/../../api/v1/models',
    'two slashes': '//api/v1/models',
    'another case': '/API/V1/models',
    'a slash behind': '/api/v1/models/',
    'parameters': '/api/v1/health;/../models',
    'whole address': 'http://localhost/api/v1/models',
}


def attacks() -> Iterator[Attack]:
    """All of this kind."""
    for name, path in PATHS.items():
        yield Attack('address', name, partial(_path, path))
    for name, host in HOSTS.items():
        yield Attack('host', name, partial(_host, host))
    for name, headers in CROSS.items():
        yield Attack('other site', f'POST with {name}', partial(_cross, headers))
    yield Attack('other site', 'CORS preflight', _preflight)
    yield Attack('other site', 'reading an answer', _reads)
    yield Attack('other site', 'a WebSocket', _websocket)
    yield Attack('method', 'override by header', _override)
    for method in ('TRACE', 'CONNECT', 'PUT', 'PROPFIND', '<b>'):
        yield Attack('method', method, partial(_method, method))
    yield Attack('address', 'line ends for a header', _split)
    yield Attack('address', 'redirect to another site', _redirect)
    for number, (name, headers) in enumerate(WRONG.items(), 10):
        yield Attack('token', name, partial(_without, headers, f'127.0.1.{number}'))
    for number, (name, path) in enumerate(ROUNDABOUT.items(), 10):
        yield Attack('token', f'around it: {name}', partial(_around, path, f'127.0.2.{number}'))
    yield Attack('token', 'brute force', _brute)
    yield Attack('token', 'brute force at the sign-in, with forged addresses', _brute_sign_in)
    yield Attack('token', 'a cookie from before the sign-in', _fixed)
    yield Attack('token', 'a cookie from after the sign-out', _signed_out)
    yield Attack('token', 'in the log', _logged)


def _path(path: str, target: Target) -> str | None:
    return Expect((400, 404), CODE)(target.ask('GET', path))


def _host(host: str, target: Target) -> str | None:
    sent = f'GET /api/v1/models HTTP/1.1\r\nHost: {host}\r\n{AUTH}\r\nConnection: close\r\n\r\n'
    return Expect((400, 403), [host] if host else [])(target.send(sent.encode()))


def _cross(headers: list[str], target: Target) -> str | None:
    return Expect((403,))(target.post(target.predict, target.parts, headers))


def _preflight(target: Target) -> str | None:
    asked = ['Origin: http://evil.example', 'Access-Control-Request-Method: POST']
    found = target.ask('OPTIONS', target.predict, [*asked, 'Access-Control-Request-Headers: authorization'])
    return 'it is allowed' if any('access-control' in name for name in found.headers) or found.status < 400 else None


def _reads(target: Target) -> str | None:
    found = target.ask('GET', '/api/v1/models', ['Origin: http://evil.example'])
    shared = any('access-control' in name for name in found.headers)
    return 'the answer is shared' if shared or found.headers['cross-origin-resource-policy'] != 'same-origin' else None


def _websocket(target: Target) -> str | None:
    key = [
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ]
    found = target.raw(request('GET', '/', [*key, 'Origin: http://evil.example']), 2)
    return 'it was opened' if b' 101 ' in found[:20] else None


def _override(target: Target) -> str | None:
    headers = ['X-HTTP-Method-Override: DELETE', 'X-Method-Override: DELETE', 'X-HTTP-Method: DELETE']
    found = target.ask('GET', '/api/v1/models', headers)
    return None if found.status == 200 and 'models' in found.json else f'answered {found.status}'


def _method(method: str, target: Target) -> str | None:
    found = target.ask(method, '/api/v1/models', ['Cookie: secret=1'])
    return Expect((400, 403, 405), ['secret=1'])(found)


def _split(target: Target) -> str | None:
    line = '%0d%0aSet-Cookie:%20usmm_session=evil%0d%0aX-Evil:%201'
    for path in (f'/{line}', f'/static/{line}', f'/api/v1/models/{line}', f'/?{line}'):
        found = target.ask('GET', path)
        if 'x-evil' in found.headers or 'set-cookie' in found.headers:
            return 'a header of the attacker stands in the answer'
    return None


def _redirect(target: Target) -> str | None:
    headers = ['Accept: text/html', 'Content-Type: application/x-www-form-urlencoded']
    found = target.ask('POST', '/session?next=//evil.example', headers, f'token={TOKEN}&next=//evil.example'.encode())
    return None if found.headers.get('location') == '/' else f'it leads to {found.headers.get("location")}'


def _without(headers: list[str], source: str, target: Target) -> str | None:
    for path in CLOSED:
        problem = Expect((401,), ['"models"', 'openapi', TOKEN])(target.ask('GET', path, headers, b'', False, source))
        if problem:
            return f'{path}: {problem}'
    posted = target.ask('POST', PREVIEW, headers, b'', False, source)
    return Expect((401,))(posted)


def _around(path: str, source: str, target: Target) -> str | None:
    return Expect((400, 401, 404), ['"classes"'])(target.ask('GET', path, (), b'', False, source))


def _brute(target: Target) -> str | None:
    for number in range(15):
        found = target.ask(
            'GET', '/api/v1/models', [f'Authorization: Bearer guess-{number:030d}'], b'', False, '127.0.3.1'
        )
    if found.status != 429 or 'retry-after' not in found.headers:
        return f'the fifteenth wrong token was answered {found.status}'
    right = target.ask('GET', '/api/v1/models', (), b'', True, '127.0.3.1')
    return None if right.status == 429 else 'the right token was told apart while tries are over'


def _brute_sign_in(target: Target) -> str | None:
    for number in range(15):
        headers = ['Content-Type: application/x-www-form-urlencoded', f'X-Forwarded-For: 10.0.0.{number}']
        found = target.ask('POST', '/session', headers, b'token=guess-%030d' % number, False, '127.0.3.2')
    return None if found.status == 429 else f'the fifteenth wrong token was answered {found.status}'


def _sign_in(target: Target, headers: list[str]) -> str:
    found = target.post('/session', [part('token', TOKEN)], headers)
    cookie = found.headers.get('set-cookie', '')
    if not all(word in cookie for word in ('HttpOnly', 'SameSite=strict', 'Path=/')):
        raise RuntimeError(f'the cookie is not guarded: {cookie.partition("=")[2][43:]}')
    return cookie.partition(';')[0]


def _fixed(target: Target) -> str | None:
    chosen = 'usmm_session=chosen-by-the-attacker-0123456789abcdef'
    if _sign_in(target, [f'Cookie: {chosen}']) == chosen:
        return 'the session keeps the secret that the attacker chose'
    found = target.ask('GET', '/api/v1/models', [f'Cookie: {chosen}'], b'', False)
    return Expect((401,))(found)


def _signed_out(target: Target) -> str | None:
    cookie = [f'Cookie: {_sign_in(target, [])}']
    if target.ask('GET', '/api/v1/models', cookie, b'', False).status != 200:
        return 'the session does not work at all'
    target.ask('DELETE', '/session', cookie, b'', False)
    return Expect((401,))(target.ask('GET', '/api/v1/models', cookie, b'', False))


def _logged(target: Target) -> str | None:
    written = target.running.written()
    return 'a token or a session stands in the log' if TOKEN in written or 'usmm_session' in written else None
