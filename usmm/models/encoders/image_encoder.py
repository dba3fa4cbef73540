"""Encoder of one image modality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from usmm.models.building import build
from usmm.models.encoders.base_encoder import BaseEncoder
from usmm.models.pretrained import split_pretrained
from usmm.registry import MODELS


@MODELS.register_module()
class ImageEncoder(BaseEncoder):
    """Any mmpretrain backbone on one image modality.

    Args:
        modality: The modality.
        backbone: Config of the backbone (`mmpretrain.ResNet`, `mmpretrain.EfficientNet`, ...); its
            `init_cfg=dict(type='Pretrained', ...)` is honoured.
        out_channels: Channels of each map that the backbone returns. None: found by passing one image through it.
        input_size: Side in pixels of that image; backbones that only take one size need theirs here.
        init_cfg: Initialisation.

    Example:
        >>> encoder = ImageEncoder('bus', dict(type='mmpretrain.ResNet', depth=18, base_channels=8, stem_channels=8))
        >>> encoder.out_channels
        (64,)
    """

    def __init__(
        self,
        modality: str = 'bus',
        backbone: Mapping[str, Any] | None = None,
        out_channels: tuple[int, ...] | None = None,
        input_size: int = 64,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        cfg, pretrained = split_pretrained(dict(backbone or dict(type='mmpretrain.ResNet', depth=50)))
        super().__init__(init_cfg if pretrained is None else pretrained)
        self.modality = modality
        self.modalities = (modality,)
        self.backbone = build(cfg)
        self.out_channels = probe(self.backbone, input_size) if out_channels is None else tuple(out_channels)

    @classmethod
    def modalities_of(cls, cfg: Mapping[str, Any]) -> tuple[str, ...]:
        """The image modality."""
        return (cfg.get('modality', 'bus'),)

    def cam_layers(self) -> dict[str, str]:
        """layer2 of a ResNet (512 x 28 x 28 at depth 50 and 224 pixels), the last map of other backbones."""
        return {self.modality: 'backbone.layer2' if hasattr(self.backbone, 'layer2') else ''}

    def forward(self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> list[Tensor]:
        """The backbone's maps (B, C, H', W') of the image (B, 3, H, W)."""
        return as_list(self.backbone(inputs[self.modality]))


@torch.no_grad()
def probe(backbone: nn.Module, size: int) -> tuple[int, ...]:
    """Channels of each map that a backbone makes of a square image of this side."""
    backbone.eval()
    try:
        maps = backbone(torch.zeros(1, 3, size, size))
    finally:
        backbone.train()
    return tuple(m.shape[1] for m in as_list(maps))


def as_list(maps: Tensor | tuple[Tensor, ...] | list[Tensor]) -> list[Tensor]:
    """The maps of a backbone, which may return one or several."""
    return [maps] if isinstance(maps, Tensor) else list(maps)
