"""The sampler: indices with their epoch, so that workers of any kind draw anew in every epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sized

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from usmm.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class CaseSampler(Sampler):
    """Yields (epoch, index) for this process.

    A data loader's workers hold a copy of the data set; the epoch reaches them with the index, whether they live for
    one epoch or for all.

    Args:
        dataset: Anything with a length.
        shuffle: Whether to shuffle, differently in each epoch and the same on all processes.
        seed: Of the shuffling; None: one is drawn and shared by all processes.
        round_up: Whether to repeat the first indices until every process has the same number.

    Example:
        >>> list(CaseSampler(['a', 'b', 'c'], shuffle=False, seed=0))
        [(0, 0), (0, 1), (0, 2)]
    """

    def __init__(self, dataset: Sized, shuffle: bool = True, seed: int | None = None, round_up: bool = True) -> None:
        self.rank, self.world_size = get_dist_info()
        self.dataset, self.shuffle, self.round_up = dataset, shuffle, round_up
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0

    def __iter__(self) -> Iterator[tuple[int, int]]:
        size = len(self.dataset)
        order = np.random.default_rng([self.seed, self.epoch]).permutation(size) if self.shuffle else np.arange(size)
        if self.round_up:
            order = np.resize(order, math.ceil(size / self.world_size) * self.world_size)
        return iter([(self.epoch, int(i)) for i in order[self.rank :: self.world_size]])

    def __len__(self) -> int:
        """How many indices this process gets."""
        rest = len(self.dataset) - (0 if self.round_up else self.rank)
        return math.ceil(rest / self.world_size)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; the loop does so before each."""
        self.epoch = epoch
