from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from usmm.models.losses import CrossEntropyLoss, cross_entropy_loss
from usmm.registry import MODELS


def test_by_hand():
    logits = torch.tensor([[0.0, math.log(3.0)], [0.0, 0.0]])
    # p_y = 3/4 and 1/2.
    expected = (math.log(4 / 3) + math.log(2)) / 2
    assert cross_entropy_loss(logits, torch.tensor([1, 0])).item() == pytest.approx(expected)
    assert CrossEntropyLoss(loss_weight=0.5)(logits, torch.tensor([1, 0])).item() == pytest.approx(expected / 2)


def test_class_weights_are_normalised_in_the_batch():
    logits = torch.tensor([[0.0, math.log(3.0)], [0.0, 0.0]])
    expected = (3 * math.log(4 / 3) + 1 * math.log(2)) / 4
    assert CrossEntropyLoss(class_weight=(1, 3))(logits, torch.tensor([1, 0])).item() == pytest.approx(expected)


def test_gradient_is_softmax_minus_one_hot():
    logits = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([0, 1, 2, 0, 1])
    assert torch.autograd.gradcheck(lambda x: cross_entropy_loss(x, target), logits)
    (grad,) = torch.autograd.grad(cross_entropy_loss(logits, target), logits)
    torch.testing.assert_close(grad, (logits.softmax(1) - F.one_hot(target, 3)).detach() / 5)


def test_extreme_logits_and_autocast():
    logits = torch.tensor([[1e4, -1e4]], requires_grad=True)
    loss = cross_entropy_loss(logits, torch.tensor([1]))
    loss.backward()
    assert loss.item() == 2e4
    assert torch.isfinite(logits.grad).all()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert cross_entropy_loss(torch.zeros(1, 2).bfloat16(), torch.tensor([1])).dtype == torch.float32


def test_scope_finds_ours_not_mmpretrains():
    loss = MODELS.build({'type': 'CrossEntropyLoss', 'class_weight': [1, 2]})
    assert isinstance(loss, CrossEntropyLoss)
    assert (loss.takes, loss.min_streams, loss.state_dict()) == ('logits', 1, {})


def test_errors():
    with pytest.raises(ValueError, match='class_weight of CrossEntropyLoss expects two or more weights'):
        CrossEntropyLoss(class_weight=(1, math.nan))
    with pytest.raises(ValueError, match='cross_entropy_loss has 3 class weights for 2 classes'):
        CrossEntropyLoss(class_weight=(1, 1, 1))(torch.zeros(1, 2), torch.tensor([1]))
