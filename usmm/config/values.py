"""Refuse values that no run can work with: top settings of a wrong type, schema keys and stages that make no sense."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from usmm.config.check import ConfigError, place
from usmm.structures import CLINICAL, Schema, Settings, Variable
from usmm.structures.settings import BAD_CASES, MISSING, SELECTIONS, TRAIN_ALL, TRAIN_WORDS
from usmm.utils.suggestions import suggestion

# setting -> the lowest whole number that it may be
NUMBERS = {'max_epochs': 1, 'batch_size': 1, 'num_workers': 0, 'seed': 0, 'val_interval': 1, 'checkpoint_interval': 1}
OPTIONAL = ('max_epochs', 'batch_size')  # None: the setting of the stage, or of the run
NEEDED = ('name', 'train', 'max_epochs')
PRETRAINING = ('name', 'model', 'dataset', 'max_epochs')  # a stage with a model of its own
PARTS = ('train', 'all')  # what such a stage may learn from
FOLDER = re.compile(r'\w[\w.-]*')  # the name of a stage
# kind of value -> the settings of the top level that have it
TEXT = ('data_root', 'table', 'work_dir', 'name', 'monitor')
TEXT_OR_NONE = ('load_from', 'positive', 'default_scope')
DICTS = ('model', 'dataset', 'schema', 'env_cfg', 'custom_imports')
DICTS_OR_NONE = ('split', 'visualizer', 'default_hooks', 'randomness', 'auto_scale_lr', 'log_processor')
LISTS_OF_DICTS = ('train_pipeline', 'test_pipeline', 'stages', 'custom_hooks')


def check_values(content: Mapping[str, Any], files: list[Path]) -> None:
    """Check the top settings, the schema and the stages of a resolved config.

    Args:
        content: The config as plain dicts and lists.
        files: Its file and the files it inherits from, for messages.

    Raises:
        ConfigError: On the first value that cannot be used.
    """
    _check_numbers(content, '', files)
    for key in ('modalities', 'classes'):
        if len(set(content.get(key) or ())) < len(content.get(key) or ()):
            raise ConfigError(f'{place(key, files)}{key} must be different names, got {content[key]}')
    if 'stages' in content and not content['stages']:
        raise ConfigError(f'{place("stages", files)}stages: there must be one or more, got none')
    if isinstance(content.get('schema'), Mapping):
        _check_schema(content['schema'], files)
    _check_words(content, files)
    _check_split(content.get('split') or {}, files)
    if content.get('default_scope', 'usmm') != 'usmm':
        text = f"default_scope of a config with stages must be 'usmm', got {content['default_scope']!r}"
        raise ConfigError(f'{place("default_scope", files)}{text}')
    for key in ('modalities', 'evaluator'):
        if key in content and not content[key]:
            raise ConfigError(f'{place(key, files)}{key} must be one or more, got none')
    scale = (content.get('auto_scale_lr') or {}).get('base_batch_size', 1)
    if not isinstance(scale, int) or isinstance(scale, bool) or scale < 1:
        text = f'auto_scale_lr.base_batch_size must be a whole number of 1 or more, got {scale!r}'
        raise ConfigError(f'{place("base_batch_size", files)}{text}')
    _check_inputs(content, files)
    for index, stage in enumerate(content.get('stages') or ()):
        where = f'stages.{index}'
        _check_kinds(stage, STAGE_KINDS, f'{where}.', files)
        name = str(stage.get('name', 'x'))
        if not FOLDER.fullmatch(name):
            text = f'{where}.name must be one word, as the stage has a folder of this name; got {name!r}'
            raise ConfigError(f'{place("name", files)}{text}')
        wrapped = (stage.get('optim_wrapper') or {}).get('optimizer')
        if wrapped is not None and stage.get('optimizer') not in (None, wrapped):
            text = f'{where} has two optimizers: {stage["optimizer"]!r}, and {wrapped!r} in its optim_wrapper'
            raise ConfigError(f'{place("optim_wrapper", files)}{text}')
        _check_train(stage, where, files)
        # a stage that fits a classical model once has no epochs
        needed = NEEDED[:2] if stage.get('fit') else PRETRAINING if 'model' in stage else NEEDED
        for key in needed:
            if key not in stage:
                raise ConfigError(f'{place("stages", files)}{where}: a stage needs {list(needed)}, got {list(stage)}')
        optimized = stage.get('optimizer') or (stage.get('optim_wrapper') or {}).get('optimizer')
        if not stage.get('fit') and not optimized:
            raise ConfigError(f'{place("stages", files)}{where}: a stage needs an optimizer, got {list(stage)}')
        if stage.get('part', 'train') not in PARTS:
            text = f'{where}: part must be one of {list(PARTS)}, got {stage["part"]!r}'
            raise ConfigError(place('part', files) + text)
        if 'model' not in stage and (alone := [k for k in ('dataset', 'part', 'store') if k in stage]):
            raise ConfigError(f'{place(alone[0], files)}{where}: {alone[0]!r} is for a stage with a `model` of its own')
        if stage.get('oversample') and any(stage.get(key) for key in ('model', 'fit', 'cache')):
            text = f'{where}: oversample is for a stage that trains the classifier on its cases, without `cache`'
            raise ConfigError(place('oversample', files) + text)
        _check_early_stop(stage, where, files)
        _check_selection(stage, where, files)
        _check_numbers(stage, f'{where}.', files)
    twice = [n for n, count in Counter(s['name'] for s in content.get('stages') or ()).items() if count > 1]
    if twice:
        raise ConfigError(f'{place("stages", files)}stages: each needs a name of its own, {twice} stand twice')


def check_types(content: Mapping[str, Any], files: list[Path], overridden: Collection[str] = ()) -> None:
    """Check that each setting of the top level is of its kind: a text, a dict, or a list of dicts.

    Args:
        content: The config as plain dicts and lists.
        files: Its file and the files it inherits from, for messages.
        overridden: The settings that `--cfg-options` sets, for messages.

    Raises:
        ConfigError: On the first setting of another kind; names it, its file and what it should be.
    """
    _check_kinds(content, KINDS_OF_VALUES, '', files, overridden)


def _check_kinds(
    content: Mapping[str, Any],
    kinds: Sequence[Kind],
    where: str,
    files: list[Path],
    overridden: Collection[str] = (),
) -> None:
    for keys, kind, is_right in kinds:
        for key in keys:
            if key in content and not is_right(content[key]):
                at = f'--cfg-options {key}={content[key]}: ' if key in overridden else place(key, files)
                raise ConfigError(f'{at}{where}{key} must be {kind}, got {content[key]!r}')


def _check_words(content: Mapping[str, Any], files: list[Path]) -> None:
    """Settings that are one of a few words."""
    split = content.get('split') or {}
    for where, value, words in (
        ('missing', content.get('missing'), MISSING),
        ('bad_cases', content.get('bad_cases'), BAD_CASES),
        ('split.selection', split.get('selection'), SELECTIONS),
    ):
        if value is not None and value not in words:
            key = where.rpartition('.')[2]
            raise ConfigError(f'{place(key, files)}{where} must be one of {list(words)}, got {value!r}')


def _check_split(split: Settings, files: list[Path]) -> None:
    """Numbers of the folds, and the share that validates."""
    numbers: Any = split
    folds, fold, ratio = numbers.get('folds'), numbers.get('fold'), numbers.get('val_ratio')
    if folds is not None and (not isinstance(folds, int) or isinstance(folds, bool) or folds < 1):
        raise ConfigError(f'{place("folds", files)}split.folds must be a whole number or None, got {folds!r}')
    if fold is not None and (
        not isinstance(fold, int) or isinstance(fold, bool) or not 0 <= fold < (folds or fold + 1)
    ):
        text = f'split.fold must be a whole number from 0, below the {folds} folds, got {fold!r}'
        raise ConfigError(f'{place("fold", files)}{text}')
    if ratio is not None and (not isinstance(ratio, (int, float)) or isinstance(ratio, bool) or not 0 < ratio < 1):
        raise ConfigError(f'{place("val_ratio", files)}split.val_ratio must lie between 0 and 1, got {ratio!r}')
    if 'selection' in split and split['selection'] is None:
        raise ConfigError(f'{place("selection", files)}split.selection must be one of {list(SELECTIONS)}, got None')


def _check_inputs(content: Mapping[str, Any], files: list[Path]) -> None:
    """The modalities are those of the schema, the positive class is one of the classes."""
    schema, classes = content.get('schema'), content.get('classes')
    if isinstance(schema, Mapping):
        known = (*Schema.of(dict(schema)).modalities, CLINICAL)
        for name in content.get('modalities') or ():
            if name not in known:
                raise ConfigError.unknown('modalities', name, known, files)
    positive = content.get('positive')
    if positive is not None and classes and positive not in classes:
        text = f'positive must be one of the classes {list(classes)}, got {positive!r}'
        raise ConfigError(f'{place("positive", files)}{text}{suggestion(str(positive), classes)}')


def _check_train(stage: Settings, where: str, files: list[Path]) -> None:
    """What learns: a word for a group of parts, or names of parts."""
    train = stage.get('train', TRAIN_ALL)
    is_list = isinstance(train, (list, tuple)) and bool(train) and all(isinstance(part, str) for part in train)
    if train not in TRAIN_WORDS and not is_list:
        text = f'{where}.train must be one of {list(TRAIN_WORDS)} or a list of parts, got {train!r}'
        raise ConfigError(f'{place("train", files)}{text}')


def _is_list_of_dicts(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(item, Mapping) for item in value)


def _is_scheduler(value: object) -> bool:
    return value is None or isinstance(value, Mapping) or _is_list_of_dicts(value)


def _is_level(value: object) -> bool:
    return isinstance(logging.getLevelName(value), int) if isinstance(value, str) else isinstance(value, int)


Kind = tuple[Sequence[str], str, Callable[[Any], bool]]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_text_or_none(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_dict(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_dict_or_none(value: object) -> bool:
    return value is None or isinstance(value, Mapping)


def _is_dict_or_list(value: object) -> bool:
    return isinstance(value, Mapping) or _is_list_of_dicts(value)


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


# (settings, what they must be, the test of it), of the top level and of a stage
KINDS_OF_VALUES: tuple[Kind, ...] = (
    (TEXT, 'a text', _is_text),
    (TEXT_OR_NONE, 'a text or None', _is_text_or_none),
    (DICTS, 'a dict', _is_dict),
    (DICTS_OR_NONE, 'a dict or None', _is_dict_or_none),
    (LISTS_OF_DICTS, 'a list of dicts', _is_list_of_dicts),
    (('evaluator',), 'a dict or a list of dicts', _is_dict_or_list),
    (('param_scheduler',), 'a dict, a list of dicts or None', _is_scheduler),
    (('log_level',), 'the name or the number of a level', _is_level),
    (('deterministic', 'persistent_workers'), 'True or False', _is_bool),
)
STAGE_KINDS: tuple[Kind, ...] = (
    (('name', 'monitor'), 'a text', _is_text),
    (('store',), 'a text or None', _is_text_or_none),
    (('optimizer', 'model', 'dataset'), 'a dict', _is_dict),
    (('optim_wrapper',), 'a dict or None', _is_dict_or_none),
    (('param_scheduler',), 'a dict, a list of dicts or None', _is_scheduler),
    (('custom_hooks',), 'a list of dicts', _is_list_of_dicts),
    (('evaluator',), 'a dict or a list of dicts', _is_dict_or_list),
    (('cache', 'fit', 'oversample'), 'True or False', _is_bool),
)


def _check_early_stop(stage: Settings, where: str, files: list[Path]) -> None:
    """Epochs of patience, and the least change that counts."""
    settings: Any = stage.get('early_stop')
    if settings is None:
        return
    good = isinstance(settings, Mapping) and set(settings) <= {'patience', 'min_delta'}
    patience = settings.get('patience') if good else None
    if not isinstance(patience, int) or patience < 1 or not settings.get('min_delta', 0) >= 0:
        text = f'{where}: early_stop must be dict(patience=N), N of 1 or more, and optionally min_delta of 0 or more'
        raise ConfigError(f'{place("early_stop", files)}{text}, got {settings!r}')


def _check_selection(stage: Settings, where: str, files: list[Path]) -> None:
    """A pre-training may keep its last epoch; what is fine-tuned follows `split.selection`."""
    if 'selection' not in stage:
        return
    if stage['selection'] not in ('inner', 'last') or 'model' not in stage:
        text = f"{where}: selection is 'inner' or 'last', of a stage with a `model` of its own"
        raise ConfigError(f'{place("selection", files)}{text}, got {stage["selection"]!r}')
    if stage['selection'] == 'last' and stage.get('early_stop'):
        text = f"{where}: early_stop selects an epoch, selection='last' does not"
        raise ConfigError(place('early_stop', files) + text)


def _check_numbers(content: Settings, where: str, files: list[Path]) -> None:
    for key, lowest in NUMBERS.items():
        value = content.get(key)
        if key not in content or (value is None and key in OPTIONAL):
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < lowest:
            raise ConfigError(
                f'{place(key, files)}{where}{key} must be a whole number of {lowest} or more, got {value!r}'
            )


def _check_schema(schema: Mapping[str, Any], files: list[Path]) -> None:
    """Keys of the schema and of its clinical variables; what they mean is checked when they are read."""
    known = [f.name for f in fields(Schema)]
    for key in schema:
        if key not in known:
            raise ConfigError.unknown('schema', key, known, files)
    for key in ('images', 'clips'):
        columns = schema.get(key) or {}
        if not isinstance(columns, Mapping) or not all(isinstance(column, str) for column in columns.values()):
            text = f'schema.{key} must be a dict of modality=column, got {columns!r}'
            raise ConfigError(f'{place(key, files)}{text}')
    for key in ('case_id', 'patient_id', 'label'):
        if key in schema and not isinstance(schema[key], str):
            raise ConfigError(f'{place(key, files)}schema.{key} must be the name of a column, got {schema[key]!r}')
    variables = [f.name for f in fields(Variable)]
    for index, variable in enumerate(schema.get('clinical') or ()):
        for key in variable:
            if key not in variables:
                raise ConfigError.unknown(f'schema.clinical.{index}', key, variables, files)
    try:
        Schema.of(dict(schema))
    except (TypeError, ValueError) as error:
        raise ConfigError(f'{place("schema", files)}schema: {error}') from error
