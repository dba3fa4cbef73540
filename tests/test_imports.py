"""The layers of usmm: which room may import which. A new room is entered here and in the docs in the same change."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / 'usmm'
# Lower layers may not import higher ones. A room is a folder or module of the package; `evaluation.stats`, pure
# functions, is lower than the rest of its room.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({'version'}),
    frozenset({'structures', 'readers', 'weights', 'utils', 'compat', 'registry'}),
    frozenset({'datasets', 'phantoms', 'models', 'evaluation.stats', 'config'}),
    frozenset({'engine', 'evaluation', 'explain', 'export', 'zoo'}),
    frozenset({'visualization', 'apis'}),
    frozenset({'server', 'cli', '__main__'}),
)
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
APART = ({'datasets', 'models'}, {'datasets', 'phantoms'}, {'models', 'phantoms'})  # neither imports the other
NEVER = {'tools', 'tests', 'configs', 'proofs'}
HEAVY = {'torch', 'torchvision', 'mmengine', 'mmcv', 'mmpretrain', 'mmaction'}
FILES = sorted(p for p in PACKAGE.rglob('*.py') if '.mim' not in p.parts)


def room(parts: Sequence[str]) -> str:
    """The room of a module's dotted parts below `usmm`; the package itself is ''."""
    if tuple(parts[:2]) == ('evaluation', 'stats'):
        return 'evaluation.stats'
    return '' if parts[0] == '__init__' else parts[0]


def room_of(path: Path) -> str:
    return room(path.relative_to(PACKAGE).with_suffix('').parts)


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
        ('from usmm import structures, zoo', {'usmm.structures', 'usmm.zoo'}),
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


def test_every_room_has_its_layer() -> None:
    assert {room_of(p) for p in FILES} - {''} == set(LEVEL)


@pytest.mark.parametrize(
    ('path', 'expected'),
    [('evaluation/stats/auc.py', 'evaluation.stats'), ('evaluation/metrics/case_metrics.py', 'evaluation'),
     ('registry.py', 'registry'), ('__init__.py', ''), ('server/http/app.py', 'server')],
)  # fmt: skip
def test_the_room_of_a_file(path: str, expected: str) -> None:
    assert room_of(PACKAGE / path) == expected


@pytest.mark.parametrize('path', FILES, ids=names)
def test_lower_layers_import_no_higher_ones(path: Path) -> None:
    here = room_of(path)
    rooms = {room(parts[1:]) for parts in imports_of(path) if parts[0] == 'usmm' and len(parts) > 1}
    rooms -= {'__version__', here}
    # the package itself imports a room when one of its names is used, see `usmm.LAZY`
    level = LEVEL[here] if here else len(LAYERS)
    assert {other for other in rooms if LEVEL[other] > level} == set(), f'{here} is on layer {level}'
    assert [pair for pair in APART if here in pair and rooms & (pair - {here})] == []


@pytest.mark.parametrize('path', FILES, ids=names)
def test_the_package_imports_neither_tools_nor_tests(path: Path) -> None:
    found = imports_of(path)
    assert not {parts[0] for parts in found} & NEVER
    assert ('usmm',) not in found, 'import the room that is needed, not the whole package'


@pytest.mark.parametrize('path', [p for p in FILES if room_of(p) == 'evaluation.stats'], ids=names)
def test_statistics_need_no_torch(path: Path) -> None:
    assert not {parts[0] for parts in imports_of(path)} & HEAVY


@pytest.mark.parametrize(
    'module',
    [
        'usmm',
        'usmm.cli.main',
        'usmm.utils.locations',
        'usmm.phantoms',
        'usmm.compat',
        'usmm.evaluation.stats',
        'usmm.registry',
    ],
)
def test_what_is_light_stays_light(module: str) -> None:
    code = f'import sys, {module}; print(*sorted(set({sorted(HEAVY - {"mmengine"})}) & set(sys.modules)))'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ''


def test_importing_the_package_imports_no_room_but_that_of_the_mends() -> None:
    code = 'import sys, usmm; print(*sorted(m for m in sys.modules if m.startswith("usmm") or m == "numpy"))'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, timeout=60)
    assert {name for name in done.stdout.split() if not name.startswith('usmm.compat')} == {'usmm', 'usmm.version'}


def test_a_file_name_occurs_once() -> None:
    """A module of the command line may be named like the module whose work it does."""
    files = [p for p in FILES if p.stem not in ('__init__', '__main__') and room_of(p) != 'cli']
    counts = Counter(p.name for p in files)
    assert [name for name, count in counts.items() if count > 1] == []
