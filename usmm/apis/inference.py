"""The names that users of OpenMMLab look for: list_models, get_model, init_model, inference_model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from usmm.apis.bundle import from_config, open_bundle, with_weights
from usmm.apis.network import build_network
from usmm.apis.prediction import Prediction
from usmm.apis.predictor import Predictor
from usmm.zoo import Zoo

Place = str | Path | Zoo | None


def list_models(pattern: str = '*', zoo: Place = None) -> list[str]:
    """Names of the models of a zoo that fit a pattern (`*`, `?`), or contain it.

    Args:
        pattern: The pattern.
        zoo: The zoo, or its place; None: USMM_ZOO, or that of this installation.

    Example:
        >>> list_models('no_such_*')
        []
    """
    return (zoo if isinstance(zoo, Zoo) else Zoo(zoo)).list_models(pattern)


def get_model(
    name: str, pretrained: bool | str | Path = False, device: str | torch.device | None = None, zoo: Place = None
) -> Any:
    """A network by name.

    Args:
        name: A model of the zoo, or a config (shipped, or a path).
        pretrained: True: with the weights of the zoo; a path: with those of this file; False: as training starts.
        device: Where it is put; None: the CPU.
        zoo: As of `list_models`.

    Returns:
        The network (`torch.nn.Module`), in eval mode.

    Raises:
        ValueError: There is no such model, or no weights of this name.
    """
    if pretrained is True:
        bundle = open_bundle(name, zoo)
    else:
        try:
            bundle = from_config(name, None)
        except FileNotFoundError:
            bundle = replace(open_bundle(name, zoo), state=None, meta={})
        bundle = bundle if pretrained is False else with_weights(bundle, pretrained)
    return build_network(bundle).to('cpu' if device is None else device)


def init_model(config: str | Path, checkpoint: str | Path | None = None, device: str | torch.device = 'cpu') -> Any:
    """A network from a config and a file of weights.

    Args:
        config: Path or name of a config.
        checkpoint: Weights; None: as training starts.
        device: Where it is put.

    Returns:
        The network, in eval mode.
    """
    return build_network(from_config(config, checkpoint)).to(device)


def inference_model(
    model: Any, case: Any, device: str | torch.device | None = None, explain: bool = False
) -> Prediction:
    """The prediction of one case.

    Args:
        model: A network of `init_model` or `get_model`, a `Predictor`, or anything that `Predictor` takes.
        case: One record, see `CaseReader.read`.
        device: Where it runs.
        explain: Also make heat-maps and contributions.

    Raises:
        ValueError: The case cannot be used; says why.
    """
    predictor = model if isinstance(model, Predictor) else Predictor(model, device)
    (found,) = predictor.predict([case], explain=explain)
    if found.error is not None:
        raise ValueError(f'{found.case_id}: {found.error}')
    return found
