from __future__ import annotations

import errno
import multiprocessing
import os
import stat
from pathlib import Path

import cv2
import numpy as np
import pytest

from usmm.utils import atomic_files as module
from usmm.utils.atomic_files import (
    atomic_binary,
    atomic_path,
    atomic_text,
    remove_temporary_files,
    sync_folder,
    write_bytes,
    write_text,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_nothing_half_written_stays_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / 'out.txt'
    path.write_text('old')
    with pytest.raises(RuntimeError, match='stop'), atomic_path(path) as temporary:
        temporary.write_text('new, not whole')
        raise RuntimeError('stop')
    assert path.read_text() == 'old'
    assert names(tmp_path) == ['out.txt']


@pytest.mark.parametrize('opened', [atomic_text, atomic_binary])
def test_an_open_file_that_fails_leaves_nothing(opened, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), opened(tmp_path / 'deep' / 'a'):
        raise KeyboardInterrupt
    assert names(tmp_path / 'deep') == []


def test_a_file_that_does_not_come_back_as_written_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / 'out.txt'
    path.write_text('old')

    def refuse(written: Path) -> None:
        raise ValueError(f'{written.read_text()} is damaged')

    with (
        pytest.raises(OSError, match=r'cannot write .*out.txt: new is damaged'),
        atomic_path(path, refuse) as temporary,
    ):
        temporary.write_text('new')
    assert names(tmp_path) == ['out.txt'] and path.read_text() == 'old'


@pytest.mark.parametrize(
    ('sync', 'expected'), [(True, ['fsync', 'verify', 'replace', 'fsync']), (False, ['verify', 'replace'])]
)
def test_a_file_is_on_the_disk_before_it_takes_the_place_of_the_old_and_the_folder_after(
    sync: bool, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []

    def note(name: str) -> None:
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args: (done.append(name), real(*args)))

    note('fsync')
    note('replace')
    with atomic_path(tmp_path / 'out.txt', lambda path: done.append('verify'), sync=sync) as temporary:
        temporary.write_text('new')
    assert done == expected


@pytest.mark.parametrize('operation', ['fsync', 'replace'])
def test_a_disk_that_fails_is_named_and_keeps_the_old_file(
    operation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OSError(errno.EIO, 'Input/output error')

    (tmp_path / 'a.txt').write_text('old')
    monkeypatch.setattr(os, operation, fail)
    with pytest.raises(OSError, match=r'cannot write .*a.txt: Input/output error') as found:
        write_text(tmp_path / 'a.txt', 'new')
    assert found.value.errno == errno.EIO
    assert names(tmp_path) == ['a.txt'] and (tmp_path / 'a.txt').read_text() == 'old'


def test_a_disk_that_is_full_while_the_block_writes(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r'cannot write .*b\.csv: No space left'), atomic_text(tmp_path / 'b.csv') as file:
        file.write('half')
        raise OSError(errno.ENOSPC, 'No space left on device')
    assert names(tmp_path) == []


def test_a_block_that_writes_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(FileNotFoundError, match=r'cannot write .*a\.txt: No such file'),
        atomic_path(tmp_path / 'a.txt'),
    ):
        pass


def test_a_folder_of_the_name(tmp_path: Path) -> None:
    (tmp_path / 'a').mkdir()
    with pytest.raises(IsADirectoryError, match=r'cannot write .*a: Is a directory'):
        write_bytes(tmp_path / 'a', b'x')
    assert names(tmp_path) == ['a'] and names(tmp_path / 'a') == []


@pytest.mark.parametrize('mask', [0o022, 0o027, 0o077])
def test_permissions_are_those_of_the_umask(mask: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        path = write_text(tmp_path / 'a.txt', 'content')
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


def test_libraries_that_look_at_the_suffix(tmp_path: Path) -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    with atomic_path(tmp_path / 'a.png') as temporary:
        assert cv2.imwrite(str(temporary), pixels)
    with atomic_path(tmp_path / 'a.npy') as temporary:
        np.save(temporary, pixels)
    assert names(tmp_path) == ['a.npy', 'a.png']
    np.testing.assert_array_equal(
        cv2.imread(str(tmp_path / 'a.png'), cv2.IMREAD_UNCHANGED), np.load(tmp_path / 'a.npy')
    )


def test_texts_are_utf8_and_keep_their_ends_of_lines(tmp_path: Path) -> None:
    text = 'é\r\nb\n'
    assert write_text(tmp_path / 'a.txt', text).read_bytes() == text.encode()
    with atomic_text(tmp_path / 'b.txt') as file:
        file.write(text)
    assert (tmp_path / 'b.txt').read_bytes() == text.encode()


def test_a_text_that_is_no_unicode(tmp_path: Path) -> None:
    assert write_text(tmp_path / 'a.txt', 'x\udcff', 'replace').read_bytes() == b'x?'
    with pytest.raises(UnicodeEncodeError, match='surrogates not allowed'):
        write_text(tmp_path / 'a.txt', '\udcff')
    assert (tmp_path / 'a.txt').read_bytes() == b'x?'


def test_a_file_that_must_not_exist(tmp_path: Path) -> None:
    path = write_text(tmp_path / 'a.txt', 'first', overwrite=False)
    ran = []
    with pytest.raises(FileExistsError, match=r'cannot write .*a\.txt: the file exists'):  # noqa: SIM117
        with atomic_path(path, overwrite=False):
            ran.append('the block')
    assert not ran, 'costly work is not begun'
    assert path.read_text() == 'first' and names(tmp_path) == ['a.txt']


@pytest.mark.parametrize('links', [True, False])
def test_a_file_that_appears_meanwhile_is_not_replaced(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:
        _without_links(monkeypatch)
    path = tmp_path / 'a.txt'
    with pytest.raises(FileExistsError, match=r'cannot write .*a\.txt'), atomic_text(path, overwrite=False) as file:
        file.write('ours')
        path.write_text('theirs')
    assert path.read_text() == 'theirs' and names(tmp_path) == ['a.txt']


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _without_links(monkeypatch)
    assert write_bytes(tmp_path / 'a', b'new', overwrite=False).read_bytes() == b'new'
    assert names(tmp_path) == ['a']


def test_a_link_that_fails_is_no_reason_to_replace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _without_links(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match=r'cannot write .*a: broken'):
        write_bytes(tmp_path / 'a', b'new', overwrite=False)
    assert names(tmp_path) == []


def _without_links(monkeypatch: pytest.MonkeyPatch, code: int = errno.EPERM) -> None:
    def refuse(*args: object) -> None:
        raise OSError(code, 'broken')

    monkeypatch.setattr(Path, 'hardlink_to', refuse)


def _write(path: Path, letter: str) -> None:
    for _ in range(20):
        write_text(path, letter * 50_000)


def test_writers_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / 'a.txt'
    context = multiprocessing.get_context('fork')
    writers = [context.Process(target=_write, args=(path, letter)) for letter in 'ab']
    write_text(path, 'c' * 50_000)
    for writer in writers:
        writer.start()
    seen = {path.read_text() for _ in range(50)}
    for writer in writers:
        writer.join(60)
    assert {(len(text), len(set(text))) for text in seen | {path.read_text()}} == {(50_000, 1)}
    assert names(tmp_path) == ['a.txt']


def _die(path: Path) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text('half')
        os._exit(9)


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    writer = multiprocessing.get_context('fork').Process(target=_die, args=(tmp_path / 'a.pth',))
    writer.start()
    writer.join(60)
    assert writer.exitcode == 9
    assert [module.TEMPORARY.fullmatch(name) is not None for name in names(tmp_path)] == [True]
    for old in ('.a.csv.4711', f'.a.csv.{"0f" * 16}'):
        (tmp_path / old).touch()
    kept = ['.gitignore', '.hidden.txt', '.lock', 'a.1f2e3d4c.part', 'b.12']
    for name in kept:
        (tmp_path / name).touch()
    (tmp_path / '.folder.12').mkdir()
    remove_temporary_files(tmp_path)
    assert names(tmp_path) == sorted([*kept, '.folder.12'])


@pytest.mark.parametrize('code', [errno.EINVAL, errno.EIO])
def test_flushing_a_folder(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(handle: int) -> None:
        raise OSError(code, 'no flush')

    monkeypatch.setattr(os, 'fsync', fail)
    if code == errno.EINVAL:  # some file systems have nothing to flush
        sync_folder(tmp_path)
    else:
        with pytest.raises(OSError, match='no flush'):
            sync_folder(tmp_path)


@pytest.mark.parametrize('path', ['.', '..', '/'])
def test_a_path_without_a_name_is_refused(path: str) -> None:
    with pytest.raises(IsADirectoryError, match='it is a folder; give the name of a file'):
        write_text(path, 'content')


def test_the_longest_names_that_a_file_system_takes_can_be_written(tmp_path: Path) -> None:
    for name in ('x' * 251 + '.txt', 'ä' * 125 + '.txt'):
        write_text(tmp_path / name, 'content')
        assert (tmp_path / name).read_text() == 'content'
    assert len([*tmp_path.iterdir()]) == 2
