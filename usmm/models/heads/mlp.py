"""MLP head: two fully connected layers with a ReLU between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from usmm.models.heads.linear import LinearHead
from usmm.registry import MODELS
from usmm.structures import Settings


@MODELS.register_module()
class MLPHead(LinearHead):
    """`LinearHead` with a hidden layer: fully connected, ReLU, fully connected.

    Args:
        num_classes, in_channels, streams, losses, init_cfg: As in `LinearHead`.
        hidden_channels: Width of the hidden layer.
        dropout: Drop rate before the final layer.

    Raises:
        ValueError: As `LinearHead`; or a hidden layer without channels.

    References:
        The classifier of the lymph node networks: 256 hidden channels for three classes.

    Example:
        >>> head = MLPHead(3, 2048)
        >>> sum(p.numel() for p in head.parameters()) == (2048 + 1) * 256 + (256 + 1) * 3
        True
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        streams: Mapping[str, int] | None = None,
        losses: Sequence[Settings] | None = None,
        hidden_channels: int = 256,
        dropout: float = 0.0,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        if hidden_channels < 1:
            raise ValueError(f'hidden_channels of MLPHead must be 1 or more, got {hidden_channels}')
        super().__init__(num_classes, hidden_channels, streams, losses, dropout, init_cfg)
        self.hidden = nn.Sequential(nn.Linear(in_channels, hidden_channels), nn.ReLU())

    def forward(
        self, vector: Tensor, vectors: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """As in `LinearHead`; streams' auxiliary layers look at their own vectors, without the hidden layer."""
        return super().forward(self.hidden(vector), vectors, present)
