from __future__ import annotations

import math

import pytest
import torch

from usmm.models.losses import OrthogonalLoss, orthogonal_loss
from usmm.registry import MODELS


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b)) / (math.hypot(*a) * math.hypot(*b))


def naive(vectors: list[torch.Tensor], reduction: str) -> float:
    pairs = []
    for i in range(len(vectors)):
        for j in range(i + 1, len(vectors)):
            values = [cosine(a, b) for a, b in zip(vectors[i].tolist(), vectors[j].tolist())]
            if reduction == 'sample':
                values = [abs(v) for v in values]
            pairs.append(abs(sum(values) / len(values)))
    return sum(pairs) / len(pairs)


@pytest.mark.parametrize('streams', [2, 3, 4])
@pytest.mark.parametrize('reduction', ['sample', 'batch'])
def test_equals_a_naive_loop(streams, reduction):
    generator = torch.Generator().manual_seed(streams)
    vectors = [torch.randn(7, 5, generator=generator, dtype=torch.float64) for _ in range(streams)]
    got = orthogonal_loss({str(i): v for i, v in enumerate(vectors)}, reduction)
    assert got.item() == pytest.approx(naive(vectors, reduction), rel=1e-12)


def test_opposite_samples_cancel_only_in_batch_mode():
    a = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    b = torch.tensor([[2.0, 0.0], [-3.0, 0.0]])
    assert orthogonal_loss({'a': a, 'b': b}).item() == pytest.approx(1)
    assert orthogonal_loss({'a': a, 'b': b}, 'batch').item() == pytest.approx(0)
    assert orthogonal_loss({'a': a, 'b': torch.tensor([[0.0, 5.0], [0.0, -1.0]])}).item() == 0


@pytest.mark.parametrize('reduction', ['sample', 'batch'])
def test_gradient(reduction):
    a = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    b = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, y: orthogonal_loss({'a': x, 'b': y}, reduction), (a, b))


@pytest.mark.parametrize('scale', [0.0, 1e-30, 1e-6, 1e4, 1e30])
def test_any_length_gives_finite_loss_and_gradient(scale):
    a = (torch.tensor([[1.0, 2.0], [3.0, -1.0]]) * scale).requires_grad_()
    b = torch.tensor([[2.0, 1.0], [1.0, 1.0]], requires_grad=True)
    loss = orthogonal_loss({'a': a, 'b': b})
    loss.backward()
    assert torch.isfinite(a.grad).all()
    assert torch.isfinite(b.grad).all()
    expected = 0.0 if scale < 1e-12 else (cosine([1, 2], [2, 1]) + cosine([3, -1], [1, 1])) / 2
    assert loss.item() == pytest.approx(expected, abs=1e-6)
    if scale < 1e-12:
        assert not a.grad.any()


def test_one_zero_row_does_not_disturb_the_others():
    a = torch.tensor([[0.0, 0.0], [1.0, 0.0]], requires_grad=True)
    b = torch.tensor([[1.0, 1.0], [3.0, 4.0]])
    loss = orthogonal_loss({'a': a, 'b': b})
    loss.backward()
    assert loss.item() == pytest.approx(0.3)
    # d cos / d a_2 for a = (1, 0) and the direction (0.6, 0.8) is 0.8; the mean over two samples halves it.
    assert a.grad.tolist() == [[0, 0], [0, pytest.approx(0.4)]]


def test_module():
    loss = MODELS.build({'type': 'OrthogonalLoss', 'loss_weight': 0.1})
    assert isinstance(loss, OrthogonalLoss)
    vectors = {'static': torch.ones(3, 4), 'dynamic': -2 * torch.ones(3, 4)}
    assert loss(vectors, torch.tensor([0, 1, 0])).item() == pytest.approx(0.1)
    assert (loss.takes, loss.min_streams) == ('vectors', 2)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert loss({k: v.bfloat16() for k, v in vectors.items()}).dtype == torch.float32


def test_errors():
    with pytest.raises(ValueError, match=r"orthogonal_loss compares streams and needs two or more, got \['static'\]"):
        orthogonal_loss({'static': torch.ones(1, 2)})
    with pytest.raises(ValueError, match=r"vectors \(B, D\) of one shape, got \{'a': \(1, 2\), 'b': \(1, 3\)\}"):
        orthogonal_loss({'a': torch.ones(1, 2), 'b': torch.ones(1, 3)})
    with pytest.raises(ValueError, match=r"reduction of orthogonal_loss must be one of .*, got 'mean'"):
        orthogonal_loss({'a': torch.ones(1, 2), 'b': torch.ones(1, 2)}, 'mean')
    with pytest.raises(ValueError, match=r"reduction of OrthogonalLoss must be one of .*, got 'sum'"):
        OrthogonalLoss('sum')
