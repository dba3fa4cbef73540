"""The files of a config: it and those that it inherits from, each checked to be Python whose imports are installed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmengine.config import Config

from usmm.config.config_error import ConfigError
from usmm.config.failure import parsed
from usmm.utils.locations import find_config
from usmm.utils.suggestions import suggestion

OWN = 'usmm::'  # how a config of any folder inherits a shipped one
PLAIN_BASE = "_base_ must be a path, or a list of paths, written out as text, such as _base_ = './base.py'"


def files_of(path: str | Path) -> list[Path]:
    """A config file and the files that it inherits from, the file itself first.

    Raises:
        ConfigError: A file is not Python, its `_base_` is not a path of a file, or it imports what is not installed.
    """
    return _with_bases(Path(path).resolve(), ())


def _with_bases(path: Path, children: tuple[Path, ...]) -> list[Path]:
    if path in children:
        raise ConfigError(f'{children[0]}: _base_ goes in a circle: {" -> ".join(p.name for p in (*children, path))}')
    files = [path]
    tree = parsed(path)
    _check_imports(tree, path)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign) or not any(
            isinstance(t, ast.Name) and t.id == '_base_' for t in node.targets
        ):
            continue
        at = f'{path}:{node.lineno}: '
        if node not in tree.body:
            raise ConfigError(f'{at}_base_ must stand at the top level of the file, not inside of another statement')
        for base in _written(node.value, at):
            if base.startswith(OWN):
                files += _with_bases(_shipped(base.removeprefix(OWN), at), (*children, path))
            elif '::' not in base:
                files += _with_bases(_beside(path, base, at), (*children, path))
            else:
                _check_package(base, at)
    return files


def _written(value: ast.expr, at: str) -> list[str]:
    """The paths of a `_base_`."""
    try:
        paths = ast.literal_eval(value)
    except ValueError:  # an expression, such as an f-string
        raise ConfigError(f'{at}{PLAIN_BASE}, got the expression {ast.unparse(value)}') from None
    listed = list(paths) if isinstance(paths, (list, tuple)) else [paths]
    if not all(isinstance(item, str) and item.strip() for item in listed):
        raise ConfigError(f'{at}{PLAIN_BASE}, got {paths!r}')
    return listed


def _beside(path: Path, base: str, at: str) -> Path:
    """The file of a relative path."""
    file = (path.parent / base).resolve()
    if file.is_dir():
        raise ConfigError(f'{at}_base_ must be a path of a file, {base!r} is a folder')
    if not file.is_file():
        folder = sorted(p.name for p in file.parent.glob('*.py')) if file.parent.is_dir() else []
        hint = suggestion(file.name, [name for name in folder if name != path.name])
        raise ConfigError(f'{at}_base_: there is no file {base!r} beside this one{hint or f" ({file})"}')
    return file


def _shipped(name: str, at: str) -> Path:
    try:
        return Path(find_config(name, shipped=True)).resolve()
    except OSError as error:
        raise ConfigError(f'{at}_base_: {error}') from error


def _check_package(base: str, at: str) -> None:
    """See that a config of another package, `mmpretrain::resnet/resnet50.py`, has a package and a path."""
    package, _, inside = base.partition('::')
    if not package.isidentifier() or not inside or find_spec(package) is None:
        text = "a config of an installed package is written 'package::path/of/config.py', of this one 'usmm::NAME'"
        raise ConfigError(f'{at}_base_: {text}, got {base!r}')


def _check_imports(tree: ast.Module, path: Path) -> None:
    """See that what a config imports is installed; mmengine notices only where the names are used."""
    for node in tree.body:
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
        for name in names:
            if find_spec(name.partition('.')[0]) is None:
                text = f'the config imports {name!r}, which is not installed and lies in no folder of PYTHONPATH'
                raise ConfigError(f'{path}:{node.lineno}: {text}')


@contextmanager
def inheritance() -> Iterator[None]:
    """Let `_base_ = 'usmm::NAME'` mean a config of this installation, and an empty dict change nothing of a list.

    mmengine looks for `package::path` in the package's `.mim` folder alone, and wants a model index there. It refuses
    `evaluator = dict()` over a list, while an empty dict over a dict changes nothing.
    """
    path_of, merge = Config._get_cfg_path, Config._merge_a_into_b

    def get(cfg_path: str, filename: str) -> tuple[str, str | None]:
        if cfg_path.startswith(OWN):
            return str(find_config(cfg_path.removeprefix(OWN), shipped=True)), None
        return path_of(cfg_path, filename)

    def merged(child: dict[str, Any], base: Any, allow_list_keys: bool = False) -> Any:
        if isinstance(base, dict):
            child = {k: v for k, v in child.items() if not (v == {} and isinstance(base.get(k), (list, tuple)))}
        return merge(child, base, allow_list_keys)

    Config._get_cfg_path, Config._merge_a_into_b = staticmethod(get), staticmethod(merged)
    try:
        yield
    finally:
        Config._get_cfg_path, Config._merge_a_into_b = staticmethod(path_of), staticmethod(merge)
