"""Encoder of one clip."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from usmm.models.building import build, name_in
from usmm.models.encoders.base_encoder import BaseEncoder
from usmm.models.encoders.feature_maps import stage_of, stated_channels
from usmm.models.encoders.r2plus1d import from_torchvision
from usmm.models.pretrained import split_pretrained
from usmm.registry import MODELS
from usmm.structures import Settings


@MODELS.register_module()
class ClipEncoder(BaseEncoder):
    """A clip backbone: the stage maps of one clip modality (step 2 of MSMFN).

    Args:
        clip: The modality.
        backbone: Config of a backbone that takes (B, 3, T, H, W), returns stage maps and states `out_channels`;
            its `init_cfg=dict(type='Pretrained', ...)` is honoured, also for a checkpoint of torchvision's r2plus1d_18.
        init_cfg: Initialisation.

    Example:
        >>> import torch
        >>> encoder = ClipEncoder(backbone=dict(type='R2Plus1D', base_channels=4))
        >>> [tuple(m.shape) for m in encoder(dict(dceus=torch.rand(1, 3, 10, 32, 32)))]
        [(1, 4, 10, 16, 16), (1, 8, 5, 8, 8), (1, 16, 3, 4, 4), (1, 32, 2, 2, 2)]
    """

    def __init__(
        self,
        clip: str = 'dceus',
        backbone: Settings | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        cfg, pretrained = split_pretrained(dict(backbone or dict(type='R2Plus1D', depth=18)))
        super().__init__(init_cfg if pretrained is None else pretrained)
        self.clip = clip
        self.modalities = (clip,)
        self.backbone = build(cfg)
        self.out_channels = stated_channels(self.backbone)

    @classmethod
    def modalities_of(cls, cfg: Settings) -> tuple[str, ...]:
        """The clip."""
        return (name_in(cfg, 'clip', 'dceus'),)

    def place(self, name: str) -> tuple[str, ...]:
        """Names of torchvision's r2plus1d_18 are translated, others belong to the backbone as they are."""
        return (f'backbone.{from_torchvision(name)}',)

    def cam_layers(self) -> dict[str, str]:
        """The first stage, which keeps the time steps of the clip, where there is one; else the last map."""
        return {self.clip: stage_of(self.backbone, 'layer1', 'backbone.')}

    def forward(self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> list[Tensor]:
        """Stage maps (B, C, T', H', W') of the clip (B, 3, T, H, W)."""
        return list(self.backbone(inputs[self.clip]))
