"""What every encoder offers to the classifier: its modalities, its widths, and its own config for fewer modalities."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor


class BaseEncoder(BaseModule):
    """An encoder turns some modalities of a case into the stage maps of one stream.

    Attributes:
        modalities: The modalities that it reads.
        out_channels: Channels of each stage map, in the order of `forward`'s list.
    """

    modalities: tuple[str, ...]
    out_channels: tuple[int, ...]

    @classmethod
    def modalities_of(cls, cfg: Mapping[str, Any]) -> tuple[str, ...]:
        """The modalities that an encoder of this config would read, before it is built."""
        raise NotImplementedError

    @classmethod
    def subset(cls, cfg: Mapping[str, Any], modalities: Collection[str]) -> dict[str, Any] | None:
        """The config of the same encoder for fewer modalities, None when none of its modalities is left."""
        return dict(cfg) if set(cls.modalities_of(cfg)) & set(modalities) else None

    def forward(self, inputs: Mapping[str, Tensor]) -> list[Tensor]:
        """Stage maps [(B, C, H, W) or (B, C, T, H, W)], shallow to deep, of images or clips by modality."""
        raise NotImplementedError
