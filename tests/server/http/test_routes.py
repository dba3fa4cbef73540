from __future__ import annotations

import asyncio
import errno
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from usmm.server.http.http_errors import RequestError
from usmm.server.spool import cannot_write

PREDICT, BATCH, PREVIEW = (f'/api/v1/{path}' for path in ('models/small/predictions', 'models/small/batch', 'preview'))
GIF, MP4 = b'GIF89a' + b'\0' * 9, b'\0\0\0\x18ftypmp42'


def test_health_version_and_models(make_client: Callable[..., Any], stand_in: Any) -> None:
    client = make_client()
    assert client.get('/api/v1/health').json() == {'status': 'ok'}
    assert client.get('/api/v1/version').json()['api'] == '1'
    assert client.get('/api/v1/models').json() == {'models': [stand_in.MODEL]}
    assert client.get('/api/v1/models/small').json() == stand_in.MODEL
    card = client.get('/api/v1/models/small/card')
    assert (card.text, card.headers['content-type']) == ('# A small model\n', 'text/markdown; charset=utf-8')


@pytest.mark.parametrize(
    ('method', 'path'),
    [('GET', ''), ('GET', '/card'), ('POST', '/predictions'), ('POST', '/batch')],
)
def test_an_unknown_model_is_not_repeated(make_client: Callable[..., Any], method: str, path: str) -> None:
    found = make_client().request(method, f'/api/v1/models/Doe{path}')
    assert (found.status_code, found.json()['error']['code']) == (404, 'not_found')
    assert 'Doe' not in found.text


def test_a_case_is_answered_and_forgotten(make_client: Callable[..., Any], stand_in: Any) -> None:
    client = make_client()
    files = [('bus', ('Doe.png', stand_in.PNG)), ('bus', ('b.png', stand_in.PNG)), ('ceus', ('c', GIF))]
    found = client.post(PREDICT, files=files, data={'age': '54', 'bus_box': '1,2,3,4', 'explain': 'false'})
    assert found.status_code == 200
    model, read, values, explain, blank = client.engine.calls[0][1]
    assert (model, values, explain, blank) == ('small', {'age': '54', 'bus_box': '1,2,3,4'}, False, 'auto')
    assert read == {'bus': [stand_in.PNG] * 2, 'ceus': [GIF]}
    seconds = found.json()['seconds']
    assert 0 <= seconds['wait'] <= seconds['total'] < 20
    assert seconds['predict'] == 0.2
    assert [path.exists() for path in client.engine.paths] == [False] * 3
    assert not any(path.is_dir() for path in client.server.spool.path.iterdir())


@pytest.mark.parametrize(
    ('problem', 'status', 'code'),
    [
        (RequestError('unreadable', 'bus cannot be read', 'bus'), 422, 'unreadable'),
        (RuntimeError('Doe'), 500, 'failed'),
        (ValueError('Doe'), 500, 'failed'),
    ],
)
def test_files_go_also_where_the_engine_fails(
    make_client: Callable[..., Any], stand_in: Any, problem: Exception, status: int, code: str
) -> None:
    client = make_client()
    client.engine.fails = problem
    found = client.post(PREDICT, files={'bus': ('a', stand_in.PNG)})
    assert (found.status_code, found.json()['error']['code']) == (status, code)
    assert 'Doe' not in found.text
    assert not client.engine.paths[0].exists()


def test_an_answer_that_is_no_json_is_a_defect(make_client: Callable[..., Any], stand_in: Any) -> None:
    client = make_client()
    client.engine.preview = lambda *given: {'fps': float('nan')}
    found = client.post(PREVIEW, files={'file': ('a', stand_in.PNG)})
    assert (found.status_code, found.json()['error']['code']) == (500, 'failed')


def test_a_preview(make_client: Callable[..., Any], stand_in: Any) -> None:
    client = make_client()
    found = client.post(PREVIEW, files={'file': ('a', MP4)}, data={'kind': 'clip', 'blank': 'stated'})
    assert found.json()['kind'] == 'clip'
    assert client.engine.calls == [('preview', ('clip', 'stated'))]
    client.post(PREVIEW, files={'file': ('a', stand_in.PNG)})
    assert client.engine.calls[1] == ('preview', ('image', 'auto'))


@pytest.mark.parametrize(
    ('path', 'files', 'data', 'status', 'words'),
    [
        (PREVIEW, {'file': ('a', MP4)}, {'kind': 'image'}, 415, 'of the type MP4, which is read as no image'),
        (
            PREVIEW,
            {'file': ('a', b'\xff\xd8\xff')},
            {'kind': 'clip'},
            415,
            'of the type JPEG, which is read as no clip',
        ),
        (PREVIEW, {'file': ('a', GIF)}, {'kind': 'Doe'}, 400, 'kind must be one of: image, clip'),
        (PREVIEW, {'file': ('a', GIF)}, {'blank': 'Doe'}, 400, 'blank must be one of: auto, stated'),
        (PREVIEW, {'kind': (None, 'image')}, {'blank': 'auto'}, 422, 'A file is needed in the field file'),
        (PREDICT, {'bus': ('a', GIF)}, {'explain': 'Doe'}, 400, 'explain must be one of: true, false'),
        (PREDICT, {'bus': ('a', GIF)}, {'Doe': '1'}, 400, 'unknown field'),
        (BATCH, {'files': ('a', GIF)}, {}, 422, 'A file is needed in the field table'),
    ],
)
def test_wrong_forms(
    make_client: Callable[..., Any], path: str, files: Any, data: Any, status: int, words: str
) -> None:
    client = make_client()
    found = client.post(path, files=files, data=data)
    assert found.status_code == status
    assert words in found.json()['error']['message']
    assert 'Doe' not in found.text
    assert client.engine.calls == []


def test_a_batch_as_json_and_as_csv(make_client: Callable[..., Any], stand_in: Any) -> None:
    client = make_client()
    files = [('table', ('t.csv', b'case_id,bus\n1,p.png\n')), ('files', ('dir/p.png', stand_in.PNG))]
    assert client.post(BATCH, files=files).json() == {'model': 'small', 'rows': [stand_in.ROW]}
    assert client.engine.calls == [('batch', ('small', {'dir/p.png': '1.png'}))]
    found = client.post(BATCH, files=files, headers={'Accept': 'text/csv'})
    assert (found.text, found.headers['content-type']) == ('case\na\n', 'text/csv; charset=utf-8')
    assert found.headers['content-disposition'] == 'attachment; filename="predictions.csv"'


def test_a_full_queue_is_told_before_a_body_is_read(make_client: Callable[..., Any], stand_in: Any) -> None:
    client = make_client(engine=stand_in.StandIn(hold=True), jobs=1, waiting=1)
    files = {'bus': ('a', stand_in.PNG)}
    found: list[Any] = []

    async def scene() -> None:
        transport = httpx.ASGITransport(client.server)
        async with httpx.AsyncClient(transport=transport, base_url='http://localhost') as many:
            tasks = [asyncio.ensure_future(many.post(PREDICT, files=files)) for _ in range(2)]
            while client.server.queue.waiting < 1:
                await asyncio.sleep(0.01)
            found.append(await many.post(PREDICT, files=files))
            client.engine.let_go.set()
            found.extend(await asyncio.gather(*tasks))

    asyncio.run(asyncio.wait_for(scene(), 20))
    assert [one.status_code for one in found] == [429, 200, 200]
    assert found[0].json()['error']['code'] == 'busy'
    assert int(found[0].headers['retry-after']) > 0


def test_the_engine_works_in_other_threads(make_client: Callable[..., Any], stand_in: Any) -> None:
    client, names = make_client(), []
    client.engine.preview = lambda *given: names.append(threading.current_thread().name) or {}
    client.post(PREVIEW, files={'file': ('a', stand_in.PNG)})
    assert names[0].startswith('usmm-server')


def test_the_spool_holds_numbers_alone(make_client: Callable[..., Any], stand_in: Any) -> None:
    client, seen = make_client(), []

    def look(path: Path, *given: Any) -> dict[str, Any]:
        seen.extend(p.relative_to(client.server.spool.path).parts for p in client.server.spool.path.rglob('*'))
        return {}

    client.engine.preview = look
    client.post(PREVIEW, files={'file': ('Doe^Jane.png', stand_in.PNG)})
    assert sorted(parts[-1] for parts in seen if len(parts) > 1) == ['0.png']


def test_a_folder_is_held_while_it_waits_and_while_it_is_read(make_client: Callable[..., Any], stand_in: Any) -> None:
    client, held = make_client(), []
    hold = client.server.spool.hold
    client.server.spool.hold = lambda folder: held.append(threading.current_thread().name) or hold(folder)
    client.post(PREVIEW, files={'file': ('a', stand_in.PNG)})
    assert [name.startswith('usmm-server') for name in held] == [False, True]


def test_health_says_what_is_wrong(make_client: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('usmm.server.http.routes.HEALTH_SECONDS', 0.0)
    client = make_client()
    assert client.get('/api/v1/health').json() == {'status': 'ok'}
    client.engine.trouble = 'Files cannot be read.'
    with monkeypatch.context() as patch:
        patch.setattr(client.server.spool, 'problem', lambda: 'Nothing can be written.')
        found = client.get('/api/v1/health')
    assert (found.status_code, found.headers['retry-after']) == (503, '5')
    told = {'code': 'unavailable', 'message': 'Nothing can be written. Files cannot be read.', 'input': None}
    assert found.json() == {'error': told}
    client.engine.trouble = None
    assert client.get('/api/v1/health').status_code == 200


def test_health_is_looked_at_once_a_second(make_client: Callable[..., Any]) -> None:
    client, asked = make_client(), []
    client.engine.problem = lambda: asked.append(1)
    for _ in range(20):
        client.get('/api/v1/health')
    assert 1 <= len(asked) <= 3  # whatever the machine is busy with


def test_a_long_answer_keeps_its_files(live: Callable[..., Any], stand_in: Any) -> None:
    """The batch of many rows: longer than uploads are kept."""
    server = live(engine=stand_in.StandIn(hold=True), keep_seconds=0.2)
    with httpx.Client(base_url=f'http://localhost:{server.port}', timeout=20) as client:
        table = {'table': ('t.csv', b'case_id,bus\na,b.png\n'), 'files': ('b.png', stand_in.PNG)}
        answers: list[Any] = []
        asking = threading.Thread(
            target=lambda: answers.append(client.post('/api/v1/models/small/batch', files=table)), daemon=True
        )
        asking.start()
        assert server.engine.entered.acquire(timeout=10)
        time.sleep(1.0)  # the sweeper has run several times
        assert [path.exists() for path in server.engine.paths] == [True, True]
        server.engine.let_go.set()
        asking.join(20)
    assert answers[0].status_code == 200
    assert not any(path.exists() for path in server.engine.paths)


def test_a_disk_without_room_is_507(
    make_client: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, stand_in: Any
) -> None:
    client = make_client()

    def fails() -> None:
        raise cannot_write(OSError(errno.ENOSPC, 'injected'))

    monkeypatch.setattr(client.server.spool, '_new_folder', fails)
    found = client.post('/api/v1/models/small/predictions', files={'bus': ('a.png', stand_in.PNG)})
    assert (found.status_code, found.json()['error']['code']) == (507, 'no_room')
