"""Batches of several tasks, each of one task alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch.utils.data import Sampler

from usmm.datasets.sampler import CaseSampler
from usmm.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class TaskBatchSampler(Sampler):
    """Yields batches of (epoch, index) for this process, shuffled within a task.

    Every process gets as many batches of a task as the others, and the same tasks in the same order. A last batch of a
    single image is left out, as batch norm cannot learn from it.

    Args:
        sampler: Whose data set (with `task_sizes`), seed, epoch and process count.
        batch_size: Images in a batch.
        order: `'sequential'`: task after task; `'interleaved'`: mixed in proportion to their numbers.

    Raises:
        TypeError: If the data set knows no tasks.
    """

    def __init__(self, sampler: CaseSampler, batch_size: int, order: str = 'sequential') -> None:
        self.sampler, self.batch_size, self.order = sampler, batch_size, order
        if not hasattr(sampler.dataset, 'task_sizes'):
            raise TypeError(f'TaskBatchSampler needs a data set of tasks, got {type(sampler.dataset).__name__}')

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        found = self._batches()
        placed = [
            ((i if self.order == 'sequential' else (j + 0.5) / len(batches), i), batch)
            for i, batches in enumerate(found)
            for j, batch in enumerate(batches)
        ]
        # a stable sort: the batches of a task stay in their order
        return iter([batch for _, batch in sorted(placed, key=lambda pair: pair[0])])

    def __len__(self) -> int:
        """How many batches this process gets."""
        return sum(len(batches) for batches in self._batches())

    def _batches(self) -> list[list[list[tuple[int, int]]]]:
        """The batches of each task."""
        data: Any = self.sampler.dataset
        found, start = [], 0
        for i, size in enumerate(data.task_sizes().values()):
            order = np.random.default_rng([self.sampler.seed, self.sampler.epoch, i]).permutation(size)
            world = self.sampler.world_size
            mine = np.resize(order, -(-size // world) * world)[self.sampler.rank :: world] + start
            cuts = [mine[at : at + self.batch_size] for at in range(0, len(mine), self.batch_size)]
            if len(cuts) > 1 and len(cuts[-1]) == 1:
                cuts.pop()
            found.append([[(self.sampler.epoch, int(k)) for k in cut] for cut in cuts])
            start += size
        return found
