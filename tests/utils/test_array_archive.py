"""Arrays of a file: those that were written, or an error before memory is taken."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from usmm.utils import array_archive
from usmm.utils.array_archive import read_arrays


def test_arrays_come_back(tmp_path: Path) -> None:
    arrays = {
        'a/b': np.arange(6, dtype=np.float32).reshape(2, 3),
        'order': np.asfortranarray(np.arange(6).reshape(2, 3)),
        'none': np.zeros((0, 4), np.uint8),
        'one': np.array(True),
        'texts': np.array(['x', 'üy']),
    }
    np.savez(tmp_path / 'a.npz', **arrays)  # type: ignore[arg-type]
    found = read_arrays(tmp_path / 'a.npz')
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array, strict=True)
        assert found[name].flags.writeable


def entry(header: bytes, content: bytes = b'', version: int = 1) -> bytes:
    text = header.ljust(118) + b'\n'
    return b'\x93NUMPY' + bytes([version, 0]) + len(text).to_bytes(2, 'little') + text + content


def described(shape: str, kind: str = '|u1') -> bytes:
    return f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (entry(described('(3000000000,)'), b'x'), r"its entry 'a.npy' states 3000000000 bytes, and 1 are there"),
        (entry(described('(10**15,)'), b'x'), "its entry 'a.npy' has a description that cannot be read"),
        (entry(described('(1000000000000000,)'), b'x'), 'states 1000000000000000 bytes, and 1 are there'),
        (entry(described('(4,)', '|O'), b'x' * 32), 'has the format 1 of numpy, the type object and the shape'),
        (entry(described('(-1, -1)'), b'x'), r'has the format 1 of numpy, the type uint8 and the shape \(-1, -1\)'),
        (entry(described('(1,)'), b'xx'), 'states 1 bytes, and 2 are there'),
        (entry(described('(1,)'), b'x', version=2), "its entry 'a.npy' has the format 2 of numpy"),
        (entry(b'(' * 100), 'has a description that cannot be read'),
        (b'nothing', 'has a description that cannot be read'),
        (b'', 'has a description that cannot be read'),
    ],
)
def test_what_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / 'a.npz', 'w') as archive:
        archive.writestr('a.npy', content)
    with pytest.raises(ValueError, match=message):
        read_arrays(tmp_path / 'a.npz')


def test_archives_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / 'a.npz', a=np.zeros(9))
    with pytest.raises(ValueError, match='its archive is compressed'):
        read_arrays(tmp_path / 'a.npz')
    np.savez(tmp_path / 'b.npz', a=np.zeros(9), b=np.zeros(9))
    monkeypatch.setattr(array_archive, 'MAX_ENTRIES', 1)
    with pytest.raises(ValueError, match='it has 2 entries, over the limit of 1'):
        read_arrays(tmp_path / 'b.npz')


def test_entries_that_share_their_bytes(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.save(file, np.zeros(5000, np.uint8))
    with zipfile.ZipFile(tmp_path / 'a.npz', 'w') as archive:
        archive.writestr('0.npy', file.getvalue())
        first = archive.getinfo('0.npy')
        for number in range(1, 9):
            again = zipfile.ZipInfo(f'{number}.npy')
            for part in ('file_size', 'compress_size', 'CRC', 'header_offset', 'flag_bits'):
                setattr(again, part, getattr(first, part))
            archive.filelist.append(again)
    with pytest.raises(ValueError, match=r'its archive unpacks to more than the \d+ bytes that it has'):
        read_arrays(tmp_path / 'a.npz')
