"""Distance of two views of a patient: what SimSiam and BYOL make small."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from usmm.models.losses.loss_inputs import check_pair
from usmm.registry import MODELS


def pair_distance_loss(x: Tensor, y: Tensor) -> Tensor:
    """Mean of | x/|x| - y/|y| |^2 = 2 - 2 cos: 0 for equal directions, 4 for opposite ones.

    Args:
        x, y: Vectors of the two views (B, D); whichever is not to learn comes without a gradient.

    Raises:
        ValueError: If the shapes differ.

    References:
        Chiang et al., ACM MM Asia 2023, eq. 1.

    Example:
        >>> import torch
        >>> round(float(pair_distance_loss(torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 4.0]]))), 4)
        0.8
    """
    check_pair(x, y, 'pair_distance_loss')
    return 2 - 2 * F.cosine_similarity(x.float(), y.float(), dim=1).mean()


@MODELS.register_module()
class PairDistanceLoss(nn.Module):
    """Distance of two views, see `pair_distance_loss`.

    Args:
        loss_weight: Factor of the loss.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The weighted loss, a scalar, of (B, D) and (B, D)."""
        return self.loss_weight * pair_distance_loss(x, y)
