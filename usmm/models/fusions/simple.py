"""Fusions without weights of their own: concatenation, addition, average, pooling; and the fusion of one."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from mmengine.model import ModuleDict
from torch import Tensor, nn

from usmm.models.fusions.base_fusion import BaseFusion
from usmm.registry import MODELS
from usmm.structures import Settings


@MODELS.register_module()
class SingleStream(BaseFusion):
    """One stream: its projection is the joint vector. Every fusion becomes this one where one stream is left.

    Args:
        in_channels: Stream -> channels of its last map.
        embed_dims: Width of the vector.
        init_cfg: Initialisation.

    Raises:
        ValueError: If there is more than one stream.

    Example:
        >>> fusion = SingleStream({'static': 2048})
        >>> sum(p.numel() for p in fusion.parameters())
        524544
    """

    def __init__(
        self, in_channels: Mapping[str, int], embed_dims: int = 256, init_cfg: dict | list[dict] | None = None
    ) -> None:
        super().__init__(in_channels, embed_dims, init_cfg)
        if len(self.streams) > 1:
            raise ValueError(f'SingleStream takes one stream, got {self.streams}')

    def join(self, vectors: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> Tensor:
        """The stream's vector (B, D)."""
        return vectors[self.streams[0]]


@MODELS.register_module()
class PoolFusion(BaseFusion):
    """The global averages of the streams' last maps as they are, side by side: a network a stream, no projection.

    Args:
        in_channels: Stream -> channels of its last map.
        project: Stream -> width, of streams that are projected all the same (fully connected layer, ReLU), so that a
            wide one does not drown a narrow one; streams that are not there are passed over.
        init_cfg: Initialisation.

    Raises:
        ValueError: If a width is below 1.

    Example:
        >>> fusion = PoolFusion({'bus': 2048, 'dceus': 512})
        >>> fusion.out_channels, sum(p.numel() for p in fusion.parameters())
        (2560, 0)
        >>> PoolFusion({'image': 1280, 'clinical': 32}, project=dict(image=64)).out_channels
        96
    """

    def __init__(
        self,
        in_channels: Mapping[str, int],
        project: Mapping[str, int] | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(in_channels, None, init_cfg)
        chosen = {s: width for s, width in (project or {}).items() if s in self.streams}
        if min(chosen.values(), default=1) < 1:
            raise ValueError(f'project of PoolFusion takes widths of 1 or more, got {dict(project or {})}')
        self.widths |= chosen
        self.project = ModuleDict({s: nn.Linear(in_channels[s], width) for s, width in chosen.items()})
        self.out_channels = sum(self.widths.values())

    @classmethod
    def single(cls, cfg: Settings) -> dict[str, object]:
        """The same: there is nothing in it that needs two streams."""
        return dict(cfg)

    def join(self, vectors: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> Tensor:
        """The concatenated vectors (B, sum of the widths)."""
        return torch.cat([vectors[s] for s in self.streams], dim=1)


@MODELS.register_module()
class ConcatFusion(BaseFusion):
    """The vectors side by side: (B, S * D).

    Args:
        in_channels: Stream -> channels of its last map.
        embed_dims: Width D of a stream's vector.
        init_cfg: Initialisation.
    """

    def __init__(
        self, in_channels: Mapping[str, int], embed_dims: int = 256, init_cfg: dict | list[dict] | None = None
    ) -> None:
        super().__init__(in_channels, embed_dims, init_cfg)
        self.out_channels = embed_dims * len(self.streams)

    def join(self, vectors: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> Tensor:
        """The concatenated vectors (B, S * D)."""
        return torch.cat([vectors[s] for s in self.streams], dim=1)


@MODELS.register_module()
class AddFusion(BaseFusion):
    """The sum of the vectors: (B, D)."""

    def join(self, vectors: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> Tensor:
        """The sum (B, D)."""
        return torch.stack([vectors[s] for s in self.streams]).sum(0)


@MODELS.register_module()
class AverageFusion(BaseFusion):
    """The mean of the vectors of the streams that a case has: (B, D)."""

    handles_missing = True

    def join(self, vectors: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> Tensor:
        """The mean (B, D); absent streams do not count."""
        stacked = torch.stack([vectors[s] for s in self.streams])
        if present is None:
            return stacked.mean(0)
        count = torch.stack([present[s].to(stacked) for s in self.streams]).sum(0)
        return stacked.sum(0) / count.clamp(min=1)[:, None]
