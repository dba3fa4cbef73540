"""Tables and images of a made-up clinic."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from usmm.datasets.table_inference import CaseRows, PreparedTable, TableHints, TableRoles, infer_roles, prepare_table

Cells = Mapping[str, Sequence[object]]


@pytest.fixture
def write_table(tmp_path: Path) -> Callable[..., Path]:
    """Write columns as a CSV file."""

    def write(columns: Cells, name: str = 'all.csv', delimiter: str = ',', encoding: str = 'utf-8') -> Path:
        path = tmp_path / name
        with path.open('w', newline='', encoding=encoding) as file:
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
        return path

    return write


@pytest.fixture
def write_images(tmp_path: Path) -> Callable[[Sequence[str]], None]:
    """Write a small image under each of these names, no two alike."""

    def write(names: Sequence[str]) -> None:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            image = np.full((8, 10), 90, np.uint8)
            image[0, :4] = np.frombuffer(zlib.crc32(name.encode()).to_bytes(4), np.uint8)
            Image.fromarray(image).save(tmp_path / name)

    return write


@pytest.fixture
def infer(write_table: Callable[..., Path]) -> Callable[..., TableRoles]:
    """The roles of a table of these columns."""

    def run(columns: Cells, **hints: object) -> TableRoles:
        stated = TableHints(**hints)  # type: ignore[arg-type]
        return infer_roles(CaseRows(write_table(columns), stated), stated)

    return run


@pytest.fixture
def prepare(write_table: Callable[..., Path], tmp_path: Path) -> Callable[..., PreparedTable]:
    """The cases of a table of these columns."""

    def run(columns: Cells, **hints: object) -> PreparedTable:
        stated = TableHints(**hints)  # type: ignore[arg-type]
        data = CaseRows(write_table(columns), stated)
        return prepare_table(data, infer_roles(data, stated), tmp_path)

    return run


@pytest.fixture
def base() -> dict[str, list[object]]:
    """Ids, labels and ages of 24 cases."""
    return dict(
        id=[f'{i:03d}' for i in range(24)],
        label=['benign', 'malignant'] * 12,
        age=[40 + i * 7 % 13 for i in range(24)],
    )
