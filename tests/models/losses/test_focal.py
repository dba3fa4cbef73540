from __future__ import annotations

import math

import pytest
import torch
from mmpretrain.models.losses.utils import weight_reduce_loss
from mmpretrain.structures import DataSample
from torch.nn import functional as F

from usmm.models.losses import FocalLoss, focal_loss
from usmm.registry import MODELS


def naive_focal(logits: torch.Tensor, target: torch.Tensor, gamma: float, alpha: list[float] | None) -> float:
    total = 0.0
    for row, y in zip(logits.tolist(), target.tolist()):
        p = math.exp(row[y]) / sum(math.exp(v) for v in row)
        total += -(1.0 if alpha is None else alpha[y]) * (1 - p) ** gamma * math.log(p)
    return total / len(target)


@pytest.mark.parametrize('gamma', [0, 0.5, 1, 2, 5])
@pytest.mark.parametrize('alpha', [None, [0.4, 0.6, 1.3]])
def test_equals_a_naive_loop(gamma, alpha):
    logits = torch.randn(17, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    target = torch.arange(17) % 3
    weights = None if alpha is None else torch.tensor(alpha)
    loss = focal_loss(logits, target, gamma, weights)
    assert loss.item() == pytest.approx(naive_focal(logits, target, gamma, alpha), rel=1e-6)


def test_gamma_zero_is_cross_entropy():
    logits, target = torch.randn(9, 4), torch.arange(9) % 4
    torch.testing.assert_close(focal_loss(logits, target, gamma=0), F.cross_entropy(logits, target))


def test_paper_weights_by_hand():
    # p = 1/2 everywhere: the loss of a class is alpha * (1/2)^2 * log 2.
    loss = FocalLoss(gamma=2, alpha=(0.4, 0.6), loss_weight=2)
    got = [loss(torch.zeros(1, 2), torch.tensor([y])).item() for y in (0, 1)]
    assert got == pytest.approx([2 * a * 0.25 * math.log(2) for a in (0.4, 0.6)])


@pytest.mark.parametrize('gamma', [0.0, 0.5, 2.0])
def test_gradient(gamma):
    logits = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    alpha = torch.tensor([0.4, 0.6, 1.0])
    assert torch.autograd.gradcheck(lambda x: focal_loss(x, torch.arange(6) % 3, gamma, alpha), logits)


def test_the_focus_is_not_detached():
    logits = torch.tensor([[0.0, 1.0]], dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(focal_loss(logits, torch.tensor([1]), gamma=2), logits)
    p = torch.softmax(logits, 1)[0, 1].item()
    # d/dz of -(1-p)^2 log p, with dp/dz = p (1-p); a detached p would give -(1-p)^3 alone.
    assert grad[0, 1].item() == pytest.approx(2 * p * (1 - p) ** 2 * math.log(p) - (1 - p) ** 3)


@pytest.mark.parametrize('gamma', [0.0, 0.1, 1.0, 2.0])
@pytest.mark.parametrize('scale', [0.0, 1e4, -1e4])
def test_extreme_logits_stay_finite(gamma, scale):
    logits = torch.tensor([[scale, 0.0], [0.0, scale]], requires_grad=True)
    loss = focal_loss(logits, torch.tensor([0, 0]), gamma)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()
    if scale:
        assert loss.item() == pytest.approx(1e4 / 2, rel=1e-6)


def test_computes_in_float32_under_autocast():
    logits = torch.randn(8, 2).bfloat16()
    target = torch.arange(8) % 2
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = focal_loss(logits, target)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, focal_loss(logits.float(), target))


def test_built_by_name_and_leaves_no_trace_in_checkpoints():
    loss = MODELS.build({'type': 'FocalLoss', 'alpha': [0.4, 0.6]})
    assert isinstance(loss, FocalLoss)
    assert loss.state_dict() == {}
    assert (loss.takes, loss.min_streams, loss.gamma) == ('logits', 1, 2.0)


def test_errors():
    with pytest.raises(ValueError, match='gamma of FocalLoss must be >= 0, got -1'):
        FocalLoss(gamma=-1)
    with pytest.raises(ValueError, match=r'two or more weights >= 0, one per class, got \(0.4, -0.6\)'):
        FocalLoss(alpha=(0.4, -0.6))
    with pytest.raises(ValueError, match='focal_loss has 2 class weights for 3 classes'):
        FocalLoss(alpha=(0.4, 0.6))(torch.zeros(1, 3), torch.tensor([0]))
    with pytest.raises(ValueError, match=r'logits \(2, 3\) and target \(3,\)'):
        focal_loss(torch.zeros(2, 3), torch.zeros(3, dtype=torch.long))
    with pytest.raises(TypeError, match=r'class indices as integers, got torch\.float32'):
        focal_loss(torch.zeros(2, 3), torch.zeros(2))


@pytest.mark.parametrize('reduction', ['mean', 'sum', 'none'])
@pytest.mark.parametrize('weighted', [False, True])
def test_the_arguments_of_openmmlab_heads(reduction, weighted):
    """Against mmpretrain's reduction of the same losses."""
    generator = torch.Generator().manual_seed(0)
    logits, target = torch.randn(6, 3, generator=generator), torch.tensor([0, 1, 2, 0, 1, 2])
    weight = torch.rand(6, generator=generator) if weighted else None
    p = logits.softmax(1).gather(1, target[:, None])[:, 0]
    rows = -((1 - p) ** 1.5) * p.log()
    loss = FocalLoss(gamma=1.5, loss_weight=2.0)
    factors = (None,) if reduction == 'sum' else (None, 4)
    for avg_factor in factors:
        found = loss(logits, target, weight=weight, avg_factor=avg_factor, reduction_override=reduction)
        torch.testing.assert_close(found, 2 * weight_reduce_loss(rows, weight, reduction, avg_factor))
        own = FocalLoss(gamma=1.5, loss_weight=2.0, reduction=reduction)
        torch.testing.assert_close(own(logits, target, weight=weight, avg_factor=avg_factor), found)


def test_a_head_of_mmpretrain_trains_with_it():
    head = MODELS.build(
        dict(type='mmpretrain.LinearClsHead', num_classes=3, in_channels=4, loss=dict(type='usmm.FocalLoss', gamma=2.0))
    )
    features, samples = torch.randn(5, 4), [DataSample().set_gt_label(i % 3) for i in range(5)]
    found = head.loss((features,), samples)['loss']
    torch.testing.assert_close(found, focal_loss(head.fc(features), torch.tensor([0, 1, 2, 0, 1])))


def test_errors_of_a_reduction():
    logits, target = torch.zeros(2, 3), torch.tensor([0, 1])
    with pytest.raises(ValueError, match=r"reduction of FocalLoss must be one of \['mean', 'sum', 'none'\], got 'avg'"):
        FocalLoss(reduction='avg')
    with pytest.raises(ValueError, match=r"focal_loss: reduction must be one of .* got 'avg'"):
        FocalLoss()(logits, target, reduction_override='avg')
    with pytest.raises(ValueError, match="focal_loss: avg_factor goes with reduction 'mean', got 'sum'"):
        FocalLoss()(logits, target, avg_factor=2, reduction_override='sum')
    with pytest.raises(ValueError, match=r'focal_loss expects a weight for each of 2 rows, got \(3,\)'):
        FocalLoss()(logits, target, weight=torch.ones(3))
