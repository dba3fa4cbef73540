"""Batches of one task each: their order, and what processes share."""

from __future__ import annotations

from collections import Counter

import pytest

from usmm.datasets import samplers as module
from usmm.datasets.multitask import TaskBatchSampler
from usmm.datasets.samplers import CaseSampler


class Tasks:
    """Stands for a data set: so many images a task."""

    def __init__(self, *sizes: int) -> None:
        self.sizes = {f't{i}': size for i, size in enumerate(sizes)}

    def __len__(self) -> int:
        return sum(self.sizes.values())

    def task_sizes(self) -> dict[str, int]:
        return self.sizes

    def task_of(self, index: int) -> int:
        for i, size in enumerate(self.sizes.values()):
            if index < size:
                return i
            index -= size
        raise IndexError(index)


def batches(data: Tasks, size: int, epoch: int = 0, **given) -> list[list[tuple[int, int]]]:
    sampler = CaseSampler(data, seed=3)
    sampler.set_epoch(epoch)
    found = TaskBatchSampler(sampler, size, **given)
    assert len(found) == len(list(found))
    return list(found)


@pytest.mark.parametrize('order', ['sequential', 'interleaved'])
def test_every_image_once_and_every_batch_of_one_task(order):
    data = Tasks(10, 4, 23)
    found = batches(data, 4, order=order)
    assert all(len({data.task_of(i) for _, i in batch}) == 1 for batch in found)
    assert sorted(i for batch in found for _, i in batch) == list(range(37))
    assert Counter(data.task_of(batch[0][1]) for batch in found) == {0: 3, 1: 1, 2: 6}


def test_task_after_task():
    data = Tasks(10, 4, 23)
    tasks = [data.task_of(batch[0][1]) for batch in batches(data, 4)]
    assert tasks == sorted(tasks)


def test_interleaved_in_proportion():
    data = Tasks(60, 20)
    tasks = [data.task_of(batch[0][1]) for batch in batches(data, 5, order='interleaved')]
    assert tasks.count(0) == 12 and tasks.count(1) == 4
    # after any number of batches the share is that of the whole, give or take one batch
    assert all(abs(tasks[:n].count(1) - n / 4) <= 1 for n in range(17))


def test_epochs_are_shuffled_anew_and_can_be_repeated():
    data = Tasks(50, 50)
    first = batches(data, 8)
    assert first == batches(data, 8)
    second = batches(data, 8, epoch=1)
    assert [e for batch in second for e, _ in batch] == [1] * 100
    assert [i for batch in first for _, i in batch] != [i for batch in second for _, i in batch]


def test_a_last_batch_of_one_image_is_left_out():
    assert [len(b) for b in batches(Tasks(9, 1), 4)] == [4, 4, 1]  # a task of one image has nothing else


def test_processes_have_the_same_tasks_in_the_same_order(monkeypatch):
    data = Tasks(21, 12)
    found = []
    for rank in (0, 1):
        monkeypatch.setattr(module, 'get_dist_info', lambda rank=rank: (rank, 2))
        found.append(batches(data, 4, order='interleaved'))
    one, other = found
    assert [data.task_of(b[0][1]) for b in one] == [data.task_of(b[0][1]) for b in other]
    assert [len(b) for b in one] == [len(b) for b in other]
    assert {i for part in found for b in part for _, i in b} == set(range(33))


def test_a_data_set_without_tasks():
    with pytest.raises(TypeError, match='needs a data set of tasks, got range'):
        TaskBatchSampler(CaseSampler(range(3), seed=0), 2)
