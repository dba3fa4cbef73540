"""What a work directory holds: predictions.csv, metrics.json, checkpoints; written whole or not at all."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

COLUMNS = ('case_id', 'patient_id', 'part', 'fold', 'seed', 'label', 'pred')


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; moved over it when the block ends well, removed when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.{os.getpid()}')
    try:
        yield temporary
        with temporary.open('rb+') as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file; numbers that are not finite become null, as JSON knows no NaN."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(_plain(content), indent=2, allow_nan=False) + '\n', encoding='utf-8')


def save_checkpoint(path: Path, state: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> None:
    """Save weights with plain metadata, loadable with `weights_only=True`."""
    with replacing(path) as temporary:
        torch.save({'state_dict': dict(state), 'meta': _plain(meta)}, temporary)


def load_weights(path: Path) -> dict[str, Any]:
    """A checkpoint's content, on the CPU; code inside it is refused.

    Raises:
        ValueError: The file is missing, is no checkpoint, or holds more than tensors and plain values.
    """
    try:
        content = torch.load(path, map_location='cpu', weights_only=True)
    except FileNotFoundError:
        raise ValueError(f'no checkpoint at {path}') from None
    except Exception as error:
        raise ValueError(f'{path} is no checkpoint that can be loaded safely: {str(error).splitlines()[0]}') from error
    if not isinstance(content, dict) or 'state_dict' not in content:
        raise ValueError(f'{path} has no state_dict')
    return content


def prediction_rows(
    rows: Iterable[Mapping[str, Any]], part: str, fold: int | None, seed: int, classes: Sequence[str]
) -> list[dict[str, Any]]:
    """Rows of predictions.csv from a metric's rows (case_id, patient_id, label, scores)."""
    return [
        {
            'case_id': row['case_id'],
            'patient_id': row['patient_id'],
            'part': part,
            'fold': '' if fold is None else fold,
            'seed': seed,
            'label': '' if row['label'] is None else classes[row['label']],
            'pred': classes[int(np.argmax(row['scores']))],
            **{f'prob_{name}': float(score) for name, score in zip(classes, row['scores'], strict=True)},
        }
        for row in rows
    ]


def write_predictions(path: Path, rows: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> None:
    """Write predictions.csv: case_id, patient_id, part, fold, seed, label, pred, prob_<class>..."""
    columns = [*COLUMNS, *[f'prob_{name}' for name in classes]]
    with replacing(path) as temporary, temporary.open('w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def read_predictions(path: Path) -> list[dict[str, Any]]:
    """The rows of predictions.csv, probabilities as floats.

    Raises:
        ValueError: The file lacks one of the columns of the contract.
    """
    with Path(path).open(newline='', encoding='utf-8') as file:
        reader = csv.DictReader(file)
        missing = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f'{path} is no predictions table: it has no columns {missing}')
        return [{k: float(v) if k.startswith('prob_') else v for k, v in row.items()} for row in reader]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (np.generic, np.ndarray, torch.Tensor)):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
