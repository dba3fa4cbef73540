"""A batch of packed cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from usmm.structures.case import Case

if TYPE_CHECKING:
    from torch import Tensor


class Batch(TypedDict):
    """What `collate_cases` makes of cases, and a model's data preprocessor takes.

    Args:
        inputs: Modality -> (B, 3, H, W) or (B, 3, T, H, W) uint8 pixels; or `image_logits` -> (B, K) cached scores.
        present: Modality -> (B,) bool, whether a case has it.
        clinical: (B, variables) float32, NaN where missing; None for a data set without clinical variables.
        data_samples: The cases, without their pixels.
    """

    inputs: dict[str, Tensor]
    present: dict[str, Tensor]
    clinical: Tensor | None
    data_samples: list[Case]
