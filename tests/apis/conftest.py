"""One tiny run for all tests of the room, and a published copy of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from usmm.apis import Predictor
from usmm.config import load_config
from usmm.engine import Experiment, RunOptions
from usmm.zoo.model_page import Card
from usmm.zoo.publish import publish


@pytest.fixture(scope='package')
def run(write_tiny_config: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Work directory of a run of all modalities."""
    torch.set_num_threads(1)
    config = load_config(write_tiny_config(tmp_path_factory.mktemp('inference')), {'max_epochs': 1})
    experiment = Experiment(config, options=RunOptions(progress=False))
    experiment.train()
    return experiment.work_dir


@pytest.fixture(scope='package')
def published(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zoo that holds the run under the name `tiny`."""
    zoo = tmp_path_factory.mktemp('published')
    card = Card('To try.', 'Tiny data', 'MIT', 'All.')
    publish(run, 'tiny', zoo, card, lambda path: load_config(path)._cfg_dict.to_dict())
    return zoo


@pytest.fixture(scope='package')
def predictor(run: Path) -> Predictor:
    return Predictor(run, device='cpu')
