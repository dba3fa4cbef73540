"""Proof that long runs do not grow: memory over 2,000 steps with workers, clips and caches; what stays open after."""

from __future__ import annotations

import argparse
import contextlib
import gc
import multiprocessing
import os
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook

from usmm.config import load_config
from usmm.engine import Experiment, RunOptions
from usmm.phantoms import make_phantom
from usmm.registry import HOOKS

STEPS, CASES, LIMIT = 2000, 32, 0.01
CONFIG = """
default_scope = 'usmm'
classes = ('ADC', 'SCC')
positive = 'SCC'
modalities = ('dceus',)
max_epochs = None
batch_size = 2
num_workers = 2
seed = {seed}
work_dir = '{root}/work'
monitor = 'auc'
schema = dict(clips=dict(dceus='dceus'))
dataset = dict(type='CaseDataset', table='{root}/data/cases.xlsx', schema='${{schema}}', classes='${{classes}}',
    modalities='${{modalities}}', seed='${{seed}}', split=dict(folds=4, fold=0, seed=0, val_ratio=0.2,
        selection='inner', file='${{work_dir}}/folds.csv'))
evaluator = [dict(type='CaseMetrics', classes='${{classes}}', positive='${{positive}}')]
load = [dict(type='LoadClip', modalities=('dceus',), step=0.25), dict(type='Resize', size=24)]
cached = dict(type='Cached', transforms='${{load}}', cache_dir='{root}/cache', memory=True)
train_pipeline = ['${{cached}}', dict(type='RandomFlip'), dict(type='PackCase')]
test_pipeline = ['${{cached}}', dict(type='PackCase')]
model = dict(type='MultiModalClassifier', modalities='${{modalities}}', classes='${{classes}}',
    positive='${{positive}}', schema='${{schema}}', data_preprocessor=dict(type='CasePreprocessor'),
    encoder=dict(
        dynamic=dict(type='ClipEncoder', clip='dceus', backbone=dict(type='R2Plus1D', depth=18, base_channels=4))),
    fusion=dict(type='TransformerFusion', embed_dims=16, num_layers=1, num_heads=2),
    head=dict(type='LinearHead', losses=[dict(type='FocalLoss')]))
stages = [dict(name='image', train='all', optimizer=dict(type='Adam', lr=1e-4), max_epochs={epochs}, val_interval=10,
    checkpoint_interval=10, custom_hooks=[dict(type='MemoryHook')])]
"""


@HOOKS.register_module()
class MemoryHook(Hook):
    """Note after every epoch the steps made, and the resident memory of the process and of its workers in bytes."""

    priority = 'LOWEST'
    noted: list[tuple[int, int, int]] = []

    def after_train_epoch(self, runner: Any) -> None:
        """Measure."""
        workers = [resident(int(child.pid or 0)) for child in multiprocessing.active_children()]
        self.noted.append((runner.iter, resident(os.getpid()), sum(workers)))


def resident(pid: int) -> int:
    """Resident memory of a process in bytes."""
    fields = Path(f'/proc/{pid}/statm').read_text(encoding='ascii').split()
    return int(fields[1]) * os.sysconf('SC_PAGE_SIZE')


def open_files() -> list[str]:
    """What the open file handles of this process point to."""
    found = []
    for handle in Path('/proc/self/fd').iterdir():
        with contextlib.suppress(OSError):  # the handle that lists the folder
            found.append(str(handle.readlink()))
    return sorted(found)


def children() -> list[str]:
    """The processes that this one started and that still live."""
    return Path(f'/proc/self/task/{os.getpid()}/children').read_text(encoding='ascii').split()


def growth(values: list[int]) -> float:
    """How much higher the median of the last fifth is than that of the fifth after the warm-up, the first quarter."""
    warm = len(values) // 4
    fifth = max(len(values) // 5, 1)
    return statistics.median(values[-fifth:]) / statistics.median(values[warm : warm + fifth]) - 1


def train(root: Path, epochs: int, seed: int) -> None:
    """Train a tiny network and drop all that belongs to it."""
    config = root / 'proof.py'
    config.write_text(CONFIG.format(root=root, epochs=epochs, seed=seed))
    experiment = Experiment(load_config(config), options=RunOptions(progress=False))
    experiment.train()
    del experiment
    gc.collect()


def run(args: argparse.Namespace) -> int:
    """Train for `args.runs` steps (2,000 where None).

    Returns:
        0 if memory, open files and processes stayed.
    """
    torch.set_num_threads(1)
    steps = STEPS if args.runs is None else args.runs
    root = Path(tempfile.mkdtemp())
    try:
        make_phantom(root / 'data', cases=CASES, seed=args.seed, modalities=['dceus'], clip_seconds=2.0, fps=4.0,
            workers=1)  # fmt: skip
        train(root, 1, args.seed)  # what is opened once and kept is no leak
        files, processes = open_files(), children()
        per_epoch = MemoryHook.noted[-1][0]
        MemoryHook.noted.clear()
        train(root, -(-steps // per_epoch), args.seed)
        left_files, left_processes = open_files(), children()
    finally:
        shutil.rmtree(root, ignore_errors=True)
    failed = 0
    for name, values in zip(('process', 'workers'), list(zip(*MemoryHook.noted, strict=True))[1:], strict=True):
        more = growth(list(values))
        failed += more >= LIMIT
        print(f'{name}: {values[0] / 2**20:.1f} MiB after the first epoch, {values[-1] / 2**20:.1f} at the end, '
              f'{more:+.2%} after the warm-up')  # fmt: skip
    print(f'steps: {MemoryHook.noted[-1][0]}')
    print(f'open files: {len(files)} before, {len(left_files)} after')
    print(f'processes: {len(processes)} before, {len(left_processes)} after')
    for path in {*left_files} - {*files}:
        print(f'left open: {path}')
    return int(failed > 0 or len(left_files) > len(files) or len(left_processes) > len(processes))
