"""Importance as a game of donors: closed forms of linear models, the axioms, naive sums over all orders."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from usmm.explain import case_shapley, missing_effect, shuffled_scores
from usmm.explain.input_importance import ABSENT

TABLE = np.random.default_rng(0).normal(size=(9, 4))
WEIGHTS = np.array([2.0, -1.0, 0.5, 0.0])
NAMES = ['age', 'ast', 'alt', 'idle']


def values(plan: np.ndarray, fill: float = 0.0) -> np.ndarray:
    """(M, 4) values of composite cases."""
    return np.where(plan == ABSENT, fill, TABLE[plan, np.arange(plan.shape[1])])


def linear(plan: np.ndarray) -> np.ndarray:
    return 3 + values(plan) @ WEIGHTS


def curved(plan: np.ndarray) -> np.ndarray:
    """Two scores, with interactions; the last input is not read."""
    x = values(plan, 0.3)
    return np.stack([np.tanh(x[:, 0] * x[:, 1] + x[:, 2]), np.exp(x[:, 0] - x[:, 2] ** 2)], 1)


def naive(score, case: int, others: list[int]) -> np.ndarray:
    """Mean marginal contribution over all orders of the players, and over the donors of what is absent."""
    orders, total = list(permutations(range(4))), 0.0
    for donor in others:
        for order in orders:
            plan = np.full((5, 4), donor)
            for place, player in enumerate(order):
                plan[place + 1 :, player] = case
            steps = np.diff(score(plan), axis=0)
            total = total + steps[np.argsort(order)]
    return np.asarray(total) / len(orders) / len(others)


@pytest.mark.parametrize('exact', [10, 0])
def test_linear_model_has_its_closed_form(exact: int) -> None:
    cases, background = [0, 1, 2], [3, 4, 5, 6]
    found = case_shapley(NAMES, linear, cases, background, exact=exact, orders=6)
    mean = TABLE[background].mean(0)
    np.testing.assert_allclose(found.values, (WEIGHTS * (TABLE[cases] - mean)).T, atol=1e-12)
    np.testing.assert_allclose(found.se, 0, atol=1e-7)
    np.testing.assert_allclose(found.empty, 3 + mean @ WEIGHTS)
    np.testing.assert_allclose(found.full, 3 + TABLE[cases] @ WEIGHTS)
    assert found.orders == (None if exact else 6)


def test_absent_without_background_is_missing() -> None:
    found = case_shapley(NAMES, linear, [2])
    np.testing.assert_allclose(found.values[:, 0], WEIGHTS * TABLE[2], atol=1e-12)
    assert found.empty[0] == 3


@pytest.mark.parametrize('background', [None, [4, 7]])
def test_values_are_the_mean_over_all_orders(background: list[int] | None) -> None:
    found = case_shapley(NAMES, curved, [1, 8], background)
    for i, case in enumerate([1, 8]):
        np.testing.assert_allclose(found.values[:, i], naive(curved, case, background or [ABSENT]), atol=1e-12)


def test_efficiency_and_dummy_hold_in_every_sample() -> None:
    found = case_shapley(NAMES, curved, [1, 8], [0, 4], exact=0, orders=5, seed=3)
    assert found.orders == 6  # pairs
    np.testing.assert_allclose(found.values.sum(0), found.full - found.empty, atol=1e-12)
    np.testing.assert_allclose(found.values[3], 0, atol=1e-12)


def test_players_that_do_the_same_get_the_same() -> None:
    def product(plan: np.ndarray) -> np.ndarray:
        return (plan[:, 0] != ABSENT) * (plan[:, 1] != ABSENT) * 1.0

    np.testing.assert_allclose(case_shapley(['a', 'b', 'c'], product, [0]).values[:, 0], [0.5, 0.5, 0])


def test_sampling_error_is_as_large_as_it_says() -> None:
    truth = case_shapley(NAMES, curved, [1]).values[:, 0]
    runs = [case_shapley(NAMES, curved, [1], exact=0, orders=40, seed=seed) for seed in range(150)]
    errors = np.array([r.values[:, 0] - truth for r in runs])
    told = np.sqrt(np.mean([r.se[:, 0] ** 2 for r in runs], 0))
    np.testing.assert_allclose(errors[:, :3].std(0), told[:3], rtol=0.2)
    assert np.abs(errors.mean(0)).max() < 4 * told.max() / np.sqrt(150)
    again = case_shapley(NAMES, curved, [1], exact=0, orders=40, seed=149)
    np.testing.assert_array_equal(again.values, runs[149].values)


@pytest.mark.parametrize('seed', range(5))
def test_reversed_orders_are_exact_for_pairs_of_inputs(seed: int) -> None:
    """A game of pairs: half of what a pair is worth comes from an order, the other half from its reverse."""

    def pairs(plan: np.ndarray) -> np.ndarray:
        x = values(plan)
        return x[:, 0] * x[:, 1] + x[:, 2] * x[:, 3]

    found = case_shapley(NAMES, pairs, [5], exact=0, orders=4, seed=seed)
    np.testing.assert_allclose(found.values[:, 0], case_shapley(NAMES, pairs, [5]).values[:, 0], atol=1e-12)


def test_one_input_missing() -> None:
    full, without = missing_effect(NAMES, linear, [0, 3])
    np.testing.assert_allclose(full, 3 + TABLE[[0, 3]] @ WEIGHTS)
    np.testing.assert_allclose(full - without, (WEIGHTS * TABLE[[0, 3]]).T, atol=1e-12)


def test_groups_are_shuffled_together_and_patients_change_places() -> None:
    patients = np.array(['p', 'p', 'q', 'r', 'r', 's'])

    def donors(plan: np.ndarray) -> np.ndarray:
        return plan  # the plan itself as the score

    found = shuffled_scores(NAMES, donors, {'liver': ['ast', 'alt'], 'age': ['age']}, np.arange(6), patients, 40)
    liver = found['liver'].astype(int)
    assert liver.shape == (40, 6, 4)
    assert (liver[:, :, 1] == liver[:, :, 2]).all()  # of one donor
    assert (liver[:, :, [0, 3]] == np.arange(6)[:, None]).all()  # the others stay
    np.testing.assert_array_equal(liver[:, :, 1], found['age'][:, :, 0])  # the same exchange for all groups
    for repeat in liver[:, :, 1]:
        places = dict(zip(patients, patients[repeat]))
        assert [places[a] for a in patients] == list(patients[repeat])  # both cases of a patient from one donor
        assert sorted(places.values()) == ['p', 'q', 'r', 's']  # a permutation of patients
    assert len({tuple(r) for r in liver[:, :, 1]}) > 5


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: case_shapley([], linear, [0]), 'players must have different names'),
        (lambda: case_shapley(['a', 'a'], linear, [0]), 'players must have different names'),
        (lambda: case_shapley(NAMES, linear, []), 'no case to explain'),
        (lambda: case_shapley(NAMES, linear, [0], []), 'background has no rows'),
        (lambda: case_shapley(NAMES, linear, [0], exact=0, orders=3), '4 or more orders are needed, got 3'),
        (lambda: case_shapley(NAMES, lambda plan: plan[:, 0] * np.nan, [0]), 'composite case is not finite'),
        (lambda: case_shapley(NAMES, lambda plan: np.zeros(1), [0]), 'answer each of 16 composite cases'),
        (lambda: shuffled_scores(NAMES, linear, {'x': ['bmi']}, [0, 1]), r"group 'x' must hold some.*\['bmi'\]"),
        (lambda: shuffled_scores(NAMES, linear, {'x': []}, [0, 1]), "group 'x' must hold some"),
        (lambda: shuffled_scores(NAMES, linear, {'x': ['age']}, [0, 1], repeats=0), 'repeats must be 1 or more'),
        (lambda: shuffled_scores(NAMES, linear, {'x': ['age']}, [0, 1], ['p', 'p']), '2 or more are needed, got 1'),
    ],
)
def test_what_cannot_be_asked(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
