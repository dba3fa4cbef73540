from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from usmm.models.losses import DeepSupervisionLoss, deep_supervision_loss
from usmm.registry import MODELS


@pytest.mark.parametrize('streams', [1, 2, 3])
def test_is_the_sum_of_cross_entropies(streams):
    logits = {str(i): torch.randn(6, 2) for i in range(streams)}
    target = torch.arange(6) % 2
    expected = sum(F.cross_entropy(x, target).item() for x in logits.values())
    assert deep_supervision_loss(logits, target).item() == pytest.approx(expected, rel=1e-6)
    assert DeepSupervisionLoss(loss_weight=0.3)(logits, target).item() == pytest.approx(0.3 * expected, rel=1e-6)


def test_gradient_and_extreme_logits():
    a = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    b = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([0, 1, 2, 0])
    assert torch.autograd.gradcheck(lambda x, y: deep_supervision_loss({'a': x, 'b': y}, target), (a, b))
    extreme = torch.tensor([[1e4, -1e4]], requires_grad=True)
    loss = deep_supervision_loss({'a': extreme, 'b': -extreme}, torch.tensor([0]))
    loss.backward()
    assert loss.item() == 2e4
    assert torch.isfinite(extreme.grad).all()


def test_module():
    loss = MODELS.build({'type': 'DeepSupervisionLoss', 'loss_weight': 0.3})
    assert isinstance(loss, DeepSupervisionLoss)
    assert (loss.takes, loss.min_streams) == ('aux_logits', 2)


def test_no_stream_is_an_error():
    with pytest.raises(ValueError, match='logits of one stream or more, got none'):
        deep_supervision_loss({}, torch.tensor([0]))
