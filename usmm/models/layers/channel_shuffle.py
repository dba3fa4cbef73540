"""Channel shuffle: what one group of a grouped convolution found is passed to all groups of the next."""

from __future__ import annotations

from torch import Tensor, nn


class ChannelShuffle(nn.Module):
    """Deal the channels of `groups` groups out anew, one of each group in turn.

    Args:
        groups: Number of groups.

    Raises:
        ValueError: If groups is below 1; in `forward`, if it does not divide the channels.

    References:
        Zhang et al., ShuffleNet, CVPR 2018.

    Example:
        >>> import torch
        >>> ChannelShuffle(2)(torch.arange(6.0).view(1, 6, 1, 1)).flatten().tolist()
        [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        if groups < 1:
            raise ValueError(f'groups of ChannelShuffle must be 1 or more, got {groups}')
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """The same maps (B, C, ...) in another order."""
        if x.shape[1] % self.groups:
            raise ValueError(f'{self.groups} groups do not divide {x.shape[1]} channels')
        return x.unflatten(1, (self.groups, -1)).transpose(1, 2).flatten(1, 2)

    def extra_repr(self) -> str:
        """For printing."""
        return f'groups={self.groups}'
