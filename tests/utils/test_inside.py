"""A file below a folder is opened only if it really lies there."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from usmm.utils import inside
from usmm.utils.inside import OutsideError, open_inside, read_inside


@pytest.fixture(params=[True, False], ids=['by handle', 'by name'])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `zoo` with `m/a.md`, and a file `secret` beside it; on this system, and as where there is no dir_fd."""
    monkeypatch.setattr(inside, 'BY_HANDLE', request.param)
    (tmp_path / 'zoo' / 'm').mkdir(parents=True)
    (tmp_path / 'zoo' / 'm' / 'a.md').write_text('content')
    (tmp_path / 'secret').write_text('secret')
    return tmp_path / 'zoo'


def open_handles() -> int:
    return len([*Path('/proc/self/fd').glob('*')])


def test_a_file_below(root: Path) -> None:
    assert read_inside(root, 'm/a.md', 7) == read_inside(root / 'm', 'a.md', 100) == b'content'
    (root.parent / 'link').symlink_to(root)  # the folder itself was named by the user
    assert read_inside(root.parent / 'link', 'm/a.md', 100) == b'content'
    handles = open_handles()
    with open_inside(root, 'm/a.md', 100) as file:
        assert file.read() == b'content'
    with pytest.raises(OutsideError):
        open_inside(root, 'm/a.md', 6)
    assert open_handles() == handles


@pytest.mark.parametrize(
    'path',
    [
        '../secret',
        'm/../../secret',
        '/etc/passwd',
        '',
        '.',
        'm//a.md',
        'm/./a.md',
        'm/a.md/',
        'm/..',
        'a\0b',
        'm\\a.md',
    ],
)
def test_paths_that_lead_elsewhere(root: Path, path: str) -> None:
    with pytest.raises(OutsideError, match=r'is not a path below .*zoo'):
        open_inside(root, path, 100)


def test_links(root: Path) -> None:
    (root / 'm' / 'link.md').symlink_to(root.parent / 'secret')
    (root / 'm' / 'near.md').symlink_to('a.md')
    (root / 'folder').symlink_to(root.parent)
    (root / 'm' / 'nowhere').symlink_to('nothing')
    for path in ('m/link.md', 'm/near.md', 'folder/secret', 'folder/zoo/m/a.md', 'm/nowhere'):
        with pytest.raises(OutsideError, match='is a link, or lies behind one'):
            open_inside(root, path, 100)


def test_what_is_no_regular_file(root: Path) -> None:
    os.mkfifo(root / 'fifo')
    place = Path.cwd()
    os.chdir(root)  # the name of a socket has at most 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind('socket')
    finally:
        os.chdir(place)
    for path in ('fifo', 'socket', 'm'):
        with pytest.raises(OutsideError, match='is no regular file'):
            open_inside(root, path, 100)
    with pytest.raises(OutsideError, match='is no regular file'):
        open_inside('/dev', 'null', 100)


def test_large_and_missing_files(root: Path) -> None:
    with pytest.raises(OutsideError, match=r'a\.md has 7 bytes, over the limit of 6'):
        read_inside(root, 'm/a.md', 6)
    for path in ('m/b.md', 'n/a.md'):
        with pytest.raises(FileNotFoundError):
            open_inside(root, path, 100)
    with pytest.raises(NotADirectoryError):
        open_inside(root, 'm/a.md/b', 100)


def test_a_file_that_grows_while_it_is_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def grown(*_: object) -> object:
        with (root / 'm' / 'a.md').open('a') as file:
            file.write('more')
        return (root / 'm' / 'a.md').open('rb')

    monkeypatch.setattr(inside, 'open_inside', grown)
    with pytest.raises(OutsideError, match='has over 7 bytes'):
        read_inside(root, 'm/a.md', 7)


def test_hard_links(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.link(root.parent / 'secret', root / 'm' / 'b.md')
    assert read_inside(root, 'm/b.md', 100) == b'secret'  # of one owner, as installers of packages make them
    (root / 'm').chmod(0o777)
    with pytest.raises(OutsideError, match=r'also lies elsewhere .*: put a copy in its place'):
        open_inside(root, 'm/b.md', 100)
    assert read_inside(root, 'm/a.md', 100) == b'content'
    (root / 'm').chmod(0o755)
    if os.geteuid() == 0:
        os.chown(root / 'm', 12345, -1)
        with pytest.raises(OutsideError, match='also lies elsewhere'):
            open_inside(root, 'm/b.md', 100)


def test_a_file_that_is_replaced_while_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, 'BY_HANDLE', False)
    (tmp_path / 'a').write_text('a')
    (tmp_path / 'b').write_text('b')
    real = os.open
    monkeypatch.setattr(os, 'open', lambda path, *more, **rest: real(tmp_path / 'b', *more, **rest))
    with pytest.raises(OutsideError, match='was replaced while it was opened'):
        open_inside(tmp_path, 'a', 100)
