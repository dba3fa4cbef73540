"""Heat maps and contributions of one case, for its predicted class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from usmm.apis.composites import CompositeScore
from usmm.apis.model_interface import Network, image_logits, image_streams, reads_table, variables_of
from usmm.explain import SubsetScore, case_shapley, contributions, heat_maps
from usmm.explain.contribution import MOST
from usmm.structures import CLINICAL, Batch, Case

ORDERS = 100  # random orders of the inputs, where there are too many inputs for all subsets


class Explanation(TypedDict):
    """The fields of `Prediction` that explain it."""

    heat: dict[str, NDArray[np.float32]]
    heat_notes: dict[str, str]
    pictures: dict[str, NDArray[np.uint8]]
    contributions: dict[str, float]
    baseline: float | None
    variables: dict[str, float]


def explain_case(model: Network, batch: Batch, case: Case, shown: int, names: Sequence[str] = ()) -> Explanation:
    """Heat maps and contributions of a case.

    Args:
        model: The network, in eval mode.
        batch: The batch of this case alone, as the network takes it.
        case: The case with its pixels, packed.
        shown: Index of the class that is explained.
        names: The clinical variables, in the order of the table's columns.
    """
    heat, notes = _heat(model, batch, case, shown)
    shares, baseline = _shares(model, batch, shown)
    return Explanation(
        heat=heat,
        heat_notes=notes,
        pictures={m: np.moveaxis(np.asarray(x), 0, -1) for m, x in case.data.items()},
        contributions=shares,
        baseline=baseline,
        variables=_variables(model, case, names, shown),
    )


def modality_game(
    model: Network,
    batch: Batch,
    shown: Sequence[int],
    baseline: Mapping[str, Tensor] | None = None,
    missing: str = 'auto',
) -> SubsetScore:
    """The game of the modalities of a batch, for the probability of one class of each case.

    A stream that lacks one of its modalities is not used, so its other modalities have no influence either.

    Args:
        model: The network.
        batch: As the network takes it; all its cases have the same modalities.
        shown: Index of the class of each case.
        baseline, missing: As of `SubsetScore`.
    """
    here = batch['present'] or {}
    whole = [names for names in image_streams(model) if all(bool(here[m].all()) for m in names if m in here)]
    used = {m: batch['inputs'][m] for names in whole for m in names}

    def forward(inputs: dict[str, Tensor], present: dict[str, Tensor], clinical: Tensor | None) -> Tensor:
        rows = {m: there & present.get(m, there) for m, there in here.items()}
        table = batch['clinical'] if clinical is None else clinical
        return model({**batch['inputs'], **inputs}, rows, table).logits

    table = batch['clinical'] if reads_table(model) else None
    streams = whole if model.optional_modalities else ()
    return SubsetScore(as_module(model), used, forward, shown, table, baseline, streams, missing)


def as_module(model: object) -> nn.Module:
    """The model as a torch module, whose layers can be observed.

    Raises:
        TypeError: It is not a torch module.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f'explanations need a torch module, got {type(model).__name__}')
    return model


def _heat(
    model: Network, batch: Batch, case: Case, shown: int
) -> tuple[dict[str, NDArray[np.float32]], dict[str, str]]:
    names = [m for m in model.modalities if m != CLINICAL]
    if not names:  # a model of the table alone
        return {}, {}

    def forward(inputs: Mapping[str, Tensor]) -> Tensor:
        return image_logits(model, inputs, batch['present'], batch['data_samples'], batch['clinical'])

    layers = model.cam_layers()
    maps = heat_maps(as_module(model), batch['inputs'], layers, forward, shown) if layers else {}
    heat, notes = {}, {}
    for name in names:
        status = maps[name].status[0] if name in maps else 'no map'
        scaled = maps[name].normalised() if name in maps else None
        if name not in case.data:
            notes[name] = 'missing'
        elif status != 'used' or scaled is None:
            notes[name] = status
        else:
            heat[name] = scaled[0]
    return heat, notes


def _shares(model: Network, batch: Batch, shown: int) -> tuple[dict[str, float], float | None]:
    """Shapley values of the modalities, and the probability without any of them.

    A modality that is removed is replaced by a picture of the mean colour, or by an empty row of the table.
    """
    game = modality_game(model, batch, [shown])
    if not 1 <= len(game.players) <= MOST:
        return {}, None
    with torch.no_grad():
        result = contributions(game.players, game, game.note)
    return dict(zip(result.players, result.values[:, 0].tolist())), float(result.empty[0])


def _variables(model: Network, case: Case, names: Sequence[str], shown: int) -> dict[str, float]:
    """Shapley values of the clinical variables beside the images; a missing variable is an empty cell."""
    used = [m for stream in image_streams(model) for m in stream]
    if not variables_of(model, names) or any(m not in case.data for m in used):
        return {}  # a case that lacks an image has contributions of its modalities only
    score = CompositeScore(model, [case], names)
    result = case_shapley(score.players, score, [0], orders=ORDERS)
    return dict(zip(result.players, result.values[:, 0, shown].tolist()))
