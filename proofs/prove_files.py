"""Read hundreds of damaged and hostile files of every format: each must give a result or a DataError.

Anything else is a failure: another exception, no answer in time, more than 2 GiB, a process that dies.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from hostile_bombs import make_bombs
from hostile_seeds import Seed, make_seeds
from rich.console import Console
from rich.table import Table

from usmm.readers import DataError, open_clip, read_clip, read_dicom, read_image, read_mask, read_regions, read_table

TIMEOUT = 10.0  # s of processor time, so that a busy machine makes no hangs of its own
PATIENCE = 6  # times as long by the clock: something that waits for ever uses no processor
MEMORY = 2 * 2**30  # bytes above what the process had before it read anything
OUTCOMES = ('result', 'DataError', 'exception', 'memory', 'hang', 'died')
FAILURES = OUTCOMES[2:]
EDGES = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF)


@dataclass(frozen=True)
class Outcome:
    """What became of one file: one of `OUTCOMES`, and why in words."""

    kind: str
    text: str = ''
    peak: int = 0


def mutate(seed: Seed, rng: np.random.Generator) -> tuple[str, bytes]:
    """One damaged copy of a file, and the name of what was done to it."""
    mutation = MUTATIONS[int(rng.integers(len(MUTATIONS)))]
    return mutation.__name__.strip('_'), mutation(seed.content, seed.head, rng)


def _flip(content: bytes, head: int, rng: np.random.Generator) -> bytes:
    made = bytearray(content)
    for at in rng.integers(len(made), size=int(rng.choice([1, 2, 8, 64]))):
        made[at] ^= 1 << int(rng.integers(8))
    return bytes(made)


def _header(content: bytes, head: int, rng: np.random.Generator) -> bytes:
    made = bytearray(content)
    for at in rng.integers(min(head, len(made)), size=int(rng.choice([1, 2, 4]))):
        made[at] = int(rng.choice(EDGES))
    return bytes(made)


def _number(content: bytes, head: int, rng: np.random.Generator) -> bytes:
    """Two or four bytes anywhere become a number that sizes and counts break on."""
    width = int(rng.choice([2, 4]))
    at = int(rng.integers(max(len(content) - width, 1)))
    value = int(rng.choice([0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])) % (1 << 8 * width)
    order = 'little' if rng.integers(2) else 'big'
    return content[:at] + value.to_bytes(width, order) + content[at + width :]  # type: ignore[arg-type]


def _truncate(content: bytes, head: int, rng: np.random.Generator) -> bytes:
    return content[: int(rng.integers(len(content)))]


def _delete(content: bytes, head: int, rng: np.random.Generator) -> bytes:
    at, size = int(rng.integers(len(content))), int(rng.choice([1, 2, 16, 256]))
    return content[:at] + content[at + size :]


def _insert(content: bytes, head: int, rng: np.random.Generator) -> bytes:
    at = int(rng.integers(len(content)))
    return content[:at] + rng.bytes(int(rng.choice([1, 2, 16, 256]))) + content[at:]


def _swap(content: bytes, head: int, rng: np.random.Generator) -> bytes:
    size = int(min(rng.choice([4, 64, 512]), len(content) // 2))
    one, two = sorted(int(i) for i in rng.choice(len(content) // size, 2, replace=False) * size)
    made = bytearray(content)
    made[one : one + size], made[two : two + size] = content[two : two + size], content[one : one + size]
    return bytes(made)


def _repeat(content: bytes, head: int, rng: np.random.Generator) -> bytes:
    at, size = int(rng.integers(len(content))), int(rng.choice([4, 64, 512]))
    return content[:at] + content[at : at + size] * int(rng.integers(2, 20)) + content[at + size :]


MUTATIONS: tuple[Callable[[bytes, int, np.random.Generator], bytes], ...] = (
    _flip, _header, _header, _number, _truncate, _delete, _insert, _swap, _repeat,
)  # fmt: skip


def read_whole(path: Path, role: str) -> None:
    """Read a file in every way that usmm does."""
    if role == 'image':
        read_image(path)
    elif role == 'mask':
        read_mask(path)
    elif role == 'table':
        read_table(path)
    else:
        if role == 'dicom':
            read_regions(path)
            read_dicom(path)
        with open_clip(path) as clip:
            for frame in itertools.islice(clip.sample(None), 64):
                frame.grey_mean()
            _ = clip.fps
        read_clip(path)


def judge(path: Path, role: str) -> tuple[str, str]:
    """Read a file, and say which of `OUTCOMES` came of it; processes that die or hang are seen from outside."""
    try:
        read_whole(path, role)
    except DataError as error:
        complete = error.file is not None and error.cause
        return ('DataError', error.cause) if complete else ('exception', f'DataError without file or cause: {error}')
    except MemoryError as error:
        return 'memory', str(error)
    except BaseException as error:
        return 'exception', f'{type(error).__name__}: {error}'
    return 'result', ''


def _child(pipe: Connection) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)  # decoders write of every damage
    base = _status('VmSize')
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (base + 3 * MEMORY, hard))  # a net: the machine must live
    while (job := pipe.recv()) is not None:
        gc.collect()
        Path('/proc/self/clear_refs').write_text('5', encoding='ascii')  # the peak starts anew
        start = _status('VmRSS')
        kind, text = judge(Path(job[0]), job[1])
        peak = _status('VmHWM') - start
        pipe.send(
            Outcome('memory', f'{peak >> 20} MiB; {kind} {text}', peak) if peak > MEMORY else Outcome(kind, text, peak)
        )


def _status(name: str) -> int:
    """Bytes, from the kernel's account of this process."""
    lines = Path('/proc/self/status').read_text(encoding='ascii').splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f'{name}:'))


class Reader:
    """A process that reads files, replaced when it dies or does not answer.

    Args:
        timeout: Seconds of processor time for one file.
    """

    def __init__(self, timeout: float = TIMEOUT) -> None:
        self.timeout = timeout
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context('spawn')
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_child, args=(other,), daemon=True)
        self.process.start()
        other.close()

    def read(self, path: Path, role: str) -> Outcome:
        """The outcome of one file."""
        try:
            self.pipe.send((str(path), role))
            if self._answered():
                return self.pipe.recv()
            found = Outcome('hang', f'no answer in {self.timeout:g} s')
        except (EOFError, ConnectionError):
            self.process.join()
            found = Outcome('died', f'exit code {self.process.exitcode}')
        self.close()
        self._start()
        return found

    def _answered(self) -> bool:
        """Whether there is an answer (or an end) before the time is over."""
        start, used = time.monotonic(), self._seconds()
        while not self.pipe.poll(0.25):
            if self._seconds() - used > self.timeout or time.monotonic() - start > PATIENCE * self.timeout:
                return False
        return True

    def _seconds(self) -> float:
        """Processor time of the process so far."""
        fields = Path(f'/proc/{self.process.pid}/stat').read_text(encoding='utf-8').rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def damaged(seeds: Iterable[Seed], runs: int, seed: int) -> Iterator[tuple[str, str, Seed]]:
    """(format, what was done, file) of every mutation; the same for the same seed."""
    for index, good in enumerate(seeds):
        yield good.name, 'as it is', good
        for number in range(runs):
            name, content = mutate(good, np.random.default_rng([seed, index, number]))
            yield good.name, f'{name} {number}', Seed(good.name, good.role, good.suffix, content)


def prove(
    cases: Iterable[tuple[str, str, Seed]], folder: Path, keep: Path | None = None, timeout: float = TIMEOUT
) -> dict[str, list[tuple[str, Outcome]]]:
    """Read every file in a process of its own kind; format -> what was done, and its outcome.

    Args:
        cases: From `damaged`, or bombs.
        folder: For the files.
        keep: Folder for the files that fail.
        timeout: Seconds of processor time for one file.
    """
    found: dict[str, list[tuple[str, Outcome]]] = defaultdict(list)
    reader = Reader(timeout)
    try:
        reader.read(folder, 'image')  # the imports of a new process are not the time of the first file
        for number, (name, what, file) in enumerate(cases):
            path = folder / f'{number}{file.suffix}'
            path.write_bytes(file.content)
            outcome = reader.read(path, file.role)
            found[name].append((what, outcome))
            if outcome.kind in FAILURES and keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f'{name} {what}{file.suffix}'.replace('/', '-').replace(' ', '_')).write_bytes(file.content)
            path.unlink()
    finally:
        reader.close()
    return found


def report(found: dict[str, list[tuple[str, Outcome]]], title: str, console: Console) -> int:
    """Print a table of outcomes and every failure; the number of failures."""
    table = Table('format', 'tried', 'result', 'DataError', *FAILURES, 'peak MiB', title=title, title_justify='left')
    failures = 0
    for name, rows in found.items():
        counts = Counter(outcome.kind for _, outcome in rows)
        peak = max(outcome.peak for _, outcome in rows) >> 20
        table.add_row(name, *map(str, (len(rows), *(counts[kind] for kind in OUTCOMES), peak)))
        failures += sum(counts[kind] for kind in FAILURES)
    console.print(table)
    for name, rows in found.items():
        for what, outcome in rows:
            if outcome.kind in FAILURES:
                console.print(f'{name}, {what}: {outcome.kind}: {outcome.text[:300]}', markup=False)
    total = sum(len(rows) for rows in found.values())
    console.print(f'{total} files tried, {failures} failures', markup=False)
    return failures


def run(args: argparse.Namespace) -> int:
    """Try `args.runs` mutations of every format and every bomb; 1 where one of them failed."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    keep = Path(args.out) / 'failed_files' if getattr(args, 'out', None) else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seeds = make_seeds(folder)
        runs = 200 if args.runs is None else args.runs
        failures = report(prove(damaged(seeds, runs, args.seed or 0), folder, keep), 'damaged files', console)
        bombs = (('bombs', seed.name, seed) for seed in make_bombs(seeds))
        found = prove(bombs, folder, keep)
        failures += report({what: [(what, outcome)] for what, outcome in found['bombs']}, 'bombs', console)
    return 1 if failures else 0


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--runs', type=int, default=200, help='mutations of each format')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--out', help='folder for the files that fail')
    raise SystemExit(run(parser.parse_args()))
