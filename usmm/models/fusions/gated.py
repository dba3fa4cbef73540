"""Fusion by gated multimodal units: how much of each stream goes into the vector is decided case by case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine.model import ModuleDict
from torch import Tensor, nn

from usmm.models.fusions.base_fusion import BaseFusion, pool
from usmm.registry import MODELS


@MODELS.register_module()
class GatedFusion(BaseFusion):
    """h = sum of z_i * h_i over the streams, h_i = tanh(W_i x_i), z_i = sigmoid(Z_i [x_1, ..., x_n]).

    x_i is the global average of a stream's last map. Of two streams the gates are one and its complement, z and 1 - z.
    A stream that a case lacks gives zeros to the gates and to the sum; the one that is left of two has the gate 1.

    Args:
        in_channels: Stream -> channels of its last map.
        embed_dims: Width D of the vectors h_i and of the joint one.
        init_cfg: Initialisation.

    References:
        Arevalo et al., Gated Multimodal Units for Information Fusion, ICLR workshop 2017, section 3.1.

    Example:
        >>> fusion = GatedFusion({'image': 1280, 'clinical': 32}, embed_dims=64)
        >>> fusion.out_channels, sum(p.numel() for p in fusion.parameters()) == 64 * (1280 + 32 + 1312)
        (64, True)
    """

    handles_missing = True

    def __init__(
        self, in_channels: Mapping[str, int], embed_dims: int = 256, init_cfg: dict | list[dict] | None = None
    ) -> None:
        super().__init__(in_channels, None, init_cfg)
        self.embed_dims = self.out_channels = embed_dims
        self.inputs, self.widths = dict(in_channels), dict.fromkeys(self.streams, embed_dims)
        gated = self.streams[:1] if len(self.streams) == 2 else self.streams
        self.candidate = ModuleDict({s: nn.Linear(c, embed_dims, bias=False) for s, c in in_channels.items()})
        self.gate = ModuleDict({s: nn.Linear(sum(in_channels.values()), embed_dims, bias=False) for s in gated})

    def forward(
        self, streams: Mapping[str, Sequence[Tensor]], present: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The joint vector (B, D), and stream -> vector h_i (B, D), zero where a stream is absent."""
        raw = self._averages(streams, present)
        vectors = {s: self.candidate[s](x).tanh() for s, x in raw.items()}
        gates = self.gates(raw, present)
        return torch.stack([gates[s] * vectors[s] for s in self.streams]).sum(0), vectors

    def gates(self, raw: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Stream -> gate (B, D), from 0 to 1.

        Args:
            raw: Stream -> global average (B, C) of its last map, zero where it is absent.
            present: Stream -> which rows have it (B,); None: all.
        """
        together = torch.cat([raw[s] for s in self.streams], dim=1)
        found = {s: layer(together).sigmoid() for s, layer in self.gate.items()}
        if len(self.streams) != 2:
            return found
        one, other = self.streams
        gate = found[one]
        if present is not None:  # the only stream of a row has it all
            gate = torch.where(present[other].to(gate.device)[:, None], gate, 1.0)
            gate = torch.where(present[one].to(gate.device)[:, None], gate, 0.0)
        return {one: gate, other: 1 - gate}

    def _averages(
        self, streams: Mapping[str, Sequence[Tensor]], present: Mapping[str, Tensor] | None
    ) -> dict[str, Tensor]:
        found = {s: pool(streams[s][-1]) for s in self.streams if s in streams}
        if present is None:
            return found
        example = next(iter(found.values()))
        empty = {s: example.new_zeros(example.shape[0], width) for s, width in self.inputs.items()}
        return {s: found.get(s, empty[s]) * present[s].to(example)[:, None] for s in self.streams}
