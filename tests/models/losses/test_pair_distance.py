"""The distance of two views: eq. 1 of the paper, written out."""

from __future__ import annotations

import pytest
import torch

from usmm.models.losses import PairDistanceLoss, pair_distance_loss


def test_it_is_the_squared_distance_of_the_normalised_vectors():
    x, y = torch.randn(6, 5), torch.randn(6, 5)
    expected = torch.stack([((a / a.norm() - b / b.norm()) ** 2).sum() for a, b in zip(x, y)]).mean()
    torch.testing.assert_close(pair_distance_loss(x, y), expected)


@pytest.mark.parametrize(('y', 'expected'), [((2.0, 0.0), 0.0), ((0.0, 5.0), 2.0), ((-1.0, 0.0), 4.0)])
def test_closed_forms(y, expected):
    assert float(pair_distance_loss(torch.tensor([[1.0, 0.0]]), torch.tensor([y]))) == pytest.approx(expected)


def test_lengths_do_not_count_and_the_weight_does():
    x, y = torch.randn(3, 4), torch.randn(3, 4)
    torch.testing.assert_close(PairDistanceLoss(0.5)(x * 9, y), 0.5 * pair_distance_loss(x, y))


def test_it_is_four_plus_four_times_lightlys():
    loss = pytest.importorskip('lightly.loss.negative_cosine_similarity').NegativeCosineSimilarity()
    x, y = torch.randn(5, 4), torch.randn(5, 4)
    torch.testing.assert_close(pair_distance_loss(x, y) * 2, 4 + 4 * loss(x, y))


def test_shapes_must_be_equal():
    with pytest.raises(ValueError, match=r'pair_distance_loss takes two tensors .* got \(2, 3\) and \(2, 4\)'):
        pair_distance_loss(torch.rand(2, 3), torch.rand(2, 4))
