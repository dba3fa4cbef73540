"""Attacks by the form: its parts, their headers, names of files, numbers and sizes."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from hostile_bombs import png
from server_attacks import Attack, Expect
from server_target import PREVIEW, Part, Target, form, part

PNG = png(64, 48)
MARK = 'usmm-attack-mark'
NAMES: dict[str, bytes] = {
    'parent folders': f'../../../../../../tmp/{MARK}.png'.encode(),
    'absolute': f'/tmp/{MARK}.png'.encode(),
    'of Windows': f'C:\\Windows\\{MARK}.png'.encode(),
    'a share': f'\\\\evil\\share\\{MARK}.png'.encode(),
    'NUL': f'{MARK}.php\0.png'.encode(),
    'line ends': f'{MARK}\r\nX-Evil: 1.png'.encode(),
    'a command': f'$(touch /tmp/{MARK});`id`|sh.png'.encode(),
    'script': f'<script>{MARK}</script>.png'.encode(),
    'a device': f'/dev/stdin;{MARK}'.encode(),
    'not UTF-8': b'\xff\xfe\x80' + MARK.encode(),
    'right to left': f'{MARK}\u202egnp.exe'.encode(),
    'very long': MARK.encode() + b'a' * 100_000,
}
FIELDS: dict[str, str] = {
    'script': '<script>alert(1)</script>',
    'prototype': '__proto__',
    'a path': '../../etc/passwd',
    'a query': "' OR 1=1 --",
    'brackets': 'file[0][path]',
}


def attacks() -> Iterator[Attack]:
    """All of this kind."""
    for name, filename in NAMES.items():
        yield Attack('file name', name, partial(_filename, filename))
        if len(filename) < 1000:
            yield Attack('file name in a batch', name, partial(_batch_filename, filename))
    for name, field in FIELDS.items():
        yield Attack('field', name, partial(_field, field))
    yield Attack('field', 'the same text twice', lambda t: _refused(t, [*_good(), part('blank', 'auto')], 400))
    yield Attack(
        'field', 'a file where text is asked', lambda t: _refused(t, [*_good()[:1], part('kind', 'image', 'k')], 400)
    )
    yield Attack('field', 'a file twice', lambda t: _refused(t, [_good()[0], *_good()], 400))
    yield Attack('field', 'text of 1 MB', lambda t: _refused(t, [*_good()[:1], part('kind', 'x' * 1_000_000)], 413))
    yield Attack(
        'field', 'control characters', lambda t: _refused(t, [*_good()[:1], part('kind', 'image\x1b[2J')], 400)
    )
    yield Attack('number', 'too many files', _many_files)
    yield Attack('number', '100,000 parts', _many_parts)
    yield Attack('number', '100,000 empty files', _many_empty)
    yield Attack('form', 'an endless header of a part', _long_header)
    yield Attack('form', '10,000 headers of a part', _many_headers)
    yield Attack('form', 'a header twice', lambda t: _refused(t, [(_good()[0][0] + b'\r\n' + _good()[0][0], PNG)], 400))
    for name, kind in (
        ('no boundary', 'multipart/form-data'),
        ('a boundary of 5,000 letters', 'multipart/form-data; boundary=' + 'x' * 5000),
        ('another boundary', 'multipart/form-data; boundary=other'),
        ('a boundary of line ends', 'multipart/form-data; boundary="a\\r\\nb"'),
        ('mixed', 'multipart/mixed; boundary=x'),
        ('JSON', 'application/json'),
        ('no type', ''),
    ):
        yield Attack('form', f'content type: {name}', partial(_kind, kind))
    yield Attack('form', 'cut off', _cut)
    yield Attack('form', 'a form in a form', _nested)
    yield Attack('form', 'base64', _encoded)
    yield Attack('form', 'two file names', _two_names)
    yield Attack('form', 'content encoded as gzip', _gzip)


def _good() -> list[Part]:
    return [part('file', PNG, 'a.png'), part('blank', 'stated')]


def _refused(target: Target, parts: list[Part], *status: int) -> str | None:
    return Expect(status, ['<script', MARK])(target.post(PREVIEW, parts))


def _filename(filename: bytes, target: Target) -> str | None:
    found = target.post(PREVIEW, [part('file', PNG, filename), part('blank', 'stated')])
    return Expect((200, 400), [MARK])(found) or traces(target)


def _batch_filename(filename: bytes, target: Target) -> str | None:
    table = f'case_id,bus\n1,/tmp/{MARK}.png\n2,../../../../../../tmp/{MARK}.png\n'
    found = target.post(target.batch, [part('table', table, 't.csv'), part('files', PNG, filename)])
    problem = Expect((200, 400), [MARK])(found) or traces(target)
    if problem or found.status == 400:
        return problem
    rows = found.json['rows']
    return None if all(row['error'] and row['predicted'] is None for row in rows) else 'a cell led out of the upload'


def traces(target: Target) -> str | None:
    """Where the name of an attack's file was written, or None."""
    places = [Path('/tmp'), target.running.spool, Path.cwd()]
    if any(MARK in path.name for place in places for path in place.glob('*')):
        return 'a file has the name that was sent'
    return 'the name stands in the log' if MARK in target.running.written() else None


def _field(field: str, target: Target) -> str | None:
    return _refused(target, [*_good(), part(field, 'x')], 400) or Expect((400,), [field])(
        target.post(PREVIEW, [part(field, PNG, 'a.png')])
    )


def _many_files(target: Target) -> str | None:
    files = [part('files', PNG, f'{number}.png') for number in range(int(target.limits['files']) + 1)]
    return Expect((413,))(target.post(target.batch, [part('table', 'case_id\n1\n', 't.csv'), *files]))


def _many_parts(target: Target) -> str | None:
    return _refused(target, [part('kind', 'x')] * 100_000, 400, 413)


def _many_empty(target: Target) -> str | None:
    found = target.post(target.batch, [part('files', b'', '')] * 100_000)
    return Expect((400, 413))(found)


def _long_header(target: Target) -> str | None:
    return _refused(target, [(b'Content-Disposition: form-data; name="file"; x="' + b'a' * 3_000_000, b'')], 400, 413)


def _many_headers(target: Target) -> str | None:
    return _refused(target, [(b'\r\n'.join([_good()[0][0], *(b'X-%d: 1' % i for i in range(10_000))]), PNG)], 400)


def _kind(kind: str, target: Target) -> str | None:
    body, _ = form(_good())
    return Expect((400, 415))(target.ask('POST', PREVIEW, [f'Content-Type: {kind}'], body))


def _cut(target: Target) -> str | None:
    body, kind = form(_good())
    return Expect((400,))(target.ask('POST', PREVIEW, [f'Content-Type: {kind}'], body[:-20]))


def _nested(target: Target) -> str | None:
    inside, kind = form(_good())
    return _refused(
        target, [(f'Content-Disposition: form-data; name="file"\r\nContent-Type: {kind}'.encode(), inside)], 400
    )


def _encoded(target: Target) -> str | None:
    return _refused(target, [(_good()[0][0] + b'\r\nContent-Transfer-Encoding: base64', b'iVBORw0KGgo=')], 400)


def _two_names(target: Target) -> str | None:
    head = b'Content-Disposition: form-data; name="file"; filename="a.png"; filename*=UTF-8\'\'..%2f' + MARK.encode()
    return Expect((200, 400), [MARK])(target.post(PREVIEW, [(head, PNG)])) or traces(target)


def _gzip(target: Target) -> str | None:
    body, kind = form(_good())
    headers = [f'Content-Type: {kind}', 'Content-Encoding: gzip']
    bomb = gzip.compress(b'\0' * 50_000_000)
    return Expect((400,))(target.ask('POST', PREVIEW, headers, gzip.compress(body))) or Expect((400,))(
        target.ask('POST', PREVIEW, headers, bomb)
    )
