"""What a network costs: parameters, multiply-adds, seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from usmm.models.classifier import MultiModalClassifier
from usmm.models.encoders.clinical_encoder import table_encoders


@dataclass(frozen=True)
class Complexity:
    """The cost of one forward pass.

    Args:
        parameters: Numbers that can be learnt.
        multiply_adds: Multiplications with an addition, of convolutions and matrix products alone.
        seconds: Median time of a pass in eval mode, or None where it was not taken.
    """

    parameters: int
    multiply_adds: int
    seconds: float | None = None


def count_parameters(module: nn.Module) -> int:
    """Numbers that can be learnt.

    Example:
        >>> count_parameters(nn.Linear(3, 2))
        8
    """
    return sum(p.numel() for p in module.parameters())


@torch.no_grad()
def complexity(module: nn.Module, run: Callable[[], object], repeats: int = 0) -> Complexity:
    """Cost of what a function does with a network.

    Args:
        module: The network, or the part of it whose parameters count; it is run in eval mode, and its mode is put back.
        run: Does the pass.
        repeats: Timed passes, after one that is not; 0: no time is taken.

    Raises:
        ValueError: If repeats is negative.

    Example:
        >>> layer = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        >>> complexity(layer, lambda: layer(torch.zeros(1, 3, 10, 10)))
        Complexity(parameters=216, multiply_adds=21600, seconds=None)
    """
    if repeats < 0:
        raise ValueError(f'repeats must be 0 or more, got {repeats}')
    was_training = module.training
    module.eval()
    try:
        with FlopCounterMode(display=False) as counter:
            run()
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
    finally:
        module.train(was_training)
    # the counter takes an addition for an operation of its own
    return Complexity(count_parameters(module), counter.get_total_flops() // 2, median(times) if times else None)


def classifier_complexity(
    model: MultiModalClassifier, inputs: Mapping[str, Tensor], repeats: int = 0
) -> dict[str, Complexity]:
    """Cost of a classifier's encoder, fusion and head on one case, and of all together.

    Args:
        model: A `MultiModalClassifier` with encoders; one that reads the clinical table need not be fitted.
        inputs: Modality -> normalised images (1, 3, H, W) or clips (1, 3, T, H, W).
        repeats: As in `complexity`.

    Raises:
        ValueError: If the model reads no images.
    """
    model.eval()
    with _table_readers_fitted(model) as table, torch.no_grad():
        outputs, encoder, fusion, head = (
            model.run_images(inputs, clinical=table),
            model.encoder,
            model.fusion,
            model.head,
        )
        if outputs is None or encoder is None or fusion is None or head is None:
            raise ValueError(f'a model of {model.modalities} has no encoder whose cost could be measured')
        streams, vector, vectors = outputs.streams, outputs.vector, outputs.vectors
        runs: dict[str, tuple[nn.Module, Callable[[], object]]] = {
            'fusion': (fusion, lambda: fusion(streams, None)),
            'head': (head, lambda: head(vector, vectors, None)),
            'all': (model, lambda: model.run_images(inputs, clinical=table)),
        }
        found = {name: complexity(module, run, repeats) for name, (module, run) in runs.items()}
    rest = found['all'].multiply_adds - found['fusion'].multiply_adds - found['head'].multiply_adds
    return {'encoder': Complexity(count_parameters(encoder), rest), **found}


@contextmanager
def _table_readers_fitted(model: MultiModalClassifier) -> Iterator[Tensor | None]:
    """An empty row for the encoders of the table, which count as fitted meanwhile: what they cost does not hang on it.

    None where no encoder reads the table.
    """
    encoders = table_encoders(model.encoder)
    before = [bool(e.fitted) for e in encoders]
    try:
        for encoder in encoders:
            encoder.fitted.fill_(True)
        width = max((max(e.columns, default=0) + 1 if e.columns else len(e.variables) for e in encoders), default=0)
        yield torch.full((1, width), torch.nan) if encoders else None
    finally:
        for encoder, fitted in zip(encoders, before, strict=True):
            encoder.fitted.fill_(fitted)
