"""What every head on the vectors of a fusion offers to the classifier."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.model import BaseModule
from torch import Tensor


class BaseHead(BaseModule):
    """Logits of the joint vector and of the streams, and the losses on them (subclasses).

    Attributes:
        handles_missing: Whether a stream may be absent, whatever the fusion makes of it.
    """

    handles_missing = False

    def forward(
        self, vector: Tensor, vectors: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits (B, K), and stream -> its own logits (B, K) where it has some.

        Args:
            vector: Joint vector (B, D).
            vectors: Stream -> (B, D).
            present: Stream -> which rows have it (B,); None: all.
        """
        raise NotImplementedError

    def loss(
        self,
        logits: Tensor,
        aux_logits: Mapping[str, Tensor],
        vectors: Mapping[str, Tensor],
        target: Tensor,
        complete: Tensor | None = None,
        present: Mapping[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Named losses, in float32.

        Args:
            logits, aux_logits: As `forward` returns them.
            vectors: Stream -> (B, D).
            target: Class indices (B,).
            complete: Rows in which every stream is present (B,); None: all.
            present: Stream -> which rows have it (B,); None: all.
        """
        raise NotImplementedError
