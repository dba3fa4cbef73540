"""What is asked of a backbone of another package: its maps, their widths, and where its stages are."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def as_list(maps: Tensor | tuple[Tensor, ...] | list[Tensor]) -> list[Tensor]:
    """The maps of a backbone, which may return one or several."""
    return [maps] if isinstance(maps, Tensor) else list(maps)


@torch.no_grad()
def probe(backbone: nn.Module, size: int) -> tuple[int, ...]:
    """Channels of each map that a backbone makes of a square image.

    Args:
        backbone: Takes images (B, 3, H, W).
        size: Side of the image in pixels.
    """
    backbone.eval()
    try:
        maps = backbone(torch.zeros(1, 3, size, size))
    finally:
        backbone.train()
    return tuple(m.shape[1] for m in as_list(maps))


def stated_channels(backbone: nn.Module) -> tuple[int, ...]:
    """Channels of each map as the backbone states them in `out_channels`.

    Raises:
        TypeError: If it does not state them.
    """
    channels = getattr(backbone, 'out_channels', None)
    if not isinstance(channels, Iterable):
        raise TypeError(f'out_channels of {type(backbone).__name__} must be channels of each stage map, got {channels}')
    return tuple(channels)


def stage_of(backbone: nn.Module, name: str, prefix: str = '') -> str:
    """The name of a stage with a prefix, or '' where the backbone has no stage of this name.

    Example:
        >>> stage_of(nn.ModuleDict(dict(layer2=nn.Identity())), 'layer2', 'backbone.')
        'backbone.layer2'
    """
    return f'{prefix}{name}' if name in dict(backbone.named_children()) else ''
