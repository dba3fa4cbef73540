"""The short version of `proofs/prove.py mutations`: the faults, the tests that are chosen, and what is counted."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

CODE = """\
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    LIMIT = 1 < 2


class Facts(TypedDict, total=False):
    name: str | None


def larger(a: int | None, b: int = 3) -> int | None:
    print('larger')
    return a if a > b else None
"""


@pytest.fixture(scope='module')
def proof(project_root: Path) -> Iterator[ModuleType]:
    sys.path.insert(0, str(project_root / 'proofs'))
    try:
        yield importlib.import_module('prove_mutations')
    finally:
        sys.path.remove(str(project_root / 'proofs'))


def test_faults_are_made_where_code_runs(proof: ModuleType, tmp_path: Path) -> None:
    pytest.importorskip('cosmic_ray')
    (tmp_path / 'm.py').write_text(CODE)
    found = proof.points(tmp_path, ['m.py'])
    assert {point.line for point in found} == {11, 12, 13}  # no annotation, no type, nothing for a type checker alone
    texts = {text for point in found if (text := proof.mutant(tmp_path, point)) is not None}
    assert any('    pass\n    return a if a > b else None' in text for text in texts)
    assert any('return a if a >= b else None' in text for text in texts)
    assert any('b: int = 4' in text for text in texts)
    assert all(text != CODE for text in texts)


def test_the_fastest_tests_of_a_line_come_first(
    proof: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = proof.Reached()
    (tmp_path / 'a.json').write_text(
        json.dumps({'seconds': {'slow': 50.0, 'quick': 0.1, 'other': 1.0}, 'lines': {'m.py': {'3': ['slow', 'quick']}}})
    )
    (tmp_path / 'b.json').write_text(json.dumps({'seconds': {'more': 60.0}, 'lines': {'m.py': {'3': ['more']}}}))
    for name in ('a', 'b'):
        reached.add(tmp_path / f'{name}.json')
    point = proof.Point('m.py', 'x', 0, 3)
    assert reached.tests_of(point) == ['quick', 'slow']  # the third would make it 110 s
    assert reached.tests_of(proof.Point('m.py', 'x', 0, 4)) == ['quick', 'slow']  # it runs when m is imported
    assert reached.tests_of(proof.Point('n.py', 'x', 0, 4)) == []
    monkeypatch.setattr(proof, 'MOST_SECONDS', 0.01)
    assert reached.tests_of(point) == ['quick']


def test_tests_run_in_a_copy_with_the_fault(proof: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('coverage')
    root = tmp_path / 'root'
    (root / 'usmm').mkdir(parents=True)
    (root / 'tests').mkdir()
    (root / 'usmm' / '__init__.py').touch()
    (root / 'usmm' / 'm.py').write_text(CODE)
    (root / 'tests' / 'test_m.py').write_text(
        'from usmm.m import larger\n\n\ndef test_it():\n    assert larger(5) == 5 and larger(3) is None\n\n\n'
        'def test_more():\n    assert larger(4) == 4\n'
    )
    monkeypatch.setattr(proof, 'ROOT', root)
    runner = proof.Runner(tmp_path / 'copy')
    try:
        assert runner.run(['tests/test_m.py'], 60, tmp_path / 'lines.json') == 0
        reached = proof.Reached()
        reached.add(tmp_path / 'lines.json')
        line = proof.Point('usmm/m.py', 'x', 0, 13)
        assert sorted(reached.tests_of(line)) == ['tests/test_m.py::test_it', 'tests/test_m.py::test_more']
        with runner.changed('usmm/m.py', CODE.replace('a > b', 'a >= b')):
            assert runner.run(reached.tests_of(line), 60) == 1
            assert runner.run(['tests/test_m.py::test_more'], 60) == 0
        with runner.changed('usmm/m.py', CODE.replace("print('larger')", 'while True: pass')):
            assert runner.run(['tests/test_m.py'], 1) == 'timeout'
        assert runner.run(['tests/test_m.py'], 60) == 0  # the copy is as it was
    finally:
        runner.close()
    with pytest.raises((RuntimeError, OSError)):
        runner.run(['tests/test_m.py'], 1)


class StandIn:
    def __init__(self, folder: Path) -> None:
        self.text = ''

    def run(self, tests: list[str], seconds: float, lines: Path | None = None) -> int | str:
        if lines is not None:
            lines.write_text(json.dumps({'seconds': {'t': 0.1}, 'lines': {'usmm/weights/fit.py': {'1': ['t']}}}))
            return 0
        return {'a': 1, 'b': 0, 'c': 'timeout'}[self.text]

    def changed(self, file: str, text: str) -> Any:
        self.text = text
        return __import__('contextlib').nullcontext()

    def close(self) -> None:
        pass


@pytest.mark.parametrize(('texts', 'status'), [('a' * 6 + 'c' * 3 + 'b', 0), ('a' * 8 + 'bb', 1), ('', 1)])
def test_the_share_of_noticed_faults_decides(
    proof: ModuleType, texts: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    drawn = [proof.Point('usmm/weights/fit.py', 'x', i, 1) for i in range(len(texts))]
    monkeypatch.setattr(proof, 'Runner', StandIn)
    monkeypatch.setattr(proof, 'points', lambda root, files: list(drawn))
    monkeypatch.setattr(proof, 'mutant', lambda root, point: texts[point.occurrence])
    out = tmp_path / 'out.jsonl'
    args = argparse.Namespace(rooms='weights', runs=10, seed=0, processes=1, out=out)
    assert proof.run(args) == status
    outcomes = [json.loads(line)['outcome'] for line in out.read_text().splitlines()] if texts else []
    assert sorted(outcomes) == sorted('survived' if t == 'b' else 'noticed' for t in texts)


def test_what_is_refused(proof: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match='--rooms takes weights, zoo, evaluation, server, engine; got kitchen'):
        proof.run(argparse.Namespace(rooms='weights,kitchen', runs=1, seed=0, processes=1, out=None))
    monkeypatch.setattr(proof, 'Runner', StandIn)
    monkeypatch.setattr(proof, 'points', lambda root, files: [])
    monkeypatch.setattr(StandIn, 'run', lambda self, tests, seconds, lines=None: 1)
    with pytest.raises(ValueError, match=r'tests/weights/.* fails without a fault \(exit code 1\): mend that first'):
        proof.run(argparse.Namespace(rooms='weights', runs=1, seed=0, processes=1, out=None))
