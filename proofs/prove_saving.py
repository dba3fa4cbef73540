"""Proof that saving survives faults: kills at any byte, full disks, I/O errors, read-only folders, damaged files."""

from __future__ import annotations

import argparse
import builtins
import contextlib
import csv
import errno
import importlib
import io
import json
import os
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook

from usmm.config import load_config
from usmm.engine import Experiment, RunOptions, load_weights
from usmm.engine.workdir.run_facts import versions
from usmm.registry import HOOKS
from usmm.utils import work_files

KINDS = ('kill', 'kill', 'no space', 'I/O error', 'read-only', 'truncated', 'bit flip')
EPOCHS, STAGE, NOBODY, KILLED, REFUSED = 5, 'clinical', 65534, 77, 3
CONFIG = """
default_scope = 'usmm'
classes = ('a', 'b')
positive = 'b'
modalities = ('clinical',)
max_epochs = None
batch_size = 4
num_workers = 0
seed = 0
work_dir = '{work_dir}'
monitor = 'auc'
schema = dict(clinical=[dict(name='age', unit='year', range=(0, 120)), dict(name='size', unit='mm', range=(0, 99))])
dataset = dict(type='CaseDataset', table='{root}/cases.csv', schema='${{schema}}', classes='${{classes}}',
    modalities='${{modalities}}', seed='${{seed}}',
    split=dict(folds=3, fold=0, seed=0, val_ratio=0.3, selection='inner', file='${{work_dir}}/folds.csv'))
evaluator = [dict(type='CaseMetrics', classes='${{classes}}', positive='${{positive}}')]
train_pipeline = test_pipeline = [dict(type='PackCase', clinical='${{schema.clinical}}')]
model = dict(type='MultiModalClassifier', modalities='${{modalities}}', classes='${{classes}}',
    positive='${{positive}}', schema='${{schema}}', data_preprocessor=dict(type='CasePreprocessor'),
    clinical=dict(type='ClinicalFusionHead'))
stages = [dict(name='clinical', train='clinical', optimizer=dict(type='Adam', lr=0.3), max_epochs={epochs},
    custom_hooks=[dict(type='WitnessHook')])]
"""


@HOOKS.register_module()
class WitnessHook(Hook):
    """Note where training began and how many steps it made."""

    seen: dict[str, int] = {'start': -1, 'steps': 0}

    def before_train_epoch(self, runner: Any) -> None:
        """Note the first epoch of this process."""
        if self.seen['start'] < 0:
            self.seen['start'] = runner.epoch

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Count a step."""
        self.seen['steps'] += 1


@dataclass
class Fault:
    """What goes wrong from one tick on: every byte of a save and every operation on its files is a tick.

    Args:
        kind: One of `KINDS`; 'none' only counts.
        at: The tick.
        after: Whether a kill comes after the operation rather than before it.
        folder: The work directory.
    """

    kind: str
    at: int
    after: bool
    folder: Path
    now: int = 0

    def __post_init__(self) -> None:
        self.events: list[tuple[int, str]] = []
        self.witness = self.folder.with_name('saves')  # a byte for every save that is done

    def install(self) -> None:
        """Put this clock between Python and the files of this process."""
        for name in ('fsync', 'replace', 'unlink', 'posix_fallocate'):
            setattr(os, name, self._operation(name, getattr(os, name)))
        builtins.open = io.open = self._open(builtins.open)  # type: ignore[assignment]

    def _operation(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if name in ('replace', 'unlink') and self.folder not in Path(args[-1]).parents:
                return real(*args, **kwargs)  # not a file of the run
            due = self.now <= self.at
            self.now += 1
            self.events.append((self.now, f'{name} {args[-1]}'))
            due = due and self.now > self.at
            if due and self.kind == 'kill' and not self.after:
                os._exit(KILLED)
            if self.now > self.at:
                self.fail(name, *args[:1] if name in ('unlink', 'replace') else ())
            try:
                result = real(*args, **kwargs)
            finally:  # removing a file that is not there is an operation, too
                if due and self.kind == 'kill' and name != 'replace':
                    os._exit(KILLED)
            if name == 'replace' and Path(args[-1]).name == work_files.LAST_CHECKPOINT:
                with self.witness.open('ab', buffering=0) as file:
                    file.write(b'.')
            if due and self.kind == 'kill':
                os._exit(KILLED)
            return result

        return call

    def fail(self, name: str, *path: Any) -> None:
        """Raise what the system raises once the fault is there; a full disk still lets files go."""
        if self.kind == 'no space' and name in ('write', 'fsync', 'posix_fallocate'):
            raise OSError(errno.ENOSPC, 'No space left on device')
        if self.kind == 'I/O error':
            raise OSError(errno.EIO, 'Input/output error', *path)
        if self.kind == 'read-only':
            for folder in (self.folder, self.folder / STAGE):
                if folder.exists():
                    folder.chmod(0o555)

    def _open(self, real: Callable[..., Any]) -> Callable[..., Any]:
        clock = self

        class Raw(io.FileIO):
            def write(self, data: Any) -> int:
                data = bytes(data)
                left = clock.at - clock.now
                clock.now += len(data)
                if clock.kind not in ('none', 'read-only') and left < len(data):
                    if left > 0:
                        super().write(data[:left])
                    if clock.kind == 'kill':
                        os._exit(KILLED)
                    clock.fail('write')
                return super().write(data)

        def call(file: Any, mode: str = 'r', *args: Any, **kwargs: Any) -> Any:
            name = Path(file).name if isinstance(file, (str, os.PathLike)) else ''
            if not re.fullmatch(r'\..+\.\d+', name) or not set(mode) & set('wx'):
                return real(file, mode, *args, **kwargs)
            if clock.kind == 'read-only' and clock.now >= clock.at:
                clock.fail('open')
            buffer = io.BufferedWriter(Raw(file, mode.replace('b', '').replace('t', '')))
            return buffer if 'b' in mode else io.TextIOWrapper(buffer, encoding='utf-8', newline='\n')

        return call


def train(config: Path, resume: bool, fault: Fault | None) -> tuple[int, dict[str, Any]]:
    """Train in a child process.

    Returns:
        Its exit status (0, `KILLED`, `REFUSED` for an OSError, 4 for anything else) and what it reported.
    """
    report = config.with_name('report.json')
    report.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        status, said = 4, ''
        handle = os.open(config.with_name('console.txt'), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        pipe = report.open('w')
        try:
            if fault is not None:
                if fault.kind == 'read-only' and os.geteuid() == 0:
                    os.seteuid(NOBODY)  # nothing is read-only for root
                fault.install()
            Experiment(load_config(config), options=RunOptions(progress=False)).train(resume=resume)
            status = 0
        except OSError as error:
            status, said = REFUSED, str(error)
        except BaseException as error:
            said = f'{type(error).__name__}: {error}'
        events = fault.events if fault is not None else []
        fired = fault is not None and fault.now > fault.at
        found = {**WitnessHook.seen, 'fired': fired, 'said': said, 'events': events, 'modules': sorted(sys.modules)}
        pipe.write(json.dumps(found))
        pipe.flush()
        os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    text = report.read_text() if report.exists() else ''
    return status, json.loads(text) if text else {}


def prepare(root: Path, name: str) -> Path:
    """A config in a new folder that every user may write."""
    folder = root / name
    (folder / 'work').mkdir(parents=True)
    for path in (folder, folder / 'work'):
        path.chmod(0o777)
    config = folder / 'proof.py'
    (folder / 'saves').touch()
    (folder / 'saves').chmod(0o666)
    config.write_text(CONFIG.format(root=root, work_dir=folder / 'work', epochs=EPOCHS))
    return config


def damage(stage: Path, kind: str, rng: random.Random) -> str:
    """Cut off the newest checkpoint, or flip a bit of it or of the list of checkpoints."""
    listed = stage / work_files.LAST_CHECKPOINT
    target = stage / listed.read_text().split('\n')[0]
    if kind == 'bit flip' and rng.random() < 0.2:
        target = listed
    content = bytearray(target.read_bytes())
    if kind == 'truncated':
        content = content[: rng.randrange(len(content))]
    else:
        place = rng.randrange(len(content))
        content[place] ^= 1 << rng.randrange(8)
    target.write_bytes(bytes(content))
    return target.name


def same(one: Path, other: Path) -> bool:
    """Whether two checkpoints hold the same weights, bit for bit."""
    first, second = load_weights(one)['state_dict'], load_weights(other)['state_dict']
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


class Proof:
    """A reference run, and runs with faults that are compared with it."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.rng = root, random.Random(seed)
        root.chmod(0o755)
        draw = random.Random(0)
        with (root / 'cases.csv').open('w', newline='') as file:
            writer = csv.writer(file)
            writer.writerow(['case_id', 'patient_id', 'label', 'age', 'size'])
            writer.writerows([i, f'p{i}', 'ab'[i % 2], 40 + draw.random() * 9 + 3 * (i % 2), 9] for i in range(24))
        config = prepare(root, 'whole')
        self.reference = config.parent / 'work'
        counter = Fault('none', 2**62, False, self.reference)
        status, report = train(config, False, counter)
        if status != 0:
            raise RuntimeError(f'the run without faults ended with {status}: {report.get("said")}')
        for module in report['modules']:  # once here, not in every child
            with contextlib.suppress(ImportError):
                importlib.import_module(module)
        versions()  # the environment may lie where the user of a read-only run cannot look
        self.events: list[tuple[int, str]] = [tuple(event) for event in report['events']]
        # a save is done when the list of checkpoints names it
        self.saves = [tick for tick, name in self.events if name.startswith('replace') and name.endswith('checkpoint')]

    def tick(self, first: int) -> int:
        """A random tick: any byte, or, as often, an operation."""
        ticks = [tick for tick, _ in self.events if tick >= first]
        return self.rng.randrange(first, ticks[-1]) if self.rng.random() < 0.5 else self.rng.choice(ticks) - 1

    def once(self, kind: str, number: int) -> str | None:
        """One fault and the resumed run; what was wrong, or None."""
        config = prepare(self.root, f'{number:05d}')  # as long as 'whole': the same bytes are written
        work, stage = config.parent / 'work', config.parent / 'work' / STAGE
        harmed = kind in ('truncated', 'bit flip')
        at = self.tick(self.saves[1] if harmed else 0)
        if kind == 'read-only' and self.rng.random() < 0.3:
            at = 0
        status, report = train(config, False, Fault('kill' if harmed else kind, at, self.rng.random() < 0.5, work))
        if status == 0 and not report['fired']:  # this run wrote a few bytes less than the first
            shutil.rmtree(config.parent)
            return self.once(kind, number)
        wanted = KILLED if harmed or kind == 'kill' else REFUSED
        # an error may hit the removal of an old file, which costs nothing
        if status not in (wanted, *((0,) if wanted == REFUSED else ())):
            return f'ended with {status}: {report.get("said")}'
        if status == REFUSED:
            if str(work) not in report['said']:
                return f'the message names no file: {report["said"]}'
            if at == 0 and report['steps']:
                return 'trained although nothing could be saved'
        for path in (work, stage):
            if path.exists():
                path.chmod(0o777)
        listed = stage / work_files.LAST_CHECKPOINT
        saved = int(listed.read_text().split('\n')[0][6:-4]) if listed.exists() else 0
        if saved < (stage.parents[1] / 'saves').stat().st_size:
            return 'a finished save is lost'
        what = damage(stage, kind, self.rng) if harmed else ''
        finished = (work / work_files.STAGES).exists() and STAGE in json.loads((work / work_files.STAGES).read_text())
        status, report = train(config, True, None)
        if status != 0:
            return f'cannot be resumed after {what}: {report.get("said")}'
        if not finished and report['start'] < saved - harmed and saved < EPOCHS:
            return f'went on from epoch {report["start"]}, {saved} were saved'
        for name in (f'{STAGE}/epoch_{EPOCHS}.pth', work_files.WEIGHTS):
            if not (harmed and finished) and not same(work / name, self.reference / name):
                return f'{name} is not that of the run without faults'
        left = [path.name for folder in (work, stage) for path in folder.glob('.*') if path.name != work_files.LOCK]
        return f'left {left} behind' if left else None


def run(args: argparse.Namespace) -> int:
    """Inject `args.runs` (200 where None) faults drawn from `args.seed`.

    Returns:
        0 if all were survived.
    """
    torch.set_num_threads(1)
    runs = 200 if args.runs is None else args.runs
    root = Path(tempfile.mkdtemp())
    tried: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    try:
        proof = Proof(root, args.seed)
        for number in range(runs):
            kind = KINDS[number % len(KINDS)]
            tried[kind] += 1
            problem = proof.once(kind, number)
            if problem is not None:
                failed[kind] += 1
                print(f'fault {number} ({kind}): {problem}', flush=True)
            shutil.rmtree(root / f'{number:05d}')
    finally:
        shutil.rmtree(root, ignore_errors=True)
    for kind, count in tried.items():
        print(f'{kind}: {count - failed[kind]} of {count} survived')
    print(f'saving: {runs - failed.total()} of {runs} faults survived')
    return 1 if failed else 0
