"""Transformer fusion: a class token reads the streams (step 2 of MSMFN)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.model import ModuleList
from torch import Tensor, nn

from usmm.models.fusions.base_fusion import BaseFusion
from usmm.registry import MODELS


@MODELS.register_module()
class TransformerFusion(BaseFusion):
    """Tokens [class; stream 1; stream 2; ...], no positions, pre-norm encoder layers, y = LN(class token).

    An absent stream is masked as a key: no token attends to it, so its content cannot matter.

    Args:
        in_channels: Stream -> channels of its last map.
        embed_dims: Width D of a token.
        num_layers: Number of encoder layers N.
        num_heads: Attention heads.
        mlp_dims: Hidden width of the MLPs; None: D // 4.
        dropout: Drop rate in attention and MLP.
        init_cfg: Initialisation.

    Raises:
        ValueError: If the heads do not divide the width.

    References:
        Meng et al., IEEE TMI 2022, section III-C, eq. 2.

    Example:
        >>> fusion = TransformerFusion({'static': 2048, 'dynamic': 512})
        >>> sum(p.numel() for n, p in fusion.named_parameters() if not n.startswith('project'))
        1189888
    """

    handles_missing = True

    def __init__(
        self,
        in_channels: Mapping[str, int],
        embed_dims: int = 256,
        num_layers: int = 4,
        num_heads: int = 4,
        mlp_dims: int | None = None,
        dropout: float = 0.3,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(in_channels, embed_dims, init_cfg)
        if num_heads < 1 or embed_dims % num_heads:
            raise ValueError(f'embed_dims must be a multiple of num_heads, got {embed_dims} and {num_heads}')
        mlp_dims = embed_dims // 4 if mlp_dims is None else mlp_dims
        self.class_token = nn.Parameter(torch.empty(1, 1, embed_dims))
        nn.init.trunc_normal_(self.class_token, std=0.02)
        layer: Any = dict(dropout=dropout, activation='gelu', batch_first=True, norm_first=True)
        self.layers = ModuleList(
            [nn.TransformerEncoderLayer(embed_dims, num_heads, mlp_dims, **layer) for _ in range(num_layers)]
        )
        self.norm = nn.LayerNorm(embed_dims)

    def join(self, vectors: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> Tensor:
        """The class token after the last layer (B, D)."""
        tokens = torch.stack([vectors[s] for s in self.streams], dim=1)  # (B, S, D)
        # .shape[0], as len() would fix the batch size of an exported graph
        tokens = torch.cat([self.class_token.to(tokens.dtype).expand(tokens.shape[0], -1, -1), tokens], dim=1)
        absent = None if present is None else self._absent(present, tokens.device)
        for layer in self.layers:
            tokens = layer(tokens, src_key_padding_mask=absent)
        return self.norm(tokens[:, 0])

    def _absent(self, present: Mapping[str, Tensor], device: torch.device) -> Tensor:
        """Key padding mask (B, 1 + S), True where a token is to be ignored; never the class token."""
        absent = ~torch.stack([present[s].to(device) for s in self.streams], dim=1)
        return torch.cat([absent.new_zeros(absent.shape[0], 1), absent], dim=1)
