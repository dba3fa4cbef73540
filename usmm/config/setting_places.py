"""Where a setting of a config is written: file and line of its own path, or the command line."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

WHOLE_REFERENCE = re.compile(r'\$\{([A-Za-z_][\w.]*)\}')
BASE_VARIABLE = re.compile(r'_base_\.(\w+)')  # how mmengine refers to a variable of a base
# The first line of a config that was written whole, its bases merged. What its bases had for modalities that the config
# removed is still in it, and does nothing.
WHOLE = '# This config is whole: the settings of its bases are in it.'
HOPS = 8  # variables and references that are followed one after another
SHOWN = 60  # characters of an option's value


class OptionText(str):
    """A value as it was typed; `load_config` gives it the type of the setting that it replaces."""

    __slots__ = ()


@dataclass(frozen=True)
class _Step:
    """A value in the text of a file, and the line of the key that it belongs to."""

    value: ast.expr | None
    line: int


class Places:
    """Where the settings of a config stand.

    Args:
        files: The config file, and the files that it inherits from, child before base.
        overrides: Dotted keys of `--cfg-options`, and their values; those of a Python call are not `OptionText`.

    Example:
        >>> places = Places([], {'seed': OptionText('abc'), 'batch_size': 0})
        >>> places.of('seed'), places.of('batch_size'), places.of('table')
        ('on the command line, --cfg-options seed=abc: ', 'in the options, batch_size=0: ', '')
    """

    def __init__(self, files: Sequence[Path], overrides: Mapping[str, object] | None = None) -> None:
        self.files = tuple(files)
        self.overrides = dict(overrides or {})
        self.moved: dict[str, str] = {}  # setting -> the path of the one that took its place
        self._trees: dict[Path, ast.Module] = {}

    @property
    def is_whole(self) -> bool:
        """Whether the config was written whole, as in the folder of a run."""
        return bool(self.files) and self.files[0].read_text(encoding='utf-8', errors='replace').startswith(WHOLE)

    def of(self, path: str, hops: int = HOPS) -> str:
        """The start of a message about a setting: `file:line: `, or the option of the command line that sets it.

        The line is that of the setting's own path, in the file that sets it; of a setting that no file has, it is the
        line of the innermost part of the path that one has. A value that is a reference stands where it refers to.

        Args:
            path: Dotted path, with the indices of lists: `stages.0.optimizer.lr`.
            hops: References that are followed.
        """
        path = self.moved.get(path, path)
        if (option := self.option(path)) is not None:
            return self._overridden(option)
        best: tuple[int, Path, int] | None = None
        parts = path.split('.')
        for file in self.files:
            steps, whole = self._steps(file, parts)
            if not steps:
                continue
            referred = _reference(steps[-1].value)
            if referred is not None and hops:
                target = '.'.join([referred, *parts[len(steps) :]])
                return self.of(target, hops - 1)
            if best is None or len(steps) > best[0]:
                best = (len(steps), file, steps[-1].line)
            if len(steps) == len(parts) or whole:
                break
        inside = [key for key in self.overrides if key.startswith(f'{path}.')]
        if inside and (best is None or best[0] < len(parts)):
            return self._overridden(inside[-1])
        if best is not None:
            return f'{best[1]}:{best[2]}: '
        return f'{self.files[0]}: ' if self.files else ''

    def _overridden(self, option: str) -> str:
        value = self.overrides[option]
        text = str(value) if len(str(value)) <= SHOWN else f'{str(value)[:SHOWN]}...'
        typed = isinstance(value, OptionText)
        how = 'on the command line, --cfg-options' if typed else 'in the options,'
        file = f'{self.files[0]}, ' if self.files else ''
        return f'{file}{how} {option}={text}: '

    def option(self, path: str) -> str | None:
        """The override that sets a path, or a setting around it; of several the last."""
        options = [key for key in self.overrides if path == key or path.startswith(f'{key}.')]
        return options[-1] if options else None

    def file_of(self, path: str) -> int | None:
        """Index of the file that sets a path, child before base; None where none of them does."""
        parts = path.split('.')
        return next((i for i, file in enumerate(self.files) if len(self._steps(file, parts)[0]) == len(parts)), None)

    def keys(self, path: str) -> set[str]:
        """The keys that any of the files writes into the dict of a path, those of replaced dicts included."""
        names: set[str] = set()
        for file in self.files:
            steps, _ = self._steps(file, path.split('.'))
            if len(steps) == path.count('.') + 1:
                names |= {key for key, _ in _items(steps[-1].value, self._tree(file)) if isinstance(key, str)}
        return names

    def reading(self) -> set[str]:
        """Names that the code of the files reads, and names that they import."""
        names: set[str] = set()
        for file in self.files:
            for node in ast.walk(self._tree(file)):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                    names.add(node.id)
                elif isinstance(node, (ast.Import, ast.ImportFrom)):
                    names |= {(a.asname or a.name).split('.')[0] for a in node.names}
        return names

    def base_variables(self) -> set[str]:
        """Names of a base that the files refer to as `{{_base_.name}}` or `_base_.name`."""
        names: set[str] = set()
        for file in self.files:
            names |= set(BASE_VARIABLE.findall(file.read_text(encoding='utf-8')))
        return names

    def _tree(self, file: Path) -> ast.Module:
        if file not in self._trees:
            self._trees[file] = ast.parse(file.read_text(encoding='utf-8'))
        return self._trees[file]

    def _steps(self, file: Path, parts: Sequence[str]) -> tuple[list[_Step], bool]:
        """As many parts of a path as a file writes, and whether it replaces what its bases have there."""
        tree = self._tree(file)
        best: list[_Step] = []
        whole = False
        for target, node, value in _assignments(tree):
            depth = len(target)
            if list(target) != list(parts[:depth]):
                continue
            steps, replaces = [_Step(value, node.lineno)] * depth, False
            for part in parts[depth:]:
                items = dict(_items(steps[-1].value, tree))
                replaces = replaces or _replaces(steps[-1].value, items)
                key: str | int = int(part) if part.isdigit() and part not in items else part
                if key not in items:
                    break
                steps.append(items[key])
            if len(steps) >= len(best):  # the last assignment of a name counts
                best, whole = steps, replaces
        return best, whole


def _assignments(tree: ast.Module) -> Iterator[tuple[tuple[str, ...], ast.stmt, ast.expr | None]]:
    """Path, statement and value of every assignment of a file, `model['head'] = ...` included; not of functions."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for field in ('body', 'orelse', 'finalbody'):
            waiting += getattr(node, field, [])
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, (ast.AnnAssign, ast.AugAssign)) else targets
        for target in targets:
            path = _target(target)
            if path:
                yield path, node, node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None


def _target(node: ast.expr) -> tuple[str, ...]:
    """`model['head']` as a path; an empty one for other targets."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        before = _target(node.value)
        return (*before, str(node.slice.value)) if before else ()
    return ()


def _items(value: ast.expr | None, tree: ast.Module, hops: int = HOPS) -> Iterator[tuple[str | int, _Step]]:
    """Keys or indices of a dict or a list as its text writes them, with their values."""
    if isinstance(value, ast.Name) and hops:
        yield from _items(_variable(value.id, tree), tree, hops - 1)
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == 'dict':
        for keyword in value.keywords:
            if keyword.arg is None:
                yield from _items(keyword.value, tree, hops)
            else:
                yield keyword.arg, _Step(keyword.value, keyword.lineno)
    elif isinstance(value, ast.Dict):
        for key, item in zip(value.keys, value.values, strict=True):
            if key is None:
                yield from _items(item, tree, hops)
            elif isinstance(key, ast.Constant):
                yield str(key.value), _Step(item, key.lineno)
    elif isinstance(value, (ast.List, ast.Tuple, ast.BinOp)):
        yield from enumerate(_elements(value, tree, hops))


def _elements(value: ast.expr | None, tree: ast.Module, hops: int) -> Iterator[_Step]:
    """The elements of a list, of what is unpacked into it, and of a sum of lists."""
    if isinstance(value, ast.Name) and hops:
        yield from _elements(_variable(value.id, tree), tree, hops - 1)
    elif isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        yield from _elements(value.left, tree, hops)
        yield from _elements(value.right, tree, hops)
    elif isinstance(value, (ast.List, ast.Tuple)):
        for element in value.elts:
            if isinstance(element, ast.Starred):
                yield from _elements(element.value, tree, hops)
            else:
                yield _Step(element, element.lineno)


def _variable(name: str, tree: ast.Module) -> ast.expr | None:
    values = [value for path, _, value in _assignments(tree) if path == (name,)]
    return values[-1] if values else None


def _replaces(value: ast.expr | None, items: Mapping[str | int, _Step]) -> bool:
    """Whether a value takes the place of a base's: a list does, and a dict with `_delete_=True`."""
    return isinstance(value, (ast.List, ast.Tuple)) or '_delete_' in items


def _reference(value: ast.expr | None) -> str | None:
    """The setting that a text refers to as a whole."""
    if not isinstance(value, ast.Constant) or not isinstance(value.value, str):
        return None
    match = WHOLE_REFERENCE.fullmatch(value.value)
    return None if match is None else match[1]
