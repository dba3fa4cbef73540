"""Backbones that mmpretrain lacks, has in no small size, or gives without their maps; they sit in `ImageEncoder`."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModule
from mmpretrain.models.backbones import EfficientNet, InceptionV3
from torch import Tensor, nn

from usmm.registry import MODELS


@MODELS.register_module()
class DLRE(BaseModule):
    """Four convolutions, each with batch norm, ReLU and 2x2 max pooling: the network of deep learning radiomics of
    elastography.

    The paper names four convolution layers; widths, batch norm and kernels are this library's choice.

    Args:
        channels: Width of each layer.
        init_cfg: Initialisation.

    References:
        Wang et al., Gut 2019.

    Example:
        >>> import torch
        >>> DLRE()(torch.rand(1, 3, 64, 64))[-1].shape
        torch.Size([1, 128, 4, 4])
    """

    def __init__(self, channels: Sequence[int] = (16, 32, 64, 128), init_cfg: dict | list[dict] | None = None) -> None:
        super().__init__(init_cfg)
        widths = (3, *channels)
        self.layers = nn.Sequential(*[_layer(a, b) for a, b in zip(widths, channels)])

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """The last map (B, C, H / 16, W / 16), alone in a tuple."""
        return (self.layers(x),)


@MODELS.register_module()
class InceptionMaps(InceptionV3):
    """Inception-V3 of mmpretrain up to its last map (B, 2048, H', W'), without pooling and classifier.

    Args:
        init_cfg: Initialisation; None: mmpretrain's. Images need 75 pixels a side or more.

    References:
        Szegedy et al., CVPR 2016.
    """

    def __init__(self, init_cfg: dict | list[dict] | None = None) -> None:
        super().__init__(**({} if init_cfg is None else dict(init_cfg=init_cfg)))
        del self.avgpool, self.dropout, self.fc, self.AuxLogits

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """The last map, alone in a tuple."""
        for layer in self.children():
            x = layer(x)
        return (x,)


def _layer(in_channels: int, out_channels: int) -> nn.Sequential:
    conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True), nn.MaxPool2d(2))


@MODELS.register_module()
class ScaledEfficientNet(EfficientNet):
    """EfficientNet of any width and depth: the B0 of mmpretrain scaled, also to less than itself.

    Args:
        width: Factor of the channels, which are rounded to multiples of 8.
        depth: Factor of the layers of each stage, rounded up.
        out_indices: Stages whose maps are given, 0 to 6.
        init_cfg: Initialisation; None: mmpretrain's.

    Raises:
        ValueError: A factor that is not positive.

    References:
        Tan and Le, ICML 2019, eq. 3.

    Example:
        >>> import torch
        >>> ScaledEfficientNet(width=0.25, depth=0.5)(torch.rand(1, 3, 64, 64))[-1].shape
        torch.Size([1, 320, 2, 2])
    """

    def __init__(
        self,
        width: float = 1.0,
        depth: float = 1.0,
        out_indices: Sequence[int] = (6,),
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        if min(width, depth) <= 0:
            raise ValueError(f'width and depth of an EfficientNet must be positive, got {width} and {depth}')
        # mmpretrain looks its factors up by name, of which the first letter says which layers are scaled
        self.arch_settings = {'b': (width, depth, 224)}
        super().__init__('b', out_indices=out_indices, **({} if init_cfg is None else dict(init_cfg=init_cfg)))

    def train(self, mode: bool = True) -> ScaledEfficientNet:
        """As of any module; mmpretrain's returns nothing, so that `net.eval()` would be None."""
        super().train(mode)
        return self
