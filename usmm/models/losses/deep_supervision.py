"""Deep supervision: every stream must be able to classify on its own."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from usmm.models.losses.cross_entropy import cross_entropy_loss
from usmm.registry import MODELS


def deep_supervision_loss(aux_logits: Mapping[str, Tensor], target: Tensor) -> Tensor:
    """Sum over the streams of the cross entropy of their own logits.

    Args:
        aux_logits: Stream -> (B, K).
        target: Class indices (B,).

    Raises:
        ValueError: Without a stream.

    References:
        Meng et al., IEEE TMI 2022, eq. 6 and 9.

    Example:
        >>> zeros = torch.zeros(1, 2)
        >>> float(deep_supervision_loss({'static': zeros, 'dynamic': zeros}, torch.tensor([1])))
        1.3862943649291992
    """
    if not aux_logits:
        raise ValueError('deep_supervision_loss expects the logits of one stream or more, got none')
    return torch.stack([cross_entropy_loss(logits, target) for logits in aux_logits.values()]).sum()


@MODELS.register_module()
class DeepSupervisionLoss(nn.Module):
    """Cross entropy of the streams' own logits, see `deep_supervision_loss`.

    Args:
        loss_weight: Factor of the loss (b of eq. 6; the paper: 0.3).
    """

    takes = 'aux_logits'
    min_streams = 2

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, aux_logits: Mapping[str, Tensor], target: Tensor) -> Tensor:
        """The weighted loss, a scalar, of stream -> (B, K) and class indices (B,)."""
        return self.loss_weight * deep_supervision_loss(aux_logits, target)
