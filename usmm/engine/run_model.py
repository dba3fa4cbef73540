"""The model of a config: built, initialised, filled from a file of weights."""

from __future__ import annotations

import os
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import set_random_seed

from usmm.config.runner import model_settings
from usmm.config.runner_settings import randomness
from usmm.engine.workdir.outputs import load_weights
from usmm.models.building import build
from usmm.structures import ModelMeaning
from usmm.structures.protocols import Classifier, missing_members
from usmm.weights import load_state


def build_model(config: Config, amp: bool = False) -> Classifier:
    """The model of a resolved config, initialised with its seed, and filled from its `load_from`.

    Args:
        config: The config.
        amp: Whether it will run in mixed precision.

    Raises:
        ValueError: The model is not a classifier that stages can train, or the weights of `load_from` were trained for
            other classes, modalities or clinical variables.
    """
    if config.get('deterministic'):
        # read when cuBLAS starts; without it torch refuses matrix products in deterministic mode
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
    set_random_seed(**randomness(config))
    try:
        model = build(model_settings(config, amp))
    except (
        AttributeError,
        IndexError,
        KeyError,
        RuntimeError,
        ZeroDivisionError,
    ) as error:  # settings of another kind than a part expects
        raise ValueError(
            f'model of {config.name} cannot be built from its settings: {type(error).__name__}: {error}'
        ) from error
    if not isinstance(model, Classifier):
        members = missing_members(model, Classifier)
        raise ValueError(
            f'model of {config.name}: a {type(model).__name__} cannot be trained in stages, it lacks {members}'
        )
    model.init_weights()
    if config.get('load_from'):
        content = load_weights(Path(config.load_from))
        ModelMeaning.of_settings(config).check(content.get('meta', {}), config.load_from, config.name)
        load_state(model, content['state_dict'], config.load_from, config.name)
    return model
