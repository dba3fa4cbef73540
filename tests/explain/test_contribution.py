"""Shapley values: closed forms, the axioms, and the order of players."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from torch import nn

from usmm.explain import SubsetScore, contributions, shapley_values, subset_table


@pytest.mark.parametrize('n', [1, 2, 4, 6])
def test_additive_games_have_their_terms_as_values(n: int) -> None:
    terms = np.random.default_rng(n).normal(size=n)
    found = shapley_values(3 + subset_table(n) @ terms)
    np.testing.assert_allclose(found, terms, atol=1e-12)


@pytest.mark.parametrize('n', [2, 3, 5])
def test_values_are_the_mean_over_all_orders(n: int) -> None:
    sets = np.random.default_rng(n).normal(size=2**n)
    expected = np.zeros(n)
    orders = list(permutations(range(n)))
    for order in orders:
        so_far = 0
        for player in order:
            expected[player] += sets[so_far | 1 << player] - sets[so_far]
            so_far |= 1 << player
    np.testing.assert_allclose(shapley_values(sets), expected / len(orders), atol=1e-12)


def test_glove_game() -> None:
    """One left glove, two right ones; a pair is worth 1: 2/3, 1/6, 1/6."""
    found = contributions(['left', 'r1', 'r2'], lambda s: float('left' in s and bool(s & {'r1', 'r2'})))
    np.testing.assert_allclose(found.values, [2 / 3, 1 / 6, 1 / 6])


def test_efficiency_symmetry_and_dummy_for_several_cases() -> None:
    rng = np.random.default_rng(0)
    worth = rng.normal(size=(4, 7))  # of pairs of the first two players, seven cases

    def score(present: frozenset[str]) -> np.ndarray:
        return worth[len(present & {'a', 'b'})] ** 2

    found = contributions(['a', 'b', 'idle'], score)
    np.testing.assert_allclose(found.values.sum(0), found.full - found.empty, atol=1e-12)
    np.testing.assert_allclose(found.values[0], found.values[1])
    np.testing.assert_allclose(found.values[2], 0, atol=1e-12)
    assert found.values.shape == (3, 7) and found.sets.shape == (8, 7)


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: shapley_values([1, 2, 3]), 'all 2.n sets'),
        (lambda: shapley_values(3.0), 'all 2.n sets'),
        (lambda: shapley_values([0.0, np.nan]), 'not finite'),
        (lambda: subset_table(7), '1 to 6 players, got 7'),
        (lambda: contributions([], len), '1 to 6 players, got 0'),
        (lambda: contributions(['a', 'a'], len), 'different names'),
    ],
)
def test_what_cannot_be_shared_out(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


class Sum(nn.Module):
    """Logit of class 1: the mean of each modality, plus the first clinical number (0.5 where missing)."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)
        self.seen: list[dict] = []

    def forward(self, inputs, present, clinical):
        self.seen.append({m: bool(rows.all()) for m, rows in present.items()})
        total = sum(self.drop(x.flatten(1).mean(1)) for x in inputs.values())
        if clinical is not None:
            total = total + torch.nan_to_num(clinical[:, 0], nan=0.5)
        return torch.stack([torch.zeros_like(total), total], 1)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_missing_modalities_are_baselines_and_empty_rows() -> None:
    inputs = dict(bus=torch.full((2, 3, 2, 2), 2.0), ue=torch.tensor([1.0, 3.0]).view(2, 1, 1, 1).expand(2, 3, 2, 2))
    model = Sum().train()
    clinical = torch.tensor([[4.0], [5.0]])
    score = SubsetScore(model, inputs, model, [1, 1], clinical, baseline=dict(ue=torch.full((3, 2, 2), -1.0)))
    assert score.players == ('bus', 'ue', 'clinical')
    expected = {
        frozenset(): [0 - 1 + 0.5] * 2,
        frozenset({'bus'}): [2 - 1 + 0.5] * 2,
        frozenset({'ue', 'clinical'}): [0 + 1 + 4, 0 + 3 + 5],
        frozenset({'bus', 'ue', 'clinical'}): [2 + 1 + 4, 2 + 3 + 5],
    }
    for present, logits in expected.items():
        np.testing.assert_allclose(score(present), sigmoid(np.array(logits, float)), rtol=1e-6)
    assert model.training and model.drop.training
    other = SubsetScore(model, inputs, model, [0, 1], clinical)(frozenset({'bus'}))
    np.testing.assert_allclose(other, [1 - sigmoid(np.array(2.5)), sigmoid(np.array(2.5))], rtol=1e-6)


def test_whole_streams_are_marked_as_absent_where_the_model_can() -> None:
    inputs = {m: torch.ones(2, 3, 2, 2) for m in ('bus', 'ue', 'clip')}
    model = Sum()
    score = SubsetScore(model, inputs, model, [1, 1], streams=[('bus', 'ue'), ('clip',)])
    for present in (set(), {'bus'}, {'clip'}, {'bus', 'clip'}):
        score(frozenset(present))
    static, dynamic = dict(bus=True, ue=True, clip=False), dict(bus=False, ue=False, clip=True)
    assert model.seen == [{}, static, dynamic, dict(bus=True, ue=True, clip=True)]
    assert 'absent' in score.note
    baseline = SubsetScore(model, inputs, model, [1, 1], streams=[('bus', 'ue'), ('clip',)], missing='baseline')
    baseline(frozenset({'clip'}))
    assert model.seen[-1] == {} and 'absent' not in baseline.note


def test_what_the_game_refuses() -> None:
    inputs = dict(bus=torch.zeros(1, 3, 4, 4))
    with pytest.raises(ValueError, match=r"missing must be one of .* got 'drop'"):
        SubsetScore(nn.Identity(), inputs, len, [0], missing='drop')
    with pytest.raises(ValueError, match=r'bus: the baseline is \(3, 2, 2\), the input \(3, 4, 4\)'):
        SubsetScore(nn.Identity(), inputs, len, [0], baseline=dict(bus=torch.zeros(3, 2, 2)))
