"""One network for all image modalities, each of them a stream of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor, nn

from usmm.models.building import build, names_in
from usmm.models.encoders.base_encoder import BaseEncoder
from usmm.models.encoders.feature_maps import as_list, probe, stage_of
from usmm.models.pretrained import split_pretrained
from usmm.registry import MODELS
from usmm.structures import Settings

BLOCK_OF_MAPS = 11  # the block of an EfficientNet whose map the paper shows


@MODELS.register_module()
class SharedEncoder(BaseEncoder):
    """Any mmpretrain backbone that all modalities pass, stacked as one batch; the streams have the modalities' names.

    One batch: batch norm then sees all modalities in training as it does in its running statistics. In training absent
    rows do not pass the backbone; in eval mode they do, as zeros, and their maps are set to zero.

    Args:
        modalities: The image modalities.
        backbone: Config of the backbone; its `init_cfg=dict(type='Pretrained', ...)` is honoured.
        out_channels: Channels of each map that the backbone returns. None: found by passing one image through it.
        input_size: Side in pixels of that image.
        init_cfg: Initialisation.

    Raises:
        ValueError: Without modalities, or with one of them twice; in `encode`, if the images have different sizes.

    References:
        Chiang et al., ACM MM Asia 2023.

    Example:
        >>> backbone = dict(type='mmpretrain.ResNet', depth=18, base_channels=8, stem_channels=8)
        >>> encoder = SharedEncoder(('t1', 't2'), backbone)
        >>> images = dict(t1=torch.rand(2, 3, 64, 64), t2=torch.rand(2, 3, 64, 64))
        >>> {s: m[-1].shape[1] for s, m in encoder.encode(images).items()}
        {'t1': 64, 't2': 64}
    """

    def __init__(
        self,
        modalities: Sequence[str] = ('t1', 't2', 'oop'),
        backbone: Settings | None = None,
        out_channels: tuple[int, ...] | None = None,
        input_size: int = 64,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        cfg, pretrained = split_pretrained(dict(backbone or dict(type='mmpretrain.EfficientNet', arch='b2')))
        super().__init__(init_cfg if pretrained is None else pretrained)
        self.modalities = tuple(modalities)
        if not self.modalities or len(set(self.modalities)) < len(self.modalities):
            raise ValueError(f'SharedEncoder needs modalities, each once, got {self.modalities}')
        self.backbone = build(cfg)
        self.out_channels = probe(self.backbone, input_size) if out_channels is None else tuple(out_channels)

    @classmethod
    def modalities_of(cls, cfg: Settings) -> tuple[str, ...]:
        """The image modalities."""
        return names_in(cfg, 'modalities', ('t1', 't2', 'oop'))

    @classmethod
    def subset(cls, cfg: Settings, modalities: Collection[str]) -> dict[str, object] | None:
        """The same backbone for the modalities that are left, in their order; None when none is."""
        left = tuple(m for m in modalities if m in cls.modalities_of(cfg))
        return dict(cfg, modalities=left) if left else None

    def streams(self, name: str) -> dict[str, tuple[str, ...]]:
        """Each modality is a stream."""
        return {m: (m,) for m in self.modalities}

    def cam_layers(self) -> dict[str, str]:
        """layer2 of a ResNet, the 11th block of an EfficientNet, the last map of others; the rows of a modality."""
        layer = f'backbone.{_cam_layer(self.backbone)}'.rstrip('.')
        count = len(self.modalities)
        return {m: layer + (f'[{i}/{count}]' if count > 1 else '') for i, m in enumerate(self.modalities)}

    def encode(self, inputs: Mapping[str, Tensor], rows: Mapping[str, Tensor] | None = None) -> dict[str, list[Tensor]]:
        """Modality -> stage maps (B, C, H, W), zero where a row lacks the modality; without those that no row has.

        Args:
            inputs: Modality -> normalised images (B, 3, H, W).
            rows: Modality -> which rows have it (B,); None: all.
        """
        there = {m: None if rows is None or bool(rows[m].all()) else rows[m] for m in self.modalities}
        empty = [m for m, r in there.items() if r is not None and not bool(r.any())]
        images = {m: inputs[m] for m in self.modalities if m in inputs and m not in empty}
        sizes = {m: tuple(x.shape[2:]) for m, x in images.items()}
        if len(set(sizes.values())) > 1:
            raise ValueError(f'SharedEncoder takes images of one size, got {sizes}')
        if self.training:
            images = {m: _take(x, there[m]) for m, x in images.items()}
        else:
            example = next(iter(images.values()))
            images = {m: images.get(m, torch.zeros_like(example)) for m in self.modalities}
        maps = as_list(self.backbone(torch.cat(list(images.values()))))
        parts = [m.split([x.shape[0] for x in images.values()]) for m in maps]
        found = {m: [part[i] for part in parts] for i, m in enumerate(images) if m not in empty}
        return {m: [_full(x, there[m]) for x in levels] for m, levels in found.items()}

    def forward(self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> list[Tensor]:
        """Stage maps of all modalities, stacked along the batch in their order; `encode` tells them apart."""
        return as_list(self.backbone(torch.cat([inputs[m] for m in self.modalities])))


def _cam_layer(backbone: nn.Module) -> str:
    if stage := stage_of(backbone, 'layer2'):
        return stage
    block = 0
    layers = dict(backbone.named_children()).get('layers', nn.Sequential())
    for i, layer in enumerate(layers.children()):
        for j, _ in enumerate(layer if isinstance(layer, nn.Sequential) else ()):
            block += 1
            if block == BLOCK_OF_MAPS:
                return f'layers.{i}.{j}'
    return ''


def _take(x: Tensor, rows: Tensor | None) -> Tensor:
    return x if rows is None else x[rows.to(x.device)]


def _full(x: Tensor, rows: Tensor | None) -> Tensor:
    """Maps of all rows; `x` has those of all, or of the rows that are there."""
    if rows is None:
        return x
    rows = rows.to(x.device)
    if len(x) == len(rows):
        return x * rows.to(x)[:, None, None, None]
    return x.new_zeros((len(rows), *x.shape[1:])).index_copy(0, rows.nonzero()[:, 0], x)
