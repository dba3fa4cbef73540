from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from usmm.server.http.http_errors import RequestError
from usmm.server.http.uploads import Form, Uploads, receive
from usmm.server.server_limits import Limits
from usmm.server.spool import Folder, Spool

FORM = Form(
    {'bus': 'image', 'ceus': 'clip', 'bus_mask': 'mask', 'one': 'image'}, frozenset({'age', 'note'}), frozenset({'one'})
)
BATCH = Form({'table': 'table', 'files': 'any'}, frozenset())
GIF = b'GIF89a' + b'\0' * 600
MP4 = b'\0\0\0\x18ftypmp42' + b'\0' * 600


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    spool = Spool(tmp_path / 'spool', 60)
    with spool.folder() as made:
        yield made
    spool.close()


def body_of(files: Any, data: Any = None) -> tuple[bytes, str]:
    request = httpx.Request('POST', 'http://x', files=files, data=data)
    # httpx writes no empty file name; a browser's form does, for a field without a file
    return request.read().replace(b'"EMPTY"', b'""'), request.headers['content-type']


class Source:
    """Gives a body in pieces, and knows how much was asked for."""

    def __init__(self, body: bytes, piece: int = 1000, wait: float = 0) -> None:
        self.body, self.piece, self.wait, self.given = body, piece, wait, 0

    async def pieces(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self.body), self.piece):
            await asyncio.sleep(self.wait)
            self.given += len(self.body[at : at + self.piece])
            yield self.body[at : at + self.piece]


def received(
    folder: Folder,
    files: Any,
    data: Any = None,
    *,
    form: Form = FORM,
    source: Source | None = None,
    limits: Limits | None = None,
) -> Uploads:
    body, kind = body_of(files, data)
    source = source or Source(b'')
    source.body = source.body or body
    whole = form is BATCH
    return asyncio.run(receive(source.pieces(), kind, None, form, folder, limits or Limits(), whole))


@pytest.mark.parametrize('piece', [1, 50, 10_000])
def test_files_and_values_come_through_whole(folder: Folder, stand_in: Any, piece: int) -> None:
    files = [
        ('bus', ('/etc/passwd', stand_in.PNG)),
        ('bus', ('../../x.exe', stand_in.PNG[::1] + b'2')),
        ('ceus', ('c', MP4)),
        ('bus_mask', ('EMPTY', b'')),
    ]
    found = received(folder, files, {'age': ' 54 ', 'note': 'µ\n'}, source=Source(b'', piece))
    assert found.values == {'age': '54', 'note': 'µ'}
    assert {name: [p.read_bytes() for p in paths] for name, paths in found.files.items()} == {
        'bus': [stand_in.PNG, stand_in.PNG + b'2'],
        'ceus': [MP4],
    }
    assert sorted(path.name for path in folder.path.iterdir()) == ['0.png', '1.png', '2.mp4']
    assert found.named == {}


def test_a_table_and_the_files_it_names(folder: Folder, stand_in: Any) -> None:
    files = [('table', ('t.xlsx', b'a,b\n')), ('files', ('dir\\p/1.png', stand_in.PNG)), ('files', ('2.gif', GIF))]
    found = received(folder, files, form=BATCH)
    assert {name: path.name for name, path in found.named.items()} == {'dir/p/1.png': '1.png', '2.gif': '2.gif'}
    assert found.files['table'][0].name == '0.csv'


@pytest.mark.parametrize(
    ('files', 'data', 'code', 'words', 'field'),
    [
        ([('bus', ('a', GIF)), ('Doe', ('a', GIF))], None, 'bad_request', 'unknown field. Its fields are: bus', None),
        ([('bus', ('a', GIF))], {'age': ['1', '2']}, 'bad_request', 'age is given twice', 'age'),
        ([('bus_mask', ('a', GIF))] * 2, None, 'bad_request', 'bus_mask is given twice', 'bus_mask'),
        ([('one', ('a', GIF)), ('one', ('a', GIF))], None, 'bad_request', 'one is given twice', 'one'),
        ([('age', ('a', b'54'))], None, 'bad_request', 'age is a text field', 'age'),
        ([('bus', (None, b'x'))], None, 'bad_request', 'bus is a file', 'bus'),
        ([('bus', ('a', b''))], None, 'unreadable', 'bus: the file is empty', 'bus'),
        ([('bus', ('a.png', MP4))], None, 'bad_type', 'bus takes an image: .* a file of the type MP4', 'bus'),
        ([('ceus', ('a', b'\xff\xd8\xff\xe0'))], None, 'bad_type', 'ceus takes a clip: .* of the type JPEG', 'ceus'),
        ([('bus_mask', ('a', MP4))], None, 'bad_type', 'bus_mask takes a mask', 'bus_mask'),
        ([('bus', ('a.png', b'<svg>'))], None, 'bad_type', 'This file is an SVG', 'bus'),
        ([('bus', ('a.png', b'x' * 999))], None, 'bad_type', 'of no type that is read', 'bus'),
        ([('bus', ('a', GIF))], {'age': b'\xff'}, 'bad_request', 'age is not text in UTF-8', 'age'),
        ([('bus', ('a', GIF))], {'age': 'a\0b'}, 'bad_request', 'age holds characters that cannot', 'age'),
        ([('bus', ('a', GIF))], {'age': 'a\u202eb'}, 'bad_request', 'age holds characters that cannot', 'age'),
    ],
)  # fmt: skip
def test_forms_that_are_refused(folder: Folder, files: Any, data: Any, code: str, words: str, field: str) -> None:
    if data == {'age': b'\xff'}:
        files, data = [*files, ('age', (None, b'\xff'))], None
    with pytest.raises(RequestError, match=words) as error:
        received(folder, files, data)
    assert (error.value.code, error.value.input) == (code, field)


@pytest.mark.parametrize(
    ('names', 'words'),
    [
        (['x/a.gif', '.\\x\\a.gif'], 'have the same name'),
        (['x/..'], 'has no name to find it by'),
        (['/'], 'has no name'),
    ],
)
def test_names_in_a_batch(folder: Folder, names: list[str], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        received(folder, [('files', (name, GIF)) for name in names], form=BATCH)


def test_a_table_must_be_one(folder: Folder) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w') as archive:
        archive.writestr('evil.html', 'x')
    for content, words in ((stream.getvalue(), 'a ZIP archive'), (GIF, 'of the type GIF'), (b'<html>', 'a web page')):
        with pytest.raises(RequestError, match=f'table takes a table: CSV or XLSX.*{words}') as error:
            received(folder, [('table', ('t.csv', content))], form=BATCH)
        assert error.value.code == 'bad_type'


@pytest.mark.parametrize(
    ('limits', 'words'),
    [
        ({'file_bytes': 5000}, 'bus is larger than 5000 bytes'),
        ({'request_bytes': 5000}, 'The request is larger than 5000 bytes'),
        ({'request_bytes': 2**20, 'file_bytes': 2**19}, 'bus is larger than 524288 bytes'),
    ],
)
def test_what_is_too_large_is_refused_before_it_is_all_here(folder: Folder, limits: Any, words: str) -> None:
    source = Source(body_of([('bus', ('a', GIF + b'\0' * 3_000_000))])[0])
    body, kind = source.body, body_of([('bus', ('a', GIF))])[1]
    kind = kind.split('=')[0] + '=' + body[2 : body.index(b'\r\n')].decode()
    with pytest.raises(RequestError, match=words) as error:
        asyncio.run(receive(source.pieces(), kind, None, FORM, folder, Limits(**limits)))
    assert error.value.code == 'too_large'
    most = min(limits.values())
    assert source.given <= most + 2 * source.piece
    assert sum(path.stat().st_size for path in folder.path.iterdir()) <= most


def test_a_stated_size_is_refused_before_a_byte_is_read(folder: Folder) -> None:
    source = Source(b'x' * 1000)
    with pytest.raises(RequestError, match='larger than 256 MiB'):
        asyncio.run(receive(source.pieces(), 'x', str(2**28 + 1), FORM, folder, Limits()))
    assert source.given == 0


def test_a_wrong_type_is_refused_at_its_first_bytes(folder: Folder) -> None:
    body, kind = body_of([('bus', ('a.png', b'%PDF-1.7' + b'x' * 1_000_000))])
    source = Source(body)
    with pytest.raises(RequestError, match='a PDF'):
        asyncio.run(receive(source.pieces(), kind, None, FORM, folder, Limits()))
    assert source.given <= 2000
    assert list(folder.path.iterdir()) == []


@pytest.mark.parametrize(
    ('files', 'data', 'limits', 'words'),
    [
        ([('bus', ('a', GIF))] * 3, None, {'files': 2}, 'more than 2 files'),
        ([('bus', ('EMPTY', b''))] * 3, None, {'files': 2}, 'more than 2 files'),
        ([('bus', ('a', GIF))], {'age': '1', 'note': '2'}, {'fields': 1}, 'more than 1 text fields'),
        ([('bus', ('a', GIF))], {'age': '1' * 11}, {'field_bytes': 10}, 'age is longer than 10 bytes'),
    ],
)
def test_numbers_are_limited(folder: Folder, files: Any, data: Any, limits: Any, words: str) -> None:
    with pytest.raises(RequestError, match=words) as error:
        received(folder, files, data, limits=Limits(**limits))
    assert error.value.code == 'too_large'


def test_a_slow_client_has_a_deadline_for_the_whole_not_for_a_piece(folder: Folder) -> None:
    body, kind = body_of([('bus', ('a', GIF))])
    source = Source(body, 20, wait=0.02)
    with pytest.raises(RequestError, match=r'longer than 0\.2 seconds') as error:
        asyncio.run(receive(source.pieces(), kind, None, FORM, folder, Limits(upload_seconds=0.2)))
    assert error.value.code == 'timeout'
    assert 0 < source.given < len(body)
