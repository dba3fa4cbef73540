"""What usmm benchmark times, section by section."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import Runner
from rich.console import Console
from rich.table import Table
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from usmm.apis.network import check_device
from usmm.cli.benchmark_steps import Clock, Row, Step, build_model, random_batch, run_in_turn, test_step, train_step
from usmm.config import load_config, parse_options
from usmm.config.runner_settings import loader_config
from usmm.models import MultiModalClassifier
from usmm.registry import DATASETS
from usmm.structures import Batch
from usmm.structures.settings import CLINICAL

KINDS = (('float32', torch.float32, False), ('bfloat16', torch.bfloat16, True))


def read_config(args: argparse.Namespace, **options: object) -> Config:
    """The config without its clinical stage, which is no work to speak of."""
    given = {**parse_options(args.cfg_options), **options}
    given['modalities'] = [m for m in load_config(args.config, given).modalities if m != CLINICAL]
    return load_config(args.config, given)


def bench_runner(config: Config, model: MultiModalClassifier, batch: Batch, clock: Clock) -> list[Row]:
    """The Runner with its hooks and evaluator against a plain loop over the same modules."""
    hooks = run_in_turn(config, model, batch, clock)
    names = ('training step, Runner / plain loop', 'inference, Runner / plain loop')
    return [clock.compare(name, h.runner_times, h.plain_times, '<= 1.05') for name, h in zip(names, hooks)]


def bench_amp(config: Config, model: MultiModalClassifier, batch: Batch, clock: Clock) -> list[Row]:
    """Channels-last bfloat16 against contiguous float32: speed, and how far the probabilities move."""
    fast = build_model(config, clock.device, channels_last=True)
    target = 'above 1; with AMX >= {}'
    slow_step, fast_step = train_step(model, batch), train_step(fast, batch, half=True)
    training = clock.in_turn('training, float32 / bfloat16 channels-last', slow_step, fast_step, target.format(4.9))
    fast.load_state_dict(model.state_dict())
    slow_step, fast_step = test_step(model, batch, clock.device), test_step(fast, batch, clock.device, half=True)
    inference = clock.in_turn('inference, float32 / bfloat16 channels-last', slow_step, fast_step, target.format(4.1))
    moved = max(float(abs(a['scores'] - b['scores']).max()) for a, b in zip(slow_step(), fast_step()))
    return [training, inference, Row('largest change of a probability by bfloat16', moved, '', target='<= 0.01')]


def loader_of(args: argparse.Namespace, folder: Path) -> DataLoader:
    """A loader with two workers over the given cases, or over phantoms with short clips."""
    options: dict[str, object] = dict(cache_dir=str(folder / 'cache'), work_dir=str(folder / 'work'))
    if args.data_root is None:
        seconds = 10.0
        make_phantom(folder / 'cases', 4 * args.batch_size, seconds, read_config(args).modalities)
        options |= dict(data_root=str(folder / 'cases'), table='cases.xlsx', keyframe_step=seconds / 90)
    else:
        options['data_root'] = args.data_root
    config = read_config(args, **options)
    pipeline = [{**t, 'clinical': ()} if t['type'] == 'PackCase' else t for t in config.train_pipeline]
    dataset = DATASETS.build({**config.dataset, 'split': None, 'part': None, 'pipeline': pipeline})
    return Runner.build_dataloader(loader_config(config, dataset, True, args.batch_size, 2))


def bench_loader(args: argparse.Namespace, model: MultiModalClassifier, clock: Clock, folder: Path) -> list[Row]:
    """The loader alone on its first pass (files) and later ones (cache), then the wait before each training step."""
    loader = loader_of(args, folder)
    batches: list[Batch] = []
    cold = clock.time(lambda: batches.extend(loader)) / len(loader)
    warm = clock.time(lambda: [None for _ in range(3) for _ in loader]) / len(loader) / 3
    step = train_step(model, batches[0])
    alone = clock.median(step)
    waits, feed = [], iter(loader)
    for _ in range(len(loader)):
        waits.append(clock.time(lambda: next(feed)))
        clock.time(step)
    waiting = sum(waits[1:]) / max(len(waits) - 1, 1)  # the first wait starts the epoch
    return [
        Row('loader alone, first pass / training step', cold / alone, 'x', cold, alone),
        Row('loader alone, later passes / training step', warm / alone, 'x', warm, alone, '< 1'),
        Row('wait for a batch / training step', waiting / alone, 'x', waiting, alone, '< 0.05'),
    ]


def make_phantom(folder: Path, cases: int, seconds: float, modalities: Sequence[str]) -> None:
    from usmm import phantoms

    # a test case, so that the table has the column `split`, which some schemas name
    phantoms.make_phantom(folder, cases - 1, test_cases=1, clip_seconds=seconds, modalities=list(modalities))


def bench_keyframes(args: argparse.Namespace, folder: Path) -> list[Row]:
    """Key frames of a 22 fps, 360 x 440 clip against decoding it and nothing else."""
    from usmm.cli.keyframe_speed import time_key_frames

    make_phantom(folder / 'clip', 2, args.clip_seconds, ['dceus'])
    clip = min((folder / 'clip').rglob('*.mp4'))
    times = time_key_frames(clip, args.repeats)
    what = f'key frames / bare decoding, {args.clip_seconds:g} s clip'
    return [Row(what, times['ratio'], 'x', times['key_frames'], times['decode'], '<= 1.15')]


def peak_memory(args: argparse.Namespace) -> int:
    """Bytes at the peak of two training steps: of the GPU, or resident on the CPU (libraries included)."""
    half, config = args.peak_of == 'bfloat16', read_config(args)
    step = train_step(build_model(config, args.device, half), random_batch(config, args.batch_size), half)
    step()
    step()
    if args.device.startswith('cuda'):
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024)


def bench_memory(args: argparse.Namespace) -> list[Row]:
    """Peak memory of training, each in a fresh process, as a process only knows its highest peak so far."""
    words = [
        sys.executable,
        '-m',
        'usmm',
        'benchmark',
        args.config,
        '--device',
        args.device,
        '--batch-size',
        str(args.batch_size),
    ]
    words += ['--cfg-options', *args.cfg_options] if args.cfg_options else []
    rows = []
    for kind, _, _ in KINDS:
        answer = subprocess.run([*words, '--peak-of', kind], check=True, stdout=subprocess.PIPE, text=True).stdout
        rows.append(Row(f'peak memory, training {kind}', int(answer.split()[-1]) / 2**30, 'GiB'))
    return rows


def matrix_speed(size: int, dtype: torch.dtype, clock: Clock) -> float:
    """Operations per second of a square matrix product, the fastest of the repeats."""
    a, b = (torch.rand(size, size, device=clock.device).to(dtype) for _ in range(2))
    return 2 * size**3 / min(clock.time(lambda: a @ b) for _ in range(clock.warmup + 2 * clock.repeats))


def operations(step: Step) -> int:
    """Floating point operations of a step (a product and a sum are two)."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # one opaque operation otherwise
    try:
        with FlopCounterMode(display=False) as counter:
            step()
        return counter.get_total_flops()
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def bench_peak(args: argparse.Namespace, config: Config, batch: Batch, clock: Clock) -> list[Row]:
    """Counted operations of a step, per second, over the machine's matrix speed in the same type."""
    size = args.matrix or (8192 if args.device.startswith('cuda') else 2048)
    plain = build_model(config, clock.device)
    counts = [operations(train_step(plain, batch)), operations(test_step(plain, batch, clock.device))]
    rows: list[Row] = []
    for kind, dtype, half in KINDS:
        speed = matrix_speed(size, dtype, clock)
        rows.append(Row(f'matrix product {kind}, {size} x {size}', speed / 1e12, 'Tflop/s'))
        model = build_model(config, clock.device, channels_last=half)
        steps = dict(training=train_step(model, batch, half), inference=test_step(model, batch, clock.device, half))
        for count, (name, step) in zip(counts, steps.items()):
            seconds = clock.median(step)
            what = f'{name} {kind} ({count / 1e9:.0f} Gflop), share of that speed'
            rows.append(Row(what, 100 * count / seconds / speed, '%', seconds))
    return rows


def show(rows: Sequence[Row], args: argparse.Namespace) -> Table:
    threads = torch.get_num_threads()
    table = Table(title=f'{args.config}, {args.batch_size} cases a batch, {args.device}, {threads} threads')
    for name in ('what', 'value', 'first, s', 'second, s', 'target'):
        table.add_column(name, justify='left' if name in ('what', 'target') else 'right')
    for row in rows:
        times = ['' if t is None else f'{t:.4f}' for t in (row.first, row.second)]
        table.add_row(row.what, f'{row.value:.3g} {row.unit}', *times, row.target)
    return table


def time_sections(args: argparse.Namespace) -> list[Row]:
    """The rows of all sections that are asked for."""
    config, clock = read_config(args), Clock(args.device, args.repeats, args.warmup)
    model, batch = build_model(config, args.device), random_batch(config, args.batch_size)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        sections: dict[str, Callable[[], list[Row]]] = {
            'runner': lambda: bench_runner(config, model, batch, clock),
            'amp': lambda: bench_amp(config, model, batch, clock),
            'loader': lambda: bench_loader(args, model, clock, Path(folder)),
            'keyframes': lambda: bench_keyframes(args, Path(folder)),
            'memory': lambda: bench_memory(args),
            'peak': lambda: bench_peak(args, config, batch, clock),
        }
        for name in (s for s in sections if s in args.only):
            print(f'{name} ...', file=sys.stderr, flush=True)
            rows += sections[name]()
            write(rows, args)  # after each section: a run that is cut off leaves what it has
    return rows


def write(rows: Sequence[Row], args: argparse.Namespace) -> None:
    gpu = args.device.startswith('cuda')
    machine = torch.cuda.get_device_name() if gpu else f'{os.cpu_count()} cores, {platform.machine()}'
    facts = dict(config=args.config, batch_size=args.batch_size, machine=machine, torch=torch.__version__)
    content = {**facts, 'threads': torch.get_num_threads(), 'rows': [asdict(row) for row in rows]}
    Path(args.out).write_text(json.dumps(content, indent=2) + '\n', encoding='utf-8')


def run(args: argparse.Namespace) -> int:
    """The whole benchmark: prints a table and writes a JSON file. Of `--peak-of`: prints the peak of the memory."""
    if args.device is None:
        args.device = 'cuda' if torch.cuda.is_available() else 'cpu'
    check_device(args.device)
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    if args.peak_of is not None:
        print(peak_memory(args))
        return 0
    rows = time_sections(args)
    Console(width=None if sys.stdout.isatty() else 120).print(show(rows, args))
    return 0
