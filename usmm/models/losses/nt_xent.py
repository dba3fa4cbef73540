"""Normalised temperature-scaled cross entropy: what SimCLR makes small."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from usmm.models.losses.loss_inputs import check_pair
from usmm.registry import MODELS


def nt_xent_loss(x: Tensor, y: Tensor, temperature: float = 0.1) -> Tensor:
    """Cross entropy of finding each vector's partner among the 2B - 1 others, by cosine / temperature.

    Args:
        x, y: Vectors of the two views (B, D); row i of both belongs together.
        temperature: The lower, the more the nearest others count.

    Raises:
        ValueError: If the shapes differ, or the temperature is not above zero.

    References:
        Chen et al., SimCLR, ICML 2020, eq. 1.

    Example:
        >>> x = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> round(float(nt_xent_loss(x, x, 1.0)), 4)  # -1 + log(e + 2)
        0.5514
    """
    check_pair(x, y, 'nt_xent_loss')
    if temperature <= 0:
        raise ValueError(f'temperature of nt_xent_loss must be above zero, got {temperature}')
    z = F.normalize(torch.cat([x, y]).float(), dim=1)
    logits = z @ z.T / temperature
    logits = logits.masked_fill(torch.eye(len(z), dtype=torch.bool, device=z.device), float('-inf'))
    return F.cross_entropy(logits, torch.arange(len(z), device=z.device).roll(len(x)))


@MODELS.register_module()
class NTXentLoss(nn.Module):
    """SimCLR's loss, see `nt_xent_loss`. In several processes each compares within its own part of the batch.

    Args:
        temperature: As in `nt_xent_loss`.
        loss_weight: Factor of the loss.

    Raises:
        ValueError: If the temperature is not above zero.
    """

    def __init__(self, temperature: float = 0.1, loss_weight: float = 1.0) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f'temperature of NTXentLoss must be above zero, got {temperature}')
        self.temperature, self.loss_weight = temperature, loss_weight

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The weighted loss, a scalar, of (B, D) and (B, D)."""
        return self.loss_weight * nt_xent_loss(x, y, self.temperature)
