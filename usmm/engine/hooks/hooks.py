"""Hooks of the engine."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor

from usmm.registry import HOOKS


@HOOKS.register_module()
class ProgressHook(Hook):
    """One progress bar a stage: epoch, loss, validation score, time left.

    In a terminal a live bar; elsewhere one line an epoch, so that a log file stays readable.

    Args:
        title: What is trained.
        monitor: The validation metric shown.
    """

    priority = 'VERY_LOW'

    def __init__(self, title: str = 'train', monitor: str = 'auc') -> None:
        self.title, self.monitor = title, monitor
        self._bar: Progress | None = None
        self._score = ''
        self._start = 0.0
        self._first = 0

    def before_train(self, runner: Runner) -> None:
        """Open the bar at the iteration where a resumed run stands."""
        self._start, self._first = time.monotonic(), runner.iter
        if is_main_process() and sys.stdout.isatty():
            columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, TextColumn('ETA'), TimeRemainingColumn())
            self._bar.start()
            self._task = self._bar.add_task(self.title, total=runner.max_iters, completed=runner.iter)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: object = None, outputs: Mapping[str, Tensor] | None = None
    ) -> None:
        """Advance the bar."""
        if self._bar is not None:
            self._bar.update(self._task, completed=runner.iter + 1, description=self._text(runner))

    def after_train_epoch(self, runner: Runner) -> None:
        """Print a line where there is no terminal."""
        if self._bar is None and is_main_process():
            done = max(runner.iter - self._first, 1)
            left = (time.monotonic() - self._start) / done * (runner.max_iters - runner.iter)
            print(f'{self._text(runner)}  ETA {int(left // 60)}:{int(left % 60):02d}', flush=True)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Keep the score for the next line."""
        if metrics and self.monitor in metrics:
            self._score = f'  val {self.monitor} {metrics[self.monitor]:.3f}'

    def after_train(self, runner: Runner) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _text(self, runner: Runner) -> str:
        scalars = runner.message_hub.log_scalars
        loss = f'  loss {scalars["train/loss"].mean(20):.3f}' if 'train/loss' in scalars else ''
        return f'{self.title}  epoch {min(runner.epoch + 1, runner.max_epochs)}/{runner.max_epochs}{loss}{self._score}'
