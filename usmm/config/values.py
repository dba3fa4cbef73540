"""Refuse values that no run can work with: top settings of a wrong type, schema keys and stages that make no sense."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from usmm.config.config_error import ConfigError
from usmm.config.contradictions import check_contradictions
from usmm.config.kinds import (
    Kind,
    check_kinds,
    check_numbers,
    is_bool,
    is_dict,
    is_dict_or_list,
    is_dict_or_none,
    is_level,
    is_list_of_dicts,
    is_scheduler,
    is_text,
    is_text_or_none,
    is_whole,
)
from usmm.config.schema_values import check_schema
from usmm.config.setting_places import Places
from usmm.config.stage_values import check_stages
from usmm.structures import CLINICAL, Schema, Settings
from usmm.structures.settings import BAD_CASES, MISSING, NEAR_DUPLICATES, SEEN_PATIENTS, SELECTIONS
from usmm.utils.suggestions import suggestion

# kind of value -> the settings of the top level that have it
TEXT = ('data_root', 'table', 'work_dir', 'name', 'monitor')
TEXT_OR_NONE = ('load_from', 'positive', 'default_scope')
DICTS = ('model', 'dataset', 'schema', 'env_cfg', 'custom_imports')
DICTS_OR_NONE = ('split', 'visualizer', 'default_hooks', 'randomness', 'auto_scale_lr', 'log_processor')
LISTS_OF_DICTS = ('train_pipeline', 'test_pipeline', 'stages', 'custom_hooks')
KINDS_OF_VALUES: tuple[Kind, ...] = (
    (TEXT, 'a text', is_text),
    (TEXT_OR_NONE, 'a text or None', is_text_or_none),
    (DICTS, 'a dict', is_dict),
    (DICTS_OR_NONE, 'a dict or None', is_dict_or_none),
    (LISTS_OF_DICTS, 'a list of dicts', is_list_of_dicts),
    (('evaluator',), 'a dict or a list of dicts', is_dict_or_list),
    (('param_scheduler',), 'a dict, a list of dicts or None', is_scheduler),
    (('log_level',), 'the name or the number of a level', is_level),
    (('deterministic', 'persistent_workers'), 'True or False', is_bool),
)

# Settings below those of the top level: their words, and those that are True or False
WORDS_BELOW = {'env_cfg.mp_cfg.mp_start_method': ('fork', 'spawn', 'forkserver')}
BOOLEANS_BELOW = (
    'auto_scale_lr.enable', 'env_cfg.cudnn_benchmark', 'randomness.deterministic', 'randomness.diff_rank_seed',
)  # fmt: skip


def check_values(content: Mapping[str, Any], places: Places) -> None:
    """Check the top settings, the schema and the stages of a resolved config.

    Args:
        content: The config as plain dicts and lists.
        places: Where its settings stand, for messages.

    Raises:
        ConfigError: On the first value that cannot be used.
    """
    for key in ('modalities', 'classes'):
        if len(set(content.get(key) or ())) < len(content.get(key) or ()):
            raise ConfigError(f'{places.of(key)}{key} must be different names, got {content[key]}')
    _check_words(content, places)
    _check_split(content.get('split') or {}, places)
    if content.get('default_scope', 'usmm') != 'usmm':
        text = f"default_scope of a config with stages must be 'usmm', got {content['default_scope']!r}"
        raise ConfigError(f'{places.of("default_scope")}{text}')
    for key in ('modalities', 'evaluator'):
        if key in content and not content[key]:
            raise ConfigError(f'{places.of(key)}{key} must be one or more, got none')
    scale = (content.get('auto_scale_lr') or {}).get('base_batch_size', 1)
    if not is_whole(scale) or scale < 1:
        text = f'auto_scale_lr.base_batch_size must be a whole number of 1 or more, got {scale!r}'
        raise ConfigError(f'{places.of("auto_scale_lr.base_batch_size")}{text}')
    for path, valid in WORDS_BELOW.items():
        value = _below(content, path)
        if value is not None and value not in valid:
            raise ConfigError(f'{places.of(path)}{path} must be one of {list(valid)}, got {value!r}')
    for path in BOOLEANS_BELOW:
        value = _below(content, path)
        if value is not None and not is_bool(value):
            raise ConfigError(f'{places.of(path)}{path} must be True or False, got {value!r}')
    if content.get('launcher') not in (None, 'none'):
        text = f'launcher must be none in a config, got {content["launcher"]!r}: start with tools/dist_train.sh'
        raise ConfigError(places.of('launcher') + text)
    if content.get('resume') not in (None, False):
        text = f'resume must be False in a config, got {content["resume"]!r}: go on with usmm train CONFIG --resume'
        raise ConfigError(places.of('resume') + text)
    _check_inputs(content, places)
    check_stages(content, places)
    check_contradictions(content, places)


def _below(content: Mapping[str, Any], path: str) -> object:
    node: object = content
    for part in path.split('.'):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node


def check_types(content: Mapping[str, Any], places: Places) -> None:
    """Check that each setting of the top level is of its kind: a text, a number, a dict, a list of dicts, a schema.

    Args:
        content: The config as plain dicts and lists.
        places: Where its settings stand, for messages.

    Raises:
        ConfigError: On the first setting of another kind; names it, its file and what it should be.
    """
    check_kinds(content, KINDS_OF_VALUES, '', places)
    check_numbers(content, '', places, ('max_epochs',))
    if isinstance(content.get('schema'), Mapping):
        check_schema(content['schema'], places)


def _check_words(content: Mapping[str, Any], places: Places) -> None:
    """Settings that are one of a few words."""
    split = content.get('split') or {}
    for where, value, words in (
        ('missing', content.get('missing', MISSING[0]), MISSING),
        ('bad_cases', content.get('bad_cases', BAD_CASES[0]), BAD_CASES),
        ('split.selection', split.get('selection', SELECTIONS[0]), SELECTIONS),
        ('split.seen_patients', split.get('seen_patients', SEEN_PATIENTS[0]), SEEN_PATIENTS),
        ('split.near_duplicates', split.get('near_duplicates', NEAR_DUPLICATES[0]), NEAR_DUPLICATES),
    ):
        if value not in words:
            raise ConfigError(f'{places.of(where)}{where} must be one of {list(words)}, got {value!r}')


def _check_split(split: Settings, places: Places) -> None:
    """Numbers of the folds, and the share that validates."""
    numbers: Any = split
    folds, fold, ratio = numbers.get('folds'), numbers.get('fold'), numbers.get('val_ratio')
    if folds is not None and (not is_whole(folds) or folds < 1):
        raise ConfigError(f'{places.of("split.folds")}split.folds must be a whole number or None, got {folds!r}')
    if fold is not None and (not is_whole(fold) or not 0 <= fold < (folds or fold + 1)):
        text = f'split.fold must be a whole number from 0, below the {folds} folds, got {fold!r}'
        raise ConfigError(f'{places.of("split.fold")}{text}')
    if ratio is not None and (not isinstance(ratio, (int, float)) or isinstance(ratio, bool) or not 0 < ratio < 1):
        raise ConfigError(f'{places.of("split.val_ratio")}split.val_ratio must lie between 0 and 1, got {ratio!r}')


def _check_inputs(content: Mapping[str, Any], places: Places) -> None:
    """The modalities are those of the schema, the positive class is one of the classes."""
    schema, classes = content.get('schema'), content.get('classes')
    if isinstance(schema, Mapping):
        known = (*Schema.of(dict(schema)).modalities, CLINICAL)
        for name in content.get('modalities') or ():
            if name not in known:
                raise ConfigError.unknown('modalities', name, known, places.of('modalities'))
    if classes is not None and len(classes) < 2:
        raise ConfigError(f'{places.of("classes")}classes must be two or more different names, got {classes!r}')
    ignored = [name for name in content.get('ignore_labels') or () if classes and name in classes]
    if ignored:
        text = f'ignore_labels {ignored} are classes: their cases would be left out; the classes are {classes!r}'
        raise ConfigError(places.of('ignore_labels') + text)
    positive = content.get('positive')
    if positive is not None and classes and len(classes) > 2:
        text = f'positive is for two classes, and there are {len(classes)}: set positive=None, got {positive!r}'
        raise ConfigError(places.of('positive') + text)
    if positive is not None and classes and positive not in classes:
        text = f'positive must be one of the classes {list(classes)}, got {positive!r}'
        raise ConfigError(f'{places.of("positive")}{text}{suggestion(str(positive), classes)}')
