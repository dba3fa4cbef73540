"""The manifest: written whole, compared by content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from usmm.datasets.checks.manifest import compare_manifest, read_manifest, write_manifest
from usmm.readers import DataError


def digests(root: Path, **content: str) -> dict[Path, tuple[str, int]]:
    return {root / f'{n}.png': (hashlib.sha256(text.encode()).hexdigest(), len(text)) for n, text in content.items()}


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / 'deep' / 'manifest.json'
    write_manifest(path, tmp_path, digests(tmp_path / 'sub', a='abc') | digests(tmp_path.parent, out=''))
    # SHA-256 of 'abc' and of nothing, as FIPS 180-2 prints them
    assert read_manifest(path) == {
        'sub/a.png': ('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', 3),
        '../out.png': ('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 0),
    }
    assert json.loads(path.read_text())['files']['sub/a.png']['bytes'] == 3
    assert [p.name for p in path.parent.iterdir()] == ['manifest.json']


def test_compare(tmp_path: Path) -> None:
    path = tmp_path / 'manifest.json'
    write_manifest(path, tmp_path, digests(tmp_path, same='1', other='2', gone='3'))
    assert compare_manifest(path, tmp_path, digests(tmp_path, same='1', other='2', gone='3')) == []
    found = compare_manifest(path, tmp_path, digests(tmp_path, same='1', other='two', new='4'))
    assert [(p.kind, p.file and p.file.name) for p in found] == [
        ('changed', 'other.png'), ('added', 'new.png'), ('removed', 'gone.png'),
    ]  # fmt: skip


def test_configs_of_one_data_set_share_a_manifest(tmp_path: Path) -> None:
    path = tmp_path / 'manifest.json'
    (tmp_path / 'other.png').touch()
    write_manifest(path, tmp_path, digests(tmp_path, one='1', other='2', gone='3'))
    assert [p.file and p.file.name for p in compare_manifest(path, tmp_path, digests(tmp_path, one='1'))] == [
        'gone.png'
    ]
    write_manifest(path, tmp_path, digests(tmp_path, one='new'))
    assert sorted(read_manifest(path)) == ['one.png', 'other.png']
    assert read_manifest(path)['one.png'] == digests(tmp_path, one='new')[tmp_path / 'one.png']


def test_a_failure_keeps_the_old_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / 'manifest.json'
    write_manifest(path, tmp_path, digests(tmp_path, a='1'))
    before = path.read_bytes()

    def fail(self: Path, target: Path) -> None:
        raise OSError('disk full')

    monkeypatch.setattr(Path, 'replace', fail)
    with pytest.raises(OSError, match='disk full'):
        write_manifest(path, tmp_path, digests(tmp_path, b='2'))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ['manifest.json']


@pytest.mark.parametrize('text', ['no json', '[]', '{"files": {"a": {}}}', '{"files": 3}'])
def test_a_file_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / 'manifest.json').write_text(text)
    with pytest.raises(DataError, match=r'no manifest of a data set .*\(file .*manifest\.json'):
        read_manifest(tmp_path / 'manifest.json')
