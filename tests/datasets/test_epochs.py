"""Random draws depend on the epoch: a sampler that does not give it is refused, not followed into equal epochs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.dataset import DefaultSampler, pseudo_collate
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from usmm import compat
from usmm.datasets import CaseDataset, CaseSampler
from usmm.datasets.epochs import EpochGuard
from usmm.structures import Schema

SCHEMA = Schema(images=dict(bus='bus'))
LOAD = [dict(type='LoadImage'), dict(type='Resize', size=32)]
RANDOM = [*LOAD, dict(type='RandomFlip', prob=0.5), dict(type='PackCase')]
compat.apply()


@pytest.fixture
def data(tiny_data: Path) -> Callable[..., CaseDataset]:
    def build(pipeline: list[dict] = RANDOM) -> CaseDataset:
        return CaseDataset(tiny_data / 'cases.csv', SCHEMA, ('ADC', 'SCC'), pipeline=pipeline)

    return build


def test_a_pair_is_taken_as_it_is_and_an_index_once() -> None:
    guard = EpochGuard('X')
    assert [guard.split((e, 4), True) for e in (0, 1, 0)] == [(0, 4), (1, 4), (0, 4)]
    assert [guard.split(4, False) for _ in range(3)] == [(0, 4)] * 3
    assert guard.split(4, True) == (0, 4) and guard.split(5, True) == (0, 5)
    message = r'sample 4 of a X is read again without its epoch, .* same in every epoch: use .*usmm\.CaseSampler'
    with pytest.raises(ValueError, match=message):
        guard.split(4, True)


@pytest.mark.parametrize('workers', [0, 1])
def test_a_loader_of_torch_that_does_not_give_the_epoch(data, workers: int) -> None:
    loader = DataLoader(data(), batch_size=4, shuffle=True, num_workers=workers, collate_fn=pseudo_collate)
    with pytest.raises(ValueError, match=r'of a CaseDataset is read (again|by a worker) without its epoch'):
        for _ in range(2):
            for _ in loader:
                pass


@pytest.mark.parametrize('workers', [0, 1])
def test_without_random_transforms_any_sampler_will_do(data, workers: int) -> None:
    fixed = data([*LOAD, dict(type='PackCase')])
    loader = DataLoader(fixed, batch_size=4, num_workers=workers, collate_fn=pseudo_collate)
    first, second = ([case.data['bus'] for batch in loader for case in batch] for _ in range(2))
    assert len(first) == len(fixed) and all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_the_sampler_of_usmm_draws_anew_in_every_epoch(data) -> None:
    cases = data()
    sampler = CaseSampler(cases, seed=0)
    loader = DataLoader(cases, batch_size=4, sampler=sampler, collate_fn=pseudo_collate)
    epochs = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        epochs.append({case.case_id: case.data['bus'] for batch in loader for case in batch})
    assert any(not torch.equal(epochs[0][i], epochs[1][i]) for i in epochs[0])
    assert any(not torch.equal(epochs[1][i], epochs[2][i]) for i in epochs[0])


def test_the_sampler_of_mmengine_is_refused_by_a_plain_runner(data) -> None:
    """It sets an epoch of its own order, which does not reach the data set."""
    loader = Runner.build_dataloader(
        dict(batch_size=4, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True), dataset=data()), seed=0
    )
    assert isinstance(loader.sampler, DefaultSampler)
    assert len([*loader]) == 5
    loader.sampler.set_epoch(1)
    with pytest.raises(ValueError, match='is read again without its epoch'):
        next(iter(loader))
