"""Map fusion: the feature maps of aligned modalities become one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule, Sequential
from torch import Tensor

from usmm.registry import MODELS


@MODELS.register_module()
class MapFusion(BaseModule):
    """Concatenate the maps along the channels, then 3x3 convs with batch norm and ReLU back to one map's width.

    Args:
        in_channels: Channels C of each map.
        num_modalities: Number of maps M.
        out_channels: Channels of the result; None: C.
        num_convs: Number of 3x3 convs (the paper counts 2, its code has 1).
        norm_cfg: Norm layers of the convs.
        init_cfg: Initialisation; None: Kaiming.

    Raises:
        ValueError: If there is no conv, or fewer than two maps.

    References:
        Meng et al., IEEE TMI 2022, section III-B.

    Example:
        >>> sum(p.numel() for p in MapFusion(512, 3).parameters())
        7078912
    """

    def __init__(
        self,
        in_channels: int,
        num_modalities: int,
        out_channels: int | None = None,
        num_convs: int = 1,
        norm_cfg: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d'))
        if num_convs < 1 or num_modalities < 2:
            raise ValueError(f'MapFusion needs 1 conv and 2 maps or more, got {num_convs=} and {num_modalities=}')
        self.out_channels = in_channels if out_channels is None else out_channels
        widths = [in_channels * num_modalities, *[self.out_channels] * num_convs]
        norm_cfg = norm_cfg or dict(type='BN')
        self.convs = Sequential(*[ConvModule(i, o, 3, padding=1, norm_cfg=norm_cfg) for i, o in pairwise(widths)])

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """The fused map (B, C', H, W) of M maps (B, C, H, W)."""
        return self.convs(torch.cat(list(maps), dim=1))
