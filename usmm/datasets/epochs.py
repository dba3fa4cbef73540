"""The epoch of a sample: random transforms draw from (seed, epoch, case), so an index alone is not enough to train."""

from __future__ import annotations

from torch.utils.data import get_worker_info

HINT = "use the sampler dict(type='usmm.CaseSampler') (it gives (epoch, index)), or index with (epoch, index)"


class EpochGuard:
    """Takes an index apart, and refuses one that would repeat the random draws of the epoch before.

    An index without its epoch, as samplers of torch and mmengine give it, counts as one of epoch 0. A second reading of
    it would be augmented as the first was, and so would one in a worker of a data loader, which cannot know what was
    read before.

    Args:
        name: Of the data set, for the message.

    Example:
        >>> guard = EpochGuard('CaseDataset')
        >>> guard.split((3, 5), random=True), guard.split(5, random=True), guard.split(5, random=False)
        ((3, 5), (0, 5), (0, 5))
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._seen: set[int] = set()

    def split(self, index: int | tuple[int, int], random: bool) -> tuple[int, int]:
        """(epoch, index) of a sample.

        Args:
            index: Index of the sample, or (epoch, index).
            random: Whether anything of the sample is drawn at random.

        Raises:
            ValueError: The epoch is missing where the draws need it.
        """
        if isinstance(index, tuple):
            return index
        if random:
            if index in self._seen or get_worker_info() is not None:
                how = 'again' if index in self._seen else 'by a worker'
                raise ValueError(
                    f'sample {index} of a {self.name} is read {how} without its epoch, so that its random transforms '
                    f'would draw the same in every epoch: {HINT}'
                )
            self._seen.add(index)
        return 0, index
