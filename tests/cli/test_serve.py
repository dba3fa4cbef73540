"""The tool: what it refuses, and a whole life of a server over a stand-in engine."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
TOKEN = 'correct-horse-battery'
RUN = """
import importlib.util, sys, types
def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
stand_in = load('stand_in', {stand_in!r})
fake = types.ModuleType('usmm.server.engine')
class Engine(stand_in.StandIn):
    def __init__(self, models, limits, zoo, device):
        super().__init__({hold})
fake.Engine = Engine
sys.modules['usmm.server.engine'] = fake
from usmm.cli.serve import main
raise SystemExit(main())
"""


@pytest.fixture(scope='module')
def tool() -> ModuleType:
    return importlib.import_module('usmm.cli.serve')


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['m', '--host', '0.0.0.0', '--allow-host', 'a'], 'can be reached from other machines: give a token'),
        (['m', '--limit', 'waiting=none'], 'limit waiting must be a whole number'),
        (['m', '--token-file', 'absent'], 'absent'),
    ],
)
def test_what_cannot_be_served_is_told_in_a_line(
    tool: ModuleType, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert tool.main(arguments) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        ([], 'MODEL'),
        (['m', '--keyfile', 'k'], '--keyfile needs --certfile'),
        (['m', '--port', '99999'], "--port: expected a whole number from 0 to 65535, got '99999'"),
        (['m', '--token', 'x'], "unknown option '--token', did you mean '--token-file'?"),
        (['m', '--certfile', 'missing.pem'], '--certfile: there is no file missing.pem'),
        (['m', '--certfile', __file__, '--keyfile', 'k.pem'], '--keyfile: there is no file k.pem'),
        (['m', '--certfile', __file__], f'--certfile {__file__} cannot be used: expected a certificate in PEM'),
    ],
)
def test_wrong_options(tool: ModuleType, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    with pytest.raises(SystemExit, match='2'):
        tool.main(arguments)
    assert words in capsys.readouterr().err


def begin(tmp_path: Path, *arguments: str, hold: bool = False) -> tuple[subprocess.Popen[str], str, list[str]]:
    """A server in a process of its own, its address, and what it printed."""
    code = RUN.format(stand_in=str(ROOT / 'tests/server/stand_in.py'), hold=hold)
    command = [sys.executable, '-c', code, 'small', '--port', '0', '--spool', str(tmp_path / 'spool'), *arguments]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ})
    assert running.stdout is not None
    lines = [running.stdout.readline().strip() for _ in range(3)]
    return running, lines[0].split()[-1], lines


@pytest.fixture
def stopped() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that are ended at the end."""
    running: list[subprocess.Popen[str]] = []
    yield running
    for one in running:
        one.kill()
        one.communicate()


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGHUP])
def test_a_server_from_start_to_end(
    tmp_path: Path, stopped: list[subprocess.Popen[str]], number: signal.Signals
) -> None:
    running, address, lines = begin(tmp_path)
    stopped.append(running)
    assert address.startswith('http://127.0.0.1:')
    assert lines[1] == 'small: A small model'
    assert 'Research use only' in lines[2]
    assert httpx.get(f'{address}/api/v1/health', timeout=10).json() == {'status': 'ok'}
    running.send_signal(number)
    _, log = running.communicate(timeout=15)
    assert 'GET /api/v1/health 200' in log
    assert 'Traceback' not in log
    assert list((tmp_path / 'spool').glob('server-*')) == []


def test_uploads_of_a_killed_server_go_at_the_next_start(tmp_path: Path, stopped: list[subprocess.Popen[str]]) -> None:
    running, address, _ = begin(tmp_path, hold=True)
    stopped.append(running)
    with pytest.raises(httpx.TimeoutException):
        httpx.post(f'{address}/api/v1/preview', files={'file': ('Doe.gif', b'GIF89a')}, timeout=1.5)
    left = list((tmp_path / 'spool').rglob('*.gif'))
    assert [path.name for path in left] == ['0.gif']
    running.kill()
    running.wait()
    assert left[0].exists()
    again, address, _ = begin(tmp_path)
    stopped.append(again)
    assert not left[0].exists()
    assert httpx.get(f'{address}/api/v1/health', timeout=10).status_code == 200


def test_a_token_and_a_log_file(tmp_path: Path, stopped: list[subprocess.Popen[str]]) -> None:
    (tmp_path / 'token').touch(0o600)
    (tmp_path / 'token').write_text(TOKEN)
    log = tmp_path / 'access.log'
    running, address, _ = begin(tmp_path, '--token-file', str(tmp_path / 'token'), '--log', str(log))
    stopped.append(running)
    assert httpx.get(f'{address}/api/v1/models', timeout=10).status_code == 401
    found = httpx.get(f'{address}/api/v1/models', headers={'Authorization': f'Bearer {TOKEN}'}, timeout=10)
    assert found.status_code == 200
    end = time.monotonic() + 5
    while log.read_text().count('\n') < 2 and time.monotonic() < end:
        time.sleep(0.02)
    assert [line.split()[1:4] for line in log.read_text().splitlines()] == [
        ['GET', '-', '401'],
        ['GET', '/api/v1/models', '200'],
    ]
    assert TOKEN not in log.read_text()
