"""What every fusion shares: one vector from each stream's last map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from mmengine.model import BaseModule, ModuleDict
from torch import Tensor, nn

from usmm.structures import Settings


def pool(x: Tensor) -> Tensor:
    """Global average over space and time: (B, C, ...) -> (B, C), whatever the memory format."""
    return x.mean(dim=tuple(range(2, x.ndim))) if x.ndim > 2 else x


def _check_streams(module: nn.Module, inputs: tuple[object, ...], named: Mapping[str, object]) -> None:
    """See that a fusion gets maps of its streams, whoever calls it: a classifier, or a loop of one's own.

    Raises:
        TypeError: It does not get stream -> list of stage maps.
        ValueError: A stream has another name, its last map has other channels, the streams have different numbers of
            rows, or a stream is absent although `present` does not mark it so for every row.
    """
    fusion = cast(BaseFusion, module)  # registered by a BaseFusion alone
    name = type(fusion).__name__
    streams = inputs[0] if inputs else named.get('streams')
    expected = f'{name} expects a dict of stream -> list of stage maps (B, C, H, W) or (B, C, T, H, W)'
    if not isinstance(streams, Mapping) or not streams:
        raise TypeError(f'{expected}, got {streams if isinstance(streams, Mapping) else type(streams).__name__}')
    for stream, maps in streams.items():
        if stream not in fusion.streams:
            raise ValueError(f'{name} has the streams {list(fusion.streams)}, got {stream!r}')
        if isinstance(maps, Tensor) or not isinstance(maps, Sequence) or not maps:
            raise TypeError(f'{expected}, got a {type(maps).__name__} for {stream!r}')
        shape, width = tuple(maps[-1].shape), fusion.in_channels[stream]
        if len(shape) < 2 or shape[1] != width:
            raise ValueError(f'{name} expects {width} channels in the last map of {stream!r}, got the shape {shape}')
    # not while torch exports the model: comparing the numbers of rows would fix the size of the batch
    rows = {} if torch.compiler.is_compiling() else {stream: len(maps[-1]) for stream, maps in streams.items()}
    if len(set(rows.values())) > 1:
        raise ValueError(f'{name} expects the same number of rows in every stream, got {rows}')
    present = inputs[1] if len(inputs) > 1 else named.get('present')
    for stream in fusion.streams:
        if stream in streams:
            continue
        if present is None or bool(cast(Mapping[str, Tensor], present)[stream].any()):
            raise ValueError(
                f'{name} has the streams {list(fusion.streams)}, and {stream!r} is not among the inputs {[*streams]}; '
                'for cases without it, pass present, a dict of stream -> which rows have it (B,)'
            )


class BaseFusion(BaseModule):
    """Project each stream (global average, fully connected layer, ReLU), then join the vectors (subclasses).

    Args:
        in_channels: Stream -> channels of its last map.
        embed_dims: Width D of the streams' vectors; None: no projection, a vector is as wide as its map.
        init_cfg: Initialisation; None: torch's defaults.

    Attributes:
        out_channels: Width of the joint vector.
        widths: Stream -> width of its vector.
        handles_missing: Whether a stream may be absent from some cases of a batch.
        projector: The projector of a contrastive pre-training that the streams pass, or None.
        layerwise: Whether all stage maps are fused; `in_channels` then has the channels of each of them.

    Raises:
        ValueError: If there is no stream.
    """

    handles_missing = False
    layerwise = False
    out_channels: int

    def __init__(
        self, in_channels: Mapping[str, int], embed_dims: int | None = 256, init_cfg: dict | list[dict] | None = None
    ) -> None:
        super().__init__(init_cfg)
        if not in_channels:
            raise ValueError(f'{type(self).__name__} needs one stream or more, got none')
        self.streams = tuple(in_channels)
        self.projector: nn.Module | None = None
        self.embed_dims = embed_dims
        # without a projection the subclass sets it
        self.out_channels = 0 if embed_dims is None else embed_dims
        self.widths = {s: width if embed_dims is None else embed_dims for s, width in in_channels.items()}
        projected = {} if embed_dims is None else in_channels
        self.project = ModuleDict({s: nn.Linear(width, self.widths[s]) for s, width in projected.items()})
        self.in_channels = dict(in_channels)
        self.register_forward_pre_hook(_check_streams, with_kwargs=True)

    @classmethod
    def single(cls, cfg: Settings) -> dict[str, object]:
        """What is left of this fusion's config when a single stream is: the projection, at the same width."""
        return dict(type='SingleStream', embed_dims=cfg.get('embed_dims', 256))

    def embed(
        self, streams: Mapping[str, Sequence[Tensor]], present: Mapping[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Stream -> vector (B, D); rows of absent streams are zero.

        Args:
            streams: Stream -> stage maps; a stream that no case of the batch has may be left out.
            present: Stream -> which rows have it (B,); None: all.
        """
        vectors = {s: pool(streams[s][-1]) for s in self.streams if s in streams}
        vectors = {s: self.project[s](v).relu() if s in self.project else v for s, v in vectors.items()}
        if present is None:
            return vectors
        example = next(iter(vectors.values()))
        for stream in self.streams:
            if stream in vectors:
                vectors[stream] = vectors[stream] * present[stream].to(example)[:, None]
            else:
                vectors[stream] = example.new_zeros(len(example), self.widths[stream])
        return {s: vectors[s] for s in self.streams}

    def join(self, vectors: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> Tensor:
        """The joint vector (B, out_channels) of stream -> (B, D)."""
        raise NotImplementedError

    def forward(
        self, streams: Mapping[str, Sequence[Tensor]], present: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The joint vector (B, out_channels) and stream -> vector (B, D)."""
        vectors = self.embed(streams, present)
        return self.join(vectors, present), vectors
