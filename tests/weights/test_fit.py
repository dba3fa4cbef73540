"""Weights that are loaded into a model: all of them, or none."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from usmm.weights import load_state


def test_the_tensors_become_the_models():
    model, other = nn.Linear(3, 2), nn.Linear(3, 2)
    load_state(model, other.state_dict(), 'w.pth')
    assert torch.equal(model.weight, other.weight) and torch.equal(model.bias, other.bias)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda state: state.pop('bias'), 'w.pth does not fit the model of tiny: .*Missing key.*bias'),
        (
            lambda state: state.update(more=torch.zeros(1)),
            'w.pth does not fit the model of tiny: .*Unexpected key.*more',
        ),
        (lambda state: state.update(weight=torch.zeros(2, 4)), 'w.pth does not fit the model of tiny: .*size mismatch'),
        (lambda state: state.update(bias=torch.zeros(2, dtype=torch.long)), 'bias is torch.int64, in the model'),
        (lambda state: state.update(bias=torch.tensor([0, float('nan')])), 'not finite, in bias'),
    ],
)
def test_other_tensors_are_refused_and_the_model_stays(change, message):
    model = nn.Linear(3, 2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = dict(nn.Linear(3, 2).state_dict())
    change(state)
    with pytest.raises(ValueError, match=f'(?s){message}'):
        load_state(model, state, 'w.pth', 'tiny')
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
