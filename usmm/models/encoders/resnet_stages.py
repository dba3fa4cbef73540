"""mmpretrain's ResNet, cut in two: the stem with the first stages, and the stages after a map fusion."""

from __future__ import annotations

from collections.abc import Callable

from mmengine.model import BaseModule
from mmpretrain.models.backbones.resnet import BasicBlock, Bottleneck, ResLayer, ResNet
from torch import Tensor

# Depth -> kind of block, blocks of each stage. Depth 10, which mmpretrain lacks, is that of small medical data sets
# (Chen et al., Med3D, arXiv:1904.00625).
STAGES = {10: (BasicBlock, (1, 1, 1, 1)), **ResNet.arch_settings}
INIT: list[dict] = [
    dict(type='Kaiming', layer=['Conv2d']),
    dict(type='Constant', val=1, layer=['_BatchNorm', 'GroupNorm']),
]


class ResNetTrunk(ResNet):
    """Stem, layer1 and layer2 of a ResNet; the stem's map can be gated.

    Args:
        depth: 10, 18, 34, 50, 101 or 152.
        base_channels: Width of the stem and of the first stage's inner convs.
        kwargs: Other arguments of mmpretrain's ResNet.

    Raises:
        ValueError: If there is no ResNet of this depth.

    Example:
        >>> sum(p.numel() for p in ResNetTrunk(50).parameters())
        1444928
    """

    arch_settings = STAGES

    def __init__(self, depth: int, base_channels: int = 64, **kwargs: object) -> None:
        if depth not in STAGES:
            raise ValueError(f'a ResNet has a depth of {sorted(STAGES)}, got {depth}')
        stages = dict(num_stages=2, strides=(1, 2), dilations=(1, 1), out_indices=(1,))
        super().__init__(depth, base_channels=base_channels, stem_channels=base_channels, **stages, **kwargs)
        self.out_channels: int = self.layer2[-1].out_channels

    def stem_forward(self, image: Tensor) -> Tensor:
        """The stem's map, a quarter of the image's size, of an image (B, 3, H, W)."""
        return self.maxpool(self.relu(self.norm1(self.conv1(image))))

    def forward(self, image: Tensor, guide: Callable[[tuple[int, int]], Tensor] | None = None) -> Tensor:
        """layer2's map (B, C, H/8, W/8).

        Args:
            image: (B, 3, H, W).
            guide: Function of the stem map's (H/4, W/4) that returns a gate (B, 1, H/4, W/4), or None.
        """
        x = self.stem_forward(image)
        if guide is not None:
            x = x * guide((x.shape[2], x.shape[3]))
        return self.layer2(self.layer1(x))

    def train(self, mode: bool = True) -> ResNetTrunk:
        """As upstream's, which returns nothing."""
        super().train(mode)
        return self


class ResNetTail(BaseModule):
    """layer3 and layer4 of a ResNet.

    Args:
        depth: 10, 18, 34, 50, 101 or 152.
        in_channels: Channels of the map that comes in (layer2's width).
        norm_cfg, with_cp, zero_init_residual: As in mmpretrain's ResNet.

    Example:
        >>> sum(p.numel() for p in ResNetTail(50, 512).parameters())
        22063104
    """

    def __init__(
        self,
        depth: int,
        in_channels: int,
        norm_cfg: dict | None = None,
        with_cp: bool = False,
        zero_init_residual: bool = False,
    ) -> None:
        super().__init__(INIT)
        block, counts = STAGES[depth]
        extra = dict(stride=2, with_cp=with_cp, norm_cfg=norm_cfg or dict(type='BN'))
        self.out_channels = (2 * in_channels, 4 * in_channels)
        self.layer3 = ResLayer(block, counts[2], in_channels, self.out_channels[0], **extra)
        self.layer4 = ResLayer(block, counts[3], self.out_channels[0], self.out_channels[1], **extra)
        self.zero_init_residual = zero_init_residual

    def init_weights(self) -> None:
        """Kaiming; on request the last norm of each block starts at zero, so that blocks start as identities."""
        super().init_weights()
        if self.zero_init_residual:
            for block in (*self.layer3, *self.layer4):
                last = block.norm3 if isinstance(block, Bottleneck) else block.norm2
                last.weight.data.zero_()

    def forward(self, x: Tensor) -> list[Tensor]:
        """Maps of layer3 (B, 2C, H/2, W/2) and layer4 (B, 4C, H/4, W/4) of x (B, C, H, W)."""
        third = self.layer3(x)
        return [third, self.layer4(third)]
