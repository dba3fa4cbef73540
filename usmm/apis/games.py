"""What a trained model reads, and the game of its modalities: who plays, and how an absent one is played."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from usmm.explain import SubsetScore

CLINICAL = 'clinical'


def reads_table(model: Any) -> bool:
    """Whether the table has a part in the final answer."""
    return CLINICAL in model.modalities and (model.clinical is None or bool(model.clinical_decides))


def table_in_stream(model: Any) -> bool:
    """Whether the table is a stream beside the images, so that fusion and head see both."""
    return any(CLINICAL in names for names in model.readers.values())


def image_streams(model: Any) -> list[tuple[str, ...]]:
    """The modalities of each stream of images and clips."""
    return [tuple(names) for names in model.readers.values() if CLINICAL not in names]


def variables_of(model: Any, names: Sequence[str]) -> list[str]:
    """The clinical variables that reach the answer, in the order of the schema's `names`."""
    if not reads_table(model):
        return []
    read = {v.name for module in model.modules() for v in (getattr(module, 'variables', None) or ())}
    return [name for name in names if name in read] or list(names)


def modality_game(
    model: Any,
    batch: Mapping[str, Any],
    shown: Sequence[int],
    baseline: Mapping[str, Tensor] | None = None,
    missing: str = 'auto',
) -> SubsetScore:
    """The game of the modalities of a batch, for the probability of a class of each case.

    A stream that lacks one of its modalities is not used, so that the others of it have no part in the answer.

    Args:
        model: The network.
        batch: As the network takes it; all its cases have the same modalities.
        shown: Index of the class of each case.
        baseline, missing: As of `SubsetScore`.
    """
    here = batch['present'] or {}
    whole = [names for names in image_streams(model) if all(bool(here[m].all()) for m in names if m in here)]
    inputs = {m: batch['inputs'][m] for names in whole for m in names}

    def forward(inputs: dict[str, Tensor], present: dict[str, Tensor], clinical: Tensor | None) -> Tensor:
        rows = {m: there & present.get(m, there) for m, there in here.items()}
        table = batch['clinical'] if clinical is None else clinical
        logits: Tensor = model({**batch['inputs'], **inputs}, rows, table).logits
        return logits

    table = batch['clinical'] if reads_table(model) else None
    streams = whole if model.optional_modalities else ()
    return SubsetScore(model, inputs, forward, shown, table, baseline, streams, missing)
