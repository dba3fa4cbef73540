"""The score of a model that is shown some modalities of a batch only: the game behind the contributions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from usmm.structures.settings import CLINICAL

WAYS = ('auto', 'baseline')
Forward = Callable[[dict[str, Tensor], dict[str, Tensor], 'Tensor | None'], Tensor]


class SubsetScore:
    """Probability of a class for each case of a batch, with some modalities taken away.

    A missing clinical row is all NaN, which the clinical heads read as missing. A missing image is the baseline
    picture. Where the model can do without a whole stream, and another is left, a stream that has none of its
    modalities is marked as absent instead (`missing='auto'`), as if the case did not have it.

    Args:
        model: The network; it is run in eval mode, and its modes are put back.
        inputs: Modality -> normalised images (B, 3, H, W) or clips (B, 3, T, H, W).
        forward: From inputs, presence (modality -> (B,) bool) and clinical table to logits (B, K).
        classes: (B,) index of the class whose probability is asked for.
        clinical: Clinical table (B, V), or None.
        baseline: Modality -> (3, H, W) or (3, T, H, W), normalised; one that is not named is zero, the mean colour of
            the normalisation.
        streams: The sets of modalities that the model can do without, as long as one of them is whole; empty: it
            needs all.
        missing: `'auto'` or `'baseline'`.

    Raises:
        ValueError: An unknown way, or a baseline that does not fit its input.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Mapping[str, Tensor],
        forward: Forward,
        classes: Sequence[int],
        clinical: Tensor | None = None,
        baseline: Mapping[str, Tensor] | None = None,
        streams: Sequence[Sequence[str]] = (),
        missing: str = 'auto',
    ) -> None:
        if missing not in WAYS:
            raise ValueError(f'missing must be one of {list(WAYS)}, got {missing!r}')
        self.model, self.inputs, self.forward, self.clinical = model, dict(inputs), forward, clinical
        self.classes = torch.as_tensor(list(classes))
        self.streams = [tuple(s) for s in streams] if missing == 'auto' and len(streams) > 1 else []
        self.baseline = {name: _baseline(name, x, (baseline or {}).get(name)) for name, x in self.inputs.items()}

    @property
    def players(self) -> tuple[str, ...]:
        """The modalities of the batch, `'clinical'` last."""
        return (*self.inputs, *(() if self.clinical is None else (CLINICAL,)))

    @property
    def note(self) -> str:
        """How an absent modality is played, in words."""
        streams = 'a stream without any of its modalities is absent, other missing images are' if self.streams else ''
        return f'{streams or "a missing image is"} the baseline picture; a missing clinical row is empty'

    @torch.no_grad()
    def __call__(self, present: frozenset[str]) -> NDArray[np.float64]:
        """(B,) probabilities with these modalities."""
        inputs = {n: x if n in present else self.baseline[n].expand_as(x) for n, x in self.inputs.items()}
        clinical = self.clinical
        if clinical is not None and CLINICAL not in present:
            clinical = torch.full_like(clinical, float('nan'))
        modes: list[Any] = [(module, module.training) for module in self.model.modules()]
        try:
            for module, _ in modes:
                module.training = False
            logits = self.forward(inputs, self._presence(present), clinical)
        finally:
            for module, training in modes:
                module.training = training
        chosen = self.classes.to(logits.device)[:, None]
        return logits.double().softmax(1).gather(1, chosen)[:, 0].cpu().numpy()

    def _presence(self, present: frozenset[str]) -> dict[str, Tensor]:
        here = {stream: bool(present & set(stream)) for stream in self.streams}
        if not any(here.values()):  # nothing at all: a model needs something, so the baseline pictures stand in
            return {}
        return {m: torch.full((len(self.classes),), there) for stream, there in here.items() for m in stream}


def _baseline(name: str, x: Tensor, given: Tensor | None) -> Tensor:
    if given is None:
        return torch.zeros_like(x[:1])
    if given.shape != x.shape[1:]:
        raise ValueError(f'{name}: the baseline is {tuple(given.shape)}, the input {tuple(x.shape[1:])}')
    return given.to(x)[None]
