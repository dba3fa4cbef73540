"""The store: whole or absent, never executed, shared by processes."""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from usmm.datasets.transforms import store as module
from usmm.datasets.transforms.store import ArrayStore, digests, made_by
from usmm.readers import DataError
from usmm.utils.digests import value_digest

KEY = value_digest('an entry')


def entry(seed: int = 0) -> tuple[dict[str, np.ndarray], dict]:
    rng = np.random.default_rng(seed)
    return {'data/bus': rng.integers(0, 256, (40, 50, 3), dtype=np.uint8), 'times': np.arange(3.0)}, {'a': [1, None]}


def same(found: tuple[dict[str, np.ndarray], dict] | None, expected: tuple[dict[str, np.ndarray], dict]) -> bool:
    if found is None or set(found[0]) != set(expected[0]):
        return False
    return found[1] == expected[1] and all((found[0][n] == a).all() for n, a in expected[0].items())


def test_an_entry_comes_back(tmp_path: Path) -> None:
    store = ArrayStore(tmp_path / 'cache')
    assert store.get(KEY) is None
    store.put(KEY, *entry())
    assert same(store.get(KEY), entry())
    assert same(ArrayStore(tmp_path / 'cache').get(KEY), entry())
    assert [p.suffix for p in store.folder.rglob('*') if p.is_file()] == ['.npz']


@pytest.mark.parametrize('seed', range(10))
def test_damage_is_noticed_wherever_it_is(tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    store = ArrayStore(tmp_path)
    store.put(KEY, *entry())
    content = bytearray(store.path(KEY).read_bytes())
    rng = np.random.default_rng(seed)
    for at in rng.integers(100, len(content) - 100, 8):
        content[at] ^= int(rng.integers(1, 256))
    store.path(KEY).write_bytes(content if seed % 2 else content[: int(rng.integers(len(content)))])
    with caplog.at_level(logging.WARNING):
        assert store.get(KEY) is None
    store.put(KEY, *entry())
    assert same(store.get(KEY), entry())


def test_a_pickle_in_the_cache_is_not_run(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(tmp_path / 'hacked'),)

    store = ArrayStore(tmp_path)
    store.path(KEY).parent.mkdir(parents=True)
    with store.path(KEY).open('wb') as file:
        np.savez(file, facts=np.array([Hostile()], dtype=object))
    assert store.get(KEY) is None
    assert not (tmp_path / 'hacked').exists()


def test_an_entry_that_states_more_than_it_holds_is_absent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = ArrayStore(tmp_path)
    store.path(KEY).parent.mkdir(parents=True)
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (9000000000000000,), }".ljust(118) + b'\n'
    with zipfile.ZipFile(store.path(KEY), 'w') as archive:
        archive.writestr('a.npy', b'\x93NUMPY\x01\x00' + len(header).to_bytes(2, 'little') + header)
    assert store.get(KEY) is None
    np.savez_compressed(store.path(KEY), a=np.zeros(10**6))
    assert store.get(KEY) is None
    np.savez(store.path(KEY), facts=np.frombuffer(b'{"a": 1, "a": 2}', np.uint8))
    assert store.get(KEY) is None


def test_a_failed_write_leaves_nothing_and_does_not_stop_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, 'No space left on device')

    store = ArrayStore(tmp_path)
    monkeypatch.setattr(module.np, 'savez', full)
    store.put(KEY, *entry())
    assert store.get(KEY) is None
    assert not [p for p in tmp_path.rglob('*') if p.is_file()]


def test_a_folder_that_is_a_file_does_not_stop_the_run(tmp_path: Path) -> None:
    (tmp_path / 'cache').write_text('a file')
    data = tmp_path / 'a.bin'
    data.write_bytes(b'abc')
    store = ArrayStore(tmp_path / 'cache')
    store.put(KEY, *entry())
    assert store.get(KEY) is None
    assert store.digest(data) == hashlib.sha256(b'abc').hexdigest()


def hammer(folder: str, rounds: int) -> None:
    store = ArrayStore(folder)
    for _ in range(rounds):
        if not same(store.get(KEY), entry()):
            raise SystemExit(1)
        store.put(KEY, *entry())


def test_processes_may_share_a_folder(tmp_path: Path) -> None:
    ArrayStore(tmp_path).put(KEY, *entry())
    context = multiprocessing.get_context('fork')
    workers = [context.Process(target=hammer, args=(str(tmp_path), 60)) for _ in range(3)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert [w.exitcode for w in workers] == [0, 0, 0]
    assert same(ArrayStore(tmp_path).get(KEY), entry())
    assert len([p for p in tmp_path.rglob('*') if p.is_file()]) == 1


def test_digests_are_those_of_the_content_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / 'a.bin'
    file.write_bytes(b'abc')
    store = ArrayStore(tmp_path / 'cache')
    expected = hashlib.sha256(b'abc').hexdigest()
    assert digests(store, [file]) == digests(None, [file]) == [expected]
    monkeypatch.setattr(module, 'data_digest', lambda path: 'f' * 64)
    assert store.digest(file) == expected  # a new worker need not read the file
    file.write_bytes(b'abcd')
    assert store.digest(file) == 'f' * 64
    for note in (store.folder / 'digests').iterdir():
        note.write_bytes(b'\xffgarbage')
    assert store.digest(file) == 'f' * 64


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'cannot be read.*gone\.png, case c7'):
        digests(ArrayStore(tmp_path), [tmp_path / 'gone.png'], case='c7')
    with pytest.raises(DataError, match=r'gone\.png'):
        digests(None, [tmp_path / 'gone.png'], case='c7')


def test_entries_depend_on_the_code_of_the_transforms_and_of_the_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = []
    monkeypatch.setattr(module, 'code_digest', lambda *given: folders.extend(given) or 'code')
    with_code = made_by()
    assert [folder.name for folder in folders] == ['transforms', 'readers']
    monkeypatch.undo()
    assert len(made_by()) == 64 and made_by() != with_code


def test_entries_depend_on_the_versions_of_the_decoders(monkeypatch: pytest.MonkeyPatch) -> None:
    before = made_by()
    monkeypatch.setattr(module, '_version', lambda package: '0' if package == 'pydicom' else None)
    assert made_by() != before


def test_repr() -> None:
    assert repr(ArrayStore('x')) == "ArrayStore('x')"
