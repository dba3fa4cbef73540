"""Bilinear fusion of two streams."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional as F

from usmm.models.fusions.base_fusion import BaseFusion
from usmm.registry import MODELS

METHODS = ('linear', 'outer')


def signed_sqrt(x: Tensor, eps: float = 1e-12) -> Tensor:
    """sign(x) sqrt(|x|), with a finite slope at zero.

    Example:
        >>> import torch
        >>> signed_sqrt(torch.tensor([-4.0, 0.0, 9.0]))
        tensor([-2.,  0.,  3.])
    """
    return x.sign() * (x.abs() + eps).sqrt()


@MODELS.register_module()
class BilinearFusion(BaseFusion):
    """Every product of an entry of one vector and an entry of the other.

    Args:
        in_channels: Two streams -> channels of their last maps.
        embed_dims: Width D of a stream's vector.
        method: `'linear'`: a bilinear layer (B, D) x (B, D) -> (B, D); `'outer'`: the outer product, signed square
            root, L2 norm, (B, D * D), no weights.
        init_cfg: Initialisation.

    Raises:
        ValueError: If there are not two streams, or the method is unknown.

    References:
        Lin et al., Bilinear CNN models for fine-grained visual recognition, ICCV 2015 (`'outer'`).

    Example:
        >>> fusion = BilinearFusion({'static': 2048, 'dynamic': 512})
        >>> sum(p.numel() for p in fusion.bilinear.parameters())
        16777472
    """

    def __init__(
        self,
        in_channels: Mapping[str, int],
        embed_dims: int = 256,
        method: str = 'linear',
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(in_channels, embed_dims, init_cfg)
        if len(self.streams) != 2:
            raise ValueError(f'BilinearFusion joins two streams, got {self.streams}')
        if method not in METHODS:
            raise ValueError(f'method of BilinearFusion must be one of {METHODS}, got {method!r}')
        self.method = method
        if method == 'linear':
            self.bilinear = nn.Bilinear(embed_dims, embed_dims, embed_dims)
        else:
            self.out_channels = embed_dims * embed_dims

    def join(self, vectors: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> Tensor:
        """The joint vector (B, D) or (B, D * D)."""
        a, b = (vectors[s] for s in self.streams)
        if self.method == 'linear':
            return self.bilinear(a, b)
        outer = (a.float()[:, :, None] * b.float()[:, None, :]).flatten(1)
        return F.normalize(signed_sqrt(outer), dim=1)
