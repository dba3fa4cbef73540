"""The sampler: epochs travel with the index, processes share the work."""

from __future__ import annotations

import pytest

from usmm.datasets import sampler as module
from usmm.datasets.sampler import CaseSampler


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
