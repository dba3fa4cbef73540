"""Hooks that make a stage resumable: what is kept of it, and random numbers that do not depend on where it stopped."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import Runner, set_random_seed
from torch import Tensor

from usmm.config.runner_settings import lower_is_better
from usmm.engine.hooks.run_state import accumulative_counts, patients_of, plain_model
from usmm.engine.workdir.outputs import check_room, check_whole, load_weights
from usmm.registry import HOOKS
from usmm.structures import ModelMeaning, Settings
from usmm.utils import work_files
from usmm.utils.atomic_files import atomic_path, write_text

_logger = logging.getLogger(__name__)
KEPT = 2  # should the newest be damaged, there is one before it


def resumable(folder: Path) -> Path | None:
    """The newest checkpoint of a stage that is whole, and so is the best epoch that it knows; None: there is none yet.

    Damaged ones are skipped with a message.

    Args:
        folder: The stage's folder.

    Raises:
        ValueError: There are checkpoints, and all of them are damaged.
    """
    newest: list[Path | None] = [None]
    failed: list[str | None] = [None]
    if is_main_process() and (folder / work_files.LAST_CHECKPOINT).exists():
        try:
            newest = [_newest_whole(folder)]
        except ValueError as error:
            failed = [str(error)]
    broadcast_object_list(newest)  # all processes go on from the same one, or none does
    broadcast_object_list(failed)
    if failed[0] is not None:
        raise ValueError(failed[0])
    return newest[0]


def check_resumable(checkpoint: Path) -> None:
    """See that a checkpoint is whole, and one that a training can go on from.

    Raises:
        ValueError: It is absent, damaged, or holds weights alone.
    """
    try:
        check_whole(checkpoint)
        content = load_weights(checkpoint)
    except ValueError as error:
        raise ValueError(f'cannot resume: {error}') from error
    if 'optimizer' not in content or 'epoch' not in content.get('meta', {}):
        raise ValueError(f'cannot resume from {checkpoint}: it holds weights alone; take one of the epoch_N.pth')


@HOOKS.register_module()
class StageCheckpointHook(Hook):
    """Keep the epoch that validated best, and the last two to resume from.

    mmengine's own hook deletes a checkpoint before its successor is written, does not write atomically, and saves an
    epoch before its score is known. Here an epoch is saved when all of it is done, each file is written whole and
    verified or not at all, and old files go last: whenever a run is killed, it can go on. Whether the folder can take
    the checkpoints is found out before the first epoch.

    Args:
        monitor: The validation metric that selects, the higher the better, or the lower (`LOWER`); None: none.
        interval: Epochs between the checkpoints to resume from; the last epoch is always kept.
        meaning: What the inputs and outputs of the model stand for (`ModelMeaning.to_dict`), stored beside the weights.

    Raises:
        OSError: A checkpoint cannot be saved; those that stand in the folder stay.
        ValueError: After the first validation, if `monitor` is not among the metrics.
    """

    priority = 'VERY_LOW'

    def __init__(self, monitor: str | None = None, interval: int = 1, meaning: Settings | None = None) -> None:
        self.monitor, self.interval, self.meaning = monitor, interval, meaning
        self._saved: int | None = None
        self._kept: dict[str, str] = {}  # checkpoint -> the best epoch that it knows, the newest last

    def before_train(self, runner: Runner) -> None:
        """A resumed epoch is on the disk already; for those to come there must be room."""
        folder = Path(runner.work_dir)
        if runner.iter == 0:
            # runners that are made within one second share what mmengine keeps of a run
            for name in ('best_score', 'best_metrics', 'best_ckpt'):
                runner.message_hub.runtime_info.pop(name, None)
        _forget_lost_best(runner)
        self._saved = runner.epoch
        name = f'epoch_{runner.epoch}.pth'
        self._kept = {name: _best(runner) or name} if (folder / name).exists() else {}
        problem: list[tuple[int | None, str | None] | None] = [None]
        if is_main_process():
            weights, whole = _sizes(runner)
            total = (KEPT + 1) * whole + (self.interval + KEPT) * weights
            there = sum(old.stat().st_size for old in _checkpoints(folder))
            try:
                check_room(folder, whole, max(total - there, whole))
            except OSError as error:
                problem = [(error.errno, error.strerror)]
        broadcast_object_list(problem)
        if problem[0] is not None:
            raise OSError(*problem[0])

    def before_train_epoch(self, runner: Runner) -> None:
        """Save the epoch before this one, its validation included."""
        if runner.epoch % self.interval == 0:
            self._save_last(runner)

    def after_train(self, runner: Runner) -> None:
        """Save the last epoch."""
        self._save_last(runner)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Save the weights if no epoch was better; a score that is not a number is no score."""
        if self.monitor is None:
            return
        if self.monitor not in (metrics or {}):
            raise ValueError(
                f'monitor {self.monitor!r} is not measured in validation; there are {sorted(metrics or {})}'
            )
        score = float((metrics or {})[self.monitor])
        known = runner.message_hub.runtime_info.get('best_score')
        sign = -1 if lower_is_better(self.monitor) else 1
        if not sign * score > (float('-inf') if known is None else sign * known):
            return
        name = f'best_{self.monitor.replace("/", "_")}_epoch_{runner.epoch}.pth'
        self._write(runner, name, save_optimizer=False, save_param_scheduler=False)
        runner.message_hub.update_info('best_score', score)
        runner.message_hub.update_info('best_metrics', {k: float(v) for k, v in (metrics or {}).items()})
        runner.message_hub.update_info('best_ckpt', str(Path(runner.work_dir, name)))

    def _save_last(self, runner: Runner) -> None:
        if runner.epoch == self._saved:
            return
        name = f'epoch_{runner.epoch}.pth'
        self._write(runner, name)
        self._saved = runner.epoch
        self._kept.pop(name, None)
        self._kept[name] = _best(runner) or name
        self._kept = dict([*self._kept.items()][-KEPT:])
        if is_main_process():
            folder = Path(runner.work_dir)
            write_text(folder / work_files.LAST_CHECKPOINT, '\n'.join(reversed(self._kept)))
            for old in _checkpoints(folder):
                if old.name not in (*self._kept, *self._kept.values()):
                    with suppress(OSError):  # one too many does no harm
                        old.unlink()

    def _write(self, runner: Runner, name: str, **what: bool) -> None:
        if is_main_process():
            meta = dict(epoch=runner.epoch, iter=runner.iter)
            meta |= {**ModelMeaning.plain(self.meaning), **patients_of(runner)}
            with atomic_path(Path(runner.work_dir, name), check_whole) as temporary:
                runner.save_checkpoint(str(temporary.parent), temporary.name, meta=meta, **what)


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seed every epoch from (seed, epoch, process), so that a resumed run draws what an uninterrupted one draws.

    A checkpoint keeps no state of the random number generators; with this it needs none.
    """

    priority = 'VERY_HIGH'

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed Python, numpy and torch."""
        self._seed(runner)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: object = None) -> None:
        """Seed again before the first step: making a loader's workers draws a number, and not in every epoch."""
        if batch_idx == 0:
            self._seed(runner)

    def _seed(self, runner: Runner) -> None:
        state = np.random.SeedSequence([int(runner.seed), runner.epoch, runner.rank]).generate_state(1)
        set_random_seed(int(state[0]))


def _checkpoints(folder: Path) -> list[Path]:
    return [*folder.glob('epoch_*.pth'), *folder.glob('best_*_epoch_*.pth')]


def _newest_whole(folder: Path) -> Path:
    listed = (folder / work_files.LAST_CHECKPOINT).read_text(encoding='utf-8', errors='replace')
    names = [Path(line).name for line in listed.split('\n')]
    paths = [folder / name for name in names if name and (folder / name).is_file()]
    if not paths:  # the list itself is damaged
        paths = sorted(folder.glob('epoch_*.pth'), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    problems: list[str] = []
    without_best: list[Path] = []
    for path in paths:
        try:
            check_whole(path)
            best = load_weights(path).get('message_hub', {}).get('runtime_info', {}).get('best_ckpt')
        except ValueError as error:
            problems.append(str(error))
            continue
        try:
            if best:
                check_whole(folder / Path(str(best)).name)
        except ValueError as error:
            problems.append(str(error))
            without_best.append(path)
            continue
        for problem in problems:
            _logger.warning('%s; going on from %s', problem, path)
        return path
    if without_best:
        return without_best[0]  # the hook says what is lost
    raise ValueError(
        f'cannot resume: no checkpoint in {folder} can be used ({"; ".join(problems) or "there is none"}); '
        'train the stage anew, without resuming'
    )


def _best(runner: Runner) -> str | None:
    found = runner.message_hub.runtime_info.get('best_ckpt')
    return Path(found).name if found else None


def _forget_lost_best(runner: Runner) -> None:
    """Let the epochs to come select, where the file of the best of those before is lost."""
    best = _best(runner)
    try:
        if best is not None:
            check_whole(Path(runner.work_dir, best))
    except ValueError as error:
        text = f'{error}; it was the best epoch; the best of the epochs to come is selected'
        runner.logger.warning(text)  # in the log of the stage, and on the console
        if is_main_process():
            _logger.warning(text)
        runner.message_hub.pop_info('best_score')
        runner.message_hub.pop_info('best_ckpt')


def _sizes(runner: Runner) -> tuple[int, int]:
    """Bytes of the weights, and about those of all that is saved: Adam keeps two numbers for each that is learnt."""
    model = plain_model(runner.model)
    weights = _bytes(model.state_dict().values())
    averaged = weights if any(isinstance(hook, EMAHook) for hook in runner.hooks) else 0
    learnt = _bytes(p for p in model.parameters() if p.requires_grad)
    kept = 3 if accumulative_counts(runner.optim_wrapper) > 1 else 2  # gradients that wait
    return weights, weights + averaged + kept * learnt + 2**20  # and the log


def _bytes(tensors: Iterable[object]) -> int:
    return sum(t.numel() * t.element_size() for t in tensors if isinstance(t, Tensor))
