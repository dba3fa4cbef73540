"""What differs between two work directories that should hold the same training."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from usmm.engine import load_weights
from usmm.utils import work_files

TIMES = ('time', 'data_time', 'seconds', 'eta')  # what is measured of the clock
# these name the folder, the hour, and (mmengine's version does) the commit of the folder that the run was started in
META = ('time', 'experiment_name', 'cfg', 'config_text', 'mmengine_version')
TABLES = (work_files.STAGES, work_files.METRICS, work_files.SUMMARY)
RUNTIME = ('best_score', 'epoch', 'iter', 'max_epochs', 'max_iters')


def differences(one: Path, other: Path) -> list[str]:
    """Names of everything that differs: weights, states, bookkeeping, logged numbers, results, predictions."""
    found: list[str] = []
    pair: list[Any]
    for name in _names(one, other, TABLES):
        pair = [_untimed(json.loads((d / name).read_text())) if (d / name).exists() else None for d in (one, other)]
        found += unequal(pair[0], pair[1], name)
    for name in _names(one, other, (work_files.PREDICTIONS, work_files.FOLDS)):
        pair = [(d / name).read_bytes() if (d / name).exists() else b'' for d in (one, other)]
        found += unequal(pair[0], pair[1], name)
    files = sorted({p.relative_to(d).as_posix() for d in (one, other) for p in d.rglob('*.pth')})
    for name in files:
        if not ((one / name).exists() and (other / name).exists()):
            found.append(f'{name} is in only one')
            continue
        found += unequal(_content(one / name), _content(other / name), name)
    # of a cross-validation each fold is such a folder
    for run in sorted({Path(name).parent for name in _names(one, other, (work_files.STAGES,))}):
        for stage in (run / 'image', run / 'clinical'):
            found += unequal(_logged(one / stage), _logged(other / stage), f'{stage.as_posix()} log')
    return found


def _names(one: Path, other: Path, names: Sequence[str]) -> list[str]:
    """Files of these names that one of the two has, in any folder; relative to it."""
    return sorted({p.relative_to(d).as_posix() for d in (one, other) for name in names for p in d.rglob(name)})


def unequal(first: Any, second: Any, name: str) -> list[str]:
    """Names of the leaves of two nested values that differ in a bit."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        keys = dict.fromkeys([*first, *second])
        absent = [f'{name}:{k} is in only one' for k in keys if (k in first) != (k in second)]
        return absent + [
            d for k in keys if k in first and k in second for d in unequal(first[k], second[k], f'{name}:{k}')
        ]
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        same = first.dtype == second.dtype and first.shape == second.shape
        same = same and first.contiguous().numpy().tobytes() == second.contiguous().numpy().tobytes()
        return [] if same else [name]
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return [] if first.tobytes() == second.tobytes() else [name]
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)) and len(first) == len(second):
        return [d for i, (a, b) in enumerate(zip(first, second, strict=True)) for d in unequal(a, b, f'{name}:{i}')]
    same = type(first) is type(second) and (first == second or (first != first and second != second))
    return [] if same else [name]


def _content(path: Path) -> dict[str, Any]:
    content = dict[str, Any](load_weights(path))
    hub = content.pop('message_hub', {})
    content['meta'] = {k: v for k, v in content.get('meta', {}).items() if k not in META}
    content['runtime'] = {k: v for k, v in hub.get('runtime_info', {}).items() if k in RUNTIME}
    content['history'] = {
        k: [v._log_history, v._count_history]
        for k, v in hub.get('log_scalars', {}).items()
        if not k.endswith(TIMES)
    }  # fmt: skip
    return content


def _logged(folder: Path) -> dict[str, Any]:
    """The numbers logged of each step; those of a step that was run again count once."""
    found: dict[str, Any] = {}
    for file in sorted(folder.rglob(work_files.SCALARS)):
        for line in file.read_text().splitlines():
            # a kill can cut the last line, whose step is then run again
            if line.endswith('}'):
                row = _untimed(json.loads(line))
                kind = 'train' if 'loss' in row else 'val'
                found[f'{kind} {row.get("step")}'] = row
    return found


def _untimed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _untimed(v) for k, v in value.items() if not k.endswith(TIMES) and k != 'memory'}
    return [_untimed(v) for v in value] if isinstance(value, Sequence) and not isinstance(value, str) else value
