"""Prove a property that takes longer to show than the tests may take; without a name: list the proofs.

python proofs/prove.py resume --runs 50 --seed 0
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from rich.console import Console
from rich.table import Table

from usmm.utils.console import plain_errors

PREFIX = 'prove_'


def proofs() -> dict[str, str]:
    """Name of each proof -> the first line of what it says of itself."""
    files = sorted(Path(__file__).parent.glob(f'{PREFIX}*.py'))
    return {f.stem.removeprefix(PREFIX): f.read_text(encoding='utf-8').split('"""')[1].splitlines()[0] for f in files}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('name', nargs='?', choices=[*proofs()], help='the proof')
    parser.add_argument('--runs', type=int, help='how often to try (default: as many as the proof needs)')
    parser.add_argument('--seed', type=int, default=0, help='of what is tried')
    words = sys.argv[1:] if argv is None else argv
    name = next((word for word in words if word in proofs()), None)
    more = getattr(proof(name), 'add_options', None) if name else None
    if more is not None:
        more(parser)
    return parser.parse_args(argv)


def proof(name: str) -> ModuleType:
    """The module of a proof."""
    place = str(Path(__file__).parent)
    if place not in sys.path:
        sys.path.insert(0, place)
    return importlib.import_module(PREFIX + name)


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    if args.name is None:
        table = Table('proof', 'what it shows')
        for name, text in proofs().items():
            table.add_row(name, text)
        Console().print(table)
        return 0
    if args.runs is not None and args.runs < 1:
        raise ValueError(f'--runs must be at least 1, got {args.runs}')
    failed = proof(args.name).run(args)
    return 1 if failed else 0


if __name__ == '__main__':
    raise SystemExit(main())
