"""CentralNet: a network between the networks, fed at every level with a weighted sum of their maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from mmengine.model import ModuleDict, ModuleList
from torch import Tensor, nn

from usmm.models.fusions.layerwise import LayerwiseFusion, conv_norm, resize
from usmm.registry import MODELS


@MODELS.register_module()
class CentralNet(LayerwiseFusion):
    """At each level a learnt weighted sum of the streams' maps and of the central network's own map.

    The central network has the widths of the widest stream at each level (with ResNet-50: 256, 512, 1024, 2048) and
    a 3x3 conv of stride 2 with batch norm and ReLU between two levels. A 1x1 conv with batch norm brings narrower
    maps to its widths. All weights of the sums start at 1. With the head `LinearHead` and `DeepSupervisionLoss` the
    global average of every stream and of the central network each gives a prediction that enters the loss.

    Args:
        in_channels: Stream -> channels of each of its stage maps, shallow to deep.
        norm_cfg: Norm layers; None: batch norm.
        init_cfg: Initialisation; None: Kaiming.

    Raises:
        ValueError: If the streams have different numbers of stage maps.

    References:
        Vielzeuf et al., CentralNet: a multilayer approach for multimodal fusion, ECCV workshops 2018, eq. 1.

    Example:
        >>> fusion = CentralNet({'bus': (4, 8), 'dceus': (2, 4)})
        >>> bus, dceus = [torch.rand(2, 4, 8, 8), torch.rand(2, 8, 4, 4)], [torch.rand(2, 2, 5, 6, 6)]
        >>> vector, vectors = fusion(dict(bus=bus, dceus=[*dceus, torch.rand(2, 4, 3, 3, 3)]))
        >>> vector.shape, vectors['dceus'].shape
        (torch.Size([2, 8]), torch.Size([2, 4]))
    """

    def __init__(
        self,
        in_channels: Mapping[str, Sequence[int]],
        norm_cfg: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(in_channels, init_cfg or dict(type='Kaiming', layer='Conv2d'))
        widths = [max(level) for level in zip(*in_channels.values())]
        self.out_channels = widths[-1]
        self.match = ModuleList(
            ModuleDict(
                {
                    s: conv_norm(w[i], widths[i], 1, norm_cfg=norm_cfg)
                    for s, w in in_channels.items()
                    if w[i] < widths[i]
                }
            )
            for i in range(self.num_levels)
        )
        self.down = ModuleList(
            conv_norm(i, o, 3, stride=2, norm_cfg=norm_cfg, act=dict(type='ReLU')) for i, o in pairwise(widths)
        )
        self.stream_weights = nn.Parameter(torch.ones(self.num_levels, len(self.streams)))
        self.central_weights = nn.Parameter(torch.ones(self.num_levels - 1))

    def fuse(self, levels: Sequence[Mapping[str, Tensor]]) -> Tensor:
        """The weighted sum at the last level (B, C, H, W)."""
        sums = [self._weighted_sum(i, maps) for i, maps in enumerate(levels)]
        fused = sums[0]
        for total, down, weight in zip(sums[1:], self.down, self.central_weights):
            fused = total + weight * resize(down(fused), total.shape[2:])
        return fused

    def _weighted_sum(self, level: int, maps: Mapping[str, Tensor]) -> Tensor:
        match = dict(self.match[level].named_children())
        matched = [match[s](m) if s in match else m for s, m in maps.items()]
        return torch.stack([weight * m for weight, m in zip(self.stream_weights[level], matched)]).sum(0)
