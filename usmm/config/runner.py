"""The plain mmengine config of a stage: what `usmm train` gives to a Runner, for everyone who has mmengine."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from usmm.config.categories import settle_categories
from usmm.config.runner_settings import loader_config, stage_of, stage_settings, stages_before
from usmm.config.stage_spec import RunOptions, StageSpec
from usmm.config.text import config_text
from usmm.registry import MODELS
from usmm.structures import CLINICAL, ModelMeaning, Schema
from usmm.structures.protocols import Classifier, ValidatedLearner
from usmm.structures.settings import TEST, TRAIN, VAL
from usmm.utils import work_files
from usmm.utils.random_state import kept_random_state

IMPORTS = 'usmm.engine'  # registers all components of usmm, and applies the mends to upstream packages


def runner_config(
    config: Config, stage: str, options: RunOptions | None = None, model: Classifier | None = None
) -> Config:
    """The plain mmengine config of a stage, which `mmengine.runner.Runner.from_cfg` takes.

    A Runner of it trains the same weights as `usmm train`, bit for bit, and writes the selected ones as `selected.pth`
    of its work directory, `<work_dir>/<stage>`; the config of the next stage starts from that file.

    Two things that `usmm train` does before a training are not part of it: every file is read once, and with
    `bad_cases='skip'` cases that cannot be read are left out.

    Args:
        config: A config as `load_config` returns it.
        stage: Name of the stage.
        options: The flags of `usmm train`; `progress` adds nothing here, a Runner has a log of its own.
        model: The classifier of the config, where it is built already; which parts learn depends on it.

    Returns:
        The config; its `work_dir`, `load_from` and paths of data are relative to the current directory where those of
        the config are.

    Raises:
        ValueError: There is no such stage; it trains nothing of this model; or it is fitted once, without a Runner.
        DataError: Categories of clinical variables are to be taken from the table, and it cannot be read.

    Example:
        >>> from mmengine.runner import Runner                                               # doctest: +SKIP
        >>> config = load_config('msmfn_small_phantom', {'data_root': 'data/phantom'})       # doctest: +SKIP
        >>> Runner.from_cfg(runner_config(config, 'image')).train()                          # doctest: +SKIP
    """
    config = copy.deepcopy(config)
    options = options or RunOptions()
    spec = stage_of(config, stage)
    if spec.get('fit'):
        raise ValueError(f'stage {stage!r} is fitted once, which no Runner does; run it with usmm train')
    settle_categories(config)
    model = model or _classifier(config)
    before = _weights_before(config, spec, model)
    if spec.get('model'):
        settings = _pretraining(config, spec, options, before)
    else:
        settings = {**_training(config, spec, options, model, before), 'load_from': before}
    settings |= dict(
        work_dir=str(Path(config.work_dir, stage)),
        resume=False,
        launcher=options.launcher,
        custom_imports=dict(imports=[IMPORTS, *_imports(config)], allow_failed_imports=False),
    )
    # mmengine writes the config into every checkpoint; laying out its text with yapf takes seconds each time
    return Config(_plain(settings), format_python_code=False)


def runner_text(config: Config, name: str, stage: str) -> str:
    """A plain config as the text of a file.

    Args:
        config: As `runner_config` returns it.
        name: Name of the config of usmm that it comes from.
        stage: Name of the stage.

    Example:
        >>> print(runner_text(Config(dict(work_dir='w')), 'msmfn_small_phantom', 'image').splitlines()[-1])
        work_dir = 'w'
    """
    head = (
        f'"""Stage {stage!r} of {name} as a plain config of mmengine: `usmm train` of this file, or\n'
        '`mmengine.runner.Runner.from_cfg`, trains the same weights.\n"""\n\n'
    )
    return head + config_text(config._cfg_dict.to_dict())


def _classifier(config: Config) -> Classifier:
    with kept_random_state():
        built = MODELS.build(dict(type='StageModel', model=model_settings(config, False)))
    if not isinstance(built, Classifier):
        raise ValueError(f'model of {config.name}: a {type(built).__name__} cannot be trained in stages')
    return built


def _training(
    config: Config, spec: StageSpec, options: RunOptions, classifier: Classifier, before: str | None
) -> dict[str, Any]:
    """A stage of the classifier."""
    model = model_settings(config, options.amp)
    learning = classifier.resolve(spec['train'])
    if not learning:
        raise ValueError(f'stage {spec["name"]!r}: nothing to train for modalities {list(config.modalities)}')
    frozen = is_frozen(learning)
    if frozen:
        options = replace(options, amp=False)  # as the cached scores, and those of a test
    train_set = part_settings(config, TRAIN, 'test_pipeline' if frozen else 'train_pipeline')
    val_set = part_settings(config, VAL, 'test_pipeline')
    if frozen and spec.get('cache') and classifier.encoder is not None:
        scored = dict(
            type='CachedScores', model=model, checkpoint=before, batch_size=config.batch_size,
            num_workers=config.num_workers, seed=config.seed,
        )  # fmt: skip
        train_set, val_set = {**scored, 'dataset': train_set}, {**scored, 'dataset': val_set}
    validated = options.validate and (config.get('split') or {}).get('selection', 'inner') != 'last'
    monitor = spec.get('monitor', config.get('monitor', 'auc'))
    settings = stage_settings(config, spec, train_set, val_set if validated else None, options, monitor)
    reads_table = CLINICAL in config.modalities
    meaning, selecting = ModelMeaning.of_settings(config).to_dict(), monitor if validated else None
    settings['custom_hooks'] += [
        *([dict(type='TableFitHook', schema=config.schema, train=spec['train'])] if reads_table else ()),
        dict(type='SelectedWeightsHook', stage=spec['name'], monitor=selecting, meaning=meaning),
    ]
    settings['model'] = dict(type='StageModel', model=model, train=spec['train'])
    schema = Schema.of(config.schema.to_dict())
    if schema.split is not None or ((config.get('split') or {}).get('folds') or 1) > 1:
        tested = part_settings(config, TEST, 'test_pipeline')
        settings['test_dataloader'] = loader_config(config, tested, False, config.batch_size, config.num_workers)
        settings['test_cfg'] = dict()
        settings['test_evaluator'] = copy.deepcopy(config.evaluator)
    return settings


def _pretraining(config: Config, spec: StageSpec, options: RunOptions, before: str | None) -> dict[str, Any]:
    """A stage with a model of its own, which hands its weights over to the classifier."""
    model = learner_settings(spec)
    with kept_random_state():
        learner = MODELS.build(copy.deepcopy(model))
    data, spec, val_set = learner_data(config, spec), copy.copy(spec), None
    if isinstance(learner, ValidatedLearner):
        spec['evaluator'] = [dict(metric) for metric in learner.evaluator]
        spec.setdefault('monitor', learner.monitor)
        if options.validate and spec.get('selection') != 'last':
            val_set = {**data, 'validating': True}
    else:
        spec['custom_hooks'] = [*spec.get('custom_hooks', ()), dict(type='CollapseHook')]
    monitor = str(spec.get('monitor', config.get('monitor', 'auc')))
    settings = stage_settings(config, spec, data, val_set, options, monitor)
    settings['custom_hooks'].append(
        dict(
            type='SelectedWeightsHook', stage=spec['name'], monitor=None if val_set is None else monitor,
            classifier=model_settings(config, options.amp), load_from=before, seed=config.seed,
            deterministic=bool(config.get('deterministic', False)), meaning=ModelMeaning.of_settings(config).to_dict(),
        )
    )  # fmt: skip
    settings['model'] = dict(type='StageModel', model=model)
    return settings


def model_settings(config: Config, amp: bool) -> dict[str, Any]:
    """Settings of the classifier; in mixed precision with channels-last memory."""
    settings: dict[str, Any] = copy.deepcopy(config.model.to_dict())
    if amp:
        # tensor cores, and AMX on a CPU, want the channels last
        settings.setdefault('data_preprocessor', dict(type='CasePreprocessor'))['channels_last'] = True
    return settings


def learner_settings(spec: StageSpec) -> dict[str, Any]:
    """Settings of the model of a pre-training; one that classifies several tasks takes them from the stage's data set.

    Raises:
        ValueError: The model names tasks or classes that are not those of the data set.
    """
    settings: dict[str, Any] = copy.deepcopy(dict(spec['model']))
    described: Any = spec.get('dataset') or {}
    tasks = {task['name']: tuple(task['classes']) for task in described.get('tasks', ())}
    if tasks:
        named = {name: tuple(classes) for name, classes in settings.get('tasks', tasks).items()}
        if named != tasks:
            raise ValueError(f'the model has the tasks {named}, the data set has {tasks}')
        settings['tasks'] = tasks
    return settings


def learner_data(config: Config, spec: StageSpec) -> dict[str, Any]:
    """Settings of the data set of a pre-training: the run's own, those of the stage over them, and its part."""
    part = None if spec.get('part', TRAIN) == 'all' else TRAIN
    return copy.deepcopy({**config.dataset, **spec['dataset'], 'part': part})


def part_settings(config: Config, part: str | None, pipeline: str) -> dict[str, Any]:
    """Settings of the data set of a part: `pipeline` is the key of the config that has its transforms."""
    return copy.deepcopy({**config.dataset, 'part': part, 'pipeline': config.get(pipeline, ())})


def is_frozen(learning: Sequence[str]) -> bool:
    """Whether a stage leaves the image part as it is, so that each case looks the same every time."""
    return tuple(learning) == (CLINICAL,)


def _weights_before(config: Config, spec: StageSpec, model: Classifier) -> str | None:
    """The weights that a stage starts from: what the last stage before it selected, else those of the config."""
    for stage in reversed(stages_before(config.stages, spec)):
        if stage.get('model') or model.resolve(stage['train']):
            return str(Path(config.work_dir, stage['name'], work_files.SELECTED))
    load_from: str | None = config.get('load_from')
    return load_from


def _imports(config: Config) -> list[str]:
    custom = config.get('custom_imports') or {}
    imports = custom.get('imports', ())
    return [imports] if isinstance(imports, str) else list(imports)


def _plain(value: object) -> Any:
    """The value with plain dicts for those of mmengine, as a file can hold it."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(item) for item in value)
    return value
