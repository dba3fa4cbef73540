"""Overrides of the command line (`--cfg-options KEY=VALUE`): text settings stay the text that was typed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mmengine.config import DictAction

from usmm.config.config_error import ConfigError
from usmm.config.setting_places import OptionText

REFERENCE = re.compile(r'\$\{([A-Za-z_][\w.]*)\}')
NAMES = ('modalities', 'classes', 'ignore_labels')  # settings that are lists of names
# The last part of keys whose value is a path, a name or a column, whatever stands there in the config: nothing in it
# is a number, although a folder may be called 2024 and a class 1.
TEXTS = (
    'cache_dir', 'checkpoint', 'column', 'data_root', 'file', 'load_from', 'monitor', 'name', 'only', 'positive',
    'store', 'table', 'unit', 'work_dir',
)  # fmt: skip
WORDS = {'None': None, 'True': True, 'False': False}


def parse_options(words: Sequence[str] | None) -> dict[str, object]:
    """`['a.b=1', 'c=x,y']` as a dict of keys and the text of their values, for `load_config`.

    Raises:
        ConfigError: A word of another form.

    Example:
        >>> parse_options(['max_epochs=2', 'data_root=2024'])
        {'max_epochs': '2', 'data_root': '2024'}
    """
    options: dict[str, object] = {}
    for word in words or ():
        key, sign, value = word.partition('=')
        if not sign or not key:
            raise ConfigError(f'--cfg-options takes KEY=VALUE, got {word!r}')
        options[key] = OptionText(value)
    return options


def typed(key: str, text: str, old: object, content: Mapping[str, object]) -> object:
    """The value that a text means at a key.

    Args:
        key: Dotted key of the setting.
        text: What was typed.
        old: The value that stands there in the config; None where there is none.
        content: The config, in which references of `old` are looked up.

    Returns:
        The text itself where the setting is text, a list of texts where it is a list of names, else what mmengine's
        `--cfg-options` makes of it. `None`, `True` and `False` are those everywhere but in lists of names.

    Raises:
        ConfigError: The text has brackets that are not closed.

    Example:
        >>> typed('data_root', '2024', 'data', {}), typed('seed', '3', '${seed}', {'seed': 0})
        ('2024', 3)
        >>> typed('classes', '01,02', (), {}), typed('work_dir', 'None', 'w', {})
        (['01', '02'], None)
    """
    if key in NAMES:
        _check_brackets(key, text)
        return _names(text)
    if text in WORDS:
        return WORDS[text]
    if _is_text(key, old, content):
        return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in '\'"' else str(text)
    _check_brackets(key, text)
    return DictAction._parse_iterable(text)


def _check_brackets(key: str, text: str) -> None:
    """See that every bracket that is opened is closed; mmengine takes `[32` for a text."""
    for left, right in ('()', '[]'):
        if text.count(left) != text.count(right):
            raise ConfigError(f'--cfg-options {key}={text}: its brackets are not closed')


def _is_text(key: str, old: object, content: Mapping[str, object]) -> bool:
    parts = key.split('.')
    if parts[-1] in TEXTS or (len(parts) > 1 and parts[0] == 'schema' and parts[1] != 'clinical'):  # names of columns
        return True
    if not isinstance(old, str) or len(parts) > 1:
        return False
    whole = REFERENCE.fullmatch(old)
    if whole is None:
        return True
    referred = whole[1]
    return '.' not in referred and referred != key and _is_text(referred, content.get(referred), content)


def _names(text: str) -> list[str]:
    """Names between commas, in brackets or not, each in quotes or not."""
    inner = text.strip()
    for left, right in ('()', '[]'):
        inner = inner[1:-1] if inner.startswith(left) and inner.endswith(right) else inner
    return [name.strip().strip('\'"') for name in inner.split(',') if name.strip()]
