"""Types of arguments, and the paths that they check."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from usmm.utils.argument_types import config_file, out_file, out_folder, whole
from usmm.utils.output_paths import check_file_path, check_folder_path


@pytest.mark.parametrize('text', ['0', '-1', 'x', '1.5', ''])
def test_a_number_below_its_range_or_none(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=f"expected a whole number of 1 or more, got '{text}'"):
        whole(1)(text)


def test_both_ends_of_a_range() -> None:
    assert [whole(-1, 2)(text) for text in ('-1', '0', ' 2')] == [-1, 0, 2]
    for text in ('-2', '3', 'x'):
        with pytest.raises(argparse.ArgumentTypeError, match=f"expected a whole number from -1 to 2, got '{text}'"):
            whole(-1, 2)(text)


def test_folders(tmp_path: Path) -> None:
    new = tmp_path / 'a' / 'b'
    assert out_folder(str(tmp_path)) == str(tmp_path) and out_folder(str(new)) == str(new)
    assert not new.parent.exists()  # nothing is made
    file = tmp_path / 'file'
    file.touch()
    for folder, what in ((file, 'it'), (file / 'a' / 'b', str(file))):
        message = f'cannot write into {folder}: {what} is a file, not a folder'
        with pytest.raises(NotADirectoryError, match=message):
            check_folder_path(folder)
        with pytest.raises(argparse.ArgumentTypeError, match=message):
            out_folder(str(folder))


def test_files(tmp_path: Path) -> None:
    file = tmp_path / 'file'
    file.touch()
    assert out_file(str(file)) == str(file) and out_file(str(tmp_path / 'a/b')) == str(tmp_path / 'a/b')
    with pytest.raises(IsADirectoryError, match=f'{tmp_path} is a folder; give it the name of a file'):
        check_file_path(tmp_path)
    with pytest.raises(NotADirectoryError, match=f'cannot write into {file}: it is a file, not a folder'):
        check_file_path(file / 'a')
    for path, message in ((tmp_path, 'is a folder; give it the name of a file'), (file / 'a', 'it is a file')):
        with pytest.raises(argparse.ArgumentTypeError, match=message):
            out_file(str(path))


def test_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path('file').touch()
    assert out_folder('a/b') == 'a/b' and out_file('a.csv') == 'a.csv'
    with pytest.raises(argparse.ArgumentTypeError, match='cannot write into file: it is a file'):
        out_folder('file')


def test_a_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert config_file('no_such_config') == 'no_such_config'  # load_config names the nearest
    Path('run').mkdir()
    with pytest.raises(argparse.ArgumentTypeError, match=r'run is a folder, expected the path or name of a config$'):
        config_file('run')
    Path('run/config.py').touch()
    with pytest.raises(argparse.ArgumentTypeError, match=r'a config; give run/config\.py$'):
        config_file('run')
    Path('run/model.pth').touch()
    with pytest.raises(argparse.ArgumentTypeError, match=r'run/config\.py, whose weights are run/model\.pth$'):
        config_file('run')


def test_a_folder_without_a_name_is_refused() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match='the name of the folder is empty'):
        out_folder(' ')


def test_a_folder_behind_a_link_to_nothing(tmp_path: Path) -> None:
    (tmp_path / 'link').symlink_to(tmp_path / 'gone')
    with pytest.raises(argparse.ArgumentTypeError, match=r'it is a link to .*gone, which is not there'):
        out_folder(str(tmp_path / 'link'))
    with pytest.raises(argparse.ArgumentTypeError, match=r'link is a link to .*gone, which is not there'):
        out_folder(str(tmp_path / 'link' / 'deeper'))
