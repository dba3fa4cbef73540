"""A run killed at any moment and resumed ends with the bits of one that was not.

Each scenario trains once undisturbed, and once with kills (SIGKILL of every process) at random moments: in a step,
while saving, while validating, between stages, at a random time. What both leave behind is compared bit for bit.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from resume_compare import differences
from resume_process import FOLD, KINDS, Training
from resume_task import write_task
from rich.console import Console
from rich.table import Table

RUNS = 50
SHOWN = 12  # differences printed of a scenario


@dataclass
class Scenario:
    """Settings of a training, and what came of its kills.

    Args:
        name: What is special about it.
        processes: 2: on gloo, started by tools/dist_train.sh.
        flags: Arguments of the tool.
        lines: What the config ends with.
        command: The tool that is killed.
        kinds: The moments at which it is killed.
    """

    name: str
    processes: int = 1
    flags: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    command: str = 'train'
    kinds: tuple[str, ...] = KINDS
    kills: list[str] = field(default_factory=list)
    rounds: int = 0
    found: list[str] = field(default_factory=list)


WORKERS = {
    'no workers': ('num_workers = 0',),
    '2 workers': ('num_workers = 2',),
    '2 workers, new each epoch': ('num_workers = 2', 'persistent_workers = False'),
}
EMA = "custom_hooks = [dict(type='EMAHook', momentum=0.1)]"
COSINE = "stages[0]['param_scheduler'] = [dict(type='CosineAnnealingLR', T_max=4, convert_to_iter_based=True)]"
EARLY = "stages[0]['custom_hooks'].append(dict(type='EarlyStoppingHook', monitor='auc', patience=2, min_delta=0.6))"
ACCUMULATE = "stages[0]['optim_wrapper']['accumulative_counts'] = 3"


def scenarios() -> list[Scenario]:
    """Workers x processes, and what keeps a state of its own."""
    matrix = [Scenario(name, n, (), lines) for n in (1, 2) for name, lines in WORKERS.items()]
    return [
        *matrix,
        Scenario('averaged weights, cosine rate', lines=(EMA, COSINE)),
        Scenario('averaged weights, cosine rate', 2, lines=(EMA, COSINE, 'num_workers = 2')),
        Scenario('--amp, accumulated gradients', 1, ('--amp',), (ACCUMULATE,)),
        Scenario('accumulated gradients, early stop', 2, lines=(ACCUMULATE, EARLY)),
        cross_validation(),
    ]


def cross_validation() -> Scenario:
    """Two folds, killed in each and between them; their checkpoints are kept, to be compared."""
    flags = ('--folds', '2', '--keep-checkpoints')
    return Scenario('cross-validation, 2 folds', 1, flags, command='cross_validate', kinds=(FOLD, *KINDS))


def run(args: argparse.Namespace) -> int:
    """Run all scenarios, print a table, return how many differ."""
    draw = random.Random(args.seed)
    chosen = scenarios()
    runs = args.runs or RUNS
    console = Console()
    for number, scenario in enumerate(chosen):
        quota = runs // len(chosen) + (number < runs % len(chosen))
        if quota:
            try_scenario(scenario, quota, draw)
            state = 'equal' if not scenario.found else 'DIFFERENT'
            console.print(f'{scenario.name}, {scenario.processes} process(es): {len(scenario.kills)} kills, {state}')
            for line in scenario.found[:SHOWN]:
                console.print(f'  {line}')
    console.print(_table([s for s in chosen if s.kills or s.found]))
    failed = sum(bool(s.found) for s in chosen)
    console.print(f'{sum(len(s.kills) for s in chosen)} kills, {failed} scenarios that differ')
    return failed


def try_scenario(scenario: Scenario, quota: int, draw: random.Random) -> None:
    """Kill a training `quota` times, some of them in a row, and compare what it leaves with an undisturbed one."""
    with tempfile.TemporaryDirectory() as folder:
        config = write_task(Path(folder), scenario.lines)
        whole = Training(config, Path(folder, 'whole'), scenario.processes, scenario.flags, scenario.command)
        start = time.monotonic()
        if error := whole.run(resume=False):
            scenario.found.append(f'undisturbed: {error}')
            return
        seconds = time.monotonic() - start
        while len(scenario.kills) < quota and not scenario.found:
            scenario.rounds += 1
            work = Path(folder, f'killed{scenario.rounds}')
            other = Training(config, work, scenario.processes, scenario.flags, scenario.command)
            _one_round(scenario, other, min(quota - len(scenario.kills), 4), whole.marks, seconds, draw)
            scenario.found += differences(whole.work_dir, work)


def _one_round(
    scenario: Scenario, training: Training, kills: int, marks: dict[str, int], seconds: float, draw: random.Random
) -> None:
    """Kill and resume one training until it was killed often enough, then let it end."""
    for number in range(kills):
        kind = scenario.kinds[(len(scenario.kills) + draw.randrange(2)) % len(scenario.kinds)]
        if kind == 'time':
            ended = training.kill_at(draw.uniform(1.0, seconds), resume=number > 0)
        else:
            # later marks are rarer after a resume
            nth = draw.randint(1, max(1, marks.get(kind, 1) // (1 + number)))
            ended = training.kill_on(kind, nth, draw.expovariate(1 / 0.02), resume=number > 0)
        if ended is not None:
            scenario.found += [ended] if ended else []
            return
        scenario.kills.append(kind)
    if error := training.run(resume=True):
        scenario.found.append(f'resumed after {scenario.kills[-kills:]}: {error}')


def _table(tried: Sequence[Scenario]) -> Table:
    table = Table('scenario', 'processes', 'trainings', 'kills', *KINDS, FOLD, 'result')
    for s in tried:
        counts = [str(s.kills.count(kind)) for kind in (*KINDS, FOLD)]
        result = '[green]equal' if not s.found else '[red]different'
        table.add_row(s.name, str(s.processes), str(s.rounds), str(len(s.kills)), *counts, result)
    return table
