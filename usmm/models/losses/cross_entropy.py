"""Cross entropy of the final logits."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from usmm.models.losses.loss_inputs import check_logits, check_weights, class_weights
from usmm.registry import MODELS


def cross_entropy_loss(logits: Tensor, target: Tensor, class_weight: Tensor | None = None) -> Tensor:
    """Mean of -w_y log p_y, divided by the mean of w_y in the batch (as `torch.nn.functional.cross_entropy`).

    Args:
        logits: (B, K).
        target: Class indices (B,).
        class_weight: Weight per class (K,); None: all 1.

    References:
        Meng et al., IEEE TMI 2022, eq. 8.

    Example:
        >>> import torch
        >>> float(cross_entropy_loss(torch.zeros(1, 2), torch.tensor([1])))
        0.6931471824645996
    """
    logits = check_logits(logits, target, 'cross_entropy_loss')
    return F.cross_entropy(logits, target.long(), check_weights(class_weight, logits, 'cross_entropy_loss'))


@MODELS.register_module()
class CrossEntropyLoss(nn.Module):
    """Cross entropy of the final logits, see `cross_entropy_loss`.

    Args:
        class_weight: Weight per class, in the order of the classes. None: all 1.
        loss_weight: Factor of the loss.
    """

    takes = 'logits'
    min_streams = 1
    class_weight: Tensor | None

    def __init__(self, class_weight: Sequence[float] | None = None, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        weights = class_weights(class_weight, 'class_weight of CrossEntropyLoss')
        self.register_buffer('class_weight', weights, persistent=False)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """The weighted loss, a scalar, of logits (B, K) and class indices (B,)."""
        return self.loss_weight * cross_entropy_loss(logits, target, self.class_weight)
