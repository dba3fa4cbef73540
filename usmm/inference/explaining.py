"""Heat-maps and contributions of one case, for its predicted class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from usmm.case import Case
from usmm.explain import SubsetScore, contributions, heat_maps
from usmm.explain.contribution import MOST

CLINICAL = 'clinical'


def explain_case(model: Any, batch: Mapping[str, Any], case: Case, shown: int) -> dict[str, Any]:
    """What `Prediction` holds of an explanation: heat, heat_notes, pictures, contributions, baseline.

    Args:
        model: The network, in eval mode.
        batch: The batch of this case alone, as the network takes it.
        case: The case with its pixels, packed.
        shown: Index of the class that is explained.
    """
    pictures = {m: np.moveaxis(np.asarray(x), 0, -1) for m, x in case.data.items()}
    heat, notes = _heat(model, batch, case, shown)
    return {'heat': heat, 'heat_notes': notes, 'pictures': pictures, **_shares(model, batch, case, shown)}


def _heat(model: Any, batch: Mapping[str, Any], case: Case, shown: int) -> tuple[dict[str, Any], dict[str, str]]:
    names = [m for m in model.modalities if m != CLINICAL]
    layers = model.cam_layers() if hasattr(model, 'cam_layers') else {}  # a table has no map

    def forward(inputs: Mapping[str, Tensor]) -> Tensor:
        logits: Tensor = model.run_images(inputs, batch['present'], batch['data_samples']).logits
        return logits

    found = heat_maps(model, batch['inputs'], layers, forward, shown) if layers else {}
    heat, notes = {}, {}
    for name in names:
        status = found[name].status[0] if name in found else 'no map'
        scaled = found[name].normalised() if name in found else None
        if name not in case.data:
            notes[name] = 'missing'
        elif status != 'used' or scaled is None:
            notes[name] = status
        else:
            heat[name] = scaled[0]
    return heat, notes


def _shares(model: Any, batch: Mapping[str, Any], case: Case, shown: int) -> dict[str, Any]:
    """Shapley values of the modalities; what is taken away is a picture of the mean colour, or an empty row."""
    reads_table = CLINICAL in model.modalities and (model.clinical is None or bool(model.clinical_decides))
    # a stream that lacks one of its modalities is not used, so that the others of it have no part in the answer
    whole = [names for names in model.readers.values() if set(names) <= set(case.data)]
    inputs = {m: batch['inputs'][m] for names in whole for m in names}

    def forward(inputs: dict[str, Tensor], present: dict[str, Tensor], clinical: Tensor | None) -> Tensor:
        rows = {m: here & present.get(m, here) for m, here in (batch['present'] or {}).items()}
        logits: Tensor = model(
            {**batch['inputs'], **inputs}, rows, batch['clinical'] if clinical is None else clinical
        ).logits
        return logits

    table = batch['clinical'] if reads_table else None
    game = SubsetScore(model, inputs, forward, [shown], table, streams=whole if model.optional_modalities else ())
    if not 1 <= len(game.players) <= MOST:
        return {}
    with torch.no_grad():
        found = contributions(game.players, game, game.note)
    shares = dict(zip(found.players, found.values[:, 0].tolist()))
    return {'contributions': shares, 'baseline': float(found.empty[0])}
