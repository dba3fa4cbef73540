"""Hooks that make a stage resumable: what is kept of it, and random numbers that do not depend on where it stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import set_random_seed

from usmm.engine.outputs import replacing
from usmm.registry import HOOKS

LAST = 'last_checkpoint'  # the file in which mmengine looks for the checkpoint to resume from


@HOOKS.register_module()
class StageCheckpointHook(Hook):
    """Keep the epoch that validated best, and the last one to resume from.

    mmengine's own hook deletes a checkpoint before its successor is written, does not write atomically, and saves an
    epoch before its score is known. Here an epoch is saved when all of it is done, each file is written whole or not
    at all, and old files go last: whenever a run is killed, it can go on.

    Args:
        monitor: The validation metric that selects, the higher the better; None: none.
        interval: Epochs between the checkpoints to resume from; the last epoch is always kept.

    Raises:
        ValueError: After the first validation, if `monitor` is not among the metrics.
    """

    priority = 'VERY_LOW'

    def __init__(self, monitor: str | None = None, interval: int = 1) -> None:
        self.monitor, self.interval = monitor, interval
        self._saved: int | None = None

    def before_train(self, runner: Any) -> None:
        """A resumed epoch is on the disk already."""
        self._saved = runner.epoch

    def before_train_epoch(self, runner: Any) -> None:
        """Save the epoch before this one, its validation included."""
        if runner.epoch % self.interval == 0:
            self._save_last(runner)

    def after_train(self, runner: Any) -> None:
        """Save the last epoch."""
        self._save_last(runner)

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Save the weights if no epoch was better; a score that is not a number is no score."""
        if self.monitor is None:
            return
        if self.monitor not in (metrics or {}):
            raise ValueError(
                f'monitor {self.monitor!r} is not measured in validation; there are {sorted(metrics or {})}'
            )
        score = float((metrics or {})[self.monitor])
        known = runner.message_hub.runtime_info.get('best_score')
        if not score > (float('-inf') if known is None else known):
            return
        name = f'best_{self.monitor.replace("/", "_")}_epoch_{runner.epoch}.pth'
        self._write(runner, name, save_optimizer=False, save_param_scheduler=False)
        runner.message_hub.update_info('best_score', score)
        runner.message_hub.update_info('best_ckpt', str(Path(runner.work_dir, name)))

    def _save_last(self, runner: Any) -> None:
        if runner.epoch == self._saved:
            return
        name = f'epoch_{runner.epoch}.pth'
        self._write(runner, name)
        self._saved = runner.epoch
        if is_main_process():
            folder = Path(runner.work_dir)
            with replacing(folder / LAST) as temporary:
                temporary.write_text(str(folder / name), encoding='utf-8')
            best = Path(runner.message_hub.runtime_info.get('best_ckpt') or name).name
            for old in (*folder.glob('epoch_*.pth'), *folder.glob('best_*_epoch_*.pth')):
                if old.name not in (name, best):
                    old.unlink()

    def _write(self, runner: Any, name: str, **what: bool) -> None:
        if is_main_process():
            meta = dict(epoch=runner.epoch, iter=runner.iter)
            with replacing(Path(runner.work_dir, name)) as temporary:
                runner.save_checkpoint(str(temporary.parent), temporary.name, meta=meta, **what)


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seed every epoch from (seed, epoch, process), so that a resumed run draws what an uninterrupted one draws.

    A checkpoint keeps no state of the random number generators; with this it needs none.
    """

    priority = 'VERY_HIGH'

    def before_train_epoch(self, runner: Any) -> None:
        """Seed Python, numpy and torch."""
        state = np.random.SeedSequence([int(runner.seed), runner.epoch, runner.rank]).generate_state(1)
        set_random_seed(int(state[0]))
