"""The fusion that a linear evaluation stands on: the projector of the pre-training on each stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from usmm.models.fusions.base_fusion import BaseFusion
from usmm.models.layers.projector import ContrastiveMLP
from usmm.registry import MODELS
from usmm.structures import Settings


@MODELS.register_module()
class ProjectedFusion(BaseFusion):
    """Global average, then one projector for all streams; the vectors side by side.

    With an encoder and this projector as a contrastive pre-training left them, both frozen, a linear head is the
    linear evaluation of the pre-training.

    Args:
        in_channels: Stream -> channels of its last map, all the same.
        hidden_channels, embed_dims: Widths of the projector.
        init_cfg: Initialisation.

    Raises:
        ValueError: If the streams have different widths.

    References:
        Chiang et al., ACM MM Asia 2023.

    Example:
        >>> ProjectedFusion({'t1': 1408, 't2': 1408}).out_channels
        512
    """

    projector: ContrastiveMLP

    def __init__(
        self,
        in_channels: Mapping[str, int],
        hidden_channels: int = 1792,
        embed_dims: int = 256,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(in_channels, None, init_cfg)
        if len(set(in_channels.values())) > 1:
            raise ValueError(f'ProjectedFusion has one projector, and the streams have {dict(in_channels)} channels')
        self.projector = ContrastiveMLP(next(iter(in_channels.values())), hidden_channels, embed_dims)
        self.widths = dict.fromkeys(self.streams, embed_dims)
        self.out_channels = embed_dims * len(self.streams)

    @classmethod
    def single(cls, cfg: Settings) -> dict[str, object]:
        """The same: one stream has a projector too."""
        return dict(cfg)

    def embed(
        self, streams: Mapping[str, Sequence[Tensor]], present: Mapping[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Stream -> projected vector (B, D)."""
        return {s: self.projector(v) for s, v in super().embed(streams, present).items()}

    def join(self, vectors: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> Tensor:
        """The concatenated vectors (B, S * D)."""
        return torch.cat([vectors[s] for s in self.streams], dim=1)
