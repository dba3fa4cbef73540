"""Which room of usmm may import which. A new room is entered here, and in the table of the docs, in the same change."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / 'usmm'
FREE = {'version', 'compat'}  # everyone may import these
TABLE: dict[str, set[str]] = {
    'version': set(),
    'compat': set(),
    'registry': set(),
    'case': set(),
    'home': set(),
    'stats': set(),
    'readers': set(),
    'weights': set(),
    'zoo': {'home', 'weights'},
    'active': set(),
    'explain': set(),
    'losses': {'registry'},
    'transforms': {'registry', 'case', 'readers'},
    'datasets': {'registry', 'case', 'readers', 'stats'},
    'models': {'registry', 'case', 'weights'},
    'metrics': {'registry', 'case', 'stats'},
    'reports': {'stats'},
    'export': {'case', 'models', 'weights'},
    'config': {'registry', 'case', 'home'},
    'engine': {'active', 'registry', 'case', 'config', 'home', 'stats', 'weights'},
    'inference': {'registry', 'case', 'config', 'readers', 'stats', 'weights', 'zoo', 'explain', 'export'},
    'server': {'case', 'home', 'inference', 'readers', 'registry', 'transforms', 'zoo'},
    'cli': {'home'},
    'console': {'home', 'readers'},
}
NEVER = {'tools', 'tests', 'configs'}
HEAVY = {'torch', 'torchvision', 'mmengine', 'mmcv', 'mmpretrain', 'mmaction'}
FILES = sorted(p for p in PACKAGE.rglob('*.py') if '.mim' not in p.parts)


def room(path: Path) -> str:
    """`usmm/readers/image.py` and `usmm/readers.py` are both of the room `readers`; the package itself is ''."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix('.py')
    return '' if first == '__init__' else first


def imported(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The dotted parts of everything that is imported anywhere, `from a import b` as (a, b)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split('.')) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            start = (*base, *(node.module or '').split('.')) if node.module else base
            yield from ((*start, alias.name) for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith('import_module'):
            named = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            yield from (tuple(name.split('.')) for name in named)


def imports_of(path: Path) -> set[tuple[str, ...]]:
    package = ('usmm', *path.relative_to(PACKAGE).parts[:-1])
    return set(imported(ast.parse(path.read_text(encoding='utf-8')), package))


def names(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize(
    ('source', 'expected'),
    [
        ('import usmm.readers.image as i, os', {'usmm.readers.image', 'os'}),
        ('from usmm.readers import read_image', {'usmm.readers.read_image'}),
        ('from usmm import case, stats', {'usmm.case', 'usmm.stats'}),
        ('from . import folds', {'usmm.datasets.folds'}),
        ('from .folds import make', {'usmm.datasets.folds.make'}),
        ('from ..stats import auc', {'usmm.stats.auc'}),
        ('from .. import stats', {'usmm.stats'}),
        ('def f():\n    if True:\n        import torch.nn', {'torch.nn'}),
        ("import importlib\nimportlib.import_module('usmm.models')", {'importlib', 'usmm.models'}),
    ],
)
def test_every_way_to_import_is_seen(source: str, expected: set[str]) -> None:
    assert {'.'.join(parts) for parts in imported(ast.parse(source), ('usmm', 'datasets'))} == expected


def test_every_room_has_its_line_in_the_table() -> None:
    assert {room(p) for p in FILES} - {''} <= set(TABLE)


@pytest.mark.parametrize('path', FILES, ids=names)
def test_a_room_imports_only_what_it_may(path: Path) -> None:
    here = room(path)
    allowed = TABLE[here] | FREE | {here} if here else FREE
    found = {parts[1] for parts in imports_of(path) if parts[0] == 'usmm' and len(parts) > 1}
    assert found - {'__version__'} <= allowed, f'{here or "usmm"} may import {sorted(allowed)}'


@pytest.mark.parametrize('path', FILES, ids=names)
def test_the_package_imports_neither_tools_nor_tests(path: Path) -> None:
    found = imports_of(path)
    assert not {parts[0] for parts in found} & NEVER
    assert ('usmm',) not in found, 'import the room that is needed, not the whole package'


@pytest.mark.parametrize('path', [p for p in FILES if room(p) == 'stats'], ids=names)
def test_statistics_need_no_torch(path: Path) -> None:
    assert not {parts[0] for parts in imports_of(path)} & HEAVY


@pytest.mark.parametrize('module', ['usmm', 'usmm.cli', 'usmm.home', 'usmm.compat', 'usmm.stats', 'usmm.registry'])
def test_what_is_light_stays_light(module: str) -> None:
    code = f'import sys, {module}; print(*sorted(set({sorted(HEAVY - {"mmengine"})}) & set(sys.modules)))'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ''


def test_importing_the_package_imports_no_room() -> None:
    code = 'import sys, usmm; print(*sorted(m for m in sys.modules if m.startswith("usmm") or m == "numpy"))'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ['usmm', 'usmm.version']
