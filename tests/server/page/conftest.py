"""Servers and a browser for the tests of the page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
TOKEN = 'a-token-of-these-tests-0123'
START_SECONDS = 90.0


def start_server(folder: Path) -> subprocess.Popen[bytes]:
    """Start usmm serve with two models, a token, files of at most 2 MB; what it prints goes to the file `out`."""
    (folder / 'spool').mkdir(mode=0o700)
    (folder / 'token').write_text(TOKEN)
    (folder / 'token').chmod(0o600)
    command = [sys.executable, '-m', 'usmm', 'serve', 'msmfn_small_phantom', 'msmfn_small_breast']
    command += ['--port', '0', '--device', 'cpu', '--token-file', str(folder / 'token')]
    command += ['--spool', str(folder / 'spool'), '--log', str(folder / 'log'), '--limit', 'file_bytes=2000000']
    environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONUNBUFFERED': '1'}
    with (folder / 'out').open('wb') as out:
        return subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)


def wait_for_address(process: subprocess.Popen[bytes], folder: Path) -> str:
    """The address of a server, once it has printed that it is ready."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        found = re.search(r'serves at (\S+)[\s\S]*Research use only', (folder / 'out').read_text())
        if found:
            return found[1]
        time.sleep(0.1)
    raise RuntimeError((folder / 'out').read_text())


@pytest.fixture(scope='session')
def token() -> str:
    """The token of the server."""
    return TOKEN


@pytest.fixture(scope='session')
def page_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real server."""
    folder = tmp_path_factory.mktemp('server')
    process = start_server(folder)
    try:
        yield wait_for_address(process, folder)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        process.kill()


@pytest.fixture(scope='module')
def chromium() -> Iterator[Any]:
    """A headless browser. One a module: while it is there, no other event loop may run in this process."""
    api = pytest.importorskip('playwright.sync_api', reason='playwright is not installed')
    path = shutil.which('chromium')
    if path is None:
        pytest.skip('there is no chromium on this machine')
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=['--no-sandbox'])
        yield browser
        browser.close()


SPY = """
  window.sent = [];
  const append = FormData.prototype.append;
  FormData.prototype.append = function (name, value, ...rest) {
    window.sent.push([name, value instanceof Blob ? `a file called ${rest[0] ?? value.name}` : String(value)]);
    return append.call(this, name, value, ...rest);
  };
"""


class Watched:
    """A page of a browser, and what must not happen in it: errors, and requests to anybody else.

    Args:
        page: Of the browser.
        address: Of the server.
    """

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.errors: list[str] = []
        self.requests: list[Any] = []
        self.statuses: set[int] = set()
        page.on('console', self._heard)
        page.on('pageerror', lambda error: self.errors.append(str(error)))
        page.on('request', lambda request: self.requests.append(request))

    def _heard(self, message: Any) -> None:
        expected = re.search(r'responded with a status of (\d+)', message.text)
        if message.type in ('error', 'warning') and not (expected and int(expected[1]) in self.statuses):
            self.errors.append(message.text)

    def check(self) -> None:
        """Nothing was wrong."""
        assert self.errors == []
        others = [r.url for r in self.requests if not r.url.startswith((f'{self.address}/', 'data:', 'blob:'))]
        assert others == []

    def asked(self, ending: str) -> int:
        """How many POST requests went to an address that ends so."""
        return sum(r.method == 'POST' and r.url.endswith(ending) for r in self.requests)

    @property
    def sent(self) -> list[list[str]]:
        """All fields that were put into forms: name and value, or what a file was called."""
        return list(self.page.evaluate('window.sent'))


@pytest.fixture
def spy() -> str:
    """A script for a page: `window.sent` lists what is put into forms. The browser does not tell bodies with files."""
    return SPY


@pytest.fixture
def visit(chromium: Any, page_server: str) -> Iterator[Callable[..., Watched]]:
    """Open the server's page in a browser of its own: `visit(viewport=...)`; checked at the end."""
    opened: list[Watched] = []

    def visited(signed_in: bool = True, **settings: Any) -> Watched:
        context = chromium.new_context(locale='en-GB', **settings)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.add_init_script(SPY)
        watched = Watched(page, page_server)
        opened.append(watched)
        if signed_in:
            context.request.post(f'{page_server}/session', form={'token': TOKEN})
        else:
            watched.statuses.add(401)
        page.goto(page_server)
        page.wait_for_selector('#work' if signed_in else '#token')
        return watched

    yield visited
    for one in opened:
        one.check()
        one.page.context.close()
