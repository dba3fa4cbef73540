from __future__ import annotations

import pytest
import torch
from torch import nn

from usmm.explain.reuse import reused


class Maps(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[int] = []

    def forward(self, inputs, scale=1):
        self.calls.append(len(inputs['bus']))
        return [scale * inputs['bus'], {'mean': (inputs['bus'].mean(1),)}]


def test_one_row_passes_once_and_stands_for_all() -> None:
    module = Maps()
    with reused([module]):
        first = module({'bus': torch.full((3, 2), 5.0)}, scale=2)
        later = module({'bus': torch.zeros(4, 2)})
    assert module.calls == [1]
    assert first[0].tolist() == [[10.0, 10.0]] * 3
    assert later[0].tolist() == [[10.0, 10.0]] * 4 and later[1]['mean'][0].tolist() == [5.0] * 4
    assert module({'bus': torch.zeros(4, 2)})[0].tolist() == [[0.0, 0.0]] * 4


def test_the_module_is_itself_again_after_an_error() -> None:
    layer = nn.Linear(2, 1)
    with pytest.raises(KeyError), reused([layer]):
        layer(torch.zeros(1, 2))
        raise KeyError
    assert 'forward' not in vars(layer) and not torch.equal(layer(torch.zeros(1, 2)), layer(torch.ones(1, 2)))
