"""Convolutions across modalities: CGC, the grouped one, and CMC, the dense one that it is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine.model import ModuleList
from torch import Tensor, nn

from usmm.models.fusions.base_fusion import BaseFusion, pool
from usmm.models.fusions.layerwise import flatten_time, resize
from usmm.models.layers.channel_shuffle import ChannelShuffle
from usmm.registry import MODELS
from usmm.structures import Settings

BLOCKS_2D = 3  # 1x1 convs behind the one that merges the modalities


class _Block(nn.Module):
    """A convolution without bias, batch norm, Swish, channel shuffle."""

    def __init__(self, conv: nn.Conv2d | nn.Conv3d, groups: int) -> None:
        super().__init__()
        self.conv, self.norm = conv, nn.BatchNorm2d(conv.out_channels)
        self.act, self.shuffle = nn.SiLU(), ChannelShuffle(groups)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W), or (B, C, M, H, W) whose modalities the conv merges, to (B, C, H, W)."""
        x = self.conv(x)
        return self.shuffle(self.act(self.norm(x.squeeze(2) if x.ndim == 5 else x)))


@MODELS.register_module()
class CrossModalityGroupConv(BaseFusion):
    """Cross-modality group convolution (CGC).

    The last maps of the modalities, C x M x H x W, pass one M x 1 x 1 grouped convolution, which merges the modalities,
    and three 1 x 1 grouped ones; each is followed by batch norm, Swish and a channel shuffle. A shortcut leads around
    every two of them; the first adds the mean over the modalities. The joint vector is the global average.

    A case may lack modalities: their maps are zero, and those that are there weigh accordingly more, so that the sums
    over modalities keep their size. Clips are averaged over time; all maps take the size of the first stream's.

    Args:
        in_channels: Channels C of each modality's map; or stream -> channels, all the same.
        num_modalities: M; None: as many as `in_channels` names.
        groups: Groups of all convolutions; must divide C.
        init_cfg: Initialisation.

    Raises:
        ValueError: If the streams have different widths, are not `num_modalities`, or groups does not divide C.

    References:
        Chiang et al., ACM MM Asia 2023.

    Example:
        >>> fusion = CrossModalityGroupConv(in_channels=1408, num_modalities=3, groups=8)
        >>> sum(block.conv.weight.numel() for block in fusion.blocks)
        1486848
    """

    handles_missing = True
    dense = False  # whether the convolution that merges the modalities has one group

    def __init__(
        self,
        in_channels: int | Mapping[str, int] = 1408,
        num_modalities: int | None = None,
        groups: int = 8,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        widths = _by_stream(in_channels, num_modalities)
        super().__init__(widths, None, init_cfg)
        name, width = type(self).__name__, next(iter(widths.values()))
        if len(set(widths.values())) > 1:
            raise ValueError(f'{name} stacks the maps of the modalities, and they have {widths} channels')
        if num_modalities not in (None, len(widths)):
            raise ValueError(f'{name} is for {num_modalities} modalities, and gets the streams {[*widths]}')
        if groups < 1 or width % groups:
            raise ValueError(f'groups of {name} must divide the {width} channels, got {groups}')
        self.out_channels = width
        first = 1 if self.dense else groups
        convs: list[nn.Conv2d | nn.Conv3d] = [nn.Conv3d(width, width, (len(widths), 1, 1), groups=first, bias=False)]
        convs += [nn.Conv2d(width, width, 1, groups=groups, bias=False) for _ in range(BLOCKS_2D)]
        self.blocks = ModuleList([_Block(conv, groups) for conv in convs])

    @classmethod
    def single(cls, cfg: Settings) -> dict[str, object]:
        """What is left with a single modality: the global average of its map."""
        return dict(type='PoolFusion')

    def stack(self, streams: Mapping[str, Sequence[Tensor]], present: Mapping[str, Tensor] | None = None) -> Tensor:
        """The last maps, (B, C, M, H, W); those of absent modalities zero, the others of that row made up for it.

        Args:
            streams: Stream -> stage maps; a stream that no case of the batch has may be left out.
            present: Stream -> which rows have it (B,); None: all.
        """
        maps = {s: flatten_time(streams[s][-1]) for s in self.streams if s in streams}
        example = next(iter(maps.values()))
        maps = {s: resize(m, example.shape[2:]) for s, m in maps.items()}
        x = torch.stack([maps[s] if s in maps else torch.zeros_like(example) for s in self.streams], 2)
        if present is None:
            return x
        weights = torch.stack([present[s].to(x) for s in self.streams], 1)
        weights = weights * weights.shape[1] / weights.sum(1, keepdim=True).clamp(min=1)
        return x * weights[:, None, :, None, None]

    def convolve(self, x: Tensor) -> Tensor:
        """The fused map (B, C, H, W) of stacked maps (B, C, M, H, W)."""
        merge, second, third, last = self.blocks
        y = second(merge(x)) + x.mean(2)
        return last(third(y)) + y

    def forward(
        self, streams: Mapping[str, Sequence[Tensor]], present: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The joint vector (B, C) and stream -> the global average of its last map (B, C)."""
        return pool(self.convolve(self.stack(streams, present))), self.embed(streams, present)


@MODELS.register_module()
class CrossModalityConv(CrossModalityGroupConv):
    """Cross-modality convolution (CMC): the same, but the convolution that merges the modalities is dense.

    Args:
        in_channels, num_modalities, groups, init_cfg: As in `CrossModalityGroupConv`.

    References:
        Tseng et al., Joint sequence learning and cross-modality convolution for 3D biomedical segmentation, CVPR 2017.

    Example:
        >>> CrossModalityConv(in_channels=1408, num_modalities=3).blocks[0].conv.weight.numel()
        5947392
    """

    dense = True


def _by_stream(in_channels: int | Mapping[str, int], num_modalities: int | None) -> dict[str, int]:
    if isinstance(in_channels, Mapping):
        return dict(in_channels)
    return {str(i): in_channels for i in range(3 if num_modalities is None else num_modalities)}
