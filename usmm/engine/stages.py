"""One stage of training: the loaders, hooks and runner that a stage's settings ask for."""

from __future__ import annotations

import copy
import gc
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import broadcast_object_list, get_world_size
from mmengine.logging import MessageHub, MMLogger
from mmengine.runner import BaseLoop, Runner
from mmengine.visualization import Visualizer
from torch import nn

from usmm import compat
from usmm.compat.workers import stop_workers
from usmm.engine.hooks.run_state import plain_model, take_averaged
from usmm.engine.hooks.stage_checkpoints import lower_is_better, resumable
from usmm.engine.specs import Checkpoint, EnvConfig, Results, Samples, Stages, StageSpec
from usmm.engine.workdir.outputs import load_weights
from usmm.registry import DATA_SAMPLERS
from usmm.structures import Settings
from usmm.structures.protocols import BatchingSet, Trainable


@dataclass(frozen=True)
class RunOptions:
    """How to run, apart from what: the flags of `usmm train`.

    Args:
        launcher: `none`, `pytorch` (torchrun), `slurm` or `mpi`.
        amp: Mixed precision (bfloat16 on a CPU) and channels-last memory.
        validate: Whether to validate after each epoch.
        auto_scale_lr: Scale the learning rate by the real batch size over 16.
        progress: Show progress on the console.
    """

    launcher: str = 'none'
    amp: bool = False
    validate: bool = True
    auto_scale_lr: bool = False
    progress: bool = True


class QuietRunner(Runner):
    """mmengine's runner, whose log goes to files; the console shows errors, beside the progress line."""

    def build_logger(self, log_level: int | str = 'INFO', log_file: str | None = None, **kwargs: object) -> MMLogger:
        """The logger, its console handlers turned down."""
        logger = super().build_logger(log_level, log_file, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.setLevel(logging.ERROR)
        return logger

    def close(self) -> None:
        """End the loaders' workers; let go of the log file and of all that was logged, which mmengine keeps."""
        for loop in (self._train_loop, self._val_loop, self._test_loop):
            if isinstance(loop, BaseLoop):  # one that was not built is a dict or None
                stop_workers(loop.dataloader)
        for handler in [*self.logger.handlers]:
            self.logger.removeHandler(handler)
            handler.close()
        for kind in (MMLogger, MessageHub, Visualizer):
            kind._instance_dict.pop(self.experiment_name, None)

    def load_checkpoint(
        self, filename: str, map_location: str | torch.device = 'cpu', *args: object, **kwargs: object
    ) -> Checkpoint:
        """Load a checkpoint to resume from; one of another model is refused, where mmengine takes what fits.

        Raises:
            ValueError: Its tensors are not those of the model.
        """
        try:
            content: Checkpoint = super().load_checkpoint(filename, map_location, strict=True)
            return content
        except RuntimeError as error:
            raise ValueError(f'{filename} cannot be resumed with this config: {error}') from error


def loader_config(
    config: Config, dataset: Samples, shuffle: bool, batch_size: int, num_workers: int, oversample: bool = False
) -> Results:
    """A dataloader of cases, as mmengine builds it; a data set may have its own way to make batches for training."""
    sampler = dict(type='CaseSampler', shuffle=shuffle, seed=config.seed, round_up=shuffle, oversample=oversample)
    total = DATA_SAMPLERS.build({**sampler, 'dataset': dataset}).total
    mine = -(-total // get_world_size())
    if shuffle and isinstance(dataset, BatchingSet):
        whole: dict[str, object] = dict(batch_sampler=dict(dataset.batch_sampler))
    else:
        # batch norm cannot learn from a last batch of a single case; the order is shuffled, so another case is left
        # out in each epoch
        whole = dict(drop_last=shuffle and mine > batch_size > 1 and mine % batch_size == 1)
    return dict(
        batch_size=batch_size,
        num_workers=num_workers,
        persistent_workers=num_workers > 0 and config.get('persistent_workers', True),
        sampler=sampler,
        collate_fn=dict(type='usmm.collate_cases'),
        dataset=dataset,
        **whole,
    )


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


def run_stage(
    config: Config,
    stage: StageSpec,
    model: Trainable,
    train_set: Samples,
    val_set: Samples | None,
    folder: Path,
    options: RunOptions,
    resume: str | bool = False,
) -> Results:
    """Train one stage and leave the selected weights in `model`.

    Args:
        config: The resolved config.
        stage: Settings of the stage.
        model: The model, with the stage's parameters set trainable.
        train_set, val_set: Datasets; without `val_set` the last epoch counts.
        folder: Where checkpoints and logs of the stage go.
        options: The flags.
        resume: True: from the stage's last checkpoint; a path: from that file.

    Returns:
        What was selected: epochs run and asked for (`of`), chosen epoch, its score, seconds.
    """
    start = time.monotonic()
    monitor = stage.get('monitor', config.get('monitor', 'auc'))
    if resume is True:
        resume = str(resumable(folder) or '')  # none where nothing was done of this stage
    name = f'{config.name}-{stage["name"]}-{time.time_ns()}'
    settings = _runner_settings(config, stage, train_set, val_set, options, monitor)
    runner = QuietRunner(
        model=model, work_dir=str(folder), experiment_name=name, launcher=options.launcher, resume=bool(resume),
        load_from=resume or None, **settings,
    )  # fmt: skip
    runner.train()
    plain = plain_model(runner.model)
    take_averaged(plain, runner)
    chosen: Results = {'epoch': runner.epoch}
    if val_set is not None:
        chosen = _load_best(plain, runner, folder, monitor, bool(stage.get('evaluator')))
    epochs = runner.epoch
    runner.close()
    # the runner is part of reference cycles; without this its optimiser's memory lives on beside the next stage's
    del runner
    gc.collect()
    return {'epochs': epochs, 'of': epochs_of(config, stage), 'seconds': round(time.monotonic() - start, 1), **chosen}


def build_test_runner(
    config: Config, model: Trainable, part: str, dataset: Samples, work_dir: Path, options: RunOptions
) -> QuietRunner:
    """A runner that measures a model on the data set of a part; its log goes to `logs` of the work directory."""
    work_dir.mkdir(parents=True, exist_ok=True)
    return QuietRunner(
        model=model, work_dir=str(work_dir / 'logs'), launcher=options.launcher,
        test_dataloader=loader_config(config, dataset, False, config.batch_size, config.num_workers),
        test_cfg=dict(), test_evaluator=copy.deepcopy(config.evaluator), default_scope='usmm',
        env_cfg=env_config(config), randomness=randomness(config),
        experiment_name=f'{config.name}-{part}-{time.time_ns()}',
    )  # fmt: skip


def _runner_settings(
    config: Config, stage: StageSpec, train_set: Samples, val_set: Samples | None, options: RunOptions, monitor: str
) -> Results:
    batch = stage.get('batch_size') or config.batch_size
    # scores in memory need no workers
    workers = 0 if stage.get('cache') else config.num_workers
    epochs = epochs_of(config, stage)
    title = f'{config.name} [{stage["name"]}]'
    hooks = [*config.get('custom_hooks', ()), *stage.get('custom_hooks', ())]
    if val_set is not None:
        hooks += _early_stop(stage, monitor)
    oversample = bool(stage.get('oversample'))
    settings: Results = dict(
        train_dataloader=loader_config(config, train_set, True, batch, workers, oversample),
        train_cfg=dict(by_epoch=True, max_epochs=epochs, val_interval=stage.get('val_interval', 1)),
        optim_wrapper=_optim_wrapper(stage, options),
        param_scheduler=copy.deepcopy(stage.get('param_scheduler')),
        default_hooks=dict(
            checkpoint=dict(
                type='StageCheckpointHook', monitor=None if val_set is None else monitor,
                # an epoch on cached scores takes less time than a checkpoint of the whole network
                interval=stage.get('checkpoint_interval') or (10 if stage.get('cache') else 1),
            ),
            logger=dict(type='LoggerHook', interval=10, log_metric_by_epoch=True),
        ),
        custom_hooks=[
            dict(type='EpochSeedHook'),
            dict(type='RunStateHook'),
            *hooks,
            *([dict(type='ProgressHook', title=title, monitor=monitor)] if options.progress else []),
        ],
        auto_scale_lr=dict(enable=options.auto_scale_lr, base_batch_size=16),
        env_cfg=env_config(config),
        randomness=randomness(config),
        default_scope='usmm',
        # a batch may lack a whole stream, whose parameters then get no gradient
        cfg=dict(model_wrapper_cfg=dict(type='MMDistributedDataParallel', find_unused_parameters=True))
        if config.get('missing') == 'keep'
        else None,
        visualizer=config.get('visualizer'),
    )  # fmt: skip
    if val_set is not None:
        settings['val_dataloader'] = loader_config(config, val_set, False, batch, workers)
        settings['val_cfg'] = dict()
        settings['val_evaluator'] = copy.deepcopy(stage.get('evaluator') or config.evaluator)
    return settings


def _early_stop(stage: StageSpec, monitor: str) -> list[Settings]:
    """The hook that a stage's `early_stop` asks for: epochs of patience, and how much better counts as better."""
    settings = stage.get('early_stop')
    if not settings:
        return []
    rule = 'less' if lower_is_better(monitor) else 'greater'
    return [dict(type='EarlyStoppingHook', monitor=monitor, rule=rule, **{'min_delta': 0.0, **settings})]


def env_config(config: Config) -> EnvConfig:
    """The environment of a runner: gloo where there is no GPU."""
    backend = 'nccl' if torch.cuda.is_available() else 'gloo'
    return {'dist_cfg': {'backend': backend}, **config.get('env_cfg', {})}


def randomness(config: Config) -> dict[str, int]:
    """The seed of a runner, and whether only algorithms that repeat their bits are allowed."""
    return dict(seed=config.seed, deterministic=bool(config.get('deterministic', False)))


def _optim_wrapper(stage: StageSpec, options: RunOptions) -> Results:
    wrapper = copy.deepcopy(dict(stage.get('optim_wrapper') or {}))
    wrapper.setdefault('type', 'OptimWrapper')
    wrapper.setdefault('optimizer', copy.deepcopy(stage.get('optimizer')))
    if options.amp and wrapper['type'] == 'OptimWrapper':
        half = not torch.cuda.is_available() or torch.cuda.is_bf16_supported()
        # bfloat16 has the range of float32 and needs no loss scaling; float16 does
        wrapper |= dict(type='AmpOptimWrapper', dtype='bfloat16' if half else 'float16')
        wrapper['loss_scale'] = 1.0 if half else 'dynamic'
    return wrapper


def _load_best(model: nn.Module, runner: Runner, folder: Path, monitor: str, whole: bool = False) -> Results:
    """Load the checkpoint that validated best; the last epoch stays where no epoch could be scored.

    With `whole` all metrics of that epoch are returned, as `validation`.
    """
    # only the main process keeps the bookkeeping of the best epoch
    known = runner.message_hub.runtime_info
    found = [(known.get('best_ckpt'), known.get('best_score'), known.get('best_metrics', {}))]
    broadcast_object_list(found)
    best, score, metrics = found[0]
    if not best:
        logging.getLogger(__name__).warning('no epoch of %s has a valid %s; keeping the last', folder.name, monitor)
        return {'epoch': runner.epoch, 'selected_by': None}
    path = folder / Path(best).name
    model.load_state_dict(load_weights(path)['state_dict'])
    chosen = {'epoch': int(path.stem.rpartition('_')[2]), 'selected_by': monitor, 'score': score}
    return {**chosen, 'validation': metrics} if whole else chosen


compat.apply()
