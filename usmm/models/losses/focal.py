"""Focal loss: cross entropy that looks less at cases which are already right."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from usmm.models.losses.loss_inputs import REDUCTIONS, check_logits, check_weights, class_weights, reduced
from usmm.registry import MODELS


def focal_loss(
    logits: Tensor,
    target: Tensor,
    gamma: float = 2.0,
    alpha: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = 'mean',
    avg_factor: float | Tensor | None = None,
) -> Tensor:
    """Mean over the batch of -alpha_y (1 - p_y)^gamma log p_y.

    Works on log-softmax, so it stays finite for any finite logits, and the factor (1 - p_y)^gamma carries gradient.

    Args:
        logits: (B, K).
        target: Class indices (B,).
        gamma: Strength of the focus; 0 gives the cross entropy.
        alpha: Weight per class (K,); None: all 1.
        weight: Weight per row (B,); None: all 1.
        reduction: `'mean'`, `'sum'`, or `'none'` for the loss of each row (B,).
        avg_factor: What the sum is divided by with `'mean'`; None: the number of rows.

    References:
        Lin et al., Focal loss for dense object detection, ICCV 2017; Meng et al., IEEE TMI 2022, eq. 7 and 12.

    Example:
        >>> float(focal_loss(torch.zeros(1, 2), torch.tensor([1]), gamma=2)) * 4  # p = 0.5: 0.25 log 2
        0.6931471824645996
    """
    logits = check_logits(logits, target, 'focal_loss')
    alpha = check_weights(alpha, logits, 'focal_loss')
    target = target.long()
    log_p = F.log_softmax(logits, dim=1).gather(1, target[:, None])[:, 0]
    # expm1 keeps 1 - p exact near p = 1; the floor keeps the slope of the power finite there for gamma < 1.
    rest = (-torch.expm1(log_p)).clamp(min=torch.finfo(log_p.dtype).tiny)
    loss = -(rest**gamma) * log_p
    loss = loss if alpha is None else loss * alpha[target]
    return reduced(loss, weight, reduction, avg_factor, 'focal_loss')


@MODELS.register_module()
class FocalLoss(nn.Module):
    """Focal loss of the final logits, see `focal_loss`; also for the heads of mmpretrain (`mmpretrain.LinearClsHead`).

    Args:
        gamma: Strength of the focus, >= 0.
        alpha: Weight per class, in the order of the classes (the paper: 0.4 for ADC, 0.6 for SCC). None: all 1.
        loss_weight: Factor of the loss.
        reduction: `'mean'`, `'sum'` or `'none'`; a head of usmm needs one of the first two.

    Raises:
        ValueError: If gamma or a weight is negative, or for another reduction.
    """

    takes = 'logits'
    min_streams = 1
    alpha: Tensor | None

    def __init__(
        self,
        gamma: float = 2.0,
        alpha: Sequence[float] | None = None,
        loss_weight: float = 1.0,
        reduction: str = 'mean',
    ) -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise ValueError(f'reduction of FocalLoss must be one of {list(REDUCTIONS)}, got {reduction!r}')
        self.reduction = reduction
        if not gamma >= 0:
            raise ValueError(f'gamma of FocalLoss must be >= 0, got {gamma}')
        self.gamma = gamma
        self.loss_weight = loss_weight
        self.register_buffer('alpha', class_weights(alpha, 'alpha of FocalLoss'), persistent=False)

    def forward(
        self,
        logits: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | Tensor | None = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """The loss times `loss_weight`.

        Args:
            logits: (B, K).
            target: Class indices (B,).
            weight, avg_factor: As in `focal_loss`.
            reduction_override: Takes the place of `reduction`.
        """
        reduction = self.reduction if reduction_override is None else reduction_override
        return self.loss_weight * focal_loss(logits, target, self.gamma, self.alpha, weight, reduction, avg_factor)
