"""Name the component of a config whose constructor refuses its arguments, with file and line."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mmengine.config import Config

from usmm.config.config_error import ConfigError
from usmm.config.load import places_of
from usmm.structures import Settings

BUILDER = 'build_from_cfg'  # mmengine's function that calls the constructor of every component
RESERVED = ('type', '_scope_')
REFUSALS = (ValueError, TypeError, KeyError, AttributeError, IndexError, RuntimeError, ZeroDivisionError)


@contextmanager
def components_named(config: Config) -> Iterator[None]:
    """Where a component cannot be built, say which one of the config it is, and where it stands.

    Args:
        config: A config as `load_config` returns it.

    Raises:
        ConfigError: In the place of an error of a component's constructor.
    """
    try:
        yield
    except ConfigError:
        raise
    except REFUSALS as error:
        settings = _innermost(error)
        places = places_of(config)
        path = None if settings is None else _path_of(settings, config._cfg_dict.to_dict())
        if settings is None or places is None or path is None:
            raise
        cause = _first(error)
        message = str(cause) if isinstance(cause, (ValueError, TypeError)) else f'{type(cause).__name__}: {cause}'
        argument = _argument(settings, message)
        scope = settings.get('_scope_', 'usmm')
        name = settings['type'] if scope == 'usmm' else f'{scope}.{settings["type"]}'
        where = path if argument is None else f'{path}.{argument}'
        value = '' if argument is None else f'={settings[argument]!r}'
        text = f'{where}{value}: {name} cannot be built: {message}'
        raise ConfigError(places.of(where) + text) from error


def _first(error: BaseException) -> BaseException:
    """The error that the others come from."""
    while (before := error.__cause__ or (None if error.__suppress_context__ else error.__context__)) is not None:
        error = before
    return error


def _innermost(error: BaseException) -> Settings | None:
    """The settings of the component that was being built; None where none was."""
    settings: Settings | None = None
    cause: BaseException | None = error
    while cause is not None:
        for frame, _ in traceback.walk_tb(cause.__traceback__):
            built = frame.f_locals.get('cfg') if frame.f_code.co_name == BUILDER else None
            if isinstance(built, Mapping):
                settings = dict(built)
        cause = cause.__cause__ or cause.__context__
    return settings


def _path_of(settings: Settings, content: Settings) -> str | None:
    """Path of the component in a config; a parent may have added arguments before it was built."""
    plain = _plain(settings)
    alike = [(path, part) for path, part in _components(content, '') if _bare(part) == _bare(settings)]
    for path, component in alike:
        if all(plain.get(key) == value for key, value in _plain(component).items()):
            return path
    return alike[0][0] if len(alike) == 1 else None


def _bare(settings: Settings) -> str:
    """The type without its scope, which a registry takes off."""
    return str(settings.get('type')).rpartition('.')[2]


def _components(value: object, path: str) -> Iterator[tuple[str, Settings]]:
    if isinstance(value, Mapping):
        if 'type' in value:
            yield path, value
        for key, item in value.items():
            yield from _components(item, f'{path}.{key}' if path else str(key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _components(item, f'{path}.{index}' if path else str(index))


def _plain(settings: Settings) -> dict[str, str]:
    """Arguments as text; those that are components are built by their parent, and left out."""
    return {
        key: repr(list(value) if isinstance(value, tuple) else value)
        for key, value in settings.items()
        if key not in RESERVED
        and isinstance(value, (str, int, float, bool, list, tuple, type(None)))
        and 'type' not in repr(value)
    }


def _argument(settings: Settings, message: str) -> str | None:
    """The argument that a message names, or else the only one whose value it repeats."""
    arguments = [key for key in settings if key not in RESERVED]
    named = [key for key in arguments if re.search(rf'\b{re.escape(key)}\b', message)]
    shown = [key for key in arguments if message.endswith(f'got {settings[key]!r}')]
    both = [key for key in shown if key in named]
    matches = both or shown or named
    return matches[0] if len(matches) == 1 else None
