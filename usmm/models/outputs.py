"""What a forward pass of a classifier gives, and what is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from usmm.case import Case


@dataclass
class Outputs:
    """Everything that a classifier computed on the way to its logits.

    Args:
        logits: Final logits (B, K): the clinical head's where it decides, else the image's.
        image_logits: Logits (B, K) of the head, before a clinical head decides; None without encoders.
        streams: Stream -> stage maps, shallow to deep. Empty for cached logits.
        vector: Joint vector (B, D) of the fusion, or None.
        vectors: Stream -> vector (B, D).
        aux_logits: Stream -> logits (B, K) of the auxiliary layers.
        complete: Rows in which every stream is present (B,), or None: all.
        present: Stream -> rows that have it (B,), or None: all.
        joint: Whether `image_logits` also look at the clinical table, so that they are no image's score.
    """

    logits: Tensor
    image_logits: Tensor | None = None
    streams: dict[str, list[Tensor]] = field(default_factory=dict)
    vector: Tensor | None = None
    vectors: dict[str, Tensor] = field(default_factory=dict)
    aux_logits: dict[str, Tensor] = field(default_factory=dict)
    complete: Tensor | None = None
    present: dict[str, Tensor] | None = None
    joint: bool = False


def predictions(outputs: Outputs, cases: Sequence[Case] | None) -> list[dict[str, Any]]:
    """One dict a case: case_id, patient_id, label, scores (K,), and image_scores (K,) or None.

    Scores are probabilities, float32 arrays of numpy. A case that is one of many pairs of images of a case of the table
    also has `of`, the id of that case.
    """
    scores = _probabilities(outputs.logits)
    alone = None if outputs.joint else outputs.image_logits
    image = [None] * len(scores) if alone is None else _probabilities(alone)
    names = ('case_id', 'patient_id', 'label')
    given: Sequence[Case | None] = cases or [None] * len(scores)
    pairs = [{} if case is None else case.info.get('pair', {}) for case in given]
    of = [{'of': pair['case_id']} if pair else {} for pair in pairs]
    return [
        {**{n: getattr(case, n, None) for n in names}, **of[i], 'scores': scores[i], 'image_scores': image[i]}
        for i, case in enumerate(given)
    ]


def labels_of(cases: Sequence[Case] | None, classes: Sequence[str], device: torch.device) -> Tensor:
    """The class indices (B,) of cases.

    Raises:
        ValueError: If there are no cases, or some have no label among the classes.
    """
    if not cases:
        raise ValueError('a loss needs data_samples, the cases with their labels; got none')
    wrong = [c.case_id for c in cases if c.label is None or not 0 <= c.label < len(classes)]
    if wrong:
        raise ValueError(f'cases {wrong} have no label among the {len(classes)} classes {tuple(classes)}')
    return torch.tensor([c.label for c in cases], device=device)


def _probabilities(logits: Tensor) -> Any:
    return logits.detach().float().softmax(1).cpu().numpy()
