"""One tiny run for all tests of the room, and a published copy of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from usmm.apis import Predictor
from usmm.config import load_config
from usmm.weights import read_tensors, write_tensors
from usmm.zoo.model_page import Card
from usmm.zoo.publish import publish


@pytest.fixture(scope='session')
def run(tiny_run: Path) -> Path:
    """Work directory of a run of all modalities."""
    return tiny_run


@pytest.fixture(scope='session')
def published(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zoo that holds the run under the name `tiny`."""
    zoo = tmp_path_factory.mktemp('published')
    card = Card('To try.', 'Tiny data', 'MIT', 'All.')
    publish(run, 'tiny', zoo, card, lambda path: load_config(path)._cfg_dict.to_dict())
    return zoo


@pytest.fixture(scope='session')
def predictor(run: Path) -> Predictor:
    return Predictor(run, device='cpu')


@pytest.fixture
def change(published: Path, tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], object]], Path]:
    """Write a copy of the published weights into `tmp_path`, with metadata that a function has edited."""

    def changed(edit: Callable[[dict[str, Any]], object]) -> Path:
        state, meta = read_tensors(published / 'tiny' / 'model.safetensors')
        edit(meta)
        write_tensors(tmp_path / 'model.safetensors', state, meta)
        return tmp_path / 'model.safetensors'

    return changed
