"""What every loss asks of its inputs: one label a row, at least single precision, enough streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import torch
from torch import Tensor

REDUCTIONS = ('mean', 'sum', 'none')


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
        ValueError: If the shapes do not fit each other, or (on a CPU) a class index is not one of 0 to K - 1.
        TypeError: If the inputs are not tensors, or the target does not hold integers.
    """
    if not isinstance(logits, Tensor) or not isinstance(target, Tensor):
        kinds = f'{type(logits).__name__} and {type(target).__name__}'
        raise TypeError(f'{name} expects tensors, logits (B, K) and target (B,), got {kinds}')
    if logits.ndim != 2 or target.shape != logits.shape[:1]:
        shapes = f'logits {tuple(logits.shape)} and target {tuple(target.shape)}'
        raise ValueError(f'{name} expects logits (B, K) and target (B,), got {shapes}')
    if target.dtype not in (torch.int64, torch.int32, torch.uint8):
        raise TypeError(f'{name} expects class indices as integers, got {target.dtype}')
    # not on a GPU, where it would wait for the device in every step; CUDA stops there with an assertion of its own
    if target.device.type == 'cpu' and target.numel():
        low, high = int(target.min()), int(target.max())
        if low < 0 or high >= logits.shape[1]:
            raise ValueError(f'{name} expects class indices of 0 to {logits.shape[1] - 1}, got {low} to {high}')
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


def reduced(
    loss: Tensor, weight: Tensor | None, reduction: str, avg_factor: float | Tensor | None, name: str
) -> Tensor:
    """One number of the losses of a batch, with the arguments that the heads of OpenMMLab pass to a loss.

    Args:
        loss: Loss of each row (B,).
        weight: Factor of each row (B,); None: all 1.
        reduction: `'mean'`, `'sum'` or `'none'`.
        avg_factor: With `'mean'`: what the sum is divided by, instead of the number of rows; ignored with `'none'`.
        name: Name of the loss, for messages.

    Returns:
        A scalar; with `'none'` the (B,) weighted losses.

    Raises:
        ValueError: Another reduction, weights of another shape, or `avg_factor` with `'sum'`.

    Example:
        >>> float(reduced(torch.tensor([1.0, 3.0]), None, 'mean', 8, 'x'))
        0.5
    """
    if reduction not in REDUCTIONS:
        raise ValueError(f'{name}: reduction must be one of {list(REDUCTIONS)}, got {reduction!r}')
    if reduction == 'sum' and avg_factor is not None:
        raise ValueError(f"{name}: avg_factor goes with reduction 'mean', got 'sum'")
    if weight is not None:
        if weight.shape != loss.shape:
            raise ValueError(f'{name} expects a weight for each of {len(loss)} rows, got {tuple(weight.shape)}')
        loss = loss * weight.to(loss)
    if reduction == 'none':
        return loss
    if reduction == 'sum':
        return loss.sum()
    return loss.mean() if avg_factor is None else loss.sum() / avg_factor


def stream_pairs(vectors: Mapping[str, Tensor], name: str) -> list[tuple[Tensor, Tensor]]:
    """Every pair of streams, in full precision.

    Args:
        vectors: Stream -> (B, D), all of one shape.
        name: Name of the loss, for the message.

    Raises:
        ValueError: With fewer than two streams, or streams of different shapes.
        TypeError: Without names of the streams.
    """
    if not isinstance(vectors, Mapping):
        raise TypeError(f'{name} expects a dict of stream -> vectors (B, D), got a {type(vectors).__name__}')
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
