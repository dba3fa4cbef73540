"""What a checkpoint states beside its tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypedDict

from usmm.utils.json_types import JsonValue


class VariableSettings(TypedDict, total=False):
    """A clinical variable of a schema."""

    name: str
    unit: str | None
    range: list[float] | None
    values: list[str] | str | None


class SchemaSettings(TypedDict, total=False):
    """Settings of a schema."""

    images: dict[str, JsonValue]
    clips: dict[str, JsonValue]
    clinical: list[VariableSettings]
    classes: list[str]


class Metadata(TypedDict, total=False):
    """Metadata of a checkpoint; training writes all keys, publication those that `public_meta` keeps."""

    config: str
    config_text: str
    classes: list[str]
    positive: str | None
    modalities: list[str]
    schema: SchemaSettings
    settings: dict[str, object]
    cases: dict[str, int]
    patients: dict[str, int]
    selection: str | None
    seed: int | None
    deterministic: bool
    versions: dict[str, str]
    categories: dict[str, list[str]]
    calibration: dict[str, JsonValue]
    trained_on: list[str]
    format: int


def is_texts(value: object) -> bool:
    """Whether a value is a list of texts, or another collection of them that is not a text itself."""
    return isinstance(value, (list, tuple, set, frozenset)) and all(isinstance(item, str) for item in value)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _dict_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, Mapping) and all(isinstance(k, str) and fits(v) for k, v in value.items())


# Entry -> what it must be, in words and as a check. Entries that only people read are not listed.
KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    'classes': ('a list of names', is_texts),
    'modalities': ('a list of names', is_texts),
    'trained_on': ('a list of texts', is_texts),
    'untrained': ('a list of names', is_texts),
    'categories': ('lists of names by variable', _dict_of(is_texts)),
    'outlined': ('numbers by modality', _dict_of(_is_number)),
    'preparation': ('texts by setting', _dict_of(lambda value: isinstance(value, str))),
    'calibration': ('a dict', _dict_of(lambda value: True)),
    'meaning': ('a dict', _dict_of(lambda value: True)),
    'settings': ('a dict', _dict_of(lambda value: True)),
    'schema': ('a dict', _dict_of(lambda value: True)),
}


FORMAT = 1
"""The form of the metadata of a published model; a change that an older version would misread takes the next number."""


def check_metadata(meta: Mapping[str, object], source: Path | str) -> None:
    """Check the kinds of the entries of a file's metadata that predictions use.

    Args:
        meta: The metadata; absent entries, and those of None, are not looked at.
        source: The file, for messages.

    Raises:
        ValueError: An entry is of another kind, or the file has a format that this version does not read; the message
            names it.

    Example:
        >>> check_metadata({'classes': 3}, 'w.pth')
        Traceback (most recent call last):
        ...
        ValueError: w.pth: its metadata state classes '3', which must be a list of names
    """
    _check_format(meta, source)
    for key, (wanted, fits) in KINDS.items():
        value = meta.get(key)
        if value is not None and not fits(value):
            raise ValueError(f'{source}: its metadata state {key} {str(value)[:60]!r}, which must be {wanted}')


def _check_format(meta: Mapping[str, object], source: Path | str) -> None:
    """Check the number of the format; files of other programs may have a text under this name."""
    stated = meta.get('format')
    is_number = type(stated) is int
    if stated is None or (is_number and stated == FORMAT) or (not is_number and 'settings' not in meta):
        return
    if isinstance(stated, int) and is_number and stated > FORMAT:
        raise ValueError(
            f'{source} has the format {stated}, and this version of usmm reads format {FORMAT}: a newer version wrote '
            'it, install that'
        )
    raise ValueError(f'{source} has the format {str(stated)[:60]!r}, and this version of usmm reads format {FORMAT}')
