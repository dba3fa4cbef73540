"""The sampler: indices with their epoch, so that workers of any kind draw anew in every epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence, Sized
from typing import Protocol, runtime_checkable

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from usmm.registry import DATA_SAMPLERS


@runtime_checkable
class Labelled(Protocol):
    """A data set that has a label for every index."""

    @property
    def labels(self) -> np.ndarray | Sequence[int]:
        """(N,) class indices; -1 where unknown."""


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
        oversample: Whether an epoch has as many indices of every class as the largest class has cases: each case
            once, and others of its class drawn at random, anew in each epoch. For training alone.

    Raises:
        ValueError: `oversample` without `shuffle`, or for a data set that does not have a label for every index.

    Example:
        >>> list(CaseSampler(['a', 'b', 'c'], shuffle=False, seed=0))
        [(0, 0), (0, 1), (0, 2)]
    """

    def __init__(
        self,
        dataset: Sized,
        shuffle: bool = True,
        seed: int | None = None,
        round_up: bool = True,
        oversample: bool = False,
    ) -> None:
        self.rank, self.world_size = get_dist_info()
        self.dataset, self.shuffle, self.round_up, self.oversample = dataset, shuffle, round_up, oversample
        if oversample and not (shuffle and isinstance(dataset, Labelled) and len(dataset.labels) == len(dataset)):
            kind = type(dataset).__name__
            raise ValueError(f'oversample=True is for shuffled training cases with a label each, got a {kind}')
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0

    def __iter__(self) -> Iterator[tuple[int, int]]:
        draws = np.random.default_rng([self.seed, self.epoch])
        if self.oversample:
            order = draws.permutation(np.concatenate([_filled(own, self._largest(), draws) for own in self._classes()]))
        else:
            order = draws.permutation(self.total) if self.shuffle else np.arange(self.total)
        if self.round_up:
            order = np.resize(order, math.ceil(self.total / self.world_size) * self.world_size)
        return iter([(self.epoch, int(i)) for i in order[self.rank :: self.world_size]])

    def __len__(self) -> int:
        """How many indices this process gets."""
        rest = self.total - (0 if self.round_up else self.rank)
        return math.ceil(rest / self.world_size)

    @property
    def total(self) -> int:
        """Indices of an epoch, of all processes, before any are repeated to share them evenly."""
        return len(self._classes()) * self._largest() if self.oversample else len(self.dataset)

    def _classes(self) -> list[np.ndarray]:
        """The indices of each class."""
        labels = np.asarray(self.dataset.labels if isinstance(self.dataset, Labelled) else ())
        return [np.flatnonzero(labels == label) for label in np.unique(labels)]

    def _largest(self) -> int:
        return max(len(own) for own in self._classes())

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; the loop does so before each."""
        self.epoch = epoch


@DATA_SAMPLERS.register_module()
class CaseBatchSampler(Sampler):
    """Yields batches of the (epoch, index) of a `CaseSampler`, without a last batch of a single case.

    Batch norm cannot learn from a single case. The order is shuffled, so another case is left out in each epoch.

    Args:
        sampler: The sampler of this process.
        batch_size: Cases in a batch. With 1 every batch is a single case, and none is left out.

    Raises:
        ValueError: `batch_size` is below 1.

    Example:
        >>> list(CaseBatchSampler(CaseSampler(['a', 'b', 'c'], shuffle=False), batch_size=2))
        [[(0, 0), (0, 1)]]
    """

    def __init__(self, sampler: CaseSampler, batch_size: int) -> None:
        if batch_size < 1:
            raise ValueError(f'batch_size must be 1 or more, got {batch_size}')
        self.sampler, self.batch_size = sampler, batch_size

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        indices = [*self.sampler]
        return iter([indices[at : at + self.batch_size] for at in range(0, self._used, self.batch_size)])

    def __len__(self) -> int:
        """How many batches this process gets."""
        return math.ceil(self._used / self.batch_size)

    @property
    def _used(self) -> int:
        """How many indices of the sampler are in a batch."""
        total = len(self.sampler)
        return total - 1 if total > self.batch_size > 1 and total % self.batch_size == 1 else total


def _filled(own: np.ndarray, size: int, draws: np.random.Generator) -> np.ndarray:
    """All of these indices, and others of them drawn at random up to a size."""
    return np.concatenate([own, draws.choice(own, size - len(own))])
