"""A zoo that is a folder: in the clone, or shared."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from usmm.zoo import FetchError, Zoo, list_models

WEIGHTS = 'model.safetensors'


def models(cache: Path) -> list[Path]:
    return sorted(p for p in (cache / 'models').rglob('*') if p.is_file())


def is_right(folder: Path, zoo_folder: Path) -> bool:
    names = {p.name for p in folder.iterdir()}
    return names == {WEIGHTS, 'config.py'} and all(
        (folder / name).read_bytes() == (zoo_folder / 'small' / name).read_bytes() for name in names
    )


@pytest.mark.parametrize('as_file', [False, True])
def test_a_folder_is_a_zoo(as_file: bool, zoo_folder: Path, cache: Path, monkeypatch) -> None:
    monkeypatch.setenv('USMM_ZOO', str(zoo_folder / 'index.yml' if as_file else zoo_folder))
    assert list_models() == list_models('sm') == list_models('s?all') == ['small'] and list_models('big*') == []
    zoo = Zoo(cache=cache)
    assert not zoo.is_remote and is_right(zoo.download('small'), zoo_folder)


def test_a_damaged_file_of_a_folder(zoo_folder: Path, cache: Path) -> None:
    path = zoo_folder / 'small' / WEIGHTS
    path.write_bytes(bytes(300_000))
    with pytest.raises(FetchError, match=rf'{WEIGHTS} is damaged: its SHA-256'):
        Zoo(zoo_folder, cache).download('small')
    path.write_bytes(b'version https://git-lfs.github.com/spec/v1')
    with pytest.raises(FetchError, match=rf'{WEIGHTS} has 42 bytes, the index states 300000'):
        Zoo(zoo_folder, cache).download('small')
    (zoo_folder.parent / 'secret').write_bytes(bytes(300_000))
    path.unlink()
    path.symlink_to(zoo_folder.parent / 'secret')
    with pytest.raises(FetchError, match=rf'{WEIGHTS} is a link, or lies behind one'):
        Zoo(zoo_folder, cache).download('small')
    assert models(cache) == []


def test_no_zoo_no_model_and_a_large_one(tmp_path: Path, zoo_folder: Path, cache: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'no model zoo at .*nowhere: there is no'):
        Zoo(tmp_path / 'nowhere')
    with pytest.raises(ValueError, match=r"no model 'smal' in .*zoo; did you mean 'small'\?"):
        Zoo(zoo_folder, cache).download('smal')
    with pytest.raises(ValueError, match=r"model 'small' has 300900 bytes, over the limit of 1000"):
        Zoo(zoo_folder, cache, max_bytes=1000).download('small')
    assert not cache.exists()


@pytest.mark.parametrize('kind', ['link', 'folder', 'fifo', 'hard link', 'large'])
def test_files_that_do_not_lie_in_the_zoo(kind: str, zoo_folder: Path, cache: Path) -> None:
    path, secret = zoo_folder / 'small' / WEIGHTS, zoo_folder.parent / 'secret'
    path.rename(secret)  # the right content, so that it is not the SHA-256 that refuses it
    if kind == 'link':
        path.symlink_to(secret)
    elif kind == 'folder':
        (zoo_folder / 'small').rename(zoo_folder.parent / 'else')
        secret.rename(zoo_folder.parent / 'else' / WEIGHTS)
        (zoo_folder / 'small').symlink_to(zoo_folder.parent / 'else')
    elif kind == 'fifo':
        os.mkfifo(path)
    elif kind == 'hard link':
        os.link(secret, path)
        path.parent.chmod(0o777)
    else:
        path.write_bytes(secret.read_bytes() + b'x')
    message = {'fifo': 'is no regular file', 'hard link': 'also lies elsewhere', 'large': 'has 300001 bytes, the index'}
    with pytest.raises(FetchError, match=message.get(kind, 'is a link, or lies behind one')):
        Zoo(zoo_folder, cache).download('small')
    assert WEIGHTS not in {p.name for p in models(cache)}


def test_an_index_that_is_a_link(zoo_folder: Path, tmp_path: Path) -> None:
    (zoo_folder / 'index.yml').rename(tmp_path / 'index.yml')
    (zoo_folder / 'index.yml').symlink_to(tmp_path / 'index.yml')
    with pytest.raises(OSError, match=r'index\.yml is a link, or lies behind one'):
        Zoo(zoo_folder)


@pytest.mark.parametrize('make', [os.mkfifo, Path.mkdir])
def test_an_index_that_is_not_a_file(make: Callable[[Path], None], zoo_folder: Path) -> None:
    (zoo_folder / 'index.yml').unlink()
    make(zoo_folder / 'index.yml')
    with pytest.raises(OSError, match=r'index\.yml is no regular file'):
        Zoo(zoo_folder)


@pytest.mark.parametrize('place', ['file:///tmp', 'ftp://host/zoo', 's3://bucket', Path('https://host/zoo')])
def test_an_address_that_is_not_of_the_web(place: str | Path) -> None:
    with pytest.raises(ValueError, match=r'^\S+ is not the place of a model zoo: expected a folder, or an'):
        Zoo(place)


def test_a_model_whose_publishing_was_killed_is_found(zoo_folder: Path, cache: Path) -> None:
    whole = zoo_folder / '.small.0123abcd.part'
    (zoo_folder / 'small').rename(whole)
    folder = Zoo(zoo_folder, cache).download('small')
    assert (folder / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()
