"""The functions that users of OpenMMLab expect: list_models, get_model, init_model, inference_model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import torch

from usmm.apis.bundle import Bundle, from_config, open_bundle, with_weights
from usmm.apis.inputs import Record
from usmm.apis.model_interface import BuiltNetwork
from usmm.apis.network import build_network, check_device
from usmm.apis.prediction import Prediction
from usmm.apis.predictor import Model, Predictor
from usmm.zoo import Zoo
from usmm.zoo.index import is_weights

Place = str | Path | Zoo | None


def list_models(
    pattern: str | None = None, zoo: Place = None, exclude_patterns: str | Sequence[str] | None = None
) -> list[str]:
    """Names of the models of a zoo.

    Args:
        pattern: Names that match it (`*`, `?`), or that contain it if it has no such sign; None: all.
        zoo: The zoo, or its folder or address; None: USMM_ZOO, or that of this installation.
        exclude_patterns: Names that match one of these (`*`, `?`) are left out.

    Returns:
        The names, sorted.

    Example:
        >>> list_models('no_such_*')
        []
        >>> list_models('msmfn*', exclude_patterns=['*'])
        []
    """
    names = (zoo if isinstance(zoo, Zoo) else Zoo(zoo)).list_models('*' if pattern is None else pattern)
    excluded = [exclude_patterns] if isinstance(exclude_patterns, str) else exclude_patterns or ()
    return [name for name in names if not any(fnmatchcase(name, other) for other in excluded)]


def get_model(
    name: str, pretrained: bool | str | Path = False, device: str | torch.device | None = None, zoo: Place = None
) -> BuiltNetwork:
    """A network by name.

    Args:
        name: A model of the zoo, or a config (path, or name of a shipped one).
        pretrained: True: with the weights of the zoo; a path: with the weights of this file; False: initialised as for
            training.
        device: Device of the network; None: the CPU.
        zoo: As of `list_models`.

    Returns:
        The network (a `torch.nn.Module`), in eval mode.

    Raises:
        ValueError: There is no such model, or no weights of this name.
    """
    if pretrained is True:
        bundle = open_bundle(name, zoo)
    else:
        bundle = _untrained(name, zoo)
        bundle = bundle if pretrained is False else with_weights(bundle, pretrained)
    return _on_device(build_network(bundle), 'cpu' if device is None else device)


def init_model(
    config: str | Path,
    checkpoint: str | Path | None = None,
    device: str | torch.device = 'cpu',
    cfg_options: Mapping[str, object] | None = None,
) -> BuiltNetwork:
    """A network from a config and a file of weights.

    Args:
        config: Path or name of a config.
        checkpoint: Weights; None: initialised as for training.
        device: Device of the network.
        cfg_options: Overrides of the config, dotted key -> value.

    Returns:
        The network (a `torch.nn.Module`), in eval mode.
    """
    return _on_device(build_network(from_config(config, checkpoint, cfg_options)), device)


def inference_model(
    model: Model | Predictor, case: Record, device: str | torch.device | None = None, explain: bool = False
) -> Prediction:
    """The prediction of one case.

    Args:
        model: A network of `init_model` or `get_model`, a `Predictor`, or any model that `Predictor` takes.
        case: One record, see `CaseReader.read`.
        device: Where it runs.
        explain: Also make heat maps and contributions.

    Raises:
        ValueError: The case cannot be used; the message states why.
    """
    predictor = model if isinstance(model, Predictor) else Predictor(model, device)
    (prediction,) = predictor.predict([case], explain=explain)
    if prediction.error is not None:
        raise ValueError(f'{prediction.case_id}: {prediction.error}')
    return prediction


def _untrained(name: str, zoo: Place) -> Bundle:
    """The settings of a config, or of a model of the zoo or of a file of weights, which is never run as a config."""
    if not is_weights(name):
        try:
            return from_config(name, None)
        except FileNotFoundError:
            pass
    return replace(open_bundle(name, zoo), state=None, meta={})


def _on_device(model: BuiltNetwork, device: str | torch.device) -> BuiltNetwork:
    model.to(check_device(device))
    return model
