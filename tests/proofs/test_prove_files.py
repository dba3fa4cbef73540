"""The short version of `proofs/prove.py files`: damaged files of every format, some bombs, and readers that fail."""

from __future__ import annotations

import importlib
import io
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from rich.console import Console

from usmm.datasets.checks.file_facts import examine_all
from usmm.datasets.checks.manifest import compare_manifest, write_manifest
from usmm.utils.digests import file_digest


@pytest.fixture(scope='module')
def proof(project_root: Path):
    sys.path.insert(0, str(project_root / 'proofs'))
    try:
        yield importlib.import_module('prove_files')
    finally:
        sys.path.remove(str(project_root / 'proofs'))


@pytest.fixture(scope='module')
def seeds(proof: ModuleType, tmp_path_factory: pytest.TempPathFactory):
    return proof.make_seeds(tmp_path_factory.mktemp('seeds'))


def test_good_files_are_read_and_damaged_ones_never_fail_otherwise(proof, seeds, tmp_path):
    found: dict[str, set[str]] = {}
    for name, what, file in proof.damaged(seeds, 12, seed=7):
        path = tmp_path / f'a{file.suffix}'
        path.write_bytes(file.content)
        kind, text = proof.judge(path, file.role)
        assert kind in ('result', 'DataError'), f'{name}, {what}: {text}'
        assert kind == 'result' or what != 'as it is', f'{name}: {text}'
        found.setdefault(name, set()).add(kind)
    assert len(found) == len(seeds) > 25
    assert sum('DataError' in kinds for kinds in found.values()) > 25


def test_processes_that_fail_are_seen(proof, tmp_path, monkeypatch):
    lines = io.StringIO()
    outcome = proof.Outcome
    rows = {'PNG': [('flip 1', outcome('result')), ('flip 2', outcome('died', 'exit code -11'))]}
    assert proof.report(rows, 'x', Console(file=lines, width=120)) == 1
    assert 'PNG, flip 2: died: exit code -11' in lines.getvalue() and '2 files tried, 1 failures' in lines.getvalue()

    def broken(path: Path) -> None:
        raise KeyError('no guard')

    monkeypatch.setattr(proof, 'read_image', broken)
    assert proof.judge(tmp_path / 'a.png', 'image') == ('exception', "KeyError: 'no guard'")


def test_a_reader_that_hangs_or_dies_is_replaced(proof, seeds, tmp_path):
    reader = proof.Reader(timeout=20)
    path = tmp_path / 'a.png'
    path.write_bytes(seeds[0].content)
    try:
        assert reader.read(path, 'image').kind == 'result'
        reader.process.kill()
        reader.process.join()
        assert reader.read(path, 'image').kind == 'died'
        reader.timeout = 0.0
        assert reader.read(path, 'image').kind in ('hang', 'result')
        reader.timeout = 20
        assert reader.read(path, 'image').kind == 'result'
    finally:
        reader.close()


def test_bombs_that_are_quick_to_make(proof, seeds, tmp_path):
    bombs = sys.modules['hostile_bombs']
    known = {seed.name: seed for seed in seeds}
    made = [b for b in bombs._claims(known) if 'claims 9990' not in b.name]
    made += [bombs._xlsx('far', known['XLSX'].content, 'xl/worksheets/sheet1.xml', '<row/>' * 3_000_000)]
    cases = (('bombs', bomb.name, bomb) for bomb in made)
    found = proof.prove(cases, tmp_path)['bombs']
    assert len(found) > 10
    assert [(what, outcome) for what, outcome in found if outcome.kind in proof.FAILURES] == []


def test_the_manifest_names_every_changed_file(proof, seeds, tmp_path):
    def digests(files):
        return {path: (file_digest(path), path.stat().st_size) for path in files}

    root, changed, files = tmp_path / 'data', [], []
    root.mkdir()
    for index, seed in enumerate(seeds):
        for number in range(7):
            path = root / f'{index}_{number}{seed.suffix}'
            path.write_bytes(seed.content)
            files.append(path)
    manifest = root / 'manifest.json'
    write_manifest(manifest, root, digests(files))
    for index, seed in enumerate(seeds):
        for number in range(6):  # the seventh copy stays as it is
            content = proof.mutate(seed, np.random.default_rng([index, number]))[1]
            path = root / f'{index}_{number}{seed.suffix}'
            path.write_bytes(content)
            changed += [path] if content != seed.content else []
    found = compare_manifest(manifest, root, digests(files))
    assert {p.kind for p in found} == {'changed'}
    assert [p.file for p in found] == sorted(changed, key=lambda path: path.name)
    assert len(changed) > 5 * len(seeds)


def test_all_bad_files_are_listed_in_one_run(seeds, tmp_path):
    good, bad = seeds[0], []
    for number in range(9):
        path = tmp_path / f'{number}.png'
        path.write_bytes(good.content[: 40 * number] if number else good.content)
        bad += [path] if number else []
    facts = list(examine_all([(tmp_path / f'{n}.png', 'image') for n in range(9)]))
    assert sorted(f.path for f in facts if f.error) == sorted(bad)
