"""Room in the shared memory, asked for before a run."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch.utils.data import DataLoader, Dataset

from usmm.engine import shared_memory
from usmm.engine.shared_memory import check_loader, check_shared_memory
from usmm.readers import DataError
from usmm.structures import Case

SAMPLE = 3 * 16 * 16  # bytes of a picture of uint8


class Pictures(Dataset):
    """Ten cases of one picture, the last of which is twice as large; the first cannot be read."""

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: tuple[int, int]) -> Case:
        epoch, i = index
        assert epoch == 0
        if i == 0:
            raise DataError('is damaged')
        side = (32, 16) if i == 9 else (16, 16)
        return Case(case_id=str(i), patient_id=str(i), data={'bus': torch.zeros(3, *side, dtype=torch.uint8)})


def settings(workers: int) -> Config:
    stages = [dict(name='image', batch_size=5), dict(name='clinical', batch_size=8, cache=True)]
    return Config(dict(batch_size=2, num_workers=workers, stages=stages))


@pytest.mark.parametrize('processes', [1, 2])
def test_what_the_workers_load_ahead_must_have_room(processes, monkeypatch):
    monkeypatch.setenv('LOCAL_WORLD_SIZE', str(processes))
    needed = 2 * SAMPLE * 5 * 3 * 2 * processes  # the largest case, a batch of the stage, 3 workers, 2 batches each
    monkeypatch.setattr(shared_memory, 'free_bytes', lambda: needed)
    check_shared_memory(settings(3), [Pictures()])
    monkeypatch.setattr(shared_memory, 'free_bytes', lambda: needed - 1)
    of = '5 cases x 3 workers x 2 batches' + ' x 2 processes' * (processes == 2)
    with pytest.raises(OSError, match=rf'no room .* are needed \({of}\).* --shm-size=8g\), or set num_workers=0'):
        check_shared_memory(settings(3), [Pictures()])
    check_shared_memory(settings(0), [Pictures()])
    monkeypatch.setattr(shared_memory, 'free_bytes', lambda: None)  # a system that keeps it elsewhere
    check_shared_memory(settings(3), [Pictures()])


class Plain(Dataset):
    """Samples as those of other packages, drawn at random."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> dict[str, object]:
        random.random()
        np.random.rand()  # noqa: NPY002
        return {'inputs': [torch.rand(10)], 'data_samples': object()}


def test_a_plain_loader_and_the_random_state(monkeypatch):
    loader = DataLoader(Plain(), batch_size=2, num_workers=2, prefetch_factor=3)
    monkeypatch.setattr(shared_memory, 'free_bytes', lambda: 40 * 2 * 2 * 3)
    before = torch.get_rng_state(), random.getstate()
    check_loader(loader)
    assert torch.equal(torch.get_rng_state(), before[0]) and random.getstate() == before[1]
    monkeypatch.setattr(shared_memory, 'free_bytes', lambda: 40 * 2 * 2 * 3 - 1)
    with pytest.raises(OSError, match=re.escape('(2 cases x 2 workers x 3 batches)')):
        check_loader(loader)
    check_loader(DataLoader(Plain(), batch_size=2))
    check_loader(DataLoader(Pictures(), batch_size=2, num_workers=2))  # which has no sample by a plain index


def test_free_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(shared_memory, 'FOLDER', tmp_path)
    assert shared_memory.free_bytes() > 0
    monkeypatch.setattr(shared_memory, 'FOLDER', tmp_path / 'none')
    assert shared_memory.free_bytes() is None
