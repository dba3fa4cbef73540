"""Guided encoder: one aligned still image leads the others (step 1 of MSMFN)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from mmengine.model import ModuleDict
from torch import Tensor

from usmm.models.building import name_in, names_in
from usmm.models.encoders.base_encoder import BaseEncoder
from usmm.models.encoders.resnet_stages import ResNetTail, ResNetTrunk
from usmm.models.layers import ChannelAttention, MapFusion, ModalityInteraction
from usmm.registry import MODELS
from usmm.structures import Settings

SHARED = 'shared'


@MODELS.register_module()
class GuidedEncoder(BaseEncoder):
    """A ResNet cut after layer2: a trunk per modality, map fusion, then layer3 and layer4 on the fused map.

    The guide passes its trunk first. Each guided modality passes channel attention, its stem, a gate that is drawn
    from the guide's map (modality interaction), and the rest of its trunk. Without a guide there is no gate; with a
    single modality there is no map fusion.

    Args:
        guide: The leading modality, or None.
        guided: The modalities that are led.
        depth: Depth of the ResNet: 10, 18, 34, 50, 101 or 152.
        base_channels: Width of the stem; 64 is the ResNet as published.
        channel_attention: Weigh the colour channels of guided images.
        modality_interaction: Gate the stem maps of guided images.
        gate: Gate of the channel attention, `'softmax'` or `'sigmoid'`.
        relu_before_gate: Keep the ReLU before the interaction's sigmoid (the published code's form).
        num_convs: Number of 3x3 convs of the map fusion.
        shared: One trunk for all modalities instead of one for each.
        norm_cfg: Norm layers.
        with_cp: Recompute blocks in the backward pass to save memory.
        zero_init_residual: Let blocks start as identities. Off: at a learning rate of 1e-5 they would stay so.
        init_cfg: `dict(type='Pretrained', checkpoint=...)` fills trunks and tail from one ResNet's checkpoint.

    Raises:
        ValueError: If there is no modality, or one is named twice.

    References:
        Meng et al., IEEE TMI 2022, section III-B.

    Example:
        >>> import torch
        >>> encoder = GuidedEncoder('bus', ('cdfi', 'ue'), depth=18, base_channels=8)
        >>> images = {m: torch.rand(2, 3, 64, 64) for m in encoder.modalities}
        >>> [tuple(m.shape) for m in encoder(images)]
        [(2, 16, 8, 8), (2, 32, 4, 4), (2, 64, 2, 2)]
    """

    def __init__(
        self,
        guide: str | None = 'bus',
        guided: Sequence[str] = ('cdfi', 'ue'),
        depth: int = 50,
        base_channels: int = 64,
        channel_attention: bool = True,
        modality_interaction: bool = True,
        gate: str = 'softmax',
        relu_before_gate: bool = False,
        num_convs: int = 1,
        shared: bool = False,
        norm_cfg: dict | None = None,
        with_cp: bool = False,
        zero_init_residual: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.guide, self.guided = guide, tuple(guided)
        self.modalities = (*(() if guide is None else (guide,)), *self.guided)
        if not self.modalities or len(set(self.modalities)) != len(self.modalities):
            raise ValueError(f'GuidedEncoder needs modalities, each once, got {guide=} and guided={self.guided}')
        block: Any = dict(norm_cfg=norm_cfg or dict(type='BN'), with_cp=with_cp, zero_init_residual=zero_init_residual)
        names = (SHARED,) if shared else self.modalities
        self.trunks = ModuleDict({name: ResNetTrunk(depth, base_channels, **block) for name in names})
        width = self.trunk(self.modalities[0]).out_channels
        attended = self.guided if channel_attention else ()
        gated = self.guided if modality_interaction and guide is not None else ()
        interaction: Any = dict(relu_before_gate=relu_before_gate, norm_cfg=norm_cfg)
        self.attentions = ModuleDict({m: ChannelAttention(gate=gate) for m in attended})
        self.interactions = ModuleDict({m: ModalityInteraction(width, **interaction) for m in gated})
        self.map_fusion = None
        if len(self.modalities) > 1:
            self.map_fusion = MapFusion(width, len(self.modalities), num_convs=num_convs, norm_cfg=norm_cfg)
        self.tail = ResNetTail(depth, width, **block)
        self.out_channels = (width, *self.tail.out_channels)

    @classmethod
    def modalities_of(cls, cfg: Settings) -> tuple[str, ...]:
        """Guide first, then the guided ones."""
        guided = names_in(cfg, 'guided', ('cdfi', 'ue'))
        return guided if cfg.get('guide', 'bus') is None else (name_in(cfg, 'guide', 'bus'), *guided)

    @classmethod
    def subset(cls, cfg: Settings, modalities: Collection[str]) -> dict[str, object] | None:
        """The config with the branches and maps of absent modalities dropped, None when nothing is left."""
        left = [m for m in cls.modalities_of(cfg) if m in modalities]
        if not left:
            return None
        guide = cfg.get('guide', 'bus')
        kept = guide if guide in left else None
        return dict(cfg, guide=kept, guided=tuple(m for m in left if m != kept))

    def trunk(self, modality: str) -> ResNetTrunk:
        """The trunk that a modality passes."""
        trunk: ResNetTrunk = self.trunks[SHARED if SHARED in self.trunks else modality]  # type: ignore[assignment]
        return trunk

    def cam_layers(self) -> dict[str, str]:
        """layer2 of each modality's trunk; a shared trunk is called once a modality, in their order."""
        if SHARED in self.trunks:
            return {m: f'trunks.{SHARED}.layer2@{call}' for call, m in enumerate(self.modalities)}
        return {m: f'trunks.{m}.layer2' for m in self.modalities}

    def place(self, name: str) -> tuple[str, ...]:
        """A ResNet's layer3 and layer4 belong to the tail, what is before them to every trunk."""
        if name.startswith(('layer3.', 'layer4.')):
            return (f'tail.{name}',)
        return tuple(f'trunks.{trunk}.{name}' for trunk in self.trunks)

    def forward(self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> list[Tensor]:
        """Maps of the (fused) layer2, layer3 and layer4 of images (B, 3, H, W): strides 8, 16 and 32.

        Raises:
            ValueError: If the images are of different sizes.
        """
        sizes = {m: tuple(inputs[m].shape[2:]) for m in self.modalities}
        if len(set(sizes.values())) > 1:
            raise ValueError(f'GuidedEncoder fuses aligned images of one size, got {sizes}')
        guide_map = None if self.guide is None else self.trunk(self.guide)(inputs[self.guide])
        maps = [] if guide_map is None else [guide_map]
        maps += [self.follow(m, inputs[m], guide_map) for m in self.guided]
        fused = maps[0] if self.map_fusion is None else self.map_fusion(maps)
        return [fused, *self.tail(fused)]

    def follow(self, modality: str, image: Tensor, guide_map: Tensor | None) -> Tensor:
        """layer2's map of one guided modality."""
        if modality in self.attentions:
            image = self.attentions[modality](image)
        if modality not in self.interactions:
            return self.trunk(modality)(image)
        return self.trunk(modality)(image, partial(self.interactions[modality], guide_map))
