"""What a trained model says of unlabelled samples: probabilities, features, and passes with dropout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from mmengine.device import get_device
from torch import nn
from torch.nn.modules.dropout import _DropoutNd
from torch.utils.data import DataLoader

from usmm.datasets import CaseDataset
from usmm.datasets.transforms import collate_cases
from usmm.structures.protocols import Classifier, ClassifierOutputs

Floats = npt.NDArray[np.float32]
# Probabilities (B, K), joint vectors (B, D) or None, probabilities of passes (T, B, K) or None of one batch
Part = tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]


@dataclass(frozen=True)
class PoolOutputs:
    """Outputs of a model on N samples.

    Args:
        names: Ids of the samples.
        probabilities: (N, K).
        features: Joint vectors before the head (N, D), or None for a model without.
        passes: Probabilities of T passes with dropout (T, N, K), or None.
    """

    names: list[str]
    probabilities: Floats
    features: Floats | None = None
    passes: Floats | None = None


@torch.no_grad()
def pool_outputs(
    model: Classifier, dataset: CaseDataset, batch_size: int, num_workers: int = 0, passes: int = 0, seed: int = 0
) -> PoolOutputs:
    """Run a model over a data set.

    Where dropout stands in the head alone, the images pass the network once and the head `passes` times. Batch norm
    keeps its statistics in every pass. The numbers of one seed repeat.

    Args:
        model: A classifier, not wrapped.
        dataset: Its cases, with a pipeline that draws nothing at random.
        batch_size, num_workers: Of the loader.
        passes: Passes with dropout; 0: none.
        seed: Of dropout.

    Raises:
        ValueError: Passes of a model without dropout would all be alike.
    """
    if passes and not _dropouts(model):
        raise ValueError('passes with dropout need a model with dropout; the head takes dropout=0.5')
    loader: DataLoader = DataLoader(dataset, batch_size, num_workers=num_workers, collate_fn=collate_cases)
    model.to(get_device())
    was_training = model.training
    model.eval()
    names: list[str] = []
    parts: list[Part] = []
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        for batch in loader:
            data = model.data_preprocessor(batch)
            outputs = model(**data, mode='tensor')
            several = _passes(model, data, outputs, passes) if passes else None
            parts.append((outputs.logits.float().softmax(1), outputs.vector, several))
            names += [case.case_id for case in batch['data_samples']]
    model.train(was_training)
    return PoolOutputs(names, _join([p for p, _, _ in parts]), *_optional(parts))


@contextmanager
def dropout_on(model: nn.Module | Classifier) -> Iterator[None]:
    """Let dropout drop while everything else stays in eval mode."""
    layers = _dropouts(model)
    before = [layer.training for layer in layers]
    try:
        for layer in layers:
            layer.train()
        yield
    finally:
        for layer, mode in zip(layers, before, strict=True):
            layer.train(mode)


def _dropouts(model: nn.Module | Classifier) -> list[_DropoutNd]:
    return [m for m in model.modules() if isinstance(m, _DropoutNd) and m.p > 0]


def _passes(model: Classifier, data: Mapping[str, Any], outputs: ClassifierOutputs, count: int) -> torch.Tensor:
    """Probabilities (T, B, K)."""
    head = model.head
    inside = [] if head is None else _dropouts(head)
    in_head_alone = len(inside) == len(_dropouts(model)) and model.clinical is None and outputs.vector is not None
    with dropout_on(model):
        if head is not None and in_head_alone:
            logits = [head(outputs.vector, outputs.vectors, outputs.present)[0] for _ in range(count)]
        else:
            logits = [model(**data, mode='tensor').logits for _ in range(count)]
    return torch.stack(logits).float().softmax(2)


def _optional(parts: list[Part]) -> tuple[Floats | None, Floats | None]:
    features = [f for _, f, _ in parts if f is not None]
    passes = [p for _, _, p in parts if p is not None]
    return (
        _join(features) if len(features) == len(parts) else None,
        _join(passes, 1) if len(passes) == len(parts) else None,
    )


def _join(tensors: list[torch.Tensor], dim: int = 0) -> Floats:
    found: Floats = torch.cat([t.float().cpu() for t in tensors], dim).numpy()
    return found
