"""HiNet's layer-wise fusion: sum, product and a third view of the maps, level upon level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine.model import ModuleDict, ModuleList
from torch import Tensor

from usmm.models.fusions.layerwise import LayerwiseFusion, conv_norm, resize
from usmm.registry import MODELS

THIRD = ('concat', 'max')
SLOPE = 0.2


@MODELS.register_module()
class HiNet(LayerwiseFusion):
    """At each level one conv fuses [sum, product, third] of the maps, another fuses that with the last level's result.

    Every map is first projected to `channels` by a 1x1 conv with batch norm. The two fusing convs are 3x3, with batch
    norm and LeakyReLU (0.2); the result of the level before is resized to the size of the next. With the head
    `LinearHead` and `DeepSupervisionLoss` every stream supervises beside the fusion.

    Args:
        in_channels: Stream -> channels of each of its stage maps, shallow to deep.
        channels: Channels C of the projected maps and of the fusion.
        third: What is fused beside sum and product: `'concat'`, the maps side by side (M * C channels), or `'max'`,
            their largest value, element by element, as in the original.
        norm_cfg: Norm layers; None: batch norm.
        init_cfg: Initialisation; None: Kaiming.

    Raises:
        ValueError: If the third is unknown, or the streams have different numbers of stage maps.

    References:
        Zhou et al., Hi-Net: hybrid-fusion network for multi-modal MR image synthesis, IEEE TMI 2020, section III-B.

    Example:
        >>> fusion = HiNet({'bus': (4, 8), 'ue': (4, 8)}, channels=6)
        >>> maps = [torch.rand(2, 4, 8, 8), torch.rand(2, 8, 4, 4)]
        >>> fusion(dict(bus=maps, ue=maps))[0].shape
        torch.Size([2, 6])
    """

    def __init__(
        self,
        in_channels: Mapping[str, Sequence[int]],
        channels: int = 256,
        third: str = 'concat',
        norm_cfg: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        if third not in THIRD:
            raise ValueError(f'third of HiNet must be one of {THIRD}, got {third!r}')
        super().__init__(in_channels, init_cfg or dict(type='Kaiming', layer='Conv2d'))
        self.third, self.out_channels = third, channels
        views = 2 * channels + (channels * len(self.streams) if third == 'concat' else channels)
        act = dict(type='LeakyReLU', negative_slope=SLOPE)
        self.match = ModuleList(
            ModuleDict({s: conv_norm(w[i], channels, 1, norm_cfg=norm_cfg) for s, w in in_channels.items()})
            for i in range(self.num_levels)
        )
        self.mix = ModuleList(conv_norm(views, channels, 3, norm_cfg=norm_cfg, act=act) for _ in self.match)
        self.carry = ModuleList(
            conv_norm(channels * (1 if i == 0 else 2), channels, 3, norm_cfg=norm_cfg, act=act)
            for i in range(self.num_levels)
        )

    def fuse(self, levels: Sequence[Mapping[str, Tensor]]) -> Tensor:
        """The result of the last level (B, C, H, W)."""
        last: list[Tensor] = []
        for maps, match, mix, carry in zip(levels, self.match, self.mix, self.carry):
            level = mix(self.views([match.get_submodule(s)(m) for s, m in maps.items()]))
            last = [carry(torch.cat([level, *[resize(x, level.shape[2:]) for x in last]], dim=1))]
        return last[0]

    def views(self, maps: Sequence[Tensor]) -> Tensor:
        """Sum, product and third of M maps (B, C, H, W), side by side."""
        stacked = torch.stack(list(maps))
        third = torch.cat(list(maps), dim=1) if self.third == 'concat' else stacked.amax(0)
        return torch.cat([stacked.sum(0), stacked.prod(0), third], dim=1)
