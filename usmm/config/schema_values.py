"""Refuse a schema that no case table can be read with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from usmm.config.config_error import ConfigError
from usmm.config.kinds import is_bool
from usmm.config.setting_places import Places
from usmm.structures import Schema, Variable

NUMBER = (int, float)


def check_schema(schema: Mapping[str, Any], places: Places, where: str = 'schema') -> None:
    """Check the keys of a schema and of its clinical variables, and their values.

    Args:
        schema: The schema as plain dicts and lists.
        places: Where its settings stand, for messages.
        where: Its path in the config.

    Raises:
        ConfigError: On the first setting that cannot be used.
    """
    known = [f.name for f in fields(Schema)]
    for key in schema:
        if key not in known:
            raise ConfigError.unknown(where, key, known, places.of(f'{where}.{key}'))
    for key in ('images', 'clips'):
        columns = schema.get(key, {})
        if not isinstance(columns, Mapping) or not all(isinstance(column, str) for column in columns.values()):
            text = f'{where}.{key} must be a dict of modality=column, got {columns!r}'
            raise ConfigError(places.of(f'{where}.{key}') + text)
    for key in ('case_id', 'patient_id', 'label'):
        if key in schema and not isinstance(schema[key], str):
            text = f'{where}.{key} must be the name of a column, got {schema[key]!r}'
            raise ConfigError(places.of(f'{where}.{key}') + text)
    clinical = schema.get('clinical', ())
    if not isinstance(clinical, (list, tuple)):
        text = f"{where}.clinical must be a list of variables, such as [dict(name='age')], got {clinical!r}"
        raise ConfigError(places.of(f'{where}.clinical') + text)
    names: list[str] = []
    for index, variable in enumerate(clinical):
        path = f'{where}.clinical.{index}'
        _check_variable(variable, path, places)
        if variable['name'] in names:
            text = f'schema: clinical variables must have different names, {variable["name"]!r} stands twice'
            raise ConfigError(places.of(f'{path}.name') + text)
        names.append(variable['name'])
    both = sorted(set(schema.get('images', {})) & set(schema.get('clips', {})))
    if both:
        raise ConfigError(f'{places.of(f"{where}.clips")}{where}: modalities {both} are both images and clips')
    try:
        Schema.of(dict(schema))
    except (TypeError, ValueError) as error:
        raise ConfigError(f'{places.of(where)}{where}: {error}') from error


def _check_variable(variable: object, path: str, places: Places) -> None:
    """A clinical variable: its keys, its range, and what `Variable` asks for."""
    if not isinstance(variable, Mapping):
        text = f'{path} must be a dict such as dict(name={str(variable)!r}), got {variable!r}'
        raise ConfigError(places.of(path) + text)
    valid = [f.name for f in fields(Variable)]
    for key in variable:
        if key not in valid:
            raise ConfigError.unknown(path, str(key), valid, places.of(f'{path}.{key}'))
    if not isinstance(variable.get('name'), str):
        raise ConfigError(f'{places.of(path)}{path}: a variable needs a name, a text; got {dict(variable)!r}')
    limits = variable.get('range')
    if limits is not None and not _is_pair(limits):
        text = f'{path}.range must be two numbers, the lowest and the highest, such as (0, 120); got {limits!r}'
        raise ConfigError(places.of(f'{path}.range') + text)
    try:
        Variable.of(dict(variable))
    except (TypeError, ValueError, AttributeError) as error:
        key = next((key for key in variable if key != 'name' and str(error).startswith(key)), None)
        raise ConfigError(f'{places.of(f"{path}.{key}" if key else path)}{path}: {error}') from error


def _is_pair(limits: object) -> bool:
    return (
        isinstance(limits, (list, tuple))
        and len(limits) == 2
        and all(isinstance(limit, NUMBER) and not is_bool(limit) for limit in limits)
    )
