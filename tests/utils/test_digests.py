from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from usmm.utils.digests import BLOCK, code_digest, file_digest, value_digest


@pytest.mark.parametrize('size', [0, 1, BLOCK, 3 * BLOCK + 5])
def test_a_file(size: int, tmp_path: Path) -> None:
    content = os.urandom(size)
    (tmp_path / 'f').write_bytes(content)
    assert file_digest(tmp_path / 'f') == file_digest(str(tmp_path / 'f')) == hashlib.sha256(content).hexdigest()


def test_a_file_is_read_each_time(tmp_path: Path) -> None:
    path = tmp_path / 'f'
    path.write_bytes(b'one')
    times = path.stat()
    first = file_digest(path)
    path.write_bytes(b'two')
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert file_digest(path) != first, 'the same size and time, another content'


def test_a_file_that_is_absent(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='No such file'):
        file_digest(tmp_path / 'f')


def tree(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_code_is_known_by_content_and_names_not_by_place(tmp_path: Path) -> None:
    files = {'a.py': 'x = 1', 'deep/b.py': 'y = 2'}
    first = code_digest(tree(tmp_path / '1', files))
    assert code_digest(tree(tmp_path / '2', {**files, 'deep/notes.txt': 'no code'})) == first
    others = [
        code_digest(tree(tmp_path / '3', {'a.py': 'x = 3', 'deep/b.py': 'y = 2'})),
        code_digest(tree(tmp_path / '4', {'a.py': 'x = 1', 'deep/c.py': 'y = 2'})),
        code_digest(tree(tmp_path / '5', {'a.py': 'x = 1y = 2', 'deep/b.py': ''})),
        code_digest(tree(tmp_path / '6', {'a.py': 'x = 1'})),
        code_digest(tmp_path / '1', tmp_path / '2'),
        code_digest(tmp_path / '6', tmp_path / '1'),
        code_digest(tmp_path / '1', tmp_path / '6'),
    ]
    assert len({first, *others}) == 8


def test_a_folder_without_code(tmp_path: Path) -> None:
    (tmp_path / 'a.txt').touch()
    with pytest.raises(ValueError, match='has no Python files to compute a digest of'):
        code_digest(tmp_path)


def test_values() -> None:
    assert value_digest('a') == hashlib.sha256(b'"a"').hexdigest()
    assert len({value_digest(v) for v in ('a', 'b', ['a'], ['a', 'b'], ['ab'], {'a': 1}, {'a': 2}, 1, '1', None)}) == 10
    assert value_digest([Path('x')], default=str) == value_digest(['x'])
    with pytest.raises(TypeError, match='not JSON serializable'):
        value_digest([Path('x')])
