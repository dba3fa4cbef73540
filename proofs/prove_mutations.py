"""Proof that the tests notice faults: the code is changed in one place at a time, and a test has to fail.

The changes are those of cosmic-ray's operators and forgotten calls, drawn at random from the modules of the rooms.
"""

from __future__ import annotations

import argparse
import difflib
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from queue import Queue
from typing import Any

from mutation_points import Point, mutant, points
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
GOAL = 0.85
COUNT = 200
# Room -> the tests that look at it; those of the room come first.
ROOMS = {
    'weights': ('tests/weights', 'tests/zoo', 'tests/apis/test_bundle.py', 'tests/apis/test_hostile_settings.py'),
    'zoo': ('tests/zoo', 'tests/apis/test_bundle.py', 'tests/apis/test_hostile_settings.py'),
    'evaluation': ('tests/evaluation', 'tests/visualization/pages'),
    'server': ('tests/server',),
    'engine': ('tests/engine', 'tests/apis/test_going_on.py', 'tests/cli'),
}
MOST_SECONDS = 90.0  # of tests that are run for one fault, by the times that they took without one
LEAST_SECONDS, TIMES_SLOWER = 60.0, 5.0
MAP_SECONDS = 1800.0
COPIED = ('usmm', 'tests', 'configs', 'tools', 'model_zoo', 'proofs', 'docs')
FILES = ('setup.py', 'pyproject.toml', 'README.md', 'SECURITY.md', 'CHANGELOG.md', 'Makefile')


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this proof."""
    parser.add_argument('--rooms', default=','.join(ROOMS), help=f'parts of the package, of {", ".join(ROOMS)}')
    parser.add_argument('--processes', type=int, default=1, help='runs of tests at a time')
    parser.add_argument('--out', type=Path, help='a file for the outcomes, one line of JSON each, as they come')


class Runner:
    """A copy of the project, and the process that runs its tests.

    Args:
        folder: A new folder for the copy.
    """

    def __init__(self, folder: Path) -> None:
        self.tree, self.temporary = folder / 'project', folder / 'temporary'
        self.tree.mkdir(parents=True)
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.tree / name, ignore=shutil.ignore_patterns('__pycache__'))
        for name in FILES:
            if (ROOT / name).is_file():
                shutil.copy(ROOT / name, self.tree / name)
        program = [sys.executable, str(Path(__file__).with_name('mutation_runner.py'))]
        self.process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, tests: Sequence[str], seconds: float, lines: Path | None = None) -> int | str:
        """Run tests in the copy.

        Args:
            tests: Files, folders or names of tests.
            seconds: After these it is `'timeout'`.
            lines: Where the lines that each test runs are written.
        """
        task = {'tree': str(self.tree), 'tests': [*tests], 'seconds': seconds, 'temporary': str(self.temporary)}
        assert self.process.stdin is not None and self.process.stdout is not None
        print(json.dumps(task | ({'lines': str(lines)} if lines else {})), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError('the process that runs the tests has ended')
        outcome: int | str = json.loads(answer)
        return outcome

    @contextmanager
    def changed(self, file: str, text: str) -> Iterator[None]:
        """The copy with another text of a module."""
        path = self.tree / file
        before = path.read_text(encoding='utf-8')
        path.write_text(text, encoding='utf-8')
        try:
            yield
        finally:
            path.write_text(before, encoding='utf-8')

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()


class Reached:
    """Which tests run which lines, and how long they take."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.lines: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))

    def add(self, path: Path) -> None:
        """Take what a run of tests has written."""
        found: dict[str, Any] = json.loads(path.read_text(encoding='utf-8'))
        self.seconds |= found['seconds']
        for file, lines in found['lines'].items():
            for line, tests in lines.items():
                self.lines[file][int(line)].update(tests)

    def tests_of(self, point: Point) -> list[str]:
        """The tests that run the line of a point, the fastest first, as many as fit into `MOST_SECONDS`.

        A line that runs while the module is imported belongs to no test: those that run any line of it are taken.
        """
        lines = self.lines[point.file]
        found = lines[point.line] or {name for tests in lines.values() for name in tests}
        tests = sorted(found, key=lambda name: (self.seconds.get(name, 0.0), name))
        taken: list[str] = []
        total = 0.0
        for name in tests:
            total += self.seconds.get(name, 0.0)
            if taken and total > MOST_SECONDS:
                break
            taken.append(name)
        return taken


def run(args: argparse.Namespace) -> int:
    """Draw `args.runs` faults (200 where None) of `args.rooms` and run the tests that reach them.

    Returns:
        0, or 1 where fewer than 85 % of the faults were noticed.

    Raises:
        ValueError: A room is unknown, or tests fail without a fault.
    """
    console = Console()
    rooms = [name for name in args.rooms.split(',') if name]
    if unknown := sorted({*rooms} - {*ROOMS}):
        raise ValueError(f'--rooms takes {", ".join(ROOMS)}; got {", ".join(unknown)}')
    files = sorted(str(p.relative_to(ROOT)) for room in rooms for p in (ROOT / 'usmm' / room).rglob('*.py'))
    drawn = points(ROOT, files)
    random.Random(args.seed).shuffle(drawn)
    with tempfile.TemporaryDirectory(prefix='mutations-') as folder:
        runners = [Runner(Path(folder, str(i))) for i in range(max(1, args.processes))]
        try:
            reached = _reached(runners, rooms, Path(folder), console)
            outcomes = _outcomes(runners, drawn, args.runs or COUNT, reached, args.out, console)
        finally:
            for runner in runners:
                runner.close()
    return _report(outcomes, console)


def _reached(runners: list[Runner], rooms: Sequence[str], folder: Path, console: Console) -> Reached:
    """Run every file of tests once, without a fault."""
    places = dict.fromkeys(place for room in rooms for place in ROOMS[room])
    tests = dict.fromkeys(
        str(p.relative_to(ROOT))
        for place in places
        for p in (sorted((ROOT / place).rglob('test_*.py')) if (ROOT / place).is_dir() else [ROOT / place])
        if p.is_file()
    )
    reached, free = Reached(), _queue(runners)

    def one(file: str) -> None:
        runner, lines = free.get(), folder / f'{file.replace("/", "_")}.json'
        try:
            code = runner.run([file], MAP_SECONDS, lines)
        finally:
            free.put(runner)
        if code not in (0, 5):  # 5: all tests of the file are skipped
            raise ValueError(f'{file} fails without a fault (exit code {code}): mend that first')
        if code == 0:
            reached.add(lines)

    console.print(f'{len(tests)} files of tests run once without a fault')
    with ThreadPoolExecutor(len(runners)) as pool:
        list(pool.map(one, tests))
    return reached


def _outcomes(
    runners: list[Runner], drawn: Sequence[Point], count: int, reached: Reached, out: Path | None, console: Console
) -> list[dict[str, Any]]:
    """The outcomes of the first `count` faults that change the code."""
    free = _queue(runners)
    found: list[dict[str, Any]] = []

    def one(point: Point) -> dict[str, Any] | None:
        text = mutant(ROOT, point)
        if text is None:
            return None
        tests = reached.tests_of(point)
        runner = free.get()
        try:
            with runner.changed(point.file, text):
                expected = sum(reached.seconds.get(name, 0.0) for name in tests)
                seconds = max(LEAST_SECONDS, TIMES_SLOWER * expected)
                code = runner.run(tests, seconds) if tests else None
        finally:
            free.put(runner)
        before = (ROOT / point.file).read_text(encoding='utf-8').splitlines()
        changes = [
            line for line in difflib.unified_diff(before, text.splitlines(), lineterm='', n=0) if line[:1] in '+-'
        ]
        outcome = 'not reached' if code is None else 'survived' if code == 0 else 'noticed'
        return {**asdict(point), 'outcome': outcome, 'code': code, 'tests': len(tests), 'change': changes[2:]}

    with ThreadPoolExecutor(len(runners)) as pool:
        for outcome in pool.map(one, drawn[: 2 * count]):
            if outcome is None:
                continue
            if len(found) >= count:
                pool.shutdown(cancel_futures=True)
                break
            found.append(outcome)
            if out is not None:
                with out.open('a', encoding='utf-8') as file:
                    file.write(json.dumps(outcome) + '\n')
            if outcome['outcome'] != 'noticed':
                told = f'{outcome["outcome"]}: {outcome["file"]}:{outcome["line"]} {" ".join(outcome["change"])}'
                console.print(told, markup=False, highlight=False)
    return found


def _queue(runners: Sequence[Runner]) -> Queue[Runner]:
    free: Queue[Runner] = Queue()
    for runner in runners:
        free.put(runner)
    return free


def _report(outcomes: Sequence[dict[str, Any]], console: Console) -> int:
    table = Table('room', 'faults', 'noticed', 'survived', 'not reached', 'share noticed')
    rows: dict[str, list[str]] = defaultdict(list)
    for outcome in outcomes:
        rows[outcome['file'].split('/')[1]].append(outcome['outcome'])
    for room, results in [*sorted(rows.items()), ('all', [o['outcome'] for o in outcomes])]:
        noticed = results.count('noticed')
        share = f'{noticed / len(results):.0%}' if results else '-'
        counts = [len(results), noticed, results.count('survived'), results.count('not reached')]
        table.add_row(room, *map(str, counts), share)
    console.print(table)
    noticed = sum(o['outcome'] == 'noticed' for o in outcomes)
    return int(not outcomes or noticed < GOAL * len(outcomes))
