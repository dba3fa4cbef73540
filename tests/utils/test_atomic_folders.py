from __future__ import annotations

import os
from pathlib import Path

import pytest

from usmm.utils.atomic_folders import new_folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_new_folder_keeps_what_is_there(tmp_path: Path) -> None:
    (tmp_path / 'mine').write_text('keep')
    with pytest.raises(FileExistsError, match='exists and is not an empty folder'), new_folder(tmp_path):
        pass
    assert (tmp_path / 'mine').read_text() == 'keep'


@pytest.mark.parametrize('replace', [False, True])
def test_a_file_of_the_name_is_never_replaced(replace: bool, tmp_path: Path) -> None:
    (tmp_path / 'out').write_text('keep')
    with (
        pytest.raises(FileExistsError, match=r'out exists and is not an empty folder'),
        new_folder(tmp_path / 'out', replace),
    ):
        pass
    assert (tmp_path / 'out').read_text() == 'keep'


@pytest.mark.parametrize('replace', [False, True])
def test_new_folder_takes_an_empty_folder_and_default_rights(replace: bool, tmp_path: Path) -> None:
    (tmp_path / 'out').mkdir()
    (tmp_path / 'like').mkdir()
    with new_folder(tmp_path / 'out', replace) as folder:
        (folder / 'x').write_text('1')
    assert (tmp_path / 'out' / 'x').read_text() == '1'
    assert (tmp_path / 'out').stat().st_mode == (tmp_path / 'like').stat().st_mode
    assert names(tmp_path) == ['like', 'out']


def test_new_folder_cleans_up_after_an_interrupt(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / 'deep' / 'out') as folder:
        (folder / 'x').write_text('1')
        raise KeyboardInterrupt
    assert names(tmp_path / 'deep') == []


def test_files_that_appear_meanwhile_are_kept(tmp_path: Path) -> None:
    with pytest.raises(OSError, match='not empty'), new_folder(tmp_path / 'out') as folder:
        (folder / 'x').write_text('1')
        (tmp_path / 'out').mkdir()
        (tmp_path / 'out' / 'theirs').touch()
    assert names(tmp_path) == ['out'] and names(tmp_path / 'out') == ['theirs']


def full(folder: Path) -> Path:
    (folder / 'out').mkdir()
    (folder / 'out' / 'old').touch()
    return folder / 'out'


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    out = full(tmp_path)
    with new_folder(out, replace=True) as folder:
        (folder / 'new').touch()
        assert names(out) == ['old'], 'it stays until the new one is complete'
    assert names(out) == ['new'] and names(tmp_path) == ['out']


def test_a_replacement_that_fails_keeps_the_old_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, calls, real = full(tmp_path), [], os.rename

    def second_fails(*args: Path) -> None:
        calls.append(args)
        if len(calls) == 2:
            raise OSError(5, 'Input/output error')
        real(*args)

    monkeypatch.setattr(os, 'rename', second_fails)
    with pytest.raises(OSError, match='Input/output error'), new_folder(out, replace=True) as folder:
        (folder / 'new').touch()
    assert len(calls) == 3
    assert names(out) == ['old'] and names(tmp_path) == ['out']


@pytest.mark.parametrize('replace', [False, True])
def test_a_symbolic_link_stays_and_its_folder_is_filled(replace: bool, tmp_path: Path) -> None:
    real, link = tmp_path / 'disk' / 'real', tmp_path / 'link'
    real.mkdir(parents=True)
    if replace:
        (real / 'old.txt').write_text('old')
    link.symlink_to(real)
    with new_folder(link, replace=replace) as folder:
        (folder / 'new.txt').write_text('new')
    assert link.is_symlink() and [p.name for p in real.iterdir()] == ['new.txt']
    assert sorted(p.name for p in tmp_path.rglob('*')) == ['disk', 'link', 'new.txt', 'real']


@pytest.mark.parametrize('out', ['.', '..', 'here/..'])
def test_the_current_folder_is_not_replaced(out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'here').mkdir()
    monkeypatch.chdir(tmp_path / 'here')
    with (
        pytest.raises(ValueError, match='is the current folder or one above it: give the name of a new folder'),
        new_folder(out if out != 'here/..' else tmp_path / out, replace=True),
    ):
        pytest.fail('the block is not entered')
    assert Path.cwd() == tmp_path / 'here'
