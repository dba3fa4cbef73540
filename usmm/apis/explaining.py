"""Heat-maps and contributions of one case, for its predicted class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from usmm.apis.composites import CompositeScore
from usmm.apis.games import CLINICAL, image_streams, modality_game, variables_of
from usmm.explain import case_shapley, contributions, heat_maps
from usmm.explain.contribution import MOST
from usmm.structures import Case

ORDERS = 100  # of the inputs, where there are too many for all sets


def explain_case(
    model: Any, batch: Mapping[str, Any], case: Case, shown: int, names: Sequence[str] = ()
) -> dict[str, Any]:
    """What `Prediction` holds of an explanation: heat, heat_notes, pictures, contributions, baseline, variables.

    Args:
        model: The network, in eval mode.
        batch: The batch of this case alone, as the network takes it.
        case: The case with its pixels, packed.
        shown: Index of the class that is explained.
        names: The clinical variables, in the order of the table's columns.
    """
    pictures = {m: np.moveaxis(np.asarray(x), 0, -1) for m, x in case.data.items()}
    heat, notes = _heat(model, batch, case, shown)
    return {
        'heat': heat,
        'heat_notes': notes,
        'pictures': pictures,
        **_shares(model, batch, shown),
        **_variables(model, case, names, shown),
    }


def _heat(model: Any, batch: Mapping[str, Any], case: Case, shown: int) -> tuple[dict[str, Any], dict[str, str]]:
    names = [m for m in model.modalities if m != CLINICAL]
    layers = model.cam_layers() if hasattr(model, 'cam_layers') else {}  # a table has no map

    def forward(inputs: Mapping[str, Tensor]) -> Tensor:
        logits: Tensor = model.run_images(inputs, batch['present'], batch['data_samples'], batch['clinical']).logits
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


def _shares(model: Any, batch: Mapping[str, Any], shown: int) -> dict[str, Any]:
    """Shapley values of the modalities; what is taken away is a picture of the mean colour, or an empty row."""
    game = modality_game(model, batch, [shown])
    if not 1 <= len(game.players) <= MOST:
        return {}
    with torch.no_grad():
        found = contributions(game.players, game, game.note)
    shares = dict(zip(found.players, found.values[:, 0].tolist()))
    return {'contributions': shares, 'baseline': float(found.empty[0])}


def _variables(model: Any, case: Case, names: Sequence[str], shown: int) -> dict[str, Any]:
    """Shapley values of the clinical variables beside the images; a missing variable is an empty cell."""
    used = [m for stream in image_streams(model) for m in stream]
    if not variables_of(model, names) or any(m not in case.data for m in used):
        return {}  # of a case that lacks an image the modalities alone are told
    score = CompositeScore(model, [case], names)
    found = case_shapley(score.players, score, [0], orders=ORDERS)
    return {'variables': dict(zip(found.players, found.values[:, 0, shown].tolist()))}
