"""Refuse stages that no run can work with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from usmm.config.config_error import ConfigError
from usmm.config.kinds import (
    Kind,
    check_kinds,
    check_numbers,
    is_bool,
    is_dict,
    is_dict_or_list,
    is_dict_or_none,
    is_list_of_dicts,
    is_scheduler,
    is_text,
    is_text_or_none,
    is_whole,
)
from usmm.config.setting_places import Places
from usmm.structures import CLINICAL, Settings
from usmm.structures.settings import TRAIN_ALL, TRAIN_WORDS

NEEDED = ('name', 'train', 'max_epochs')
PRETRAINING = ('name', 'model', 'dataset', 'max_epochs')  # a stage with a model of its own
PARTS = ('train', 'all')  # what such a stage may learn from
FOLDER = re.compile(r'\w[\w.-]*')  # the name of a stage
MODEL_PARTS = ('encoder', 'fusion', 'head', 'clinical')  # of a `MultiModalClassifier`
# What `CaseMetrics` measures, of the result and of the score of the images
MEASURED = ('auc', 'accuracy', 'balanced_accuracy', 'tpr', 'tnr', 'precision', 'f1', 'mcc')
MEASURED_IN_ORDER = ('quadratic_kappa', 'stage_error')  # of classes in an order
STAGE_KINDS: tuple[Kind, ...] = (
    (('name', 'monitor'), 'a text', is_text),
    (('store',), 'a text or None', is_text_or_none),
    (('optimizer', 'model', 'dataset'), 'a dict', is_dict),
    (('optim_wrapper',), 'a dict or None', is_dict_or_none),
    (('param_scheduler',), 'a dict, a list of dicts or None', is_scheduler),
    (('custom_hooks',), 'a list of dicts', is_list_of_dicts),
    (('evaluator',), 'a dict or a list of dicts', is_dict_or_list),
    (('cache', 'fit', 'oversample'), 'True or False', is_bool),
)


def check_stages(content: Mapping[str, Any], places: Places) -> None:
    """Check the stages of a resolved config.

    Args:
        content: The config as plain dicts and lists.
        places: Where its settings stand, for messages.

    Raises:
        ConfigError: On the first setting of a stage that cannot be used.
    """
    if 'stages' in content and not content['stages']:
        raise ConfigError(f'{places.of("stages")}stages: there must be one or more, got none')
    names: list[str] = []
    for index, stage in enumerate(content.get('stages') or ()):
        where = f'stages.{index}'
        _check_stage(stage, where, places)
        if stage['name'] in names:
            text = f'stages: each needs a name of its own, {stage["name"]!r} stands twice'
            raise ConfigError(places.of(f'{where}.name') + text)
        names.append(stage['name'])
        _check_parts(stage, content.get('model'), where, places)
        _check_cache(stage, where, places)
        _check_monitor(stage, content, where, places)


def _check_stage(stage: Mapping[str, Any], where: str, places: Places) -> None:
    check_kinds(stage, STAGE_KINDS, f'{where}.', places)
    name = str(stage.get('name', 'x'))
    if not FOLDER.fullmatch(name):
        text = f'{where}.name must be one word, as the stage has a folder of this name; got {name!r}'
        raise ConfigError(places.of(f'{where}.name') + text)
    wrapped = (stage.get('optim_wrapper') or {}).get('optimizer')
    if wrapped is not None and stage.get('optimizer') not in (None, wrapped):
        text = f'{where} has two optimizers: {stage["optimizer"]!r}, and {wrapped!r} in its optim_wrapper'
        raise ConfigError(places.of(f'{where}.optim_wrapper') + text)
    _check_train(stage, where, places)
    # a stage that fits a classical model once has no epochs
    needed = NEEDED[:2] if stage.get('fit') else PRETRAINING if 'model' in stage else NEEDED
    for key in needed:
        if key not in stage:
            raise ConfigError(f'{places.of(where)}{where}: a stage needs {list(needed)}, got {list(stage)}')
    optimized = stage.get('optimizer') or (stage.get('optim_wrapper') or {}).get('optimizer')
    if not stage.get('fit') and not optimized:
        raise ConfigError(f'{places.of(where)}{where}: a stage needs an optimizer, got {list(stage)}')
    if stage.get('part', 'train') not in PARTS:
        text = f'{where}: part must be one of {list(PARTS)}, got {stage["part"]!r}'
        raise ConfigError(places.of(f'{where}.part') + text)
    if 'model' not in stage and (alone := [k for k in ('dataset', 'part', 'store') if k in stage]):
        text = f'{where}: {alone[0]!r} is for a stage with a `model` of its own'
        raise ConfigError(places.of(f'{where}.{alone[0]}') + text)
    if stage.get('oversample') and any(stage.get(key) for key in ('model', 'fit', 'cache')):
        text = f'{where}: oversample is for a stage that trains the classifier on its cases, without `cache`'
        raise ConfigError(places.of(f'{where}.oversample') + text)
    _check_early_stop(stage, where, places)
    _check_selection(stage, where, places)
    check_numbers(stage, f'{where}.', places, ('batch_size', 'max_epochs') if stage.get('fit') else ('batch_size',))


def _check_train(stage: Settings, where: str, places: Places) -> None:
    """What learns: a word for a group of parts, or names of parts."""
    train = stage.get('train', TRAIN_ALL)
    is_list = isinstance(train, (list, tuple)) and bool(train) and all(isinstance(part, str) for part in train)
    if train not in TRAIN_WORDS and not is_list:
        text = f'{where}.train must be one of {list(TRAIN_WORDS)} or a list of parts, got {train!r}'
        raise ConfigError(places.of(f'{where}.train') + text)


def _check_early_stop(stage: Settings, where: str, places: Places) -> None:
    """Epochs of patience, and the least change that counts."""
    settings: Any = stage.get('early_stop')
    at = f'{where}.early_stop'
    if settings is None:
        return
    good = isinstance(settings, Mapping) and set(settings) <= {'patience', 'min_delta'}
    patience = settings.get('patience') if good else None
    if not isinstance(patience, int) or patience < 1 or not settings.get('min_delta', 0) >= 0:
        text = f'{where}: early_stop must be dict(patience=N), N of 1 or more, and optionally min_delta of 0 or more'
        raise ConfigError(f'{places.of(at)}{text}, got {settings!r}')


def _check_selection(stage: Settings, where: str, places: Places) -> None:
    """A pre-training may keep its last epoch; what is fine-tuned follows `split.selection`."""
    if 'selection' not in stage:
        return
    if stage['selection'] not in ('inner', 'last') or 'model' not in stage:
        text = f"{where}: selection is 'inner' or 'last', of a stage with a `model` of its own"
        raise ConfigError(f'{places.of(f"{where}.selection")}{text}, got {stage["selection"]!r}')
    if stage['selection'] == 'last' and stage.get('early_stop'):
        text = f"{where}: early_stop selects an epoch, selection='last' does not"
        raise ConfigError(places.of(f'{where}.early_stop') + text)


def _check_cache(stage: Settings, where: str, places: Places) -> None:
    """Scores are cached where the images do not learn; scores out of folds are for what is fitted."""
    train: Any = stage.get('train', TRAIN_ALL)
    learns_images = train != TRAIN_ALL and train != CLINICAL and list(train) != [CLINICAL]
    if stage.get('cache') and learns_images:
        text = f'{where} trains {train!r}: scores are cached where only the clinical part learns'
        raise ConfigError(places.of(f'{where}.cache') + text)
    folds = stage.get('out_of_fold')
    if folds is not None and (not stage.get('fit') or not is_whole(folds)):
        text = f'{where}: out_of_fold is a number of folds, of a stage with fit=True; got {folds!r}'
        raise ConfigError(places.of(f'{where}.out_of_fold') + text)


def _check_parts(stage: Settings, model: object, where: str, places: Places) -> None:
    """A list of parts names parts of the model."""
    train = stage.get('train')
    if not isinstance(model, Mapping) or str(model.get('type')).removeprefix('usmm.') != 'MultiModalClassifier':
        return
    for name in train if isinstance(train, (list, tuple)) and 'model' not in stage else ():
        if name not in MODEL_PARTS:
            raise ConfigError.unknown(f'{where}.train', name, MODEL_PARTS, places.of(f'{where}.train'))


def _check_monitor(stage: Settings, content: Mapping[str, Any], where: str, places: Places) -> None:
    """The metric that selects an epoch is measured; early stopping has a validation part."""
    if 'model' in stage:
        return  # a pre-training has metrics of its own
    selection = (content.get('split') or {}).get('selection', 'inner')
    if selection == 'last' and stage.get('early_stop'):
        text = f"{where}: early_stop needs a validation part, which split.selection='last' does not cut"
        raise ConfigError(places.of(f'{where}.early_stop') + text)
    names = _measured(content.get('evaluator'))
    path = f'{where}.monitor' if 'monitor' in stage else 'monitor'
    monitor = stage.get('monitor', content.get('monitor'))
    if names and monitor is not None and monitor not in names:
        raise ConfigError.unknown(path, str(monitor), names, places.of(path))


def _measured(evaluator: object) -> list[str]:
    """Names of what the metrics measure; none where one of another package or type is among them."""
    metrics: Sequence[Any] = [evaluator] if isinstance(evaluator, Mapping) else evaluator or ()  # type: ignore[assignment]
    names: list[str] = []
    for metric in metrics:
        if str(metric.get('type')).removeprefix('usmm.') != 'CaseMetrics':
            return []
        start = f'{metric["prefix"]}/' if metric.get('prefix') else ''
        measured = (*MEASURED, *(MEASURED_IN_ORDER if metric.get('ordered') else ()))
        names += [f'{start}{image}{name}' for image in ('', 'image/') for name in measured]
    return names
