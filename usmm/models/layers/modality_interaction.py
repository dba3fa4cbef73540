"""Modality interaction: the guiding modality tells the others where to look."""

from __future__ import annotations

from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from usmm.registry import MODELS


@MODELS.register_module()
class ModalityInteraction(BaseModule):
    """One spatial map in (0, 1) from the guide's feature map, resized to the map that it will gate.

    Two 3x3 convs (C -> C/4 -> 1), each with batch norm and ReLU, a bilinear resize, a sigmoid. The last ReLU is left
    out by default: behind it the sigmoid cannot fall below 0.5, so nothing could be shut off.

    Args:
        in_channels: Channels C of the guide's map.
        mid_channels: Channels between the convs; None: C // 4.
        relu_before_gate: Keep the last ReLU (the published code's form).
        norm_cfg: Norm layers of the convs.
        init_cfg: Initialisation; None: Kaiming.

    References:
        Meng et al., IEEE TMI 2022, section III-B.

    Example:
        >>> import torch
        >>> layer = ModalityInteraction(512)
        >>> sum(p.numel() for p in layer.parameters())
        591234
        >>> layer(torch.rand(1, 512, 4, 4), (8, 8)).shape
        torch.Size([1, 1, 8, 8])
    """

    def __init__(
        self,
        in_channels: int = 512,
        mid_channels: int | None = None,
        relu_before_gate: bool = False,
        norm_cfg: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d'))
        mid_channels = max(in_channels // 4, 1) if mid_channels is None else mid_channels
        norm_cfg = norm_cfg or dict(type='BN')
        last_act = dict(type='ReLU') if relu_before_gate else None
        self.conv1 = ConvModule(in_channels, mid_channels, 3, padding=1, norm_cfg=norm_cfg)
        self.conv2 = ConvModule(mid_channels, 1, 3, padding=1, norm_cfg=norm_cfg, act_cfg=last_act)

    def forward(self, guide: Tensor, size: tuple[int, int]) -> Tensor:
        """The gate (B, 1, *size) from the guide's map (B, C, H, W)."""
        score = self.conv2(self.conv1(guide))
        return F.interpolate(score, size=size, mode='bilinear', align_corners=False).sigmoid()
