"""One stage of training, and a test: the runners of mmengine that do them."""

from __future__ import annotations

import copy
import gc
import logging
import time
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from mmengine.runner import BaseLoop, Runner
from mmengine.visualization import Visualizer

from usmm import compat
from usmm.compat.workers import stop_workers
from usmm.config.runner_settings import env_config, epochs_of, loader_config, randomness, stage_settings
from usmm.config.stage_spec import RunOptions, StageSpec
from usmm.engine.hooks.run_state import plain_model
from usmm.engine.hooks.selected_weights import select_weights
from usmm.engine.hooks.stage_checkpoints import resumable
from usmm.engine.specs import Checkpoint, Results, Samples
from usmm.structures.protocols import Trainable


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


SINGLE = 'Expected more than 1 value per channel'  # torch, of a batch norm that trains


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
    monitor = str(stage.get('monitor', config.get('monitor', 'auc')))
    if resume is True:
        resume = str(resumable(folder) or '')  # none where nothing was done of this stage
    name = f'{config.name}-{stage["name"]}-{time.time_ns()}'
    settings = stage_settings(config, stage, train_set, val_set, options, monitor)
    if options.progress:
        title = f'{config.name} [{stage["name"]}]'
        settings['custom_hooks'].append(dict(type='ProgressHook', title=title, monitor=monitor))
    # the one setting that a Runner reads from its whole config alone
    wrapper = {key: settings.pop(key) for key in ('model_wrapper_cfg',) if key in settings}
    runner: QuietRunner | None = None
    try:
        runner = QuietRunner(
            model=model, work_dir=str(folder), experiment_name=name, launcher=options.launcher, resume=bool(resume),
            load_from=resume or None, cfg=wrapper or None, **settings,
        )  # fmt: skip
        runner.train()
    except (AssertionError, AttributeError, KeyError, TypeError, ZeroDivisionError) as error:
        if runner is not None and _has_begun(runner):
            raise  # not a matter of the settings
        text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        raise ValueError(
            f'stage {stage["name"]!r} of {config.name} cannot start with its settings: {type(error).__name__}: {text}'
        ) from error
    except ValueError as error:
        if SINGLE not in str(error):
            raise
        size = stage.get('batch_size') or config.batch_size
        raise ValueError(
            f'stage {stage["name"]!r} of {config.name}: batch norm cannot normalise a batch of one case with maps of '
            f'one pixel; set batch_size to 2 or more (it is {size}), or use larger images'
        ) from error
    selecting = None if val_set is None else monitor
    chosen = select_weights(plain_model(runner.model), runner, selecting, bool(stage.get('evaluator')))
    epochs = runner.epoch
    runner.close()
    # the runner is part of reference cycles; without this its optimiser's memory lives on beside the next stage's
    del runner
    gc.collect()
    return {'epochs': epochs, 'of': epochs_of(config, stage), 'seconds': round(time.monotonic() - start, 1), **chosen}


def _has_begun(runner: Runner) -> bool:
    """Whether a training has done its first step."""
    return isinstance(runner._train_loop, BaseLoop) and runner.iter > 0


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


compat.apply()
