from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from usmm.server.http.http_errors import RequestError
from usmm.server.spool import NO_FOLDER, NO_ROOM, Spool, default_spool

HOLD = """
import sys, time
from usmm.server.spool import Spool
spool = Spool(sys.argv[1], 60)
file = spool.folder().new_file('.png')
file.write(b'patient')
print(file.path, flush=True)
time.sleep(60)
"""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def spool(tmp_path: Path, clock: Clock) -> Iterator[Spool]:
    made = Spool(tmp_path / 'deep' / 'spool', 60, most_bytes=1000, clock=clock)
    yield made
    made.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_files_are_named_by_number_and_private(spool: Spool) -> None:
    with spool.folder() as folder:
        first, second = folder.new_file('.png'), folder.new_file('.dcm')
        first.write(b'abc')
        first.close()
        first.close()
        assert (first.path.name, second.path.name) == ('0.png', '1.dcm')
        assert (mode(spool.root), mode(spool.path), mode(folder.path), mode(first.path)) == (0o700,) * 3 + (0o600,)
        assert first.path.read_bytes() == b'abc'
        second.close()
    assert not folder.path.exists()
    assert spool.used == 0


def test_the_folder_goes_also_after_an_error(spool: Spool) -> None:
    with pytest.raises(KeyError, match='x'), spool.folder() as folder:
        folder.new_file('.png').write(b'abc')
        raise KeyError('x')
    assert not folder.path.exists()


def test_all_uploads_together_are_limited(spool: Spool) -> None:
    with spool.folder() as one, spool.folder() as other:
        one.new_file('.png').write(b'x' * 600)
        file = other.new_file('.png')
        file.write(b'x' * 400)
        with pytest.raises(RequestError, match='holds too many uploads') as error:
            file.write(b'x')
        assert error.value.code == 'busy'
    with spool.folder() as folder:
        folder.new_file('.png').write(b'x' * 1000)


def test_old_folders_are_swept_unless_renewed(spool: Spool, clock: Clock) -> None:
    old, renewed = spool.folder(), spool.folder()
    file = old.new_file('.png')
    file.write(b'abc')
    clock.now = 50
    renewed.renew()
    assert spool.sweep() == 0
    clock.now = 61
    assert spool.sweep() == 1
    assert (old.path.exists(), renewed.path.exists(), spool.used) == (False, True, 0)
    with pytest.raises(RequestError, match='took too long'):
        file.write(b'more')
    with pytest.raises(RequestError, match='took too long'):
        old.new_file('.png')
    old.renew()
    spool.forget(old)
    assert spool.used == 0


def test_the_sweeper_runs_by_itself(tmp_path: Path) -> None:
    spool = Spool(tmp_path / 'spool', 0.1)
    folder = spool.folder()
    end = time.monotonic() + 5
    while folder.path.exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not folder.path.exists()
    spool.close()
    assert not spool.path.exists()


def test_no_room_on_the_disk_is_told(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> int:
        raise OSError(28, 'No space left on device')

    with spool.folder() as folder:
        file = folder.new_file('.png')
        monkeypatch.setattr(os, 'write', full)
        with pytest.raises(RequestError, match='no room for the upload'):
            file.write(b'x')
        monkeypatch.setattr(os, 'open', full)
        with pytest.raises(RequestError, match='no room for the upload'):
            folder.new_file('.png')


def test_what_a_killed_server_left_goes_at_the_next_start_and_a_living_ones_stays(tmp_path: Path) -> None:
    root = tmp_path / 'spool'
    command = [sys.executable, '-c', HOLD, str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        left = Path(killed.stdout.readline().strip())
        second = Spool(root, 60)
        assert (second.removed, left.read_bytes()) == (0, b'patient')
        killed.kill()
        killed.wait()
    assert left.exists()
    (root / 'server-1-never-locked').mkdir()
    third = Spool(root, 60)
    assert third.removed == 2
    assert not left.exists()
    assert second.path.exists()
    second.close()
    third.close()


def test_a_link_is_no_spool(tmp_path: Path) -> None:
    (tmp_path / 'real').mkdir(mode=0o700)
    (tmp_path / 'link').symlink_to(tmp_path / 'real')
    with pytest.raises(ValueError, match='must be a folder and no link'):
        Spool(tmp_path / 'link', 60)


def test_a_spool_that_others_may_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'open').mkdir()
    (tmp_path / 'open').chmod(0o755)
    with pytest.raises(ValueError, match='others may read the spool'):
        Spool(tmp_path / 'open', 60)


def test_the_spool_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(os, 'getuid', lambda: owner + 1)
    with pytest.raises(ValueError, match='belongs to another user'):
        Spool(tmp_path / 'spool', 60)


def test_the_default_is_of_this_user() -> None:
    assert default_spool().name == f'usmm-serve-{os.getuid()}'


def test_what_is_held_is_kept_however_long_it_takes(spool: Spool, clock: Clock) -> None:
    """A batch runs for minutes: its files stay, and go when it is done."""
    folder = spool.folder()
    folder.new_file('.png').write(b'abc')
    with spool.hold(folder), spool.hold(folder):
        clock.now = 1000
        assert spool.sweep() == 0
        assert (folder.path / '0.png').read_bytes() == b'abc'
    clock.now = 1050  # its time starts again when it is let go
    assert spool.sweep() == 0
    clock.now = 1061
    assert spool.sweep() == 1 and not folder.path.exists()
    with pytest.raises(RequestError, match='took too long'), spool.hold(folder):
        pass


def test_what_is_held_outlives_its_request(spool: Spool) -> None:
    """The client has gone away, and a thread still reads its files."""
    folder = spool.folder()
    folder.new_file('.png').write(b'abc')
    with spool.hold(folder):
        with folder:
            pass
        assert (folder.path / '0.png').read_bytes() == b'abc' and spool.used == 3
    assert not folder.path.exists() and spool.used == 0


@pytest.mark.parametrize('what', ['part', 'root', 'parent'])
def test_a_spool_that_is_removed_is_made_again(what: str, spool: Spool) -> None:
    lost, before = {'part': spool.path, 'root': spool.root, 'parent': spool.root.parent}[what], spool.path
    shutil.rmtree(lost)
    with spool.folder() as folder:
        file = folder.new_file('.png')
        file.write(b'abc')
        assert file.path.read_bytes() == b'abc'
        assert (mode(spool.root), mode(spool.path), mode(folder.path)) == (0o700,) * 3
    assert spool.path != before and spool.problem() is None
    other = Spool(spool.root, 60)
    assert other.removed == 0 and spool.path.is_dir()  # its lock was made again, too
    other.close()


def test_a_folder_that_is_removed_while_its_files_come(spool: Spool) -> None:
    with spool.folder() as folder:
        shutil.rmtree(spool.root)
        with pytest.raises(RequestError, match='cannot write uploads') as error:
            folder.new_file('.png')
    assert error.value.status == 503


@pytest.mark.skipif(os.getuid() == 0, reason='root may write everywhere')
def test_a_spool_that_may_not_be_written(spool: Spool) -> None:
    spool.path.chmod(0o500)
    assert spool.problem() == NO_FOLDER
    spool.path.chmod(0o700)
    assert spool.problem() is None


@pytest.mark.parametrize(
    ('number', 'status', 'message'),
    [(errno.ENOSPC, 507, NO_ROOM), (errno.EDQUOT, 507, NO_ROOM), (errno.EROFS, 503, NO_FOLDER),
     (errno.EACCES, 503, NO_FOLDER), (errno.EIO, 503, NO_FOLDER), (errno.EMFILE, 503, NO_FOLDER)],
)  # fmt: skip
@pytest.mark.parametrize('call', ['mkdir', 'open', 'write'])
def test_a_disk_that_does_not_take_uploads(
    call: str, number: int, status: int, message: str, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room, no inodes (the same error when a folder is made), read-only, broken."""

    def fails(*given: object, **more: object) -> int:
        raise OSError(number, 'injected')

    with monkeypatch.context() as patch:
        patch.setattr(Path if call == 'mkdir' else os, call, fails)
        with pytest.raises(RequestError) as error, spool.folder() as folder:
            folder.new_file('.png').write(b'abc')
        assert spool.problem() == message
    assert (error.value.status, error.value.message) == (status, message)
    assert spool.problem() is None and spool.used == 0  # it recovers by itself


def test_a_spool_that_somebody_else_made_meanwhile_is_not_used(spool: Spool, tmp_path: Path) -> None:
    shutil.rmtree(spool.root)
    spool.root.symlink_to(tmp_path)
    with pytest.raises(RequestError, match='cannot write uploads') as error:
        spool.folder()
    assert error.value.status == 503 and spool.problem() == NO_FOLDER
    spool.root.unlink()
    assert spool.problem() is None
