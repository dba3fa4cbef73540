"""The proof of the web server: that it sees what it looks for; the attacks themselves run in tests/server."""

from __future__ import annotations

import importlib.util
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

SAFE = {'content-security-policy': "default-src 'none'", 'x-content-type-options': 'nosniff'}


@pytest.fixture(scope='module')
def proof(project_root: Path) -> Iterator[ModuleType]:
    sys.path.insert(0, str(project_root / 'proofs'))
    try:
        yield importlib.import_module('prove_server')
    finally:
        sys.path.remove(str(project_root / 'proofs'))


def reply(proof: ModuleType, status: int, body: bytes = b'{}', headers: dict[str, str] | None = None) -> Any:
    return sys.modules['server_target'].Reply(status, SAFE if headers is None else headers, body)


@pytest.mark.parametrize(
    ('status', 'body', 'headers', 'words'),
    [
        (404, b'{}', None, None),
        (200, b'{}', None, 'answered 200, not 404'),
        (404, b'Traceback (most recent call last)', None, "holds 'Traceback'"),
        (404, b'no root:x:0:0', None, "holds 'root:x'"),
        (404, b'{}', {}, 'without the safe headers'),
    ],
)
def test_a_wrong_answer_is_seen(proof, status: int, body: bytes, headers: Any, words: str | None) -> None:
    found = sys.modules['server_attacks'].Expect((404,), ['root:x'])(reply(proof, status, body, headers))
    assert found is None if words is None else words in found


class Target:
    """In place of a server."""

    def __init__(self, alive: bool = True, harm: str | None = None, growth: float = 0.0) -> None:
        self.harm, self.sizes = harm, iter([100.0, 100.0 + growth])
        self.running = SimpleNamespace(alive=alive, memory=lambda: {'rss': next(self.sizes)})

    def harmed(self) -> str | None:
        return self.harm


@pytest.mark.parametrize(
    ('given', 'act', 'every', 'words'),
    [
        ({}, lambda t: None, True, None),
        ({}, lambda t: 'it worked', True, 'it worked'),
        ({'harm': 'another answer'}, lambda t: None, True, 'another answer'),
        ({'harm': 'another answer'}, lambda t: None, False, None),
        ({'alive': False}, lambda t: None, False, 'the server has died'),
        ({'growth': 500.0}, lambda t: None, True, 'the server grew by 500 MiB'),
        ({}, lambda t: t.nothing, True, 'the attack itself failed: AttributeError'),
    ],
)
def test_an_attack_that_succeeds_is_seen(
    proof, given: dict[str, Any], act: Any, every: bool, words: str | None
) -> None:
    rooms = sys.modules['server_attacks']
    (found,) = rooms.run_all(Target(**given), [rooms.Attack('g', 'n', act)], every)
    assert found.success is None if words is None else words in found.success


@pytest.mark.parametrize(
    ('status', 'headers', 'body', 'words'),
    [
        (200, SAFE, b'x', None),
        (400, SAFE, b'{"error":{"code":"bad_request"}}', None),
        (500, SAFE, b'{"error":{"code":"failed"}}', 'status 500'),
        (418, SAFE, b'', 'status 418 is not described'),
        (400, SAFE, b'Bad Request', 'without an error in its one form'),
        (200, {}, b'x', 'without the safe headers'),
    ],
)
def test_fuzzing_sees_what_must_not_be(proof, status: int, headers: Any, body: bytes, words: str | None) -> None:
    found = sys.modules['server_fuzz'].wrong(status, headers, body, {'200', '400', '500'})
    assert found is None if words is None else words in found


def test_load_counts_what_went_wrong(proof) -> None:
    load = sys.modules['server_load'].Load(2, 1, seconds=[1.0, 3.0], distinct=2)
    assert not load.failed
    assert load.facts()['median seconds'] == 2.0
    for name, value in (('errors', ['x']), ('mixed', 1), ('left', 1), ('seconds', [1.0]), ('distinct', 1)):
        changed = sys.modules['server_load'].Load(**{**vars(load), name: value})
        assert changed.failed, name


def test_options_and_the_report(proof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project_root: Path) -> None:
    spec = importlib.util.spec_from_file_location('prove_tool', project_root / 'proofs/prove.py')
    assert spec is not None and spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    result = sys.modules['server_attacks'].Result
    wins: list[str | None] = [None, 'it worked']
    monkeypatch.setattr(proof, 'attacks', lambda *given: iter([result('g', 'n', win, 1.0) for win in wins]))
    lines = io.StringIO()
    monkeypatch.setattr(proof, 'Console', lambda: Console(file=lines, width=100))
    out = tmp_path / 'a.json'
    assert tool.main(['server', '--attacks', '--out', str(out)]) == 1
    assert 'g: n: it worked' in lines.getvalue() and '2 attacks, 1 succeeded' in lines.getvalue()
    assert json.loads(out.read_text())['attacks']['succeeded'] == 1
    wins.pop()
    assert tool.main(['server', '--attacks']) == 0
    args = tool.parse_args(['server', 'a', 'b', '--load', '--users', '3', '--requests', '4'])
    assert (args.models, args.load, args.fuzz, args.users, args.requests) == (['a', 'b'], True, False, 3, 4)
    assert tool.parse_args(['server']).models == list(proof.MODELS)


@pytest.mark.parametrize('option', ['--users', '--requests'])
def test_numbers_must_be_positive(proof, option: str) -> None:
    args = SimpleNamespace(users=1, requests=1, load=True, fuzz=False, attacks=False)
    setattr(args, option[2:], 0)
    with pytest.raises(ValueError, match='--users and --requests must be at least 1'):
        proof.run(args)


def test_a_server_that_does_not_start_is_told(proof, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match='the server did not start'):
        proof.Running(['no such model'], tmp_path)
