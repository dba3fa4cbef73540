"""The web server under load, fuzzing and attacks: no error, no mix-up, and none succeeds.

Without --load, --fuzz or --attacks all three are done.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from all_attacks import all_attacks
from rich.console import Console
from rich.table import Table
from server_attacks import Result, run_all
from server_ends import run_ends
from server_fuzz import EXAMPLES, run_damaged, run_fuzz
from server_load import User, make_users, run_load
from server_process import Running, machine
from server_target import Target

MODELS = ('msmfn_small_phantom', 'msmfn_small_breast')
LIMITS = {
    'file_bytes': 8 * 2**20, 'request_bytes': 24 * 2**20, 'files': 16, 'waiting': 32, 'header_seconds': 4.0,
    'upload_seconds': 8.0, 'decode_seconds': 8.0, 'connections': 200,
}  # fmt: skip
"""Of the server that is attacked: smaller than the defaults, so that an attack takes seconds."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this proof."""
    parser.add_argument('models', nargs='*', default=list(MODELS), metavar='MODEL', help='as of usmm serve')
    parser.add_argument('--load', action='store_true', help='many users at once')
    parser.add_argument('--fuzz', action='store_true', help='requests made by schemathesis (--runs of each operation)')
    parser.add_argument('--attacks', action='store_true', help='attacks, one after another')
    parser.add_argument('--only', metavar='GROUP', help='attacks of this group alone')
    parser.add_argument('--users', type=int, default=20, help='at once (default: 20)')
    parser.add_argument('--requests', type=int, default=50, help='of each user (default: 50)')
    parser.add_argument('--out', type=Path, help='JSON file for the figures')


def limit_options(limits: dict[str, float]) -> list[str]:
    """Limits as options of `usmm serve`."""
    named = [f'--limit={name}={value}' for name, value in limits.items() if name != 'connections']
    most = int(limits['connections'])
    return [*named, f'--connections={most}', f'--connections-per-client={most * 3 // 4}']


def good_user(folder: Path, running: Running) -> list[User]:
    """One user for each model of a server."""
    told = ask_models(running)
    return make_users(folder, len(told), {m['id']: [i['name'] for i in m['inputs']] for m in told})


def ask_models(running: Running) -> list[dict[str, Any]]:
    """What the server tells of its models."""
    bare = Target.__new__(Target)
    bare.running = running
    return bare.ask('GET', '/api/v1/models').json['models']


def attacks(models: list[str], folder: Path, only: str | None) -> Iterator[Result]:
    """Start a server and attack it; then servers that are ended.

    Args:
        models: That it serves; the first is attacked.
        folder: For all that is made.
        only: A group, or None for all.
    """
    running = Running(models, folder / 'attacked', limit_options(LIMITS))
    try:
        user = good_user(folder / 'one', running)[0]
        parts = [one for one in user.parts if b'name="explain"' not in one[0]]
        target = Target(running, user.model, parts, LIMITS)
        yield from run_all(target, [a for a in all_attacks() if only in (None, a.group)])
    finally:
        running.kill()
    if only in (None, 'end'):
        yield from run_ends(models, user.model, parts, folder / 'ends', LIMITS)


def prove_attacks(args: argparse.Namespace, folder: Path, console: Console) -> tuple[bool, dict[str, Any]]:
    """The attacks, one line each group, and those that succeeded."""
    found: list[Result] = []
    for result in attacks(args.models, folder, args.only):
        found.append(result)
        if result.success:
            console.print(f'{result.group}: {result.name}: {result.success}', style='red', markup=False)
    table = Table('attacks', 'tried', 'succeeded', 'seconds', 'most MiB')
    for group in dict.fromkeys(result.group for result in found):
        these = [result for result in found if result.group == group]
        wins = sum(result.success is not None for result in these)
        seconds, growth = sum(r.seconds for r in these), max(r.growth for r in these)
        table.add_row(group, str(len(these)), str(wins), f'{seconds:.0f}', f'{growth:.0f}')
    console.print(table)
    wins = sum(result.success is not None for result in found)
    console.print(f'{len(found)} attacks, {wins} succeeded')
    rows = [{**vars(result), 'seconds': round(result.seconds, 2), 'growth': round(result.growth)} for result in found]
    return wins > 0, {'attacks': len(found), 'succeeded': wins, 'each': rows}


def prove_served(args: argparse.Namespace, folder: Path, console: Console) -> tuple[bool, dict[str, Any]]:
    """Load and fuzzing, on one server with the default limits."""
    running, facts, failed = Running(args.models, folder / 'served'), {}, False
    facts['start'] = {'seconds': round(running.seconds, 2), 'memory, MiB': _whole(running.memory())}
    try:
        told = ask_models(running)
        if args.load:
            users = make_users(folder / 'users', args.users, {m['id']: [i['name'] for i in m['inputs']] for m in told})
            target = Target(running, users[0].model, users[0].parts[:-1], {})
            load = run_load(running, target, users, args.requests)
            facts['load'], failed = load.facts(), failed or load.failed
            show(console, f'load: {"FAILED" if load.failed else "no error, no mix-up"}', facts['load'])
        if args.fuzz:
            fuzz = run_fuzz(running, told[0]['id'], args.runs or EXAMPLES, args.seed)
            user = good_user(folder / 'one', running)[0]
            run_damaged(Target(running, user.model, user.parts[:-1], {}), fuzz, 5 * (args.runs or EXAMPLES), args.seed)
            left = 0 if running.empty() else len(running.uploads())
            facts['fuzz'] = {**fuzz.facts(), 'files left in the spool': left}
            failed = failed or bool(fuzz.problems or left or not running.alive)
            show(console, f'fuzzing: {len(fuzz.problems)} problems', facts['fuzz'])
        traced = 'Traceback' in running.written()
        facts['end'] = {'exit code': running.stop(), 'a traceback in the log': traced}
    finally:
        running.kill()
    show(console, 'the server', {**facts['start'], **facts['end']})
    return failed or traced, facts


def show(console: Console, title: str, facts: dict[str, Any]) -> None:
    """Facts as a table of two columns."""
    table = Table('what', 'found', title=title)
    for name, value in facts.items():
        table.add_row(name, ', '.join(f'{k} {v}' for k, v in value.items()) if isinstance(value, dict) else str(value))
    console.print(table, markup=False)


def _whole(found: dict[str, float]) -> dict[str, int]:
    return {name: round(value) for name, value in found.items()}


def run(args: argparse.Namespace) -> int:
    """Do what is asked for.

    Returns:
        The number of parts that failed.

    Raises:
        ValueError: A number of users or requests below 1.
    """
    if args.users < 1 or args.requests < 1:
        raise ValueError(f'--users and --requests must be at least 1, got {args.users} and {args.requests}')
    if not (args.load or args.fuzz or args.attacks):
        args.load = args.fuzz = args.attacks = True
    console, failed = Console(), 0
    facts: dict[str, Any] = {'machine': machine(), 'models': args.models}
    with tempfile.TemporaryDirectory() as name:
        if args.load or args.fuzz:
            bad, found = prove_served(args, Path(name), console)
            failed, facts = failed + bad, {**facts, **found}
        if args.attacks:
            bad, found = prove_attacks(args, Path(name), console)
            failed, facts = failed + bad, {**facts, 'attacks': found}
    if args.out:
        args.out.write_text(json.dumps(facts, indent=1), encoding='utf-8')
    console.print('all held' if not failed else f'{failed} parts failed')
    return failed
