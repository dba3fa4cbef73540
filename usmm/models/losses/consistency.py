"""Consistency loss: the streams of a case should tell the same."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from usmm.models.losses.loss_inputs import stream_pairs
from usmm.registry import MODELS


def consistency_loss(vectors: Mapping[str, Tensor]) -> Tensor:
    """L1 norm of the difference of two streams' vectors, mean over samples and pairs of streams.

    Args:
        vectors: Stream -> (B, D), two streams or more.

    Raises:
        ValueError: With fewer than two streams, or different shapes.

    References:
        Meng et al., IEEE TMI 2022, eq. 10 (`CoS` in Table VII).

    Example:
        >>> a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 4.0]])
        >>> float(consistency_loss({'static': a, 'dynamic': b}))
        6.0
    """
    norms = [(a - b).abs().sum(1) for a, b in stream_pairs(vectors, 'consistency_loss')]
    return torch.stack(norms).mean()


@MODELS.register_module()
class ConsistencyLoss(nn.Module):
    """Consistency of the stream vectors, see `consistency_loss`.

    Args:
        loss_weight: Factor of the loss.
    """

    takes = 'vectors'
    min_streams = 2

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, vectors: Mapping[str, Tensor], target: Tensor | None = None) -> Tensor:
        """The weighted loss, a scalar, of stream -> (B, D); labels are not used."""
        return self.loss_weight * consistency_loss(vectors)
