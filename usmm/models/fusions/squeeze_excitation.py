"""Fusion by squeeze and excitation: each stream's map is narrowed, its channels weighed, then averaged over space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine.model import ModuleDict
from torch import Tensor, nn

from usmm.models.fusions.base_fusion import BaseFusion, pool
from usmm.registry import MODELS
from usmm.structures import Settings


class SqueezeExcitation(nn.Module):
    """Weigh the channels of a map: x * sigmoid(W2 relu(W1 GAP(x))).

    Args:
        channels: C.
        reduction: The hidden layer has C / reduction channels, one at least.

    References:
        Hu et al., CVPR 2018, eq. 2 to 4.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.squeeze, self.excite = nn.Linear(channels, hidden), nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        """The weighted map (B, C, ...)."""
        weight = self.excite(self.squeeze(pool(x)).relu()).sigmoid()
        return x * weight.reshape(*weight.shape, *[1] * (x.ndim - 2))


@MODELS.register_module()
class SqueezeExcitationFusion(BaseFusion):
    """Per stream: last map -> 1x1 convolution, batch norm, ReLU -> squeeze-excitation -> global average; then side by
    side: (B, S * D).

    No place is fused, so that the modalities need not be aligned. A stream that a case lacks gives zeros, which add
    nothing to the logits, and does not enter the batch statistics.

    Args:
        in_channels: Stream -> channels of its last map, (B, C, H, W) or (B, C, T, H, W).
        embed_dims: Width D of a stream's vector.
        reduction: Of the squeeze-excitation.
        init_cfg: Initialisation.

    Raises:
        ValueError: If there is no stream, or the reduction is below 1.

    References:
        The system for liver fibrosis with active learning (MMFN-AL); Hu et al., CVPR 2018.

    Example:
        >>> fusion = SqueezeExcitationFusion({'lste': 2048, 'lus': 2048})
        >>> fusion.out_channels, sum(p.numel() for p in fusion.parameters())
        (512, 1066528)
    """

    handles_missing = True

    def __init__(
        self,
        in_channels: Mapping[str, int],
        embed_dims: int = 256,
        reduction: int = 16,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(in_channels, None, init_cfg)
        if reduction < 1:
            raise ValueError(f'reduction must be 1 or more, got {reduction}')
        self.embed_dims, self.widths = embed_dims, dict.fromkeys(self.streams, embed_dims)
        self.out_channels = embed_dims * len(self.streams)
        self.narrow = ModuleDict({s: nn.Linear(c, embed_dims, bias=False) for s, c in in_channels.items()})
        self.norm = ModuleDict({s: nn.BatchNorm1d(embed_dims) for s in self.streams})
        self.attention = ModuleDict({s: SqueezeExcitation(embed_dims, reduction) for s in self.streams})

    @classmethod
    def single(cls, cfg: Settings) -> dict[str, object]:
        """The same: there is nothing in it that needs two streams."""
        return dict(cfg)

    def embed(
        self, streams: Mapping[str, Sequence[Tensor]], present: Mapping[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Stream -> vector (B, D); rows of absent streams are zero."""
        batch = next(iter(streams.values()))[-1].shape[0]
        return {s: self._vector(s, streams, None if present is None else present[s], batch) for s in self.streams}

    def join(self, vectors: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> Tensor:
        """The concatenated vectors (B, S * D)."""
        return torch.cat([vectors[s] for s in self.streams], dim=1)

    def _vector(self, stream: str, streams: Mapping[str, Sequence[Tensor]], rows: Tensor | None, batch: int) -> Tensor:
        if stream not in streams or (self.training and rows is not None and not bool(rows.any())):
            return next(self.narrow[stream].parameters()).new_zeros(batch, self.widths[stream])
        x = streams[stream][-1]
        if rows is None:
            return self._weighted(stream, x)
        rows = rows.to(x.device)
        if not self.training:  # without batch statistics all rows may pass: nothing depends on a tensor's values
            return torch.where(rows[:, None], self._weighted(stream, x), 0.0)
        found = self._weighted(stream, x[rows])
        return found.new_zeros(batch, found.shape[1]).index_copy(0, rows.nonzero()[:, 0], found)

    def _weighted(self, stream: str, x: Tensor) -> Tensor:
        """(B, D) of a map (B, C, ...); a 1x1 convolution is a linear layer on the channels, for images and clips."""
        narrow = self.narrow[stream](x.flatten(2).transpose(1, 2)).transpose(1, 2)
        return pool(self.attention[stream](self.norm[stream](narrow).relu()))
