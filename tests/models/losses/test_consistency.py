from __future__ import annotations

import pytest
import torch
from scipy.spatial.distance import cityblock

from usmm.models.losses import ConsistencyLoss, consistency_loss
from usmm.registry import MODELS


@pytest.mark.parametrize('streams', [2, 3])
def test_equals_city_block_distance(streams):
    generator = torch.Generator().manual_seed(0)
    vectors = [torch.randn(5, 4, generator=generator, dtype=torch.float64) for _ in range(streams)]
    pairs = [(i, j) for i in range(streams) for j in range(i)]
    expected = [cityblock(vectors[i][n].numpy(), vectors[j][n].numpy()) for i, j in pairs for n in range(5)]
    got = consistency_loss({str(i): v for i, v in enumerate(vectors)})
    assert got.item() == pytest.approx(sum(expected) / len(expected), rel=1e-12)


def test_gradient():
    a = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    b = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, y: consistency_loss({'a': x, 'b': y}), (a, b))


def test_equal_streams_have_no_loss_and_no_gradient():
    a = torch.ones(2, 3, requires_grad=True)
    loss = consistency_loss({'a': a, 'b': torch.ones(2, 3)})
    loss.backward()
    assert loss.item() == 0
    assert not a.grad.any()


def test_module():
    loss = MODELS.build({'type': 'ConsistencyLoss', 'loss_weight': 0.5})
    assert isinstance(loss, ConsistencyLoss)
    vectors = {'static': torch.full((2, 256), 300.0).half(), 'dynamic': torch.zeros(2, 256).half()}
    # 256 * 300 = 76800 does not fit into float16: the sum must run in float32.
    assert loss(vectors, torch.tensor([0, 1])).item() == 0.5 * 76800
    assert (loss.takes, loss.min_streams) == ('vectors', 2)


def test_one_stream_is_an_error():
    with pytest.raises(ValueError, match='consistency_loss compares streams and needs two or more'):
        ConsistencyLoss()({'static': torch.ones(1, 2)})
