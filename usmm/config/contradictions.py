"""Refuse settings that are given twice with different values: at the top, and in a part of the config.

Each part of a shipped config refers to the settings at the top, `classes='${classes}'`. A part with a value of its own
would train or measure something else than what the top states, and what the results are labelled with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from usmm.config.config_error import ConfigError
from usmm.config.setting_places import Places

DATASET = ('schema', 'classes', 'modalities', 'split', 'seed', 'missing', 'bad_cases', 'ignore_labels')
MODEL = ('modalities', 'classes', 'positive', 'schema')
METRIC = ('classes', 'positive')
STAGE_DATASET = ('classes', 'split', 'seed')  # of a data set that learns from the table of the run


def check_contradictions(content: Mapping[str, Any], places: Places) -> None:
    """See that the parts of a resolved config have the settings of its top.

    Args:
        content: The config as plain dicts and lists.
        places: Where its settings stand, for messages.

    Raises:
        ConfigError: On the first part with another value.
    """
    _compare(content.get('dataset'), 'dataset', DATASET, content, places)
    _compare(content.get('model'), 'model', MODEL, content, places)
    evaluator = content.get('evaluator') or ()
    for index, metric in enumerate([evaluator] if isinstance(evaluator, Mapping) else evaluator):
        path = 'evaluator' if isinstance(evaluator, Mapping) else f'evaluator.{index}'
        _compare(metric, path, METRIC, content, places)
    for index, stage in enumerate(content.get('stages') or ()):
        data = stage.get('dataset')
        if isinstance(data, Mapping) and not {'table', 'tasks'} & set(data):
            _compare(data, f'stages.{index}.dataset', STAGE_DATASET, content, places)


def _compare(part: object, path: str, keys: tuple[str, ...], content: Mapping[str, Any], places: Places) -> None:
    if not isinstance(part, Mapping):
        return
    for key in keys:
        if key in part and part[key] is not None and key in content and _plain(part[key]) != _plain(content[key]):
            text = f'{path}.{key} is {part[key]!r}, but {key} of the config is {content[key]!r}: set it at the top'
            raise ConfigError(places.of(f'{path}.{key}', hops=0) + text)


def _plain(value: object) -> object:
    """A value for comparison: lists and tuples alike, names as text."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [str(item) if isinstance(item, (str, int)) else _plain(item) for item in value]
    return value
