"""What to say of a config whose own code fails: the file, the line and the cause, in one line."""

from __future__ import annotations

import ast
import re
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from usmm.config.config_error import ConfigError
from usmm.config.setting_places import Places

# mmengine's message where a dict of a child meets another kind of value in its base
CLASH = re.compile(r"(?P<key>\w+)=.* in child config cannot inherit .* is of type <class '(?P<kind>\w+)'>", re.DOTALL)

TWICE = re.compile(r'Duplicate keys: {(?P<keys>.*)}')  # and where two bases have the same settings


def parsed(file: Path) -> ast.Module:
    """The syntax tree of a config file.

    Raises:
        ConfigError: It is no Python, or no text.
    """
    try:
        return ast.parse(file.read_text(encoding='utf-8'), filename=str(file))
    except SyntaxError as error:
        at = file if error.lineno is None else f'{file}:{error.lineno}'
        raise ConfigError(f'{at}: a config must be Python: {error.msg}') from error
    except ValueError as error:  # bytes that are no text
        raise ConfigError(f'{file}: a config must be Python: {error}') from error


@contextmanager
def failures_told(files: Sequence[Path]) -> Iterator[None]:
    """Turn what the code of a config raises, or of a module that it imports, into a `ConfigError`.

    Args:
        files: The config file, and the files that it inherits from.

    Raises:
        ConfigError: The block raised anything but that or an OSError; names file, line and cause.
    """
    try:
        yield
    except (ConfigError, OSError):
        raise
    except SystemExit as error:
        raise ConfigError(f'{files[0]}: the code of the config ends the process: SystemExit: {error}') from error
    except Exception as error:
        cause = _first(error)
        frames = [(Path(f.filename), f.lineno) for f in traceback.extract_tb(cause.__traceback__)]
        known = [file.resolve() for file in files]
        lines = [f'{file}:{line}: ' for file, line in frames if file.resolve() in known]
        what = f'{type(cause).__name__}: {cause}'
        if lines:
            raise ConfigError(f'{lines[-1]}the code of the config fails: {what}') from error
        if _imports(error):
            own = [f' ({file}:{line})' for file, line in frames if 'importlib' not in str(file)]
            at = own[-1] if own and not isinstance(cause, ModuleNotFoundError) else ''
            raise ConfigError(f'{Places(files).of("custom_imports")}custom_imports: {what}{at}') from error
        if isinstance(cause, TypeError) and (match := CLASH.match(str(cause))):
            key = match['key']
            text = f'{key} is a {match["kind"]} in the base, and a dict here; write a {match["kind"]}'
            at = _spelt(key, files) or f'{files[0]}: '
            raise ConfigError(f'{at}{text}, or put _delete_=True into the dict') from error
        if isinstance(cause, KeyError) and (match := TWICE.search(str(cause))):
            keys = ', '.join(sorted(re.findall(r'\w+', match['keys'])))
            at = _spelt('_base_', files) or f'{files[0]}: '
            raise ConfigError(f'{at}_base_: two of the bases have the same settings: {keys}; keep one base') from error
        raise ConfigError(f'{files[0]}: the config cannot be read: {what}') from error


def _spelt(key: str, files: Sequence[Path]) -> str | None:
    """`file:line: ` of the first place, child before base, where a dict of this key is written."""
    for file in files:
        for node in ast.walk(parsed(file)):
            named = isinstance(node, ast.keyword) and node.arg == key
            assigned = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == key
            if isinstance(node, (ast.keyword, ast.Name)) and (named or assigned):
                return f'{file}:{node.lineno}: '
    return None


def _first(error: BaseException) -> BaseException:
    """The error that the others come from."""
    while (before := error.__cause__ or error.__context__) is not None:
        error = before
    return error


def _imports(error: BaseException) -> bool:
    """Whether it was raised while modules were imported that the config names."""
    return any(f.name == 'import_modules_from_strings' for f in traceback.extract_tb(_first(error).__traceback__)) or (
        'custom modules' in str(error)
    )
