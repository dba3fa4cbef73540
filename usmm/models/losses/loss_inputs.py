"""What every loss asks of its inputs: one label a row, at least single precision, enough streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import torch
from torch import Tensor


def full_precision(x: Tensor) -> Tensor:
    """The tensor in float32 at least: float16 and bfloat16 (autocast) are lifted, float64 stays.

    Example:
        >>> full_precision(torch.zeros(1, dtype=torch.bfloat16)).dtype
        torch.float32
    """
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def check_logits(logits: Tensor, target: Tensor, name: str) -> Tensor:
    """Logits in full precision, after a look at both shapes.

    Args:
        logits: (B, K).
        target: Class indices (B,).
        name: Name of the loss, for the message.

    Raises:
        ValueError: If the shapes do not fit each other.
        TypeError: If the target does not hold integers.
    """
    if logits.ndim != 2 or target.shape != logits.shape[:1]:
        shapes = f'logits {tuple(logits.shape)} and target {tuple(target.shape)}'
        raise ValueError(f'{name} expects logits (B, K) and target (B,), got {shapes}')
    if target.dtype not in (torch.int64, torch.int32, torch.uint8):
        raise TypeError(f'{name} expects class indices as integers, got {target.dtype}')
    return full_precision(logits)


def class_weights(weights: Sequence[float] | None, name: str) -> Tensor | None:
    """Weights per class as a float32 tensor (K,).

    Raises:
        ValueError: If a weight is negative or not finite.
    """
    if weights is None:
        return None
    values = torch.tensor(tuple(weights), dtype=torch.float32)
    if values.numel() < 2 or not bool((torch.isfinite(values) & (values >= 0)).all()):
        raise ValueError(f'{name} expects two or more weights >= 0, one per class, got {tuple(weights)}')
    return values


def check_weights(weights: Tensor | None, logits: Tensor, name: str) -> Tensor | None:
    """Weights on the device and in the precision of the logits (B, K).

    Raises:
        ValueError: If there is not one weight per class.
    """
    if weights is None:
        return None
    if weights.numel() != logits.shape[1]:
        raise ValueError(f'{name} has {weights.numel()} class weights for {logits.shape[1]} classes')
    return weights.to(logits)


def stream_pairs(vectors: Mapping[str, Tensor], name: str) -> list[tuple[Tensor, Tensor]]:
    """Every pair of streams, in full precision.

    Args:
        vectors: Stream -> (B, D), all of one shape.
        name: Name of the loss, for the message.

    Raises:
        ValueError: With fewer than two streams, or streams of different shapes.
    """
    if len(vectors) < 2:
        raise ValueError(f'{name} compares streams and needs two or more, got {list(vectors)}')
    shapes = {stream: tuple(v.shape) for stream, v in vectors.items()}
    if len(set(shapes.values())) > 1 or any(len(shape) != 2 for shape in shapes.values()):
        raise ValueError(f'{name} expects vectors (B, D) of one shape, got {shapes}')
    return list(combinations([full_precision(v) for v in vectors.values()], 2))


def check_pair(x: Tensor, y: Tensor, name: str) -> None:
    """See that two views have one row of one width for each sample.

    Raises:
        ValueError: With both shapes.
    """
    if x.shape != y.shape or x.ndim != 2:
        raise ValueError(f'{name} takes two tensors (B, D) of one shape, got {tuple(x.shape)} and {tuple(y.shape)}')
