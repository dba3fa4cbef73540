from __future__ import annotations

import hashlib
import os

import pytest

from usmm.readers import DataError, digest, file_digest


def test_is_sha256(tmp_path):
    content = os.urandom(3 * 2**20 + 5)
    (tmp_path / 'f').write_bytes(content)
    assert file_digest(tmp_path / 'f') == hashlib.sha256(content).hexdigest()


def test_is_computed_once_and_again_after_a_change(tmp_path, monkeypatch):
    calls = []
    real = hashlib.sha256
    monkeypatch.setattr(digest.hashlib, 'sha256', lambda: calls.append(1) or real())
    path = tmp_path / 'f'
    path.write_bytes(b'one')
    assert file_digest(path) == file_digest(str(path)) == real(b'one').hexdigest()
    assert len(calls) == 1
    path.write_bytes(b'two!')
    assert file_digest(path) == real(b'two!').hexdigest()
    assert len(calls) == 2


def test_absent_file(tmp_path):
    with pytest.raises(DataError, match='does not exist'):
        file_digest(tmp_path / 'f')
