"""Proof that every family of models gives the same as an ONNX file: equal classes, probabilities within 1e-4."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import export_families as families
import numpy as np
from rich.console import Console
from rich.table import Table

from usmm.export import OnnxModel, Parity, export_onnx, random_batches

CASES = 32
SPREAD = 1e-3  # probabilities of all cases within this: a graph that ignores its inputs would pass


def compare(family: str, cases: int, path: Path) -> tuple[Parity, float]:
    """Export a small model of a family and compare it with the file.

    Args:
        family: Key of `FAMILIES` or `TABLES` in export_families.py.
        cases: Random cases that both predict.
        path: The ONNX file.

    Returns:
        The comparison, and how far the probabilities of the cases lie apart.

    Raises:
        ValueError: The two differ.
    """
    model = families.make(family)
    parity = export_onnx(
        model, path, families.SCHEMA, families.SHAPES, lambda m: random_batches(m, cases, batch_size=4), threads=1
    )
    assert parity is not None
    exported = OnnxModel(path, threads=1)
    # a last batch that is smaller than the one that the graph was traced with
    outputs = [exported.predict(**batch)['probabilities'] for batch in random_batches(exported, cases, batch_size=7)]
    return parity, float(np.ptp(np.concatenate(outputs)[:, 0]))


def run(args: argparse.Namespace) -> int:
    """Compare every family on `args.runs` cases (32 where None).

    Returns:
        The number of families whose file differs, or whose probabilities are all alike.
    """
    table = Table('family', 'cases', 'largest difference', 'other class', 'spread', 'seconds')
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for family in (*families.FAMILIES, *families.TABLES):
            start = time.monotonic()
            try:
                parity, spread = compare(family, args.runs or CASES, Path(folder, 'model.onnx'))
                cells = [str(parity.count), f'{parity.largest:.1e}', str(parity.changed), f'{spread:.3f}']
                failed += spread <= SPREAD
            except ValueError as error:
                failed, cells = failed + 1, ['', f'[red]{error}[/red]', '', '']
            table.add_row(family, *cells, f'{time.monotonic() - start:.0f}')
    Console().print(table)
    return failed
