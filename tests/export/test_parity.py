from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from usmm.export import OnnxModel, Parity, check_parity, random_batches
from usmm.export.parity import difference, other_class


class ByHand(nn.Module):
    """The formula of the file made by hand, moved by a constant."""

    def __init__(self, move: float = 0.0) -> None:
        super().__init__()
        self.move = move

    def data_preprocessor(self, data: dict[str, Any]) -> dict[str, Any]:
        return data

    def forward(self, inputs: dict, present: Any, clinical: Any, mode: str) -> list[dict[str, Any]]:
        assert not self.training and mode == 'predict' and not torch.is_grad_enabled()
        p = inputs['bus'].double().mean((1, 2, 3)).numpy() / 255 + self.move
        return [
            dict(scores=np.float32([x, 1 - x]), image_scores=np.float32([(x - self.move) / 2, 1 - (x - self.move) / 2]))
            for x in p
        ]


@pytest.fixture
def exported(saved: Callable[..., Path]) -> OnnxModel:
    return OnnxModel(saved(), threads=1)


def test_the_same_model(exported: OnnxModel) -> None:
    model = ByHand().train()
    found = check_parity(model, exported, random_batches(exported, 20))
    assert found.count == 20 and found.largest < 1e-6 and found.holds and model.training
    assert found.torch_ms > 0 and found.ratio == pytest.approx(found.torch_ms / found.onnx_ms)


@pytest.mark.parametrize(('move', 'holds'), [(0.9e-4, True), (1.1e-4, False), (0.02, False)])
def test_a_model_that_is_moved(exported: OnnxModel, move: float, holds: bool) -> None:
    found = check_parity(ByHand(move), exported, random_batches(exported, 9))
    assert found.largest == pytest.approx(move, rel=1e-2) and found.holds is (holds and found.changed == 0)


def test_one_batch_has_no_times(exported: OnnxModel) -> None:
    found = check_parity(ByHand(), exported, random_batches(exported, 1))
    assert (found.torch_ms, found.onnx_ms, found.ratio) == (None, None, None)
    assert str(found).endswith('another class in 0')


def test_no_batch(exported: OnnxModel) -> None:
    with pytest.raises(ValueError, match='no input to compare'):
        check_parity(ByHand(), exported, [])


def test_another_class_but_for_ties() -> None:
    expected = np.float64([[0.6, 0.4], [0.5 + 2e-7, 0.5 - 2e-7], [0.5 + 2e-6, 0.5 - 2e-6], [0.1, 0.9]])
    swapped = expected[:, ::-1]
    assert other_class(expected, expected) == 0
    assert other_class(expected, swapped) == 3  # the second is a tie
    assert not Parity(4, 0.0, 3).holds


def test_differences() -> None:
    a = np.float32([[0.2, 0.8]])
    assert difference(dict(p=a, q=None), dict(p=a + np.float32(0.25), q=None)) == pytest.approx(0.25)
    assert difference(dict(p=a), dict(p=None)) == np.inf
    assert difference(dict(p=a), dict(p=a[:, :1])) == np.inf
    assert difference(dict(p=a), dict(p=a * np.nan)) == np.inf


def test_times_in_words() -> None:
    assert str(Parity(200, 3.2e-7, 0, 10.0, 4.0)) == (
        '200 inputs: largest difference 3.2e-07, another class in 0; torch 10.00 ms, onnxruntime 4.00 ms, ratio 2.50'
    )
