"""The settings of an mmengine `Runner` that a stage's short form stands for: loaders, hooks, optimizer, environment."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from usmm.config.stage_spec import EnvConfig, RunOptions, Stages, StageSpec
from usmm.registry import DATASETS
from usmm.structures import ModelMeaning, Settings
from usmm.structures.protocols import BatchingSet
from usmm.utils.suggestions import did_you_mean

LOWER = ('loss', 'stage_error')  # metrics of which a lower value is better
BASE_BATCH_SIZE = 16  # of the learning rates of the shipped configs
# Default hooks of mmengine and of usmm, by their names in `default_hooks`.
HOOKS = {
    'runtime_info': 'RuntimeInfoHook',
    'timer': 'IterTimerHook',
    'sampler_seed': 'DistSamplerSeedHook',
    'logger': 'LoggerHook',
    'param_scheduler': 'ParamSchedulerHook',
    'checkpoint': 'StageCheckpointHook',
}
# Keys of a Runner that a config of usmm may set, and that go to the Runner of every stage as they are.
PASSED = ('log_level', 'log_processor', 'visualizer')


def stage_settings(
    config: Config, stage: StageSpec, train_set: object, val_set: object | None, options: RunOptions, monitor: str
) -> dict[str, Any]:
    """What a Runner needs to train a stage, apart from model, work directory and the weights that it starts from.

    Args:
        config: The resolved config.
        stage: Settings of the stage.
        train_set, val_set: Data sets, or their settings; without `val_set` the last epoch counts.
        options: The flags.
        monitor: The validation metric that selects the epoch.

    Returns:
        Arguments of `mmengine.runner.Runner`; where the data sets are settings, all of it is.
    """
    batch = stage.get('batch_size') or config.batch_size
    # scores in memory need no workers
    workers = 0 if stage.get('cache') else config.num_workers
    scheduler = stage.get('param_scheduler', config.get('param_scheduler'))
    scale = dict(config.get('auto_scale_lr') or {})
    settings: dict[str, Any] = dict(
        train_dataloader=loader_config(config, train_set, True, batch, workers, bool(stage.get('oversample'))),
        train_cfg=dict(
            by_epoch=True, max_epochs=epochs_of(config, stage), val_interval=stage.get('val_interval', 1)
        ),
        optim_wrapper=_optim_wrapper(stage, options),
        param_scheduler=copy.deepcopy(scheduler),
        default_hooks=_default_hooks(config, stage, None if val_set is None else monitor),
        custom_hooks=[
            dict(type='EpochSeedHook'),
            dict(type='RunStateHook'),
            *copy.deepcopy([*(config.get('custom_hooks') or ()), *stage.get('custom_hooks', ())]),
            *(_early_stop(stage, monitor) if val_set is not None else ()),
        ],
        auto_scale_lr=dict(
            base_batch_size=scale.get('base_batch_size', BASE_BATCH_SIZE),
            enable=options.auto_scale_lr or bool(scale.get('enable')),
        ),
        env_cfg=env_config(config),
        randomness=randomness(config),
        default_scope='usmm',
        **{key: copy.deepcopy(config[key]) for key in PASSED if config.get(key) is not None},
    )  # fmt: skip
    if config.get('missing') == 'keep':
        # a batch may lack a whole stream, whose parameters then get no gradient
        settings['model_wrapper_cfg'] = dict(type='MMDistributedDataParallel', find_unused_parameters=True)
    if val_set is not None:
        settings['val_dataloader'] = loader_config(config, val_set, False, batch, workers)
        settings['val_cfg'] = dict()
        settings['val_evaluator'] = copy.deepcopy(stage.get('evaluator') or config.evaluator)
    return settings


def loader_config(
    config: Config, dataset: object, shuffle: bool, batch_size: int, num_workers: int, oversample: bool = False
) -> dict[str, Any]:
    """A dataloader of cases, as mmengine builds it; a data set may have its own way to make batches for training.

    Args:
        config: The resolved config.
        dataset: A data set, or its settings.
        shuffle: Whether the loader is for training.
        batch_size: Cases in a batch of each process.
        num_workers: Worker processes.
        oversample: Whether an epoch has as many cases of every class as of the largest.
    """
    batches = {}
    if shuffle:
        kind = DATASETS.get(str(dataset['type'])) if isinstance(dataset, Mapping) else dataset
        own = kind.batch_sampler if isinstance(kind, BatchingSet) else dict(type='CaseBatchSampler')
        batches = {'batch_sampler': dict(own)}
    return dict(
        batch_size=batch_size,
        num_workers=num_workers,
        persistent_workers=num_workers > 0 and config.get('persistent_workers', True),
        sampler=dict(
            type='CaseSampler', shuffle=shuffle, seed=config.seed, round_up=shuffle, oversample=oversample
        ),
        **batches,
        collate_fn=dict(type='usmm.collate_cases'),
        dataset=dataset,
    )  # fmt: skip


def epochs_of(config: Config, stage: StageSpec) -> int:
    """The epochs of a stage, capped by the config's `max_epochs`; none where a model is fitted once."""
    if stage.get('fit'):
        return 0
    cap = config.get('max_epochs')
    return stage['max_epochs'] if cap is None else min(stage['max_epochs'], cap)


def stages_before(stages: Stages, spec: StageSpec) -> list[StageSpec]:
    """The stages that stand before one of them.

    Example:
        >>> stages_before([dict(name='image'), dict(name='trees')], dict(name='trees'))
        [{'name': 'image'}]
    """
    return list(stages[: [stage['name'] for stage in stages].index(spec['name'])])


def stage_of(config: Config, name: str) -> StageSpec:
    """The settings of a stage.

    Raises:
        ValueError: The config has no such stage; names those that it has.
    """
    stages: Stages = config.stages
    names = [stage['name'] for stage in stages]
    if name not in names:
        raise ValueError(f'{config.name} has no stage {name!r}; {did_you_mean(name, names)}')
    return stages[names.index(name)]


def lower_is_better(monitor: str) -> bool:
    """Whether a lower value of a metric is better.

    Example:
        >>> lower_is_better('breast/loss'), lower_is_better('auc')
        (True, False)
    """
    return monitor.rpartition('/')[2] in LOWER


def env_config(config: Config) -> EnvConfig:
    """The environment of a runner: gloo where there is no GPU."""
    import torch  # here, for a config is checked before torch is imported

    backend = 'nccl' if torch.cuda.is_available() else 'gloo'
    return {'dist_cfg': {'backend': backend}, **config.get('env_cfg', {})}


TIE = 1e-12  # by how much a score must be better than the best to count as better


def randomness(config: Config) -> dict[str, Any]:
    """The seed of a runner, and whether only algorithms that repeat their bits are allowed."""
    more = {k: v for k, v in (config.get('randomness') or {}).items() if k not in ('seed', 'deterministic')}
    return dict(seed=config.seed, deterministic=bool(config.get('deterministic', False)), **more)


def _default_hooks(config: Config, stage: StageSpec, monitor: str | None) -> dict[str, Any]:
    """The default hooks; those of the config change arguments of ours, or replace one by a `type` of their own."""
    hooks: dict[str, Any] = dict(
        checkpoint=dict(
            type='StageCheckpointHook', monitor=monitor, meaning=ModelMeaning.of_settings(config).to_dict(),
            # an epoch on cached scores takes less time than a checkpoint of the whole network
            interval=stage.get('checkpoint_interval') or (10 if stage.get('cache') else 1),
        ),
        logger=dict(type='LoggerHook', interval=10, log_metric_by_epoch=True),
    )  # fmt: skip
    for name, hook in (config.get('default_hooks') or {}).items():
        replaces = hook is None or 'type' in hook
        hooks[name] = copy.deepcopy(hook if replaces else {**hooks.get(name, {'type': HOOKS.get(name)}), **hook})
    return hooks


def _early_stop(stage: StageSpec, monitor: str) -> list[Settings]:
    """The hook that a stage's `early_stop` asks for: epochs of patience, and how much better counts as better."""
    settings = stage.get('early_stop')
    if not settings:
        return []
    rule = 'less' if lower_is_better(monitor) else 'greater'
    # mmengine counts an equal score as a better one where min_delta is 0
    return [dict(type='EarlyStoppingHook', monitor=monitor, rule=rule, **{'min_delta': TIE, **settings})]


def _optim_wrapper(stage: StageSpec, options: RunOptions) -> dict[str, Any]:
    import torch  # here, for a config is checked before torch is imported

    wrapper = copy.deepcopy(dict(stage.get('optim_wrapper') or {}))
    wrapper.setdefault('type', 'OptimWrapper')
    wrapper.setdefault('optimizer', copy.deepcopy(stage.get('optimizer')))
    if options.amp and wrapper['type'] == 'OptimWrapper':
        half = not torch.cuda.is_available() or torch.cuda.is_bf16_supported()
        # bfloat16 has the range of float32 and needs no loss scaling; float16 does
        wrapper |= dict(type='AmpOptimWrapper', dtype='bfloat16' if half else 'float16')
        wrapper['loss_scale'] = 1.0 if half else 'dynamic'
    return wrapper
