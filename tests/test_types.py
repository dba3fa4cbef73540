"""Types of the package: few signatures with `Any`, and no duck typing in the engine and in the Python API."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / 'usmm'
FILES = sorted(p for p in PACKAGE.rglob('*.py') if '.mim' not in p.parts)
MOST = 100  # signatures that name Any
FEATURES = {'os', 'resource', 'signal'}  # modules of the standard library whose members depend on the system


def annotations(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    a = function.args
    arguments = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, [a.vararg, a.kwarg])]
    yield from (argument.annotation for argument in arguments if argument.annotation is not None)
    if function.returns is not None:
        yield function.returns


def names_any(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    nodes = [node for annotation in annotations(function) for node in ast.walk(annotation)]
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    names = [node.id for node in nodes if isinstance(node, ast.Name)]
    names += [node.attr for node in nodes if isinstance(node, ast.Attribute)]
    return 'Any' in names or any(re.search(r'\bAny\b', text) for text in texts)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)))


def duck_typing(tree: ast.AST) -> Iterator[ast.Call]:
    """`hasattr(x, ...)` and `getattr(x, name, default)`, other than of modules of the standard library."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            asks = node.func.id == 'hasattr' or (node.func.id == 'getattr' and len(node.args) == 3)
            if asks and not (isinstance(node.args[0], ast.Name) and node.args[0].id in FEATURES):
                yield node


@pytest.mark.parametrize(
    ('source', 'expected'),
    [
        ('def f(a: Any): ...', True),
        ('def f() -> dict[str, Any]: ...', True),
        ('async def f(*args: Any): ...', True),
        ('def f(a: typing.Any): ...', True),
        ("def f(a: 'list[Any]'): ...", True),
        ('def f(a: int, *, b: Mapping[str, object] = {}) -> None: x: Any = 1', False),
    ],
)
def test_every_place_of_a_signature_is_seen(source: str, expected: bool) -> None:
    assert [names_any(f) for f in functions(ast.parse(source))] == [expected]


@pytest.mark.parametrize(
    ('source', 'expected'),
    [('hasattr(model, "fit")', 1), ('getattr(a, "b", None)', 1), ('getattr(a, "b")', 0), ('hasattr(os, "fork")', 0)],
)
def test_duck_typing_is_seen(source: str, expected: int) -> None:
    assert len([*duck_typing(ast.parse(source))]) == expected


def test_few_signatures_name_any() -> None:
    counts = {}
    for path in FILES:
        found = [f.name for f in functions(ast.parse(path.read_text(encoding='utf-8'))) if names_any(f)]
        if found:
            counts[path.relative_to(PACKAGE).as_posix()] = found
    assert sum(map(len, counts.values())) <= MOST, counts


@pytest.mark.parametrize('room', ['engine', 'apis'])
def test_no_duck_typing_decides_what_is_done(room: str) -> None:
    found = {}
    for path in (p for p in FILES if p.relative_to(PACKAGE).parts[0] == room):
        lines = [node.lineno for node in duck_typing(ast.parse(path.read_text(encoding='utf-8')))]
        if lines:
            found[path.relative_to(PACKAGE).as_posix()] = lines
    assert found == {}


def test_any_has_no_other_name() -> None:
    trees = {path: ast.parse(path.read_text(encoding='utf-8')) for path in FILES}
    aliases = [
        path.name
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and any(a.name == 'Any' and a.asname for a in node.names)
    ]
    assert aliases == []
