"""A block without access: what is refused, and what it leaves alone."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from usmm.utils.no_access import AccessError, no_access

HERE = str(Path(__file__))
REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    'reading': (lambda: Path('/etc/hostname').read_text(), "it opens '/etc/hostname'"),
    'reading bytes': (lambda: io.FileIO(b'/etc/hostname'), "it opens '/etc/hostname'"),
    'by descriptor': (lambda: os.open('/etc/hostname', os.O_RDONLY), "it opens '/etc/hostname'"),
    'writing': (lambda: Path('no_access_marker').write_text(''), "it opens 'no_access_marker'"),
    'code of elsewhere': (lambda: Path('no_access_marker.py').read_text(), "it opens 'no_access_marker.py'"),
    'writing code': (lambda: Path(os.__file__).open('a').close(), 'it opens .*os.py'),
    'removing': (Path('no_access_marker').unlink, 'os.remove'),
    'a folder': (Path('no_access_marker').mkdir, 'os.mkdir'),
    'a link': (lambda: Path('no_access_marker').symlink_to(HERE), 'os.symlink'),
    'moving': (lambda: shutil.move(HERE, 'no_access_marker'), 'shutil.move'),
    'a temporary file': (tempfile.mkstemp, 'tempfile.mkstemp'),
    'a command': (lambda: os.system('true'), 'os.system'),
    'a process': (lambda: subprocess.run(['true'], check=False), 'subprocess.Popen'),
    'a fork': (os.fork, 'os.fork'),
    'a signal': (lambda: os.kill(os.getpid(), 0), 'os.kill'),
    'a socket': (socket.socket, 'socket'),
    'a name server': (lambda: socket.getaddrinfo('localhost', 80), 'socket.getaddrinfo'),
    'an address': (lambda: urllib.request.urlopen('http://localhost:1/'), 'urllib.Request'),
    'a pickle': (lambda: pickle.loads(b'cos\nsystem\n.'), 'pickle.find_class'),
    'another package': (lambda: __import__('no_such_package_here.part'), "imports 'no_such_package_here"),
    'a setting of the process': (lambda: os.putenv('A', 'b'), 'os.putenv'),
}


@pytest.mark.parametrize('kind', REFUSED)
def test_what_is_refused(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    action, message = REFUSED[kind]
    with pytest.raises(AccessError, match=message), no_access():
        action()
    assert [*tmp_path.iterdir()] == []


def test_an_error_that_is_caught_is_raised_at_the_end() -> None:
    with pytest.raises(AccessError, match='/etc/hostname'), no_access(), suppress(OSError):
        Path('/etc/hostname').read_text()


def test_packages_may_be_imported_and_asked_for_their_version() -> None:
    from importlib.metadata import version

    for name in [n for n in sys.modules if n.startswith('scipy.cluster')]:
        del sys.modules[name]
    with no_access():
        import scipy.cluster

        assert version('torch') and scipy.cluster


def test_blocks_inside_one_another_and_other_threads() -> None:
    read: list[str] = []
    with no_access():
        with pytest.raises(AccessError), no_access():
            Path('/etc/hostname').read_text()
        thread = threading.Thread(target=lambda: read.append(Path(HERE).read_text()))
        thread.start()
        thread.join()
    assert read == [Path(HERE).read_text()]  # outside everything is as it was
