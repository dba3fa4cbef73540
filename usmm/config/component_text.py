"""Components and their arguments as the source text of their packages states them, without importing any of it.

Importing torch and the OpenMMLab packages takes seconds; a misspelt setting is found in the text of their modules in a
fraction of one. What the text leaves open (a class made by a function, arguments that an unknown base takes) is left to
`component_registries`, which imports everything.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from usmm.config.catalogue import Component
from usmm.utils.suggestions import nearest

# `@REGISTRY.register_module(...)`, other decorators, and the class or function below
DECORATED = re.compile(
    r'^@(?P<registry>[A-Z_]+)\.register_module\((?P<arguments>[^)]*)\)\s*\n(?:@.*\n)*(?:class|def)\s+(?P<name>\w+)',
    re.MULTILINE,
)
NAMED = re.compile(r"name=['\"]([\w.]+)['\"]")
REGISTRIES = {
    'model': 'MODELS',
    'dataset': 'DATASETS',
    'sampler': 'DATA_SAMPLERS',
    'transform': 'TRANSFORMS',
    'function': 'FUNCTIONS',
    'metric': 'METRICS',
    'hook': 'HOOKS',
    'optim_wrapper': 'OPTIM_WRAPPERS',
    'param_scheduler': 'PARAM_SCHEDULERS',
    'vis_backend': 'VISBACKENDS',
    'visualizer': 'VISUALIZERS',
    'log_processor': 'LOG_PROCESSORS',
    'initializer': 'WEIGHT_INITIALIZERS',
}
# Scope -> the sub-packages that register components; a bare name is one of usmm, of mmengine or of mmcv.
ROOMS = {
    'usmm': ('usmm.models', 'usmm.datasets', 'usmm.engine', 'usmm.evaluation.metrics'),
    'mmengine': (
        'mmengine.hooks', 'mmengine.optim', 'mmengine.model', 'mmengine.dataset', 'mmengine.evaluator',
        'mmengine.visualization', 'mmengine.runner',
    ),
    'mmcv': ('mmcv.transforms', 'mmcv.cnn'),
    'mmpretrain': (
        'mmpretrain.models', 'mmpretrain.datasets', 'mmpretrain.evaluation', 'mmpretrain.engine',
        'mmpretrain.visualization',
    ),
    'torchvision': ('torchvision.transforms',),
    'mmaction': (
        'mmaction.models', 'mmaction.datasets', 'mmaction.evaluation', 'mmaction.engine', 'mmaction.visualization',
    ),
}  # fmt: skip
BARE = ('usmm', 'mmengine', 'mmcv')
OPTIMIZERS = 'torch.optim'  # mmengine registers all that it exports
MORE_OPTIMIZERS = ('bitsandbytes', 'dadaptation', 'lion_pytorch', 'sophia', 'transformers')  # and those of these
TORCHVISION = 'torchvision'  # whose transforms `ImageTransform` builds; no decorator registers them
WITHOUT_CONSTRUCTOR = ('object', 'Protocol', 'Generic', 'ABC')


class Definition(NamedTuple):
    """A class or function, and the file that defines it."""

    file: Path
    node: ast.ClassDef | ast.FunctionDef


class TextCatalogue:
    """The components that the source text of the installed packages registers."""

    def find(self, kind: str, name: str) -> Component | None:
        """The component of a name; None: the text does not tell."""
        definition = _definition_of(kind, name)
        if definition is None:
            return None
        folder = _folder('usmm')
        own = folder is not None and definition.file.is_relative_to(folder)
        return Component(_arguments(definition), _annotations(definition), own)

    def is_unknown(self, kind: str, name: str) -> bool:
        """Whether there can be no component of this name: its word is nowhere in the packages."""
        scope, _, bare = name.rpartition('.')
        if kind == 'optimizer' and any(find_spec(package) for package in MORE_OPTIMIZERS):
            return False
        if scope and scope not in ROOMS:
            return True
        word = re.compile(rf'\b{re.escape(bare)}\b')
        rooms = (*(room for scope in ROOMS for room in ROOMS[scope]), OPTIMIZERS)
        return not any(word.search(text) for room in rooms for text in _texts(room).values())

    def names(self, kind: str, name: str) -> list[str]:
        """Valid names of a kind, written with the scope that a name is written with."""
        scope = known_scope(name, ROOMS)
        if scope == TORCHVISION and (folder := _folder('torchvision.transforms')) is not None:
            classes = [n.name for n in _tree(folder / 'transforms.py').body if isinstance(n, ast.ClassDef)]
            return [f'{scope}.{known}' for known in classes]
        if scope in ROOMS:
            return [f'{scope}.{known}' for room in ROOMS[scope] for known in _registered(room, kind)]
        names = {known for scope in BARE for room in ROOMS[scope] for known in _registered(room, kind)}
        return sorted(names | (set(_exported(OPTIMIZERS)) if kind == 'optimizer' else set()))


def known_scope(name: str, scopes: Collection[str]) -> str:
    """The scope of a name, or the nearest one where there is no such scope; empty for a bare name.

    Args:
        name: Name of a component.
        scopes: The scopes that there are.

    Example:
        >>> known_scope('mmpretian.ResNet', ['mmpretrain', 'mmaction']), known_scope('ResNet', ['mmpretrain'])
        ('mmpretrain', '')
    """
    scope = name.rpartition('.')[0]
    return next(iter(nearest(scope, scopes)), '') if scope and scope not in scopes else scope


def _definition_of(kind: str, name: str) -> Definition | None:
    scope, _, bare = name.rpartition('.')
    if scope and scope not in ROOMS:
        return None
    for room in [room for known in ([scope] if scope else BARE) for room in ROOMS[known]]:
        if (place := _registered(room, kind).get(bare)) is not None:
            return _defined(*place)
    module = 'transforms.py' if scope == TORCHVISION else '__init__.py' if kind == 'optimizer' and not scope else None
    folder = _folder('torchvision.transforms' if scope == TORCHVISION else OPTIMIZERS)
    return None if module is None or folder is None else _defined(folder / module, bare)


@cache
def _folder(package: str) -> Path | None:
    """The folder of a sub-package; None where its package is not installed."""
    top, *rest = package.split('.')
    spec = find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations)), *rest)
    return folder if folder.is_dir() else None


@cache
def _texts(package: str) -> dict[Path, str]:
    """The text of every module of a sub-package."""
    folder = _folder(package)
    files = () if folder is None else sorted(folder.rglob('*.py'))
    return {file: file.read_text(encoding='utf-8', errors='replace') for file in files}


@cache
def _registered(package: str, kind: str) -> dict[str, tuple[Path, str]]:
    """Registered name -> (file, name of the class or function), of the registry of a kind."""
    known: dict[str, tuple[Path, str]] = {}
    for file, text in _texts(package).items():
        for match in DECORATED.finditer(text) if 'register_module' in text else ():
            if match['registry'] == REGISTRIES.get(kind):
                own = NAMED.search(match['arguments'])
                known[own[1] if own else match['name']] = (file, match['name'])
    return known


@cache
def _exported(package: str) -> tuple[str, ...]:
    """Names of classes that the `__init__` of a package imports."""
    folder = _folder(package)
    if folder is None:
        return ()
    imports = [n for n in _tree(folder / '__init__.py').body if isinstance(n, ast.ImportFrom)]
    return tuple(alias.name for node in imports for alias in node.names if alias.name[:1].isupper())


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding='utf-8', errors='replace'))


def _defined(file: Path, name: str, depth: int = 6) -> Definition | None:
    """The definition of a name that a module defines or imports from another module of a known package."""
    if depth == 0 or not file.is_file():
        return None
    for node in _tree(file).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name:
            return Definition(file, node)
    for node in _tree(file).body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name and (source := _module(file, node)) is not None:
                    return _defined(source, alias.name, depth - 1)
    return None


def _module(file: Path, node: ast.ImportFrom) -> Path | None:
    """The file of a module that is imported from; None for packages other than those that register components."""
    parts = (node.module or '').split('.') if node.module else []
    if node.level:
        folder: Path | None = file.parents[node.level - 1]
    else:
        top = parts.pop(0)
        folder = _folder(top) if top in (*ROOMS, 'torch') else None
    if folder is None:
        return None
    path = folder.joinpath(*parts)
    return path / '__init__.py' if path.is_dir() else path.with_suffix('.py')


def _arguments(definition: Definition) -> frozenset[str] | None:
    """The arguments that a class or function takes, those of its bases included; None where the text does not tell."""
    if isinstance(definition.node, ast.FunctionDef):
        return None if definition.node.args.kwarg else frozenset(_parameters(definition.node))
    names: set[str] = set()
    for base in _bases(definition):
        if base is None:
            return None
        if (fields := _fields(base.node)) is not None:
            return frozenset(names | fields)
        init = _init(base.node)
        if init is not None:
            names |= _parameters(init)
            if init.args.kwarg is None:
                return frozenset(names)
    return None


def _annotations(definition: Definition) -> dict[str, str]:
    """The types of arguments that the text states; of two classes that name one, the more derived counts."""
    if isinstance(definition.node, ast.FunctionDef):
        return _stated(definition.node)
    types: dict[str, str] = {}
    for base in _bases(definition):
        init = None if base is None else _init(base.node)
        if init is not None:
            types = {**_stated(init), **types}
            if init.args.kwarg is None:
                break
    return types


def _stated(function: ast.FunctionDef) -> dict[str, str]:
    own = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    return {a.arg: ast.unparse(a.annotation) for a in own if a.annotation is not None}


def _bases(definition: Definition) -> Iterator[Definition | None]:
    """A class and the classes that it inherits from, as Python looks its constructor up; None for one elsewhere."""
    yield definition
    for base in definition.node.bases if isinstance(definition.node, ast.ClassDef) else ():
        name = ast.unparse(base).partition('[')[0]
        if name not in WITHOUT_CONSTRUCTOR:
            found = _defined(definition.file, name)
            yield from (None,) if found is None else _bases(found)


def _init(node: ast.AST) -> ast.FunctionDef | None:
    body = node.body if isinstance(node, ast.ClassDef) else ()
    return next((n for n in body if isinstance(n, ast.FunctionDef) and n.name == '__init__'), None)


def _fields(node: ast.AST) -> set[str] | None:
    """The fields of a dataclass; None for another class."""
    if not isinstance(node, ast.ClassDef) or _init(node) is not None:
        return None
    if not any('dataclass' in ast.unparse(decorator) for decorator in node.decorator_list):
        return None
    return {n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}


def _parameters(function: ast.FunctionDef) -> set[str]:
    own = function.args
    return {a.arg for a in (*own.posonlyargs, *own.args, *own.kwonlyargs)} - {'self'}
