"""What each modality contributed to a prediction: exact Shapley values over all sets of modalities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray

MOST = 6
"""Players up to which a whole network is asked for all 2^n sets."""


@dataclass(frozen=True, eq=False)
class Contribution:
    """Shapley values of the players of a game.

    Args:
        players: Their names.
        values: (n, ...) contribution of each; they add up to `full - empty`.
        empty: (...) value of the empty set: what the model says when it knows nothing of the case.
        full: (...) value of all players together.
        sets: (2^n, ...) value of every set, in the order of `subset_table`.
        note: How an absent player was played.
    """

    players: tuple[str, ...]
    values: NDArray[np.float64]
    empty: NDArray[np.float64]
    full: NDArray[np.float64]
    sets: NDArray[np.float64]
    note: str = ''


def subset_table(players: int, most: int = MOST) -> NDArray[np.bool_]:
    """All sets of players (2^n, n); player i is bit i of the row's number.

    Args:
        players: How many, 1 to `most`.
        most: More than this are refused, for their sets double with each.

    Raises:
        ValueError: Another number.

    Example:
        >>> subset_table(2).astype(int).tolist()
        [[0, 0], [1, 0], [0, 1], [1, 1]]
    """
    if not 1 <= players <= most:
        raise ValueError(f'exact Shapley values are for 1 to {most} players, got {players}')
    return (np.arange(2**players)[:, None] >> np.arange(players)) % 2 == 1


def shapley_values(sets: ArrayLike) -> NDArray[np.float64]:
    """Shapley value of every player: its mean marginal contribution over all orders of the players.

    Args:
        sets: (2^n, ...) value of every set, in the order of `subset_table`.

    Returns:
        (n, ...).

    Raises:
        ValueError: The number of values is not a power of two from 2 to 2^20, or one is not finite.

    References:
        Shapley, A value for n-person games, 1953.

    Example:
        >>> shapley_values([0, 3, 1, 4]).tolist()  # additive: 3 and 1
        [3.0, 1.0]
    """
    value = np.asarray(sets, dtype=float)
    n = max(len(value).bit_length() - 1, 0) if value.ndim else 0
    if not value.ndim or len(value) != 2**n:
        raise ValueError(f'expected the values of all 2^n sets, got an array of shape {value.shape}')
    if not np.isfinite(value).all():
        raise ValueError('the value of a set of players is not finite')
    table = subset_table(n, most=20)
    size = table.sum(1)
    rows = np.arange(len(table))
    out = np.empty((n, *value.shape[1:]))
    for player in range(n):
        without = rows[~table[:, player]]
        weight = np.array([factorial(s) * factorial(n - s - 1) / factorial(n) for s in size[without]])
        out[player] = np.tensordot(weight, value[without | (1 << player)] - value[without], axes=1)
    return out


def contributions(players: Sequence[str], score: Callable[[frozenset[str]], ArrayLike], note: str = '') -> Contribution:
    """Ask a model for its score of every set of modalities, and share the difference out among them.

    Args:
        players: Modalities, `'clinical'` included; 1 to 6.
        score: From the modalities that are there to the score, a number or an array (one a case, say).
        note: How an absent modality is played; kept in the result.

    Raises:
        ValueError: No players, more than 6, or one named twice.

    Example:
        >>> worth = {'bus': 0.1, 'ue': 0.3}
        >>> found = contributions(['bus', 'ue'], lambda present: 0.5 + sum(worth[m] for m in present))
        >>> found.values.round(6).tolist(), float(found.empty)
        ([0.1, 0.3], 0.5)
    """
    names = tuple(players)
    if len(set(names)) < len(names):
        raise ValueError(f'players must have different names, got {names}')
    table = subset_table(len(names))
    sets = np.stack([np.asarray(score(frozenset(np.array(names)[row])), dtype=float) for row in table])
    return Contribution(names, shapley_values(sets), sets[0], sets[-1], sets, note)
