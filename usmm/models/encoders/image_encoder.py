"""Encoder of one image modality."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from usmm.models.building import build, name_in
from usmm.models.encoders.base_encoder import BaseEncoder
from usmm.models.encoders.feature_maps import as_list, probe, stage_of
from usmm.models.pretrained import split_pretrained
from usmm.registry import MODELS
from usmm.structures import Settings


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
        backbone: Settings | None = None,
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
    def modalities_of(cls, cfg: Settings) -> tuple[str, ...]:
        """The image modality."""
        return (name_in(cfg, 'modality', 'bus'),)

    def cam_layers(self) -> dict[str, str]:
        """layer2 of a ResNet (512 x 28 x 28 at depth 50 and 224 pixels), the last map of other backbones."""
        return {self.modality: stage_of(self.backbone, 'layer2', 'backbone.')}

    def forward(self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> list[Tensor]:
        """The backbone's maps (B, C, H', W') of the image (B, 3, H, W)."""
        return as_list(self.backbone(inputs[self.modality]))
