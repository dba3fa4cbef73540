"""What is asked for at once: a sample, all samples of an image, or all of a patient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from usmm.engine.active.uncertainty import Floats

HOW: dict[str, Callable[..., Any]] = {'mean': np.mean, 'max': np.max, 'sum': np.sum}


def aggregate(values: ArrayLike, units: Sequence[str], how: str = 'mean') -> tuple[list[str], Floats]:
    """One value a unit.

    Args:
        values: Of the samples, scores (N,) or vectors (N, D).
        units: Unit of each sample (N,).
        how: `'mean'`, `'max'` or `'sum'`.

    Returns:
        The units in order of first appearance, and their values (U,) or (U, D).

    Raises:
        ValueError: Lengths that differ, or an unknown way.

    Example:
        >>> aggregate([1.0, 3.0, 5.0], ['b', 'b', 'a'])
        (['b', 'a'], array([2., 5.]))
    """
    x = np.asarray(values, dtype=np.float64)
    if how not in HOW:
        raise ValueError(f'how must be one of {sorted(HOW)}, got {how!r}')
    if len(x) != len(units):
        raise ValueError(f'{len(x)} values and {len(units)} units do not fit each other')
    place: dict[str, list[int]] = {}
    for i, unit in enumerate(units):
        place.setdefault(unit, []).append(i)
    return list(place), np.array([HOW[how](x[rows], axis=0) for rows in place.values()])


def top_units(names: Sequence[str], scores: ArrayLike, count: int, rng: np.random.Generator) -> list[str]:
    """The units with the highest scores; equal ones in random order, else the order of the table would decide.

    Args:
        names: Units (U,).
        scores: Higher is asked first (U,).
        count: How many.
        rng: Breaks ties.

    Example:
        >>> top_units(['a', 'b', 'c'], [0.1, 0.9, 0.5], 2, np.random.default_rng(0))
        ['b', 'c']
    """
    values = np.asarray(scores, dtype=np.float64)
    order = np.lexsort((rng.permutation(len(values)), -values))
    return [names[i] for i in order[:count]]
