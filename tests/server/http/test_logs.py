from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from usmm.server.http.logs import ACCESS, DEFECTS, OTHERS, log_defect, place_of, set_up_logs

PREDICT = '/api/v1/models/small/predictions'


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """The file of the log; loggers are as before afterwards."""
    loggers = [ACCESS, DEFECTS, *map(logging.getLogger, OTHERS)]
    before = [(one, one.handlers[:], one.propagate, one.level) for one in loggers]
    set_up_logs(tmp_path / 'log')
    yield tmp_path / 'log'
    for one, handlers, propagate, level in before:
        one.handlers, one.propagate = handlers, propagate
        one.setLevel(level)


def test_a_line_tells_what_kind_of_request_it_was_and_nothing_that_came(
    make_client: Callable[..., Any], stand_in: Any, log: Path
) -> None:
    client = make_client()
    secret = stand_in.SECRET
    files = {'bus': (f'{secret}.png', stand_in.PNG)}
    found = client.post(f'{PREDICT}?q={secret}', files=files, data={'age': '54'}, headers={'User-Agent': secret})
    assert found.status_code == 200
    client.get(f'/{secret}')
    client.request(secret.upper()[:3], '/')
    client.post(PREDICT, files={secret: (secret, stand_in.PNG)})
    lines = log.read_text().splitlines()
    assert [re.sub(r'^\S+Z | \d+ \d+$', '', line) for line in lines] == [
        'POST /api/v1/models/{model}/predictions 200', 'GET - 404', 'OTHER / 405',
        'POST /api/v1/models/{model}/predictions 400',
    ]  # fmt: skip
    assert all(re.match(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ', line) for line in lines)
    assert int(lines[0].split()[-1]) == int(found.request.headers['content-length'])
    assert secret not in log.read_text()


def test_a_defect_leaves_its_type_and_place_and_no_word(
    make_client: Callable[..., Any], stand_in: Any, log: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    client = make_client()
    client.engine.fails = KeyError(stand_in.SECRET)
    found = client.post(PREDICT, files={'bus': ('a.png', stand_in.PNG)})
    assert (found.status_code, found.json()['error']['code']) == (500, 'failed')
    assert stand_in.SECRET not in found.text + log.read_text() + ''.join(capfd.readouterr())
    assert re.search(r'KeyError at stand_in\.py:\d+ < ', log.read_text())
    assert log.read_text().count('KeyError') == 1


def test_a_place_has_no_folders() -> None:
    try:
        raise RuntimeError('x')
    except RuntimeError as error:
        assert re.fullmatch(r'test_logs\.py:\d+', place_of(error.__traceback__))
    assert place_of(None) == 'unknown place'


def test_an_error_is_logged_once(log: Path) -> None:
    error = RuntimeError('x')
    log_defect(error)
    log_defect(error)
    assert log.read_text().count('RuntimeError at unknown place') == 1


def test_libraries_are_silent(log: Path, capfd: pytest.CaptureFixture[str]) -> None:
    logging.getLogger('uvicorn.error').error('a secret')
    logging.getLogger('python_multipart.multipart').warning('a secret')
    logging.getLogger('asyncio').error('a secret')
    assert 'secret' not in ''.join(capfd.readouterr()) + log.read_text()
