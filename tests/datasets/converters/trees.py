"""Small trees in the layouts of data sets, and what a converter makes of them."""

from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config

from usmm.datasets.case_table import CaseTable
from usmm.readers import read_mask
from usmm.structures import Schema


def converter(name: str) -> ModuleType:
    return importlib.import_module(f'usmm.datasets.converters.{name}')


def convert(name: str, src: Path, out: Path, *options: str) -> list[dict[str, str]]:
    assert converter(name).main([str(src), str(out), *options]) == 0
    with (out / 'cases.csv').open(newline='', encoding='utf-8') as stream:
        return list(csv.DictReader(stream))


def problems(out: Path) -> list[str]:
    """What the case table's own reader finds wrong, with the settings that the converter wrote."""
    config = Config.fromfile(out / 'schema.py')
    schema, ignored = Schema.of(config.schema.to_dict()), tuple(config.get('ignore_labels', ()))
    classes = tuple(config.classes) if len(config.classes) > 1 else ('a', 'b')
    return [str(problem) for problem in CaseTable.read(out / 'cases.csv', schema, classes, ignored).problems]


def settings(out: Path) -> Config:
    """The written settings, which the case table's own reader must find nothing wrong with."""
    assert problems(out) == []
    return Config.fromfile(out / 'schema.py')


def touch(path: Path) -> Path:
    """A file that holds its own path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(str(path).encode())
    return path


def picture(path: Path, seed: int = 0, size: tuple[int, int] = (40, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng([seed, len(str(path)), sum(map(ord, str(path)))])
    cv2.imwrite(str(path), noise.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))
    return path


def mask(path: Path, *boxes: tuple[int, int, int, int], size: tuple[int, int] = (40, 30)) -> Path:
    pixels = np.zeros((size[1], size[0]), np.uint8)
    for x0, y0, x1, y1 in boxes:
        pixels[y0:y1, x0:x1] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), pixels)
    return path


def write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def area(out: Path, cell: str) -> int:
    return int(read_mask(out / cell).sum())


SQUARE = [[5, 5], [14, 5], [14, 14], [5, 14]]  # 10 x 10 pixels, the line included
