"""Proof that publishing loses no model: killed before every file operation, and several processes at once."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import torch

from usmm.engine.workdir.outputs import save_checkpoint, write_json
from usmm.utils import work_files
from usmm.weights import read_tensors
from usmm.zoo import Zoo
from usmm.zoo.model_page import Card
from usmm.zoo.publish import publish

KILLED, OTHER, NAME = 77, 'other', 'model'
CARD = Card('To try.', 'Made up', 'MIT', 'Not for patients.')
OPERATIONS = {'os.rename', 'os.remove', 'os.rmdir', 'os.mkdir', 'os.link', 'os.truncate', 'shutil.rmtree'}
CHANGES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
PARALLEL, EACH = 3, 4


def make_run(root: Path, value: float) -> Path:
    """A finished run whose weights are one number, again and again."""
    facts = {'config': 'made_up', 'classes': ['a', 'b'], 'positive': 'b', 'modalities': ['bus'], 'selection': 'last'}
    counts = {'train': 5, 'test': 3}
    run = root / f'run_{value}'
    run.mkdir()
    meta = {**facts, 'cases': counts, 'patients': counts, 'config_text': f'value = {value}\n'}
    save_checkpoint(run / work_files.WEIGHTS, {'w': torch.full((500,), value)}, meta)
    write_json(run / work_files.METRICS, {**facts, 'cases': counts, 'patients': counts, 'test': {'auc': value / 10}})
    return run


def settings(_: Path) -> Mapping[str, object]:
    """What a config of such a run says."""
    facts = {'classes': ['a', 'b'], 'positive': 'b', 'modalities': ['bus'], 'schema': {'images': {'bus': 'bus'}}}
    return {**facts, 'model': {'type': 'TableClassifier'}}


def publish_and_die(run: Path, zoo: Path, at: int) -> int:
    """Publish in a child process that kills itself before its file operation number `at`; its exit status."""
    pid = os.fork()
    if pid == 0:
        count = 0

        def hook(event: str, args: tuple[object, ...]) -> None:
            nonlocal count
            changes = event == 'open' and isinstance(args[2], int) and args[2] & CHANGES
            if event in OPERATIONS or changes or event == 'usmm.fsync':
                if count == at:
                    os._exit(KILLED)
                count += 1

        real = os.fsync

        def fsync(fd: Any) -> None:
            sys.audit('usmm.fsync', fd)
            real(fd)

        status = 1
        try:
            os.fsync = fsync
            sys.addaudithook(hook)
            publish(run, NAME, zoo, CARD, settings, force=True)
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def publish_and_be_killed(run: Path, zoo: Path, seconds: float) -> int:
    """Publish in a child process that is killed from outside after some time; its exit status."""
    process = multiprocessing.get_context('fork').Process(
        target=publish, args=(run, NAME, zoo, CARD, settings), kwargs={'force': True}
    )
    process.start()
    time.sleep(seconds)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    return process.exitcode or 0


def value_of(zoo: Path, name: str, cache: Path) -> float:
    """The number that the weights of a published model consist of, from a new download of it."""
    shutil.rmtree(cache, ignore_errors=True)
    folder = Zoo(zoo, cache).download(name)
    state, _ = read_tensors(folder / work_files.PUBLISHED)
    values = {float(value) for value in state['w']}
    config = (folder / work_files.CONFIG).read_text()
    if len(values) != 1 or config != f'value = {min(values)}\n':
        raise ValueError(f'{name} is a mixture: {values} and {config!r}')
    return min(values)


def problem_after(zoo: Path, cache: Path, before: float | None, after: float, runs: Mapping[float, Path]) -> str | None:
    """What is lost of a zoo whose publishing was killed, if anything.

    Args:
        zoo: The zoo, which also has the model `other`.
        cache: A folder for downloads.
        before: The model that stood there; None: none did.
        after: The one that was being published.
        runs: Number -> run.
    """
    try:
        listed = NAME in Zoo(zoo).entries
        if listed and value_of(zoo, NAME, cache) not in (before, after):
            return 'another model'
        if not listed and before is not None:
            return 'the old model is not listed any more'
        if value_of(zoo, OTHER, cache) != 1.0:
            return 'the other model was changed'
        publish(runs[4.0], 'next', zoo, CARD, settings, force=True)  # mends what was left
        names = {path.name for path in zoo.iterdir()}
        if names != {'index.yml', work_files.LOCK, OTHER, 'next', *([NAME] if listed else [])}:
            return f'the next publishing leaves {sorted(names)}'
        if listed and value_of(zoo, NAME, cache) not in (before, after):
            return 'another model after the next publishing'
        publish(runs[3.0], NAME, zoo, CARD, settings, force=listed)
        if value_of(zoo, NAME, cache) != 3.0 or not (zoo / NAME / 'README.md').is_file():
            return 'cannot be published again'
    except (OSError, ValueError) as error:
        return f'{type(error).__name__}: {error}'
    return None


def kills(root: Path, step: int = 1, random_kills: int = 0, seed: int = 0) -> Iterator[tuple[str, str | None]]:
    """Kill a first publishing and a replacing one, each before every `step`-th file operation, then at random moments.

    Yields:
        What was done, and what was lost (None: nothing).
    """
    runs = {value: make_run(root, value) for value in (1.0, 2.0, 3.0, 4.0)}
    zoo, cache, draw = root / 'zoo', root / 'cache', random.Random(seed)

    def prepare(before: float | None) -> None:
        shutil.rmtree(zoo, ignore_errors=True)
        publish(runs[1.0], OTHER, zoo, CARD, settings)
        if before is not None:
            publish(runs[before], NAME, zoo, CARD, settings)

    for before in (None, 1.0):
        at, status = 0, KILLED
        what = 'first' if before is None else 'replacing'
        while status == KILLED:
            prepare(before)
            status = publish_and_die(runs[2.0], zoo, at)
            problem = problem_after(zoo, cache, before, 2.0, runs)
            yield f'{what}, operation {at}', problem if status in (0, KILLED) else f'ended with {status}'
            at += step
    for number in range(random_kills):
        prepare(1.0)
        publish_and_be_killed(runs[2.0], zoo, draw.uniform(0, 0.1))
        yield f'random kill {number}', problem_after(zoo, cache, 1.0, 2.0, runs)


def _publish_some(run: Path, zoo: Path, who: int, barrier: Barrier) -> None:
    barrier.wait()
    for number in range(EACH):
        publish(run, f'm{who}_{number}', zoo, CARD, settings)
        publish(run, 'shared', zoo, CARD, settings, force=True)


def together(root: Path, processes: int = PARALLEL) -> str | None:
    """Let processes publish into one zoo at the same time; what was lost, if anything."""
    root.mkdir(exist_ok=True)
    context = multiprocessing.get_context('fork')
    barrier, run, zoo = context.Barrier(processes), make_run(root, 1.0), root / 'zoo'
    jobs = [context.Process(target=_publish_some, args=(run, zoo, who, barrier)) for who in range(processes)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    if any(job.exitcode for job in jobs):
        return f'a process ended with {[job.exitcode for job in jobs]}'
    wanted = {'shared', *(f'm{who}_{number}' for who in range(processes) for number in range(EACH))}
    if set(Zoo(zoo).entries) != wanted:
        return f'lost {sorted(wanted - set(Zoo(zoo).entries))}'
    broken = [name for name in wanted if value_of(zoo, name, root / 'cache') != 1.0]
    return f'broken {broken}' if broken else None


def run(args: argparse.Namespace) -> int:
    """Kill before every operation, `args.runs` times (60 where None) at random, and publish at once ten times.

    Returns:
        0 if nothing was lost.
    """
    torch.set_num_threads(1)
    lost = count = 0
    root = Path(tempfile.mkdtemp())
    try:
        for what, problem in kills(root, 1, 60 if args.runs is None else args.runs, args.seed):
            count += 1
            if problem is not None:
                lost += 1
                print(f'{what}: {problem}', flush=True)
        print(f'publish: {count - lost} of {count} kills left the old or the new model whole')
        for number in range(10):
            problem = together(root / f'together_{number}')
            if problem is not None:
                lost += 1
                print(f'several at once, {number}: {problem}', flush=True)
        print(f'publish: 10 times {PARALLEL} processes at once, {PARALLEL * EACH + 1} models each')
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return 1 if lost else 0
