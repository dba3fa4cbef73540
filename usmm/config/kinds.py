"""Kinds of values that settings must be of: a text, a dict, a whole number of 1 or more."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from usmm.config.config_error import ConfigError
from usmm.config.setting_places import Places
from usmm.structures import Settings

Kind = tuple[Sequence[str], str, Callable[[Any], bool]]  # settings, what they must be, the test of it
# setting -> the lowest whole number that it may be
NUMBERS = {'max_epochs': 1, 'batch_size': 1, 'num_workers': 0, 'seed': 0, 'val_interval': 1, 'checkpoint_interval': 1}


def is_list_of_dicts(value: object) -> bool:
    """Whether a value is a list of dicts, an empty one included."""
    return isinstance(value, (list, tuple)) and all(isinstance(item, Mapping) for item in value)


def is_scheduler(value: object) -> bool:
    """Whether a value describes schedulers of a learning rate."""
    return value is None or isinstance(value, Mapping) or is_list_of_dicts(value)


def is_level(value: object) -> bool:
    """Whether a value is a level of logging."""
    return isinstance(logging.getLevelName(value), int) if isinstance(value, str) else isinstance(value, int)


def is_text(value: object) -> bool:
    """Whether a value is a text."""
    return isinstance(value, str)


def is_text_or_none(value: object) -> bool:
    """Whether a value is a text or None."""
    return value is None or isinstance(value, str)


def is_dict(value: object) -> bool:
    """Whether a value is a dict."""
    return isinstance(value, Mapping)


def is_dict_or_none(value: object) -> bool:
    """Whether a value is a dict or None."""
    return value is None or isinstance(value, Mapping)


def is_dict_or_list(value: object) -> bool:
    """Whether a value is a dict or a list of dicts."""
    return isinstance(value, Mapping) or is_list_of_dicts(value)


def is_bool(value: object) -> bool:
    """Whether a value is True or False."""
    return isinstance(value, bool)


def is_whole(value: object) -> bool:
    """Whether a value is a whole number; True and False are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def check_kinds(content: Mapping[str, Any], kinds: Sequence[Kind], where: str, places: Places) -> None:
    """Check that settings are of their kinds.

    Args:
        content: Settings and their values.
        kinds: What they must be.
        where: Path of the settings, with a dot at its end; empty for the top level.
        places: Where they stand.

    Raises:
        ConfigError: On the first value of another kind.
    """
    for keys, kind, is_right in kinds:
        for key in keys:
            if key in content and not is_right(content[key]):
                at = places.of(f'{where}{key}')
                raise ConfigError(f'{at}{where}{key} must be {kind}, got {content[key]!r}')


def check_numbers(content: Settings, where: str, places: Places, optional: Sequence[str]) -> None:
    """Check that settings are whole numbers, of the least value that each may have.

    Args:
        content: Settings and their values.
        where: Path of the settings, with a dot at its end; empty for the top level.
        places: Where they stand.
        optional: Those that may be None.

    Raises:
        ConfigError: On the first value that is not such a number.
    """
    for key, lowest in NUMBERS.items():
        value: Any = content.get(key)
        if key not in content or (value is None and key in optional):
            continue
        if not is_whole(value) or value < lowest:
            raise ConfigError(
                f'{places.of(where + key)}{where}{key} must be a whole number of {lowest} or more, got {value!r}'
            )
