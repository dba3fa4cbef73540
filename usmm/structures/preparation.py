"""How pictures and columns are prepared before the network, so that weights are not used on other inputs in silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from usmm.structures.meaning import ModelMeaning
from usmm.structures.schema import Schema
from usmm.structures.settings import CLINICAL

PREPARATION = 'preparation'  # the key of a checkpoint's metadata
# settings that change no value, and variables, which the meaning of a model states
PLACES = frozenset({'cache_dir', 'memory', 'num_workers', 'clinical'})
SHOWN = 6  # differences that are named


def preparation_of(settings: Mapping[str, Any]) -> dict[str, str]:
    """Setting -> its value, of everything that decides what the network is given for a file or a column.

    Args:
        settings: `test_pipeline`, `model`, `schema` and `modalities` of a resolved config.

    Example:
        >>> config = dict(test_pipeline=[dict(type='LoadImage', bits=12)], classes=('a', 'b'), modalities=('bus',),
        ...               schema=dict(images=dict(bus='b_mode')), model=dict(type='MSMFN'))
        >>> preparation_of(config)  # doctest: +NORMALIZE_WHITESPACE
        {'test_pipeline (steps)': 'LoadImage', 'test_pipeline.LoadImage.bits': '12', 'column of bus': 'b_mode',
        'column of the label': 'label'}
    """
    values: dict[str, str] = {}
    _flatten('test_pipeline', list(settings.get('test_pipeline') or ()), values)
    model = settings.get('model') or {}
    _flatten('data_preprocessor', model.get('data_preprocessor') or {}, values)
    schema: Any = settings['schema']
    schema = Schema.of(schema.to_dict() if hasattr(schema, 'to_dict') else schema)
    for modality in settings['modalities']:
        if modality != CLINICAL and schema.file_table is None:
            values[f'column of {modality}'] = schema.column(modality)
    names = {str(v['name']) for v in ModelMeaning.of_settings(settings).variables or ()}
    values |= {f'column of {v.name}': v.source for v in schema.clinical if v.name in names}
    return values | {'column of the label': schema.label}


def preparation_differences(now: Mapping[str, str], stated: Mapping[str, str]) -> str | None:
    """How the inputs of now are prepared in another way than those of the training, or None.

    Args:
        now: Of the config that uses the weights.
        stated: Of the training; empty where the weights do not state it.

    Example:
        >>> preparation_differences({'column of age': 'age_y'}, {'column of age': 'age'})
        "inputs are prepared in another way than in the training: column of age 'age_y' instead of 'age'"
    """
    if not stated:
        return None
    keys = [key for key in dict.fromkeys([*now, *stated]) if now.get(key) != stated.get(key)]
    if not keys:
        return None
    shown = [f'{key} {_quoted(now, key)} instead of {_quoted(stated, key)}' for key in keys[:SHOWN]]
    more = f' and {len(keys) - SHOWN} more settings' if len(keys) > SHOWN else ''
    return f'inputs are prepared in another way than in the training: {", ".join(shown)}{more}'


def _quoted(values: Mapping[str, str], key: str) -> str:
    """A value for a message; names of columns in quotes."""
    if key not in values:
        return 'not set'
    return repr(values[key]) if key.startswith('column of') else values[key]


def _flatten(name: str, value: object, values: dict[str, str]) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in PLACES and inner is not None:
                _flatten(f'{name}.{key}', inner, values)
    elif isinstance(value, (list, tuple)) and all(isinstance(inner, Mapping) and 'type' in inner for inner in value):
        # by their types, so that a step more does not move all others
        steps = [str(inner['type']).rpartition('.')[2] for inner in value]
        if steps:
            values[f'{name} (steps)'] = ' '.join(steps)
        for index, (step, inner) in enumerate(zip(steps, value, strict=True)):
            again = f'#{steps[:index].count(step) + 1}' if step in steps[:index] else ''
            _flatten(f'{name}.{step}{again}', {key: item for key, item in inner.items() if key != 'type'}, values)
    elif isinstance(value, (list, tuple)):
        values[name] = str(list(value))
    else:
        values[name] = str(value)
