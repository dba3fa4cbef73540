"""SimCLR's loss against a naive loop, and another library where it is installed."""

from __future__ import annotations

import math

import pytest
import torch

from usmm.models.losses import NTXentLoss, nt_xent_loss


def naive(x: torch.Tensor, y: torch.Tensor, temperature: float) -> float:
    z = [v / v.norm() for v in torch.cat([x, y])]
    n, total = len(x), 0.0
    for i, a in enumerate(z):
        partner = (i + n) % (2 * n)
        others = [math.exp(float(a @ b) / temperature) for k, b in enumerate(z) if k != i]
        total -= math.log(math.exp(float(a @ z[partner]) / temperature) / sum(others))
    return total / (2 * n)


@pytest.mark.parametrize('temperature', [0.1, 0.5, 2.0])
@pytest.mark.parametrize('rows', [1, 2, 7])
def test_it_is_the_naive_loop(rows, temperature):
    torch.manual_seed(rows)
    x, y = torch.randn(rows, 5) * 3, torch.randn(rows, 5)
    assert float(nt_xent_loss(x, y, temperature)) == pytest.approx(naive(x, y, temperature), abs=1e-5)


def test_it_is_that_of_lightly():
    ntx = pytest.importorskip('lightly.loss.ntx_ent_loss')
    x, y = torch.randn(9, 6), torch.randn(9, 6)
    torch.testing.assert_close(nt_xent_loss(x, y, 0.2), ntx.NTXentLoss(temperature=0.2)(x, y))


def test_the_module_has_the_papers_temperature_and_a_weight():
    x, y = torch.randn(4, 3), torch.randn(4, 3)
    torch.testing.assert_close(NTXentLoss(loss_weight=2.0)(x, y), 2 * nt_xent_loss(x, y, 0.1))


def test_arguments_that_cannot_be():
    with pytest.raises(ValueError, match='temperature of NTXentLoss must be above zero, got 0'):
        NTXentLoss(temperature=0)
    with pytest.raises(ValueError, match='temperature of nt_xent_loss must be above zero, got -1'):
        nt_xent_loss(torch.rand(2, 2), torch.rand(2, 2), -1)
    with pytest.raises(ValueError, match=r'nt_xent_loss takes two tensors .* got \(2, 2\) and \(3, 2\)'):
        nt_xent_loss(torch.rand(2, 2), torch.rand(3, 2))
