"""R(2+1)D of mmaction2, with all stage maps, no pooling that R(2+1)D does not have, and torchvision's widths."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from mmaction.models.backbones.resnet2plus1d import ResNet2Plus1d
from mmaction.models.backbones.resnet3d import BasicBlock3d
from mmaction.models.common.conv2plus1d import Conv2plus1d
from mmcv.cnn import build_norm_layer
from torch import Tensor, nn
from torch.nn import functional as F

from usmm.registry import MODELS

LAYOUTS = ('torchvision', 'mmaction')
DEPTHS = (10, 18, 34)
# torchvision's Sequential positions -> the names of mmaction2's modules
_PARTS = {'0.0': 'conv.conv_s', '0.1': 'conv.bn_s', '0.3': 'conv.conv_t', '1': 'bn'}
_STEM = {'0': 'conv.conv_s', '1': 'conv.bn_s', '3': 'conv.conv_t', '4': 'bn'}
_SHORTCUT = {'0': 'conv', '1': 'bn'}


def from_torchvision(name: str) -> str:
    """The name in `R2Plus1D` of a tensor of torchvision's r2plus1d_18; other names come back unchanged.

    Example:
        >>> from_torchvision('layer2.0.conv1.0.3.weight')
        'layer2.0.conv1.conv.conv_t.weight'
    """
    if found := re.fullmatch(r'stem\.(\d)\.(\w+)', name):
        return f'conv1.{_STEM[found[1]]}.{found[2]}'
    if found := re.fullmatch(r'(layer\d\.\d+)\.downsample\.(\d)\.(\w+)', name):
        return f'{found[1]}.downsample.{_SHORTCUT[found[2]]}.{found[3]}'
    if found := re.fullmatch(r'(layer\d\.\d+\.conv\d)\.(0\.\d|1)\.(\w+)', name):
        return f'{found[1]}.{_PARTS[found[2]]}.{found[3]}'
    return name


class TimeConv(nn.Conv3d):
    """A (t, 1, 1) convolution.

    On a CPU it runs as the 2D convolution that it is, of T x HW pixels: at two time steps (layer4 of a clip of 10
    frames) torch's 3D one gives garbage as the gradient of bfloat16 weights.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, C', T', H, W) of maps (B, C, T, H, W)."""
        if not x.is_cpu:
            return super().forward(x)
        steps: Any = dict(stride=(self.stride[0], 1), padding=(self.padding[0], 0))
        return F.conv2d(x.flatten(3), self.weight.squeeze(-1), self.bias, **steps).unflatten(3, x.shape[3:])


@MODELS.register_module()
class R2Plus1D(ResNet2Plus1d):
    """R(2+1)D for clips (B, C, T, H, W); returns the maps of its stages.

    Upstream's class puts a max-pool behind the stem, which R(2+1)D does not have, keeps the number of time steps
    unless told otherwise, and factorises the shortcuts' 1x1x1 convs too. Here a clip of 10 x 112 x 112 gives maps of
    10 x 56, 5 x 28, 3 x 14 and 2 x 7, and layout `'torchvision'` has the widths of torchvision's r2plus1d_18
    (31,300,125 parameters at depth 18 against 33,227,745 in layout `'mmaction'`) and takes its weights.

    Args:
        depth: 10 (one block a stage), 18 or 34.
        base_channels: Width of the stem and of the first stage.
        layout: `'torchvision'` or `'mmaction'`: where the two differ in inner widths and shortcuts.
        in_channels: Channels of the clip.
        out_indices: Stages whose maps are returned.
        temporal_strides: Time stride of each stage.
        with_pool1: Max-pool behind the stem, as the models in mmaction2's zoo have it.
        norm_cfg: Norm layers.
        norm_eval, frozen_stages, with_cp: As in mmaction2's ResNet3d.
        zero_init_residual: Let blocks start as identities.
        init_cfg: Not used by upstream; pre-trained weights come through `ClipEncoder`.

    Raises:
        ValueError: If depth or layout is unknown.

    References:
        Tran et al., A closer look at spatiotemporal convolutions for action recognition, CVPR 2018.
    """

    arch_settings = {10: (BasicBlock3d, (1, 1, 1, 1)), **ResNet2Plus1d.arch_settings}

    def __init__(
        self,
        depth: int = 18,
        base_channels: int = 64,
        layout: str = 'torchvision',
        in_channels: int = 3,
        out_indices: Sequence[int] = (0, 1, 2, 3),
        temporal_strides: Sequence[int] = (1, 2, 2, 2),
        with_pool1: bool = False,
        norm_cfg: dict | None = None,
        norm_eval: bool = False,
        frozen_stages: int = -1,
        with_cp: bool = False,
        zero_init_residual: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        if depth not in DEPTHS or layout not in LAYOUTS:
            raise ValueError(f'R2Plus1D has a depth in {DEPTHS} and a layout in {LAYOUTS}, got {depth=} and {layout=}')
        super().__init__(
            depth=depth,
            pretrained2d=False,
            in_channels=in_channels,
            base_channels=base_channels,
            out_indices=tuple(out_indices),
            temporal_strides=tuple(temporal_strides),
            with_pool1=with_pool1,
            with_pool2=False,
            # The class itself, not its name: the name is unknown outside mmaction2's scope.
            conv_cfg=dict(type=Conv2plus1d),
            norm_cfg=norm_cfg or dict(type='BN3d'),
            norm_eval=norm_eval,
            frozen_stages=frozen_stages,
            with_cp=with_cp,
            zero_init_residual=zero_init_residual,
            init_cfg=init_cfg,
        )
        del self.pool2
        if not with_pool1:
            self.maxpool = nn.Identity()
        if layout == 'torchvision':
            self._take_torchvision_widths()
        for module in self.modules():
            if isinstance(module, Conv2plus1d):
                module.conv_t = _like(module.conv_t, TimeConv)
        self._freeze_stages()
        self.out_channels = tuple(base_channels * 2**i * self.block.expansion for i in self.out_indices)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Maps (B, C, T', H', W') of the stages in `out_indices`, of clips (B, C, T, H, W)."""
        x = self.maxpool(self.conv1(x))
        maps = []
        for name in self.res_layers:
            x = getattr(self, name)(x)
            maps.append(x)
        return tuple(maps[i] for i in self.out_indices)

    def train(self, mode: bool = True) -> R2Plus1D:
        """As upstream's, which returns nothing."""
        super().train(mode)
        return self

    def _take_torchvision_widths(self) -> None:
        self._widen(self.conv1.conv, max(45 * self.base_channels // 64, 1))
        for name in self.res_layers:
            for block in getattr(self, name):
                fan_in, out = block.inplanes, block.planes
                middle = (fan_in * out * 27) // (fan_in * 9 + 3 * out)
                self._widen(block.conv1.conv, middle)
                self._widen(block.conv2.conv, middle)
                if block.downsample is not None:
                    stride = block.downsample.conv.stride
                    block.downsample.conv = nn.Conv3d(fan_in, out, 1, stride=stride, bias=False)

    def _widen(self, conv: Conv2plus1d, middle: int) -> None:
        """Give the (1, k, k) and (t, 1, 1) convs another number of channels between them."""
        space, time = conv.conv_s, conv.conv_t
        conv.conv_s = _like(space, out_channels=middle)
        conv.bn_s = build_norm_layer(conv.norm_cfg, middle)[1]
        conv.conv_t = _like(time, in_channels=middle)


def _like(conv: nn.Conv3d, kind: type[nn.Conv3d] = nn.Conv3d, **channels: int) -> nn.Conv3d:
    """A new convolution of the same geometry without bias, of another class or number of channels."""
    names = ('in_channels', 'out_channels', 'kernel_size', 'stride', 'padding')
    return kind(**{**{name: getattr(conv, name) for name in names}, **channels, 'bias': False})
