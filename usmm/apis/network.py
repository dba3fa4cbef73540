"""From the settings and weights of a model to a network that predicts."""

from __future__ import annotations

import copy

import torch

from usmm.apis.bundle import Bundle
from usmm.apis.guarded_building import building
from usmm.apis.model_interface import BuiltNetwork
from usmm.registry import MODELS
from usmm.structures.protocols import Classifier
from usmm.weights import load_state


def check_device(device: str | torch.device) -> torch.device:
    """The device of a name, after a tensor was made on it.

    Raises:
        ValueError: No device has this name, or it is not available on this machine.

    Example:
        >>> check_device('cpu')
        device(type='cpu')
    """
    try:
        named = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device must be such as 'cpu' or 'cuda:0', got {str(device)!r}") from error
    try:
        torch.zeros(1, device=named).tolist()
    except (AssertionError, NotImplementedError, RuntimeError) as error:
        reason = str(error).partition('\n')[0]
        raise ValueError(f'device {str(device)!r} cannot be used on this machine: {reason}') from error
    return named


def build_network(bundle: Bundle) -> BuiltNetwork:
    """The network of a bundle, on the CPU and in eval mode; without weights it is initialised as for training.

    Raises:
        ValueError: The weights do not fit, or are not finite; or the settings in a file of weights are refused.
    """
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they are
        with building(bundle):
            model: BuiltNetwork = MODELS.build(copy.deepcopy(bundle.settings['model']))
            if not isinstance(model, Classifier):
                raise TypeError(f'a {type(model).__name__} is not a classifier')
            if bundle.state is None:
                model.init_weights()
        if bundle.state is not None:
            load_state(model, bundle.state, bundle.source)
            model.freeze_unfitted()  # weights of a stage before the clinical one: the images decide
    model.usmm_bundle = bundle
    model.eval()
    return model
