"""What every encoder offers to the classifier: its modalities, its widths, and its own config for fewer modalities."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor

from usmm.models.pretrained import LoadReport, load_pretrained, split_pretrained
from usmm.structures import Settings


class BaseEncoder(BaseModule):
    """An encoder turns some modalities of a case into the stage maps of one stream.

    Args:
        init_cfg: Initialisation; `dict(type='Pretrained', checkpoint=...)` fills the backbone when the weights are
            initialised, and leaves a `LoadReport` in `load_report`.

    Attributes:
        modalities: The modalities that it reads.
        out_channels: Channels of each stage map, in the order of `forward`'s list.
    """

    modalities: tuple[str, ...]
    out_channels: tuple[int, ...]

    def __init__(self, init_cfg: dict | list[dict] | None = None) -> None:
        rest, self.pretrained = split_pretrained(dict(init_cfg=init_cfg))
        others: Any = rest.get('init_cfg')  # mmengine checks it
        super().__init__(others)
        self.load_report: LoadReport | None = None

    @classmethod
    def modalities_of(cls, cfg: Settings) -> tuple[str, ...]:
        """The modalities that an encoder of this config would read, before it is built."""
        raise NotImplementedError

    @classmethod
    def subset(cls, cfg: Settings, modalities: Collection[str]) -> dict[str, object] | None:
        """The config of the same encoder for fewer modalities, None when none of its modalities is left."""
        return dict(cfg) if set(cls.modalities_of(cfg)) & set(modalities) else None

    def streams(self, name: str) -> dict[str, tuple[str, ...]]:
        """Stream -> the modalities that it reads, of an encoder that the config calls `name`; as a rule one stream."""
        return {name: self.modalities}

    def place(self, name: str) -> tuple[str, ...]:
        """Where a tensor of a pre-trained backbone belongs: the names in this module that take it."""
        return (f'backbone.{name}',)

    def cam_layers(self) -> dict[str, str]:
        """Modality -> the module of this encoder that its heat-map is made from, as `usmm.explain.Target` takes it.

        `''` is the encoder itself: its last map. A modality without an entry has no map of its own.
        """
        return {self.modalities[0]: ''} if len(self.modalities) == 1 else {}

    def init_weights(self) -> None:
        """Initialise as upstream does, then load pre-trained weights over it."""
        fresh = not self.is_init
        super().init_weights()
        if fresh and self.pretrained is not None:
            self.load_report = load_pretrained(self, self.pretrained, self.place)

    def forward(self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> list[Tensor]:
        """Stage maps [(B, C, H, W) or (B, C, T, H, W)], shallow to deep.

        Args:
            inputs: Modality -> normalised images (B, 3, H, W) or clips (B, 3, T, H, W).
            present: Modality -> which rows are there (B,); None: all. The classifier passes complete rows only.
        """
        raise NotImplementedError
