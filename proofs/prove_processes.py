"""Proof that no process outlives the one that started it, and that workers that fail end their run with one line."""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from resume_task import write_task

LONG = "stages[0]['max_epochs'] = 100000"
START_SECONDS, END_SECONDS, LOADER_SECONDS = 180.0, 30.0, 20
TOOLS = Path(__file__).resolve().parents[1] / 'tools'


@dataclass(frozen=True)
class Case:
    """A command, whom a signal hits, and how the command must end.

    Args:
        name: For the table.
        words: Behind `python -m usmm`.
        ready: Text that shows that it is at work: of its output, or the name of a file in its folder.
        victim: Chooses the process that is hit, of the command's own and its descendants.
        hit: The signal that it gets.
        code: The exit code of the command.
        last: Pattern of its last line; empty: not looked at.
    """

    name: str
    words: tuple[str, ...]
    ready: str
    victim: Callable[[int, list[int]], int]
    hit: int = signal.SIGKILL
    code: int = -signal.SIGKILL
    last: str = ''


def itself(pid: int, below: list[int]) -> int:
    return pid


def a_worker(pid: int, below: list[int]) -> int:
    """A process that loads: its name is that which torch gives it."""
    return next(p for p in below if 'pt_data_worker' in _read(p, 'comm'))


def a_fold(pid: int, below: list[int]) -> int:
    return next(p for p in below if 'spawn_main' in _read(p, 'cmdline'))


def torchrun(pid: int, below: list[int]) -> int:
    return next(p for p in below if 'torch.distributed.run' in _read(p, 'cmdline'))


KILLED = r'error: a loading worker \(pid \d+\) was killed by the signal Killed; most likely the memory'
HANGS = r'error: no batch came for 20 s from the loading workers'
FOLD_KILLED = r'error: a process that trains was killed, most likely as the memory ran out, so 2 of 2 folds'
TRAIN, LOADING = ('train', 'CONFIG'), ('train', 'CONFIG', '--cfg-options', 'num_workers=2')
FOLDS, TWO = ('cross_validate', 'CONFIG', '--folds', '2', '--jobs', '2'), ('dist_train', 'CONFIG', '2')
PHANTOM = ('make_phantom', 'WORK/phantom', '--cases', '4000', '--workers', '2')
CASES = (
    Case('train', TRAIN, 'epoch 1/', itself),
    Case('train, two workers', LOADING, 'epoch 1/', itself),
    Case('cross_validate --jobs 2', FOLDS, 'epoch_1.pth', itself),
    Case('dist_train', TWO, 'epoch 1/', itself),
    Case('dist_train, torchrun', TWO, 'epoch 1/', torchrun, code=128 + signal.SIGKILL),
    Case('make_phantom', PHANTOM, '*.png', itself),
    Case('train, a worker killed', LOADING, 'epoch 1/', a_worker, code=2, last=KILLED),
    Case('train, a worker stopped', LOADING, 'epoch 1/', a_worker, signal.SIGSTOP, 2, HANGS),
    Case('cross_validate, a fold killed', FOLDS, 'epoch_1.pth', a_fold, code=2, last=FOLD_KILLED),
)


def run(args: argparse.Namespace) -> bool:
    """Try every case `--runs` times; returns whether one failed."""
    failed = 0
    for case in CASES:
        for _ in range(args.runs or 1):
            with tempfile.TemporaryDirectory() as folder:
                found = try_case(case, Path(folder))
            failed += bool(found)
            print(f'{case.name}: {found or "as it should be"}', flush=True)
    print(f'{failed} failures')
    return failed > 0


def try_case(case: Case, folder: Path) -> str:
    """What went wrong; empty where nothing did."""
    config, work = write_task(folder, [LONG]), folder / 'work'
    words = [word.replace('CONFIG', str(config)).replace('WORK', str(work)) for word in case.words]
    if case.words[0] != 'make_phantom':
        words[2:2] = ['--work-dir', str(work)] if case.words[0] != 'dist_train' else []
        words += ['--work-dir', str(work)] if case.words[0] == 'dist_train' else []
    output = folder / 'output'
    environment = {**os.environ, 'USMM_LOADER_TIMEOUT': str(LOADER_SECONDS), 'OMP_NUM_THREADS': '1', 'PORT': '29655'}
    environment['PYTHONPATH'] = os.pathsep.join([str(TOOLS.parent), str(folder)])
    with output.open('wb') as file:
        command = [sys.executable, '-m', 'usmm', *words]
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment, cwd=folder)
        below: list[int] = []
        try:
            _wait(lambda: process.poll() is not None or _is_ready(case.ready, output, work), START_SECONDS)
            if process.poll() is not None or not _is_ready(case.ready, output, work):
                return f'it did not start: {_last(output)}'
            below = descendants(process.pid)
            os.kill(case.victim(process.pid, below), case.hit)
            if not _wait(lambda: process.poll() is not None, END_SECONDS + 2 * LOADER_SECONDS):
                return 'it did not end'
            if not _wait(lambda: not [p for p in below if _is_alive(p)], END_SECONDS):
                names = [_read(p, 'cmdline').replace('\0', ' ')[:80] for p in below if _is_alive(p)]
                return f'{len(names)} processes outlived it: {names}'
        finally:
            for pid in (process.pid, *below):
                if _is_alive(pid):
                    os.kill(pid, signal.SIGKILL)
            process.wait()
    if process.returncode != case.code:
        return f'exit code {process.returncode}, not {case.code}: {_last(output)}'
    if case.last and not re.match(case.last, _last(output)):
        return f'its last line is {_last(output)!r}'
    return ''


def descendants(pid: int) -> list[int]:
    """Numbers of all processes below one."""
    below: list[int] = []
    for path in Path(f'/proc/{pid}/task').glob('*/children'):
        for child in map(int, path.read_text().split()):
            below += [child, *descendants(child)]
    return below


def _is_ready(text: str, output: Path, work: Path) -> bool:
    return any(work.rglob(text)) if '.' in text else text in output.read_text(errors='replace')


def _is_alive(pid: int) -> bool:
    state = _read(pid, 'stat').rpartition(')')[2].split()
    return bool(state) and state[0] != 'Z'


def _read(pid: int, name: str) -> str:
    try:
        return Path(f'/proc/{pid}/{name}').read_text(errors='replace')
    except OSError:
        return ''


def _wait(ready: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def _last(output: Path) -> str:
    lines = output.read_text(errors='replace').splitlines()
    return lines[-1] if lines else ''
