"""Room for the batches that loading workers hand over: asked for before a run, not found missing in the midst of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from mmengine.config import Config
from torch.utils.data import BatchSampler, DataLoader

from usmm.datasets import CaseDataset
from usmm.readers import DataError
from usmm.structures import Case
from usmm.utils.random_state import kept_random_state

FOLDER = Path(
    '/dev/shm'
)  # where Linux keeps shared memory; 64 MiB in a container of Docker, unless it is told otherwise
AHEAD = 2  # batches that each worker loads ahead: the `prefetch_factor` of torch
LOOKED_AT = 3  # cases whose size is measured; the largest counts


def check_shared_memory(config: Config, data_sets: Iterable[CaseDataset]) -> None:
    """See that the batches of the loading workers have room in the shared memory.

    Args:
        config: The resolved config: `num_workers`, and `batch_size`, also that of stages.
        data_sets: The data sets that the workers load, packed as for training or for a test.

    Raises:
        OSError: They have not; states what to do.
    """
    if config.num_workers < 1 or free_bytes() is None:
        return
    stages = [stage.get('batch_size') or 0 for stage in config.get('stages') or () if not stage.get('cache')]
    size = max([config.batch_size, *stages])
    for data in data_sets:
        largest = 0
        for index in range(0, len(data), max(1, len(data) // LOOKED_AT)):
            try:
                largest = max(largest, tensor_bytes(data[0, index]))
            except (DataError, OSError, ValueError):  # files are checked elsewhere
                continue
        _check_room(largest, min(size, len(data)), config.num_workers, AHEAD)


def check_loader(loader: DataLoader) -> None:
    """As `check_shared_memory`, for the loader of a plain config, as far as its first sample shows the size.

    Raises:
        OSError: The shared memory is too small.
    """
    if loader.num_workers < 1 or free_bytes() is None or loader.batch_sampler is None:
        return
    with kept_random_state():
        try:
            sample = tensor_bytes(loader.dataset[0])
        except Exception:  # a data set of others, which need not have a first sample; it fails where it is used
            return
    size = loader.batch_sampler.batch_size if isinstance(loader.batch_sampler, BatchSampler) else 1
    _check_room(sample, size, loader.num_workers, loader.prefetch_factor or AHEAD)


def free_bytes() -> int | None:
    """Free bytes of the shared memory; None where the system keeps it elsewhere."""
    return shutil.disk_usage(FOLDER).free if FOLDER.is_dir() else None


def tensor_bytes(value: object) -> int:
    """Bytes of the tensors in a sample, however deep.

    Example:
        >>> tensor_bytes({'inputs': [torch.zeros(2, 3), torch.zeros(4, dtype=torch.uint8)], 'name': 'a'})
        28
    """
    if isinstance(value, torch.Tensor):
        return value.nbytes
    if isinstance(value, Mapping):
        return sum(map(tensor_bytes, value.values()))
    if isinstance(value, (list, tuple)):
        return sum(map(tensor_bytes, value))
    return tensor_bytes(value.data) if isinstance(value, Case) else 0


def _check_room(sample: int, batch_size: int, workers: int, ahead: int) -> None:
    processes = int(os.environ.get('LOCAL_WORLD_SIZE', 1))  # of this machine, as torchrun states it
    needed, free = sample * batch_size * workers * ahead * processes, free_bytes()
    if free is None or needed <= free:
        return
    of = f'{batch_size} cases x {workers} workers x {ahead} batches' + (f' x {processes} processes' * (processes > 1))
    raise OSError(
        f'the shared memory has no room for the batches of the loading workers: {_mebibytes(needed)} are needed '
        f'({of}), {_mebibytes(free)} of {FOLDER} are free; give the container more (docker run --shm-size=8g), or set '
        'num_workers=0, fewer workers or a smaller batch_size'
    )


def _mebibytes(size: int) -> str:
    return f'{size / 2**20:.1f} MiB'
