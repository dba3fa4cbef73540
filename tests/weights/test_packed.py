"""Weights in an archive: unpacked as far as they can be weights."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

from usmm.weights import weight_limits
from usmm.weights.packed import unpack_weights


def archive(path: Path, content: bytes, name: str = 'm/model.safetensors', method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, 'w', method) as packed:
        packed.writestr('m/README.md', bytes(10**7))  # of no concern: it is not unpacked
        packed.writestr(name, content)
    return path


@pytest.mark.parametrize('method', [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_weights_come_out(tmp_path: Path, method: int) -> None:
    content = np.random.default_rng(0).bytes(300_000)
    file = io.BytesIO()
    unpack_weights(archive(tmp_path / 'm.zip', content, method=method), file)
    assert file.getvalue() == content


def test_a_bomb_is_refused_before_a_byte_is_written(tmp_path: Path) -> None:
    path, file = archive(tmp_path / 'm.zip', bytes(20 * 2**20)), io.BytesIO()
    with pytest.raises(ValueError, match=r'its model.safetensors of \d+ bytes unpacks to 20971520, over the limit of'):
        unpack_weights(path, file)
    assert file.getvalue() == b''


def test_what_states_less_than_it_holds_is_left_at_the_limit(tmp_path: Path) -> None:
    path, file = archive(tmp_path / 'm.zip', bytes(20 * 2**20)), io.BytesIO()
    content = bytearray(path.read_bytes())
    place = content.rindex(b'PK\x01\x02') + 24  # the size in the list of entries
    content[place : place + 4] = (1000).to_bytes(4, 'little')
    path.write_bytes(content)
    with pytest.raises(ValueError, match='its archive is damaged: Bad CRC-32'):
        unpack_weights(path, file)
    assert len(file.getvalue()) <= 1000


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path / 'm.zip', b'x' * 1000, method=zipfile.ZIP_STORED)
    monkeypatch.setattr(weight_limits, 'MAX_BYTES', 999)
    with pytest.raises(ValueError, match=r'of 1000 bytes unpacks to 1000, over the limit of 999'):
        unpack_weights(path, io.BytesIO())
    with pytest.raises(ValueError, match=r'it must have one model\.safetensors, and has 0'):
        unpack_weights(archive(tmp_path / 'm.zip', b'x', 'm/model.pth'), io.BytesIO())


@pytest.mark.parametrize(('kind', 'what'), [(stat.S_IFLNK, 'a link'), (stat.S_IFIFO, 'not a regular file')])
def test_an_entry_that_is_not_a_file(kind: int, what: str, tmp_path: Path) -> None:
    entry = zipfile.ZipInfo('m/model.safetensors')
    entry.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / 'm.zip', 'w') as packed:
        packed.writestr(entry, '../other.safetensors')
    with pytest.raises(ValueError, match=f"its entry 'm/model.safetensors' is {what}: pack the file itself"):
        unpack_weights(tmp_path / 'm.zip', io.BytesIO())
