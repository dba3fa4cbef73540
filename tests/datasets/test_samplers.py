"""The sampler: epochs travel with the index, processes share the work."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from torch.utils.data import BatchSampler

from usmm.datasets import samplers as module
from usmm.datasets.samplers import CaseBatchSampler, CaseSampler


def of_rank(monkeypatch: pytest.MonkeyPatch, rank: int, world: int, size: int, **options: object) -> CaseSampler:
    monkeypatch.setattr(module, 'get_dist_info', lambda: (rank, world))
    return CaseSampler(range(size), **options)


def test_every_epoch_shuffles_anew_and_says_its_number() -> None:
    sampler = CaseSampler(range(50), seed=5)
    first, again = list(sampler), list(sampler)
    sampler.set_epoch(1)
    second = list(sampler)
    assert first == again
    assert sorted(i for _, i in first) == sorted(i for _, i in second) == list(range(50))
    assert {e for e, _ in first} == {0}
    assert {e for e, _ in second} == {1}
    assert [i for _, i in first] != [i for _, i in second]
    assert list(CaseSampler(range(50), seed=6)) != first


def test_without_shuffling_the_order_stays() -> None:
    assert list(CaseSampler(range(3), shuffle=False, seed=0)) == [(0, 0), (0, 1), (0, 2)]


def test_a_seed_is_drawn_where_none_is_given() -> None:
    assert sorted(i for _, i in CaseSampler(range(4))) == [0, 1, 2, 3]


@pytest.mark.parametrize(('size', 'world'), [(10, 2), (11, 2), (7, 3), (2, 4)])
@pytest.mark.parametrize('round_up', [True, False])
def test_processes_share_all_indices(monkeypatch: pytest.MonkeyPatch, size: int, world: int, round_up: bool) -> None:
    options = dict(seed=0, round_up=round_up)
    samplers = [of_rank(monkeypatch, r, world, size, **options) for r in range(world)]
    indices = [[i for _, i in s] for s in samplers]
    assert [len(i) for i in indices] == [len(s) for s in samplers]
    assert set().union(*indices) == set(range(size))
    if round_up:
        assert {len(i) for i in indices} == {-(-size // world)}
    else:
        assert sum(map(len, indices)) == size


def test_unshuffled_processes_interleave(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order in which results are gathered and cut to the size of the data set."""
    parts = [[i for _, i in of_rank(monkeypatch, r, 2, 5, shuffle=False, seed=0)] for r in (0, 1)]
    assert parts == [[0, 2, 4], [1, 3, 0]]


class Labelled:
    """Stands for a data set with labels."""

    def __init__(self, labels: list[int]) -> None:
        self.labels = np.array(labels)

    def __len__(self) -> int:
        return len(self.labels)


UNEVEN = Labelled([0] * 12 + [1] * 5 + [2] * 30)


def test_oversampling_brings_every_class_to_the_largest() -> None:
    sampler = CaseSampler(UNEVEN, seed=1, oversample=True)
    found = [i for _, i in sampler]
    assert len(sampler) == sampler.total == len(found) == 3 * 30
    assert Counter(UNEVEN.labels[found].tolist()) == {0: 30, 1: 30, 2: 30}
    times = Counter(found)
    assert set(times) == set(range(47)) and all(times[i] == 1 for i in range(17, 47))  # each case, the largest once
    assert [i for _, i in sampler] == found
    sampler.set_epoch(1)
    again = Counter(i for _, i in sampler)
    assert again != times and sum(again.values()) == 90


def test_oversampled_classes_are_drawn_evenly() -> None:
    drawn: Counter[int] = Counter()
    for epoch in range(200):
        sampler = CaseSampler(Labelled([0] * 2 + [1] * 12), seed=0, oversample=True)
        sampler.set_epoch(epoch)
        drawn.update(i for _, i in sampler)
    # one sure and ten draws an epoch for two cases: 1200 each, of which 1000 random with a deviation of 22
    assert abs(drawn[0] - 1200) < 110 and drawn[0] + drawn[1] == 2400


@pytest.mark.parametrize('world', [2, 4])
def test_processes_share_an_oversampled_epoch(monkeypatch: pytest.MonkeyPatch, world: int) -> None:
    parts = []
    for rank in range(world):
        monkeypatch.setattr(module, 'get_dist_info', lambda rank=rank: (rank, world))
        parts.append([i for _, i in CaseSampler(UNEVEN, seed=1, oversample=True)])
    assert {len(part) for part in parts} == {-(-90 // world)}
    monkeypatch.setattr(module, 'get_dist_info', lambda: (0, 1))
    alone = [i for _, i in CaseSampler(UNEVEN, seed=1, oversample=True)]
    assert [i for group in zip(*parts) for i in group][:90] == alone


@pytest.mark.parametrize(('data', 'shuffle'), [(UNEVEN, False), (range(3), True)])
def test_oversampling_is_for_labelled_cases_in_training(data: object, shuffle: bool) -> None:
    with pytest.raises(ValueError, match='oversample=True is for shuffled training cases with a label each, got a'):
        CaseSampler(data, shuffle=shuffle, seed=0, oversample=True)


@pytest.mark.parametrize('size', [1, 2, 5, 6, 7])
@pytest.mark.parametrize('batch_size', [1, 2, 3, 7])
def test_batches_leave_out_a_last_single_case(size: int, batch_size: int) -> None:
    sampler = CaseSampler(range(size), seed=1)
    batches = [*CaseBatchSampler(sampler, batch_size)]
    # as torch cuts them, which keeps the last batch whatever its size
    expected = [*BatchSampler(sampler, batch_size, drop_last=False)]
    if len(expected) > 1 and batch_size > 1 and len(expected[-1]) == 1:
        expected.pop()
    assert batches == expected and len(CaseBatchSampler(sampler, batch_size)) == len(expected)


def test_batches_need_a_size() -> None:
    with pytest.raises(ValueError, match='batch_size must be 1 or more, got 0'):
        CaseBatchSampler(CaseSampler(range(3)), 0)
