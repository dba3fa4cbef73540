from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from usmm.engine.active import badge, gradient_embeddings, k_center_greedy, k_means_plus_plus

RNG = np.random.default_rng


def naive_k_center(x: np.ndarray, count: int, centers: list[np.ndarray]) -> list[int]:
    chosen: list[int] = []
    for _ in range(count):
        far = [(-1.0 if i in chosen else min(float(np.sum((p - c) ** 2)) for c in centers)) for i, p in enumerate(x)]
        chosen.append(int(np.argmax(far)))
        centers = [*centers, x[chosen[-1]]]
    return chosen


def test_core_set_against_a_naive_loop() -> None:
    x, known = RNG(1).normal(size=(40, 3)), RNG(2).normal(size=(5, 3))
    assert k_center_greedy(x, 12, known).tolist() == naive_k_center(x, 12, list(known))


def test_core_set_without_labelled_starts_far_from_the_mean() -> None:
    x = RNG(3).normal(size=(30, 2))
    first = int(np.argmax(((x - x.mean(0)) ** 2).sum(1)))
    assert k_center_greedy(x, 6).tolist() == [first, *naive_k_center(x, 6, [x[first]])[:5]]
    assert k_center_greedy(x, 0).tolist() == []


def test_core_set_takes_one_of_each_group() -> None:
    groups = RNG(4).normal(size=(4, 2)) * 100
    x = np.repeat(groups, 10, axis=0) + RNG(5).normal(size=(40, 2)) * 0.1
    assert sorted(k_center_greedy(x, 4) // 10) == [0, 1, 2, 3]


def test_gradient_embeddings_are_the_gradient_of_the_last_layer() -> None:
    features, weight = torch.randn(6, 4), torch.randn(3, 4)
    expected = []
    for row in features:
        w = weight.clone().requires_grad_()
        logits = w @ row
        F.cross_entropy(logits[None], logits.argmax()[None]).backward()
        expected.append(w.grad.flatten())
    p = (features @ weight.T).softmax(1)
    np.testing.assert_allclose(gradient_embeddings(p.numpy(), features.numpy()), torch.stack(expected), atol=1e-6)


def test_k_means_plus_plus_draws_by_squared_distance() -> None:
    # from 0, the points 1 and 2 are drawn with chances 1 : 4; 10 is the longest and comes first
    x = np.array([[10.0], [9.0], [8.0], [10.0]])
    second = [int(k_means_plus_plus(x, 2, RNG(s))[1]) for s in range(2000)]
    assert set(second) == {1, 2}
    assert np.mean(np.array(second) == 2) == pytest.approx(0.8, abs=0.03)


def test_k_means_plus_plus_never_repeats_even_copies() -> None:
    assert sorted(k_means_plus_plus(np.zeros((5, 2)), 5, RNG(0))) == [0, 1, 2, 3, 4]
    assert k_means_plus_plus(np.zeros((5, 2)), 0, RNG(0)).tolist() == []


def test_badge_takes_sure_samples_once_at_most() -> None:
    # their gradients are all near zero, so that one of them stands for all
    p = np.array([[0.999, 0.001]] * 20 + [[0.5, 0.5]] * 5)
    features = RNG(0).normal(size=(25, 8))
    for seed in range(20):
        assert (badge(p, features, 5, RNG(seed)) < 20).sum() <= 1


@pytest.mark.parametrize(
    ('call', 'match'),
    [
        (lambda: k_center_greedy(np.zeros((2, 1)), 3), 'cannot choose 3 of 2 samples'),
        (lambda: k_means_plus_plus(np.zeros(3), 1, RNG(0)), r'shape \(N, D\), got shape \(3,\)'),
        (lambda: k_center_greedy(np.zeros((2, 1)), 1, np.zeros((2, 3))), r'must have shape \(M, 1\)'),
        (lambda: gradient_embeddings([[0.5, 0.5]], np.zeros((2, 3))), r'features of shape \(1, D\)'),
    ],
)
def test_what_does_not_fit(call, match) -> None:
    with pytest.raises(ValueError, match=match):
        call()
