"""The two-layer network behind an encoder in contrastive learning: projector and predictor are both of this kind."""

from __future__ import annotations

from torch import Tensor, nn


class ContrastiveMLP(nn.Sequential):
    """Linear, batch norm, Swish, linear; nothing on the output.

    Args:
        in_channels: Width of the input.
        hidden_channels: Width of the hidden layer.
        out_channels: Width of the output.

    References:
        Chiang et al., ACM MM Asia 2023: 1408 -> 1792 -> 256 as projector, 256 -> 1792 -> 256 as predictor.

    Example:
        >>> sum(p.numel() for p in ContrastiveMLP(1408).parameters()) == 1408 * 1792 + 2 * 1792 + 1792 * 256 + 256
        True
    """

    def __init__(self, in_channels: int, hidden_channels: int = 1792, out_channels: int = 256) -> None:
        # the batch norm has a bias of its own
        first = nn.Linear(in_channels, hidden_channels, bias=False)
        super().__init__(first, nn.BatchNorm1d(hidden_channels), nn.SiLU(), nn.Linear(hidden_channels, out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels) -> (B, out_channels)."""
        return super().forward(x)
