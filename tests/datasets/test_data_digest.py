from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from usmm.datasets import data_digest as module
from usmm.datasets.data_digest import data_digest
from usmm.readers import DataError
from usmm.utils.digests import file_digest


def test_is_computed_once_and_again_after_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Path] = []
    monkeypatch.setattr(module, 'file_digest', lambda path: calls.append(path) or file_digest(path))
    path = tmp_path / 'f'
    path.write_bytes(b'one')
    assert data_digest(path) == data_digest(str(path)) == hashlib.sha256(b'one').hexdigest()
    assert len(calls) == 1
    path.write_bytes(b'two!')
    assert data_digest(path) == hashlib.sha256(b'two!').hexdigest()
    assert len(calls) == 2


def test_absent_and_empty_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'does not exist \(file .*f\)'):
        data_digest(tmp_path / 'f')
    (tmp_path / 'f').touch()
    with pytest.raises(DataError, match='is empty'):
        data_digest(tmp_path / 'f')


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> str:
        raise OSError('Input/output error')

    monkeypatch.setattr(module, 'file_digest', fail)
    (tmp_path / 'f').write_bytes(b'x')
    with pytest.raises(DataError, match='cannot be read as a file: OSError: Input/output error'):
        data_digest(tmp_path / 'f')
