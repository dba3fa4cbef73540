"""Late fusion: every stream classifies on its own, and the answer is the mean of their probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from mmengine.model import ModuleDict
from torch import Tensor, nn

from usmm.models.heads.base_head import BaseHead
from usmm.models.heads.linear import build_losses, takes_of
from usmm.registry import MODELS
from usmm.structures import Settings


def log_mean_probability(logits: Tensor, present: Tensor | None = None) -> Tensor:
    """Logarithm (B, K) of the mean probability over M sets of logits; its softmax is that mean.

    Args:
        logits: (M, B, K).
        present: Which of them count (M, B), at least one a row; None: all.

    Example:
        >>> logits = torch.tensor([[[0.5, 0.5]], [[0.9, 0.1]]]).log()
        >>> log_mean_probability(logits).exp()
        tensor([[0.7000, 0.3000]])
    """
    scores = logits.float().log_softmax(2)
    if present is None:
        return scores.logsumexp(0) - math.log(len(scores))
    count = present.sum(0).clamp(min=1).to(scores)
    return scores.masked_fill(~present[:, :, None], -math.inf).logsumexp(0) - count.log()[:, None]


@MODELS.register_module()
class LateFusionHead(BaseHead):
    """One fully connected layer a stream, each with the losses; the prediction is the mean of the probabilities.

    The joint vector is not looked at, so that any fusion goes with it: `PoolFusion` makes each stream a network of
    its own. A stream that a case lacks does not count, neither in its mean nor in the loss.

    Args:
        num_classes: Number of classes K.
        in_channels: Width of the joint vector; not used.
        streams: Stream -> width of its vector.
        losses: Configs of losses that take logits, for each stream; None: cross entropy.
        dropout: Drop rate before the layers.
        init_cfg: Initialisation.

    Raises:
        ValueError: If there is no stream, or a loss takes something else than logits.

    Example:
        >>> head = LateFusionHead(2, 8, dict(bus=6, dceus=2))
        >>> logits, aux = head(torch.rand(3, 8), dict(bus=torch.rand(3, 6), dceus=torch.rand(3, 2)))
        >>> logits.shape, sorted(aux)
        (torch.Size([3, 2]), ['bus', 'dceus'])
    """

    handles_missing = True

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        streams: Mapping[str, int],
        losses: Sequence[Settings] | None = None,
        dropout: float = 0.0,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not streams:
            raise ValueError('LateFusionHead needs one stream or more, got none')
        self.num_classes = num_classes
        self.losses = build_losses(losses or [dict(type='CrossEntropyLoss')], len(streams))
        others = [name for name, loss in self.losses.items() if takes_of(loss) != 'logits']
        if others:
            raise ValueError(f'LateFusionHead gives each stream its own losses on logits, got {others}')
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.aux = ModuleDict({s: nn.Linear(width, num_classes) for s, width in streams.items()})

    def forward(
        self, vector: Tensor, vectors: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Logarithm (B, K) of the mean probability, and stream -> logits (B, K).

        Args:
            vector: Joint vector (B, D); not used.
            vectors: Stream -> (B, D).
            present: Stream -> which rows have it (B,); None: all.
        """
        aux = {s: layer(self.dropout(vectors[s])) for s, layer in self.aux.items()}
        rows = None if present is None else torch.stack([present[s].bool().to(vector.device) for s in aux])
        return log_mean_probability(torch.stack([*aux.values()]), rows), aux

    def loss(
        self,
        logits: Tensor,
        aux_logits: Mapping[str, Tensor],
        vectors: Mapping[str, Tensor],
        target: Tensor,
        complete: Tensor | None = None,
        present: Mapping[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Named losses of every stream on the rows that have it, in float32.

        Args:
            logits, aux_logits: As `forward` returns them.
            vectors: Stream -> (B, D); not used.
            target: Class indices (B,).
            complete: Rows in which every stream is present (B,); not used.
            present: Stream -> which rows have it (B,); None: all.
        """
        losses = {}
        for stream, x in aux_logits.items():
            rows = slice(None) if present is None else present[stream].bool().to(x.device)
            chosen = x[rows].float()
            for name, loss in self.losses.items():
                # no row has the stream: zero, but still of the graph, for distributed training
                losses[f'{name}_{stream}'] = loss(chosen, target[rows]) if len(chosen) else x.float().sum() * 0
        return losses
