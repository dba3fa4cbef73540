"""A stage without epochs: a classical classifier is fitted once on the clinical table of the training part."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from usmm.case import Case


def check_fit(spec: Mapping[str, Any], model: Any) -> None:
    """See that a stage fits where the model is fitted, and trains where it is trained.

    Args:
        spec: Settings of the stage.
        model: The model.

    Raises:
        ValueError: Says which stage, and what it should have.
    """
    kind = type(model).__name__
    if spec.get('fit') and not hasattr(model, 'fit_table'):
        raise ValueError(f'stage {spec["name"]!r} has fit=True: {kind} is trained, give it an optimizer and max_epochs')
    if not spec.get('fit') and hasattr(model, 'fit_table'):
        raise ValueError(f'stage {spec["name"]!r}: {kind} is fitted once, give the stage fit=True and no optimizer')


def fit_stage(model: Any, table: torch.Tensor, cases: Sequence[Case], seed: int) -> dict[str, Any]:
    """Fit a model on the rows that have a label.

    Args:
        model: A model with `fit_table`.
        table: Clinical rows (N, K), NaN where missing.
        cases: Their cases.
        seed: Seed of the fit.

    Returns:
        Epochs run and asked for (none), labelled cases that it was fitted on, seconds.
    """
    start = time.monotonic()
    labelled = [i for i, case in enumerate(cases) if case.label is not None]
    model.fit_table(table[labelled], torch.tensor([cases[i].label for i in labelled]), seed)
    return {'epochs': 0, 'of': 0, 'fitted': len(labelled), 'seconds': round(time.monotonic() - start, 1)}
