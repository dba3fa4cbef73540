"""Orthogonality loss: the streams of a case should tell different things."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from usmm.models.losses.loss_inputs import stream_pairs
from usmm.registry import MODELS

REDUCTIONS = ('sample', 'batch')


def _direction(x: Tensor, eps: float) -> Tensor:
    """Rows (B, D) at length 1; a row whose entries all lie within eps of zero has no direction and becomes zero."""
    # Dividing by the largest entry first keeps the squares in range; the direction does not depend on the divisor.
    largest = x.detach().abs().amax(dim=1, keepdim=True)
    alive = largest > eps
    scaled = torch.where(alive, x, torch.ones_like(x)) / torch.where(alive, largest, torch.ones_like(largest))
    return torch.where(alive, scaled / scaled.norm(dim=1, keepdim=True), torch.zeros_like(x))


def orthogonal_loss(vectors: Mapping[str, Tensor], reduction: str = 'sample', eps: float = 1e-12) -> Tensor:
    """Mean over pairs of streams of |cos| between their vectors: 0 at right angles, 1 in parallel.

    Args:
        vectors: Stream -> (B, D), two streams or more.
        reduction: `'sample'`: |cos| of each sample, then the mean; `'batch'`: | mean of cos | (the authors' code),
            where samples of opposite sign cancel.
        eps: A vector whose entries are all this small has no direction: its cosine and its gradient are 0.

    Raises:
        ValueError: With fewer than two streams, different shapes, or an unknown reduction.

    References:
        Meng et al., IEEE TMI 2022, eq. 5.

    Example:
        >>> a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 4.0]])
        >>> round(float(orthogonal_loss({'static': a, 'dynamic': b})), 4)
        0.6
    """
    if reduction not in REDUCTIONS:
        raise ValueError(f'reduction of orthogonal_loss must be one of {REDUCTIONS}, got {reduction!r}')
    cosines = torch.stack(
        [(_direction(a, eps) * _direction(b, eps)).sum(1) for a, b in stream_pairs(vectors, 'orthogonal_loss')]
    )
    return (cosines.abs() if reduction == 'sample' else cosines.mean(1).abs()).mean()


@MODELS.register_module()
class OrthogonalLoss(nn.Module):
    """Orthogonality of the stream vectors, see `orthogonal_loss`.

    Args:
        reduction: `'sample'` or `'batch'`.
        loss_weight: Factor of the loss (a of eq. 6; the paper: 0.1).

    Raises:
        ValueError: If the reduction is unknown.
    """

    takes = 'vectors'
    min_streams = 2

    def __init__(self, reduction: str = 'sample', loss_weight: float = 1.0) -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise ValueError(f'reduction of OrthogonalLoss must be one of {REDUCTIONS}, got {reduction!r}')
        self.reduction = reduction
        self.loss_weight = loss_weight

    def forward(self, vectors: Mapping[str, Tensor], target: Tensor | None = None) -> Tensor:
        """The weighted loss, a scalar, of stream -> (B, D); labels are not used."""
        return self.loss_weight * orthogonal_loss(vectors, self.reduction)
