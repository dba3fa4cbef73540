from __future__ import annotations

import numpy as np
import pytest

from usmm.engine.active import STRATEGIES, Pool, entropy, query


def pool(n: int = 60, unit: int = 1) -> Pool:
    rng = np.random.default_rng(0)
    passes = rng.dirichlet(np.ones(5), (10, n))
    units = [f'u{i // unit}' for i in range(n)]
    return Pool(units, passes.mean(0), passes, rng.normal(size=(n, 6)), rng.normal(size=(4, 6)))


@pytest.mark.parametrize('unit', [1, 4])
@pytest.mark.parametrize('name', STRATEGIES)
def test_every_strategy_gives_different_units_and_repeats_itself(name, unit) -> None:
    given = pool(unit=unit)
    asked = query(name, given, 7, np.random.default_rng(3))
    assert len(set(asked)) == 7 and set(asked) <= set(given.units)
    assert asked == query(name, given, 7, np.random.default_rng(3))
    assert len(query(name, given, 1000, np.random.default_rng(3))) == 60 // unit


def test_entropy_takes_the_top() -> None:
    given = pool()
    best = np.argsort(-entropy(given.probabilities))[:5]
    assert query('es', given, 5, np.random.default_rng(0)) == [f'u{i}' for i in best]


def test_patients_by_the_mean_of_their_samples() -> None:
    given = pool(unit=6)
    means = entropy(given.probabilities).reshape(10, 6).mean(1)
    assert query('es', given, 3, np.random.default_rng(0)) == [f'u{i}' for i in np.argsort(-means)[:3]]


def test_random_is_even() -> None:
    given, counts = pool(10), dict.fromkeys([f'u{i}' for i in range(10)], 0)
    for seed in range(1000):
        for unit in query('rand', given, 2, np.random.default_rng(seed)):
            counts[unit] += 1
    assert min(counts.values()) > 150 and max(counts.values()) < 250


def test_errors() -> None:
    bare = Pool(['a', 'b'], np.full((2, 2), 0.5))
    with pytest.raises(ValueError, match="no strategy 'x'; there are"):
        query('x', bare, 1, np.random.default_rng(0))
    for name, what in {'esd': 'passes', 'bald': 'passes', 'coreset': 'features', 'badge': 'features'}.items():
        with pytest.raises(ValueError, match=f'needs the {what} of the samples'):
            query(name, bare, 1, np.random.default_rng(0))
