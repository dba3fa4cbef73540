"""Channel shuffle against torch's own layer."""

from __future__ import annotations

import pytest
import torch

from usmm.models.layers.channel_shuffle import ChannelShuffle


@pytest.mark.parametrize('groups', [1, 2, 4, 8])
def test_it_is_torchs_channel_shuffle(groups):
    x = torch.rand(2, 16, 3, 5)
    assert torch.equal(ChannelShuffle(groups)(x), torch.nn.ChannelShuffle(groups)(x))


def test_every_group_of_the_result_has_channels_of_all_groups():
    x = torch.arange(8).repeat_interleave(4).float().view(1, 32, 1, 1)  # the group that a channel comes from
    assert all(set(part.flatten().tolist()) == {*range(8)} or len(part.flatten()) < 8 for part in
               ChannelShuffle(8)(x).chunk(4, 1))  # fmt: skip


def test_groups_that_cannot_be():
    with pytest.raises(ValueError, match='groups of ChannelShuffle must be 1 or more, got 0'):
        ChannelShuffle(0)
    with pytest.raises(ValueError, match='5 groups do not divide 16 channels'):
        ChannelShuffle(5)(torch.rand(1, 16, 1, 1))
    assert repr(ChannelShuffle(4)) == 'ChannelShuffle(groups=4)'
