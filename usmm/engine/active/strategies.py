"""The strategies by name, and one call that asks any of them for units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from usmm.engine.active.diversity import badge, k_center_greedy
from usmm.engine.active.query_units import aggregate, top_units
from usmm.engine.active.uncertainty import Floats, bald, entropy, least_confidence, margin, mean_entropy


@dataclass(frozen=True)
class Pool:
    """What a model says of the unlabelled samples.

    Args:
        units: Unit of each sample (N,).
        probabilities: (N, K).
        passes: Of T passes with dropout (T, N, K), or None.
        features: (N, D), or None.
        labelled: Features of the labelled samples (M, D), or None.
    """

    units: Sequence[str]
    probabilities: Floats
    passes: Floats | None = None
    features: Floats | None = None
    labelled: Floats | None = None


@dataclass(frozen=True)
class Strategy:
    """A query strategy.

    Args:
        name: On the command line.
        title: For a reader.
        needs: Of a `Pool`: `'passes'`, `'features'`.
        score: Scores of the samples, for those that rank; or None.
        choose: Chooses among unit vectors, for those that look for diversity; or None.
    """

    name: str
    title: str
    needs: tuple[str, ...] = ()
    score: Callable[[Pool], Floats] | None = None
    choose: Callable[[Pool, int, np.random.Generator], list[str]] | None = None


def _core_set(pool: Pool, count: int, rng: np.random.Generator) -> list[str]:
    names, features = aggregate(_given(pool.features, 'features'), pool.units)
    return [names[i] for i in k_center_greedy(features, count, pool.labelled)]


def _badge(pool: Pool, count: int, rng: np.random.Generator) -> list[str]:
    names, p = aggregate(pool.probabilities, pool.units)
    _, features = aggregate(_given(pool.features, 'features'), pool.units)
    return [names[i] for i in badge(p, features, count, rng)]


STRATEGIES = {
    s.name: s
    for s in (
        Strategy('rand', 'random'),
        Strategy('es', 'entropy', score=lambda pool: entropy(pool.probabilities)),
        Strategy('esd', 'entropy, dropout', ('passes',), lambda pool: mean_entropy(_given(pool.passes, 'passes'))),
        Strategy('margin', 'margin', score=lambda pool: margin(pool.probabilities)),
        Strategy('lc', 'least confidence', score=lambda pool: least_confidence(pool.probabilities)),
        Strategy('bald', 'BALD', ('passes',), lambda pool: bald(_given(pool.passes, 'passes'))),
        Strategy('coreset', 'core-set', ('features',), choose=_core_set),
        Strategy('badge', 'BADGE', ('features',), choose=_badge),
    )
}


def query(name: str, pool: Pool, count: int, rng: np.random.Generator, how: str = 'mean') -> list[str]:
    """The units to label next.

    Args:
        name: A key of `STRATEGIES`.
        pool: The unlabelled samples.
        count: How many units; all, where fewer are left.
        rng: Source of all draws.
        how: A unit's score from those of its samples: `'mean'`, `'max'` or `'sum'`.

    Raises:
        ValueError: An unknown strategy, or one that lacks what it needs.

    Example:
        >>> pool = Pool(['a', 'b'], np.array([[0.9, 0.1], [0.5, 0.5]]))
        >>> query('es', pool, 1, np.random.default_rng(0))
        ['b']
    """
    if name not in STRATEGIES:
        raise ValueError(f'no strategy {name!r}; there are {sorted(STRATEGIES)}')
    strategy = STRATEGIES[name]
    count = min(count, len(set(pool.units)))
    if strategy.choose is not None:
        return strategy.choose(pool, count, rng)
    scores = np.zeros(len(pool.units)) if strategy.score is None else strategy.score(pool)
    return top_units(*aggregate(scores, pool.units, how), count, rng)


def _given(value: Floats | None, name: str) -> Floats:
    if value is None:
        raise ValueError(f'this strategy needs the {name} of the samples, which are not given')
    return value
