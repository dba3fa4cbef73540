"""Training with a plain mmengine config: nothing of usmm's stages, only its mends and clear errors."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

import usmm.datasets
import usmm.evaluation.metrics
import usmm.models  # noqa: F401  the registries know the parts of usmm
from usmm import compat
from usmm.config.stage_spec import RunOptions
from usmm.engine.hooks.stage_checkpoints import resumable
from usmm.engine.preconditions import check_launcher
from usmm.engine.shared_memory import check_loader
from usmm.weights import read_checkpoint

AMP = 'AmpOptimWrapper'
PLAIN = ('OptimWrapper', AMP)
compat.apply()


def runner_of(config: Config, options: RunOptions, resume: str | bool = False) -> Runner:
    """The Runner of a plain config with its loaders built, as mmpretrain's tools/train.py makes it.

    Args:
        config: The config; changed in place.
        options: `amp`, `validate`, `auto_scale_lr` and `launcher` as the flags of mmpretrain.
        resume: True: from the last checkpoint of the work directory; a path: from that file.

    Raises:
        ValueError: A part of the config cannot be built, `amp` with an optimizer wrapper that has a precision of its
            own, `auto_scale_lr` without a batch size that the learning rate is for,
            weights that cannot be loaded safely, or a training without epochs or batches.
        OSError: The shared memory has no room for the batches of the loading workers.
    """
    if options.launcher != 'none':
        check_launcher(options.launcher)
    config.launcher = options.launcher
    if not options.validate:
        config.val_cfg = config.val_dataloader = config.val_evaluator = None
    if options.amp:
        kind = config.optim_wrapper.get('type', 'OptimWrapper')
        if kind not in PLAIN:
            raise ValueError(f'--amp goes with an optim_wrapper of type {PLAIN[0]}, got {kind}')
        config.optim_wrapper.type = AMP
        config.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if options.auto_scale_lr:
        if not (config.get('auto_scale_lr') or {}).get('base_batch_size'):
            raise ValueError('--auto-scale-lr needs auto_scale_lr=dict(base_batch_size=N) in the config')
        config.auto_scale_lr.enable = True
    if resume is True:
        # `last_checkpoint` of a stage has a line for each checkpoint, which mmengine would take for one name
        newest = resumable(Path(config.work_dir))
        config.resume, config.load_from = True, None if newest is None else str(newest)
    elif resume:
        if not Path(resume).is_file():
            raise ValueError(f'cannot resume from {resume}: there is no such file')
        config.resume, config.load_from = True, str(resume)
    _check_weights(config)
    try:
        runner = Runner.from_cfg(config)
        # built here, where a mistake is one of the config; mmengine builds them when the training starts
        runner._train_loop = runner.build_train_loop(config.train_cfg)
        if config.get('val_cfg') is not None and config.get('val_dataloader') is not None:
            runner._val_loop = runner.build_val_loop(config.val_cfg)
        runner.optim_wrapper = runner.build_optim_wrapper(config.optim_wrapper)
    except (AssertionError, AttributeError, ImportError, KeyError, TypeError, ValueError) as error:
        text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        raise ValueError(f'{config.filename}: the config cannot be built: {text}') from error
    if runner.max_epochs is not None and runner.max_epochs < 1:
        raise ValueError(f'{config.filename}: train_cfg.max_epochs must be 1 or more, got {runner.max_epochs}')
    if not len(runner.train_dataloader):
        raise ValueError(
            f'{config.filename}: train_dataloader has no batch: fewer samples than batch_size, and drop_last'
        )
    check_loader(runner.train_dataloader)
    return runner


def _check_weights(config: Config) -> None:
    """Read the file that the run starts from with the safe loader, which names what is wrong with it."""
    source = config.get('load_from')
    if source and '://' not in source:
        read_checkpoint(source, training=True)
