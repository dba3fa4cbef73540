"""Fusion by feature-wise linear modulation: one stream, say the table, scales and shifts the maps of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine.model import ModuleDict
from torch import Tensor, nn

from usmm.models.fusions.base_fusion import BaseFusion, pool
from usmm.registry import MODELS


@MODELS.register_module()
class FiLMFusion(BaseFusion):
    """relu((1 + gamma) * map + beta) on each channel of a last map, then global average and projection, side by side.

    gamma and beta are a linear function of the vector of the stream `by`. It starts at zero, so that at first the maps
    are as their encoders made them (those that end with a ReLU). A case that lacks the stream `by` keeps its maps; of
    a case that lacks a map, what is left is relu(beta).

    Args:
        in_channels: Stream -> channels of its last map.
        by: The stream that modulates the others. It reaches the answer in no other way.
        embed_dims: Width D of a modulated stream's vector.
        init_cfg: Initialisation.

    Raises:
        ValueError: If `by` is not one of the streams, or the only one.

    References:
        Perez et al., FiLM: Visual Reasoning with a General Conditioning Layer, AAAI 2018, eq. 1 and 2.

    Example:
        >>> fusion = FiLMFusion({'image': 1280, 'clinical': 32}, embed_dims=64)
        >>> maps = {'image': [torch.rand(2, 1280, 7, 7)], 'clinical': [torch.rand(2, 32, 1, 1)]}
        >>> vector, vectors = fusion(maps)
        >>> vector.shape, list(vectors)
        (torch.Size([2, 64]), ['image', 'clinical'])
    """

    handles_missing = True

    def __init__(
        self,
        in_channels: Mapping[str, int],
        by: str = 'clinical',
        embed_dims: int = 256,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(in_channels, None, init_cfg)
        if by not in self.streams or len(self.streams) < 2:
            raise ValueError(f'FiLMFusion modulates other streams by {by!r}, got the streams {self.streams}')
        self.by, self.inputs = by, dict(in_channels)
        self.others = tuple(s for s in self.streams if s != by)
        self.embed_dims, self.out_channels = embed_dims, embed_dims * len(self.others)
        self.widths = {s: in_channels[by] if s == by else embed_dims for s in self.streams}
        self.project = ModuleDict({s: nn.Linear(in_channels[s], embed_dims) for s in self.others})
        layers = {s: nn.Linear(in_channels[by], 2 * in_channels[s]) for s in self.others}
        self.modulate = ModuleDict(layers)
        for layer in layers.values():
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def embed(
        self, streams: Mapping[str, Sequence[Tensor]], present: Mapping[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Stream -> vector: (B, D) of a modulated one, the average (B, C) of the map of `by`."""
        maps = {s: streams[s][-1] if s in streams else self._nothing(s, streams) for s in self.streams}
        if present is not None:
            maps = {s: x * present[s].to(x).view(-1, *[1] * (x.ndim - 1)) for s, x in maps.items()}
        vectors = {self.by: pool(maps[self.by])}
        there = None if present is None else present[self.by]
        for stream in self.others:
            vectors[stream] = self.project[stream](pool(self._modulated(stream, maps, there))).relu()
        return {s: vectors[s] for s in self.streams}

    def join(self, vectors: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> Tensor:
        """The vectors of the modulated streams, side by side (B, D * (S - 1))."""
        return torch.cat([vectors[s] for s in self.others], dim=1)

    def _modulated(self, stream: str, maps: Mapping[str, Tensor], there: Tensor | None) -> Tensor:
        x = maps[stream]
        numbers = self.modulate[stream](pool(maps[self.by]))
        if there is not None:
            numbers = numbers * there.to(numbers)[:, None]
        gamma, beta = numbers.view(*numbers.shape, *[1] * (x.ndim - 2)).chunk(2, dim=1)
        return ((1 + gamma) * x + beta).relu()

    def _nothing(self, stream: str, streams: Mapping[str, Sequence[Tensor]]) -> Tensor:
        """A map of a stream that no case of the batch has."""
        example = next(iter(streams.values()))[-1]
        return example.new_zeros(example.shape[0], self.inputs[stream], 1, 1)
