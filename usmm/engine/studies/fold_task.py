"""One fold of a cross-validation: trained and tested in a folder of its own, once, by one process."""

from __future__ import annotations

import gc
import json
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import barrier, is_main_process

from usmm.config import load_config, source_text
from usmm.config.stage_spec import RunOptions
from usmm.engine.experiment import Experiment
from usmm.engine.launched import start_launched
from usmm.engine.run_parts import case_parts
from usmm.engine.workdir.data_record import check_finished
from usmm.engine.workdir.fold_record import begin_fold, check_flags, finish_fold, report_unused_flags
from usmm.engine.workdir.kept_config import changed_settings
from usmm.engine.workdir.ownership import Ownership
from usmm.structures import Settings
from usmm.utils import work_files
from usmm.utils.console import is_for_the_user, message_of
from usmm.utils.parent_death import end_with_parent

RESULT = (work_files.PREDICTIONS, work_files.METRICS, work_files.WEIGHTS)  # the last of them is written last


@dataclass(frozen=True)
class FoldTask:
    """What one fold needs to be run anywhere.

    Args:
        config: Path or name of the config.
        folder: Its work directory.
        seed: Of weights, augmentation and order of the cases.
        fold: Which fold tests.
        options: Overrides of the config, `dotted.key -> value`.
        keep_checkpoints: Keep the checkpoints of every epoch; by default only `model.pth` stays of a finished fold.
    """

    config: str
    folder: Path
    seed: int
    fold: int
    options: Settings = field(default_factory=dict)
    keep_checkpoints: bool = False

    @property
    def name(self) -> str:
        """For messages."""
        return f'fold {self.fold}, seed {self.seed} ({self.folder})'

    @property
    def finished(self) -> bool:
        """Whether all of its results are there."""
        return _is_finished(self.folder)

    @property
    def finished_beside(self) -> list[Path]:
        """Folders of the other finished folds that are pooled with this one."""
        if not self.folder.name.startswith(work_files.FOLD_PREFIX):
            return []
        root, patterns = self.folder.parent, work_files.FOLD_PATTERNS[:1]
        if root.name.startswith(work_files.SEED_PREFIX):
            root, patterns = root.parent, work_files.FOLD_PATTERNS[1:]
        folders = sorted(path for pattern in patterns for path in root.glob(pattern))
        return [path for path in folders if path != self.folder and _is_finished(path)]

    def load(self) -> Config:
        """Its config, with the overrides, the seed and the folder filled in."""
        return load_config(self.config, {**self.options, 'seed': self.seed, 'work_dir': str(self.folder)})

    def check(self, config: Config) -> None:
        """Check that the results in the folder come from this config.

        Raises:
            ValueError: Another config made them; the message names the settings.
        """
        changed = changed_settings(self.folder, source_text(config))
        if changed:
            raise ValueError(
                f'{self.folder} holds the fold of another config (it differs in {", ".join(changed)}): '
                'use another work dir, or remove that folder'
            )


def run_fold(task: FoldTask, options: RunOptions, resume: bool) -> bool:
    """Train and test a fold unless it is done.

    Args:
        task: The fold.
        options: The flags of a run.
        resume: Go on from the last checkpoint of a fold that was broken off, rather than from its start.

    Returns:
        Whether it had to be run.

    Raises:
        ValueError: The folder holds results of another config, the data have changed since, or finished folds beside
            it were trained with other flags.
        OSError: Another process is training in its folder.
    """
    config = task.load()
    task.check(config)
    if task.finished:
        check_finished(task.folder, case_parts(config), config.classes, _skipped(task.folder))
        report_unused_flags(task.folder, options)
        return False
    start_launched(options.launcher, config)
    ownership = Ownership(task.folder)
    with ownership.held():
        if task.finished:  # by the process that held the lock
            return False
        experiment = Experiment(config, options=options, ownership=ownership)
        begin_fold(task.folder, options, resume, task.finished_beside)
        experiment.train(resume=resume, overwrite=True)  # what there is of an unfinished fold
        finish_fold(task.folder)
        if not task.keep_checkpoints and is_main_process():
            for path in [*task.folder.glob('*/*.pth'), *task.folder.glob(f'*/{work_files.LAST_CHECKPOINT}')]:
                path.unlink()
        barrier()
    del experiment
    gc.collect()
    return True


def run_folds(tasks: Sequence[FoldTask], options: RunOptions, resume: bool, jobs: int = 1) -> list[bool]:
    """Run folds one after the other, or several at a time in processes of their own.

    A fold that fails does not stop the others.

    Args:
        tasks: The folds.
        options: The flags of a run.
        resume: As in `run_fold`.
        jobs: Folds at a time.

    Returns:
        Which of them had to be run.

    Raises:
        ValueError: jobs below 1, several jobs of a distributed run, or flags other than those of finished folds. In
            several processes, folds that failed or were killed; the message names them all.
        RuntimeError: In several processes, folds that failed by a defect of the program.
    """
    if jobs < 1:
        raise ValueError(f'jobs must be 1 or more, got {jobs}')
    if any(not task.finished for task in tasks):  # before hours are spent on folds that cannot be pooled
        check_flags([task.folder for task in tasks if task.finished], options)
    if jobs == 1:
        return [run_fold(task, options, resume) for task in tasks]
    if options.launcher != 'none':
        raise ValueError(f'jobs={jobs} does not go with launcher {options.launcher!r}: each fold takes all processes')
    return _in_processes(tasks, replace(options, progress=False), resume, jobs)


def _is_finished(folder: Path) -> bool:
    return all((folder / name).is_file() for name in RESULT)


def _skipped(folder: Path) -> set[str]:
    """Cases that a finished fold left out because their files could not be used."""
    content = json.loads((folder / work_files.METRICS).read_text(encoding='utf-8'))
    return {case for part in content.get('skipped', {}).values() for case in part}


def _in_processes(tasks: Sequence[FoldTask], options: RunOptions, resume: bool, jobs: int) -> list[bool]:
    # `spawn`: a fork of a process that has started torch's threads can hang
    pool = ProcessPoolExecutor(jobs, get_context('spawn'), _start, (max(1, (os.cpu_count() or 1) // jobs),))
    failed: list[str] = []
    killed: list[str] = []
    defects: list[Exception] = []
    ran = [False] * len(tasks)
    try:
        with _interrupts_wait():  # the processes that start here are never interrupted, but ended by this one
            waiting: dict[Future[bool | str], int] = {
                pool.submit(_attempt, task, options, resume): i for i, task in enumerate(tasks)
            }
        for future in as_completed(waiting):
            i = waiting[future]
            try:
                done = future.result()
            except BrokenProcessPool:
                killed.append(tasks[i].name)
            except Exception as error:
                defects.append(error)
                failed.append(f'{tasks[i].name}: {type(error).__name__}: {error}')
            else:
                if isinstance(done, str):
                    failed.append(f'{tasks[i].name}: {done}')
                    continue
                ran[i] = done
                print(f'{tasks[i].name}: {"done" if done else "was done"}', flush=True)
    except BaseException:  # Ctrl-C: folds that wait are not begun, those that run are ended
        for process in [*(pool._processes or {}).values()]:
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    _report_failures(len(tasks), failed, killed, defects)
    return ran


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Let Ctrl-C wait for the end of a block; processes that start in it inherit that it does not reach them."""
    if not hasattr(signal, 'pthread_sigmask'):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _attempt(task: FoldTask, options: RunOptions, resume: bool) -> bool | str:
    """Run a fold; a failure that is not a defect comes back as text, as its place is not known in another process."""
    try:
        return run_fold(task, options, resume)
    except Exception as error:
        if not is_for_the_user(error):
            raise
        return f'{type(error).__name__}: {message_of(error)}'


def _report_failures(count: int, failed: list[str], killed: list[str], defects: Sequence[Exception]) -> None:
    """Raise where folds failed: a defect of the program with its traceback, everything else as a message."""
    lines = [f'{len(failed)} of {count} folds failed', *sorted(failed)] if failed else []
    if killed:
        lines.append(
            f'a process that trains was killed, most likely as the memory ran out, so {len(killed)} of {count} folds '
            f'are not done: {"; ".join(sorted(killed))}; run the command again with --resume and fewer jobs'
        )
    if defects:
        raise RuntimeError('\n'.join(lines)) from defects[0]
    if lines:
        raise ValueError('\n'.join(lines))


def _start(threads: int) -> None:
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, too
    torch.set_num_threads(threads)
