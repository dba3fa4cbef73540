"""Limits of tables of every format."""

from __future__ import annotations

from pathlib import Path

from usmm.readers import limits
from usmm.readers.errors import DataError

Row = list[str]


def check_counts(rows: int, cells: int, path: Path) -> None:
    """Refuse a table with too many rows or cells. Raises DataError."""
    if rows > limits.MAX_TABLE_ROWS:
        raise DataError(f'holds over {limits.MAX_TABLE_ROWS} rows', file=path)
    if cells > limits.MAX_TABLE_CELLS:
        raise DataError(f'holds over {limits.MAX_TABLE_CELLS} cells', file=path)
