"""What the layer-wise fusions share: stage maps of one size at every level, whatever stream they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmcv.cnn import ConvModule
from torch import Tensor
from torch.nn import functional as F

from usmm.models.fusions.base_fusion import BaseFusion, pool
from usmm.structures import Settings


def conv_norm(
    in_channels: int,
    out_channels: int,
    kernel: int,
    stride: int = 1,
    norm_cfg: dict | None = None,
    act: dict | None = None,
) -> ConvModule:
    """A conv without bias, a norm layer (default: batch norm), and the activation of a config (None: none).

    Example:
        >>> sum(p.numel() for p in conv_norm(64, 256, 1).parameters()) == 64 * 256 + 2 * 256
        True
    """
    return ConvModule(
        in_channels, out_channels, kernel, stride, kernel // 2, norm_cfg=norm_cfg or dict(type='BN'), act_cfg=act
    )


def flatten_time(x: Tensor) -> Tensor:
    """Maps (B, C, H, W); of a clip (B, C, T, H, W) the average over time."""
    return x.mean(2) if x.ndim == 5 else x


def resize(x: Tensor, size: Sequence[int]) -> Tensor:
    """Maps (B, C, H', W') resized (bilinear) to size (H, W), where theirs is another."""
    size = tuple(size)
    return x if x.shape[2:] == size else F.interpolate(x, size, mode='bilinear', align_corners=False)


class LayerwiseFusion(BaseFusion):
    """Fuse the streams at every stage of their backbones; a stream's vector is the global average of its last map.

    Maps of clips are averaged over time; at every level all maps take the size of the first stream's. Every stream
    must be there for every case.

    Args:
        in_channels: Stream -> channels of each of its stage maps, shallow to deep.
        init_cfg: Initialisation.

    Raises:
        ValueError: If the streams have different numbers of stage maps.
    """

    layerwise = True

    def __init__(self, in_channels: Mapping[str, Sequence[int]], init_cfg: dict | list[dict] | None = None) -> None:
        super().__init__({s: widths[-1] for s, widths in in_channels.items()}, None, init_cfg)
        counts = {s: len(widths) for s, widths in in_channels.items()}
        if len(set(counts.values())) > 1:
            raise ValueError(f'{type(self).__name__} fuses stage by stage, and the streams have {counts} stage maps')
        self.num_levels = next(iter(counts.values()))

    @classmethod
    def single(cls, cfg: Settings) -> dict[str, object]:
        """What is left with a single stream: that stream's network."""
        return dict(type='PoolFusion')

    def levels(self, streams: Mapping[str, Sequence[Tensor]]) -> list[dict[str, Tensor]]:
        """Level by level, stream -> map (B, C, H, W); at each level all have one size.

        Args:
            streams: Stream -> stage maps (B, C, H, W) or (B, C, T, H, W).
        """
        found = []
        for level in range(self.num_levels):
            maps = {s: flatten_time(streams[s][level]) for s in self.streams}
            size = maps[self.streams[0]].shape[2:]
            found.append({s: resize(m, size) for s, m in maps.items()})
        return found

    def fuse(self, levels: Sequence[Mapping[str, Tensor]]) -> Tensor:
        """The last fusion map (B, out_channels, H, W) of the levels' maps."""
        raise NotImplementedError

    def forward(
        self, streams: Mapping[str, Sequence[Tensor]], present: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The fusion's vector (B, out_channels) and stream -> the global average of its last map (B, C)."""
        return pool(self.fuse(self.levels(streams))), self.embed(streams, present)
