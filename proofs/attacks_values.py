"""Attacks by clinical values and by the cells of a table."""

from __future__ import annotations

import csv
import io
import socket
import threading
import zipfile
from collections.abc import Iterator
from functools import partial

import openpyxl
from attacks_forms import PNG, traces
from server_attacks import Attack, Expect
from server_target import Reply, Target, part

SCRIPT = '<script>alert(1)</script>'
VALUES = {
    'script': SCRIPT,
    'script in an attribute': '"><img src=x onerror=alert(1)>',
    'infinity': 'inf',
    'a number too large': '1e999',
    'a huge number': '1' * 4000,
    'minus': '-1',
    'underscores': '1_0',
    'JSON': '{"$gt": 0}',
    'a list': '[1, 2]',
    'a query': "1' OR '1'='1",
    'a formula': '=1+1',
    'a template': '{{7*7}}',
    'a look-up': '${jndi:ldap://127.0.0.1/a}',
    'bidi': '\u202e54\u202c',
    'no width': '5\u200b4',
    'NUL': '54\0',
    'line ends': '54\r\nSet-Cookie: a=b',
}
CELLS = {
    'a path': '../../../../etc/passwd',
    'an absolute path': '/etc/passwd',
    'a Windows path': 'C:\\Windows\\win.ini',
    'a share': '\\\\127.0.0.1\\x\\a.png',
    'the process': '/proc/self/environ',
    'a user': '~/.ssh/id_rsa',
    'a name with NUL': 'a.png\0.png',
    'a zip slip': 'a.png/../../../../tmp/x.png',
    'many files': ';'.join(['/etc/passwd'] * 500),
}
FORMULAS = (
    '=1+1',
    '+1+1',
    '-1+1',
    '@SUM(1)',
    '\t=1+1',
    '\r=1+1',
    "=cmd|' /C calc'!A0",
    ' =1+1',
    '\n=1+1',
    '=1\n=2',
    '＝1+1',
)
ENTITY = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'


def attacks() -> Iterator[Attack]:
    """All of this kind."""
    for name, value in VALUES.items():
        yield Attack('value', name, partial(_value, value))
    for name, cell in CELLS.items():
        yield Attack('table', f'a file is {name}', partial(_cell, cell))
    for formula in FORMULAS:
        yield Attack('table', f'formula {formula!r}', partial(_formula, formula))
    yield Attack('value', 'NaN', _not_a_number)
    yield Attack('table', 'script in all cells', _script)
    yield Attack('table', 'script in the header', lambda t: _table(t, f'{SCRIPT},case_id\n1,2\n', [SCRIPT]))
    yield Attack('table', 'an HTML page', lambda t: Expect((415,))(_send(t, f'<html>{SCRIPT}</html>')))
    yield Attack('table', 'names of Python', lambda t: _table(t, '__class__,case_id\n1,__proto__\n'))
    yield Attack('table', '500 lines', lambda t: Expect((413, 422))(_send(t, 'case_id\n' + '1\n' * 500)))
    yield Attack('table', '100,000 columns', lambda t: _table(t, ','.join(f'c{i}' for i in range(100_000)) + '\n'))
    yield Attack('table', 'a cell of 3 MB', lambda t: _table(t, 'case_id\n' + 'x' * 3_000_000))
    yield Attack('table', 'an address of the net in a cell', partial(_calls_out, 'csv'))
    yield Attack('table', 'XLSX with a file as an entity', _external)
    yield Attack('table', 'XLSX with a link to the net', partial(_calls_out, 'xlsx'))
    yield Attack('table', 'XLSX with paths in its archive', _slip)


def _send(target: Target, table: str | bytes, accept: str = 'application/json') -> Reply:
    parts = [part('table', table, 't.csv'), part('files', PNG, 'a.png')]
    return target.post(target.batch, parts, [f'Accept: {accept}'])


def _json(reply: Reply) -> str | None:
    kind = reply.headers.get('content-type', '')
    return None if kind == 'application/json' else f'an answer of the type {kind}'


def _value(value: str, target: Target) -> str | None:
    name = _number(target)
    reply = target.post(target.predict, [*target.parts, part(name, value), part('explain', 'false')])
    problem = Expect((400, 413, 422))(reply) or _json(reply)
    return problem or ('a header was split' if 'set-cookie' in reply.headers else None)


def _not_a_number(target: Target) -> str | None:
    """It counts as not given, and the answer says so."""
    name = _number(target)
    reply = target.post(target.predict, [*target.parts, part(name, 'nan'), part('explain', 'false')])
    if problem := Expect((200,), [':NaN'])(reply):
        return problem
    told = any('not given' in words and name in words for words in reply.json['warnings'])
    return None if reply.json['values'][name] is None and told else 'it was taken as a number'


def _number(target: Target) -> str:
    """A clinical variable that is a number and that the good request does not hold."""
    told = target.ask('GET', f'/api/v1/models/{target.model}').json['variables']
    sent = b' '.join(head for head, _ in target.parts).decode()
    return next(v['name'] for v in told if v['kind'] == 'number' and f'name="{v["name"]}"' not in sent)


def _table(target: Target, table: str, absent: list[str] | None = None) -> str | None:
    reply = _send(target, table, 'text/html')
    return Expect((200, 400, 413, 415, 422), absent or [])(reply) or _json(reply)


def _cell(cell: str, target: Target) -> str | None:
    file = io.StringIO()
    names = [head.split(b'"')[1].decode() for head, _ in target.parts if b'filename=' in head]
    csv.writer(file).writerows([['case_id', *names], ['1', *[cell] * len(names)]])
    reply = _send(target, file.getvalue())
    problem = Expect((200, 415, 422), ['root:x', 'PATH=', '/etc/', 'HOME='])(reply)
    if problem or reply.status != 200:
        return problem
    row = reply.json['rows'][0]
    refused = row['predicted'] is None and 'names a file' in (row['error'] or '')
    return None if refused else f'the cell was taken: {row["error"]}'


def _formula(formula: str, target: Target) -> str | None:
    file = io.StringIO()
    columns = ['case_id', 'patient_id', 'bus', 'label']
    csv.writer(file).writerows([columns, [formula, formula, 'a.png', formula], ['plain', 'p', 'a.png', '']])
    reply = _send(target, file.getvalue(), 'text/csv')
    if problem := Expect((200,))(reply):
        return problem
    if not reply.headers['content-disposition'].startswith('attachment'):
        return 'the CSV is shown, not saved'
    rows = list(csv.reader(io.StringIO(reply.body.decode(), newline='')))
    if len(rows) != 3 or len({len(row) for row in rows}) != 1:
        return f'a cell broke the CSV into {len(rows)} rows'
    bad = [
        c
        for row in rows
        for c in row
        if c.lstrip(' \t\r\n')[:1] in ('=', '+', '@', '＝') or c[:1] in ('-', '\t', '\r', '\n')
    ]
    return f'{bad[0]!r} is a formula' if bad and not _is_number(bad[0]) else None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _script(target: Target) -> str | None:
    reply = _send(target, f'case_id,patient_id,bus,label\n{SCRIPT},{SCRIPT},a.png,{SCRIPT}\n', 'text/html')
    return Expect((200,))(reply) or _json(reply)


def _calls_out(kind: str, target: Target) -> str | None:
    """A listener that must not be called."""
    called = threading.Event()
    with socket.create_server(('127.0.0.1', 0)) as listener:
        listener.settimeout(1.5)
        address = f'http://127.0.0.1:{listener.getsockname()[1]}/a.png'

        def wait() -> None:
            try:
                listener.accept()[0].close()
                called.set()
            except OSError:
                pass

        thread = threading.Thread(target=wait)
        thread.start()
        table = f'case_id,bus\n1,{address}\n' if kind == 'csv' else _book(f'=WEBSERVICE("{address}")')
        reply = _send(target, table)
        thread.join()
    return 'the server called an address of a table' if called.is_set() else Expect((200, 400, 422))(reply)


def _book(cell: str = 'x') -> bytes:
    book, stream = openpyxl.Workbook(), io.BytesIO()
    for row in (['case_id', 'bus'], ['1', cell]):
        book.active.append(row)
    book.save(stream)
    return stream.getvalue()


def _changed(part_name: str, change: str | None, more: dict[str, bytes] | None = None) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_book())) as old, zipfile.ZipFile(stream, 'w') as new:
        for item in old.namelist():
            content = old.read(item)
            if item == part_name and change is not None:
                content = change.encode() + content.replace(b'<t>x</t>', b'<t>&e;</t>')
            new.writestr(item, content)
        for name, content in (more or {}).items():
            new.writestr(name, content)
    return stream.getvalue()


def _external(target: Target) -> str | None:
    for name in ('xl/workbook.xml', 'xl/worksheets/sheet1.xml', '[Content_Types].xml', 'xl/sharedStrings.xml'):
        problem = Expect((200, 422), ['root:x'])(_send(target, _changed(name, ENTITY)))
        if problem:
            return f'{name}: {problem}'
    return None


def _slip(target: Target) -> str | None:
    book = _changed('', None, {'../../../../tmp/usmm-attack-mark.txt': b'x', '/tmp/usmm-attack-mark.txt': b'x'})
    return Expect((200, 422))(_send(target, book)) or traces(target)
