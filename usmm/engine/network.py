"""The network of a run: built as its config says, and filled from checkpoints."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import set_random_seed
from torch import nn

from usmm.engine.outputs import load_weights
from usmm.engine.stages import randomness
from usmm.registry import MODELS
from usmm.weights import check_numbers


def build_network(config: Config, amp: bool = False) -> nn.Module:
    """The model of a resolved config, initialised with its seed, and filled from its `load_from`.

    Args:
        config: The config.
        amp: Whether it will run in mixed precision.
    """
    if config.get('deterministic'):
        # read when cuBLAS starts; without it torch refuses matrix products in deterministic mode
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
    set_random_seed(**randomness(config))
    settings = copy.deepcopy(config.model)
    if amp:
        # tensor cores, and AMX on a CPU, want the channels last
        settings.setdefault('data_preprocessor', dict(type='CasePreprocessor'))['channels_last'] = True
    model: nn.Module = MODELS.build(settings)
    model.init_weights()  # type: ignore[operator]
    if config.get('load_from'):
        fill(model, config.load_from, config.name)
    return model


def fill(model: nn.Module, checkpoint: str | Path, name: str) -> dict[str, Any]:
    """Load a checkpoint's weights, and return all of its content.

    Args:
        model: The model.
        checkpoint: The file.
        name: Of the config, for messages.

    Raises:
        ValueError: The file cannot be loaded safely, or its tensors do not fit the model.
    """
    content = load_weights(Path(checkpoint))
    check_numbers(checkpoint, content['state_dict'], model.state_dict())
    try:
        model.load_state_dict(content['state_dict'])
    except RuntimeError as error:
        raise ValueError(f'{checkpoint} does not fit the model of {name}: {error}') from error
    return content
