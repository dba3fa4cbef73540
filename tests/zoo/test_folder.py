"""A zoo that is a folder: in the clone, or shared."""

from __future__ import annotations

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
