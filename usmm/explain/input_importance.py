"""How much each input of a model matters: shuffled, taken away, and its Shapley values, for cases put together anew.

A composite case takes each of its inputs (the players: images, clinical variables) from a donor: a case of a pool, or
nobody (`ABSENT`: the input is missing). A score answers a plan of donors; everything here is such a plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from usmm.explain.contribution import shapley_values, subset_table

ABSENT = -1
"""The donor of an input that is missing."""
EXACT = 10
"""Players up to which Shapley values are exact unless something else is asked for: 1,024 sets a case."""

Floats = NDArray[np.float64]
Plan = NDArray[np.int64]
Score = Callable[[Plan], ArrayLike]
"""From donors (M, players), each a row of the pool or `ABSENT`, to scores (M, ...)."""


@dataclass(frozen=True, eq=False)
class ShapleyValues:
    """What each player added to the score of each case.

    Args:
        players: Their names.
        values: (n, cases, ...); over the players they add up to `full - empty`, exactly.
        se: (n, cases, ...) standard error of the sampling; 0 where all sets were tried.
        empty, full: (cases, ...) score of nothing and of everything.
        orders: Orders of the players that were drawn; None: all sets were tried.
        note: How an absent player was played.
    """

    players: tuple[str, ...]
    values: Floats
    se: Floats
    empty: Floats
    full: Floats
    orders: int | None
    note: str = ''


def case_shapley(
    players: Sequence[str],
    score: Score,
    cases: ArrayLike,
    background: ArrayLike | None = None,
    exact: int = EXACT,
    orders: int = 200,
    seed: int = 0,
    note: str = '',
) -> ShapleyValues:
    """Shapley values of the players for each case, from all sets of players, or from orders drawn at random.

    With `background`, what is absent comes from each of these rows in turn, and the score is the mean: the
    interventional Shapley value. Without, it is missing. Orders are drawn in pairs, each with its reverse, which makes
    the error smaller; every order adds up exactly, so their mean does.

    Args:
        players: Names, in the order of the plan's columns.
        score: The game, see `Score`.
        cases: (N,) rows of the pool to explain.
        background: (B,) rows of the pool, or None.
        exact: All sets are tried up to this number of players.
        orders: Orders to draw above that, rounded up to an even number, 4 or more.
        seed: Of the orders.
        note: How an absent player is played; kept in the result.

    Raises:
        ValueError: No players, cases or background rows, a name twice, fewer than 4 orders, or a score that is not
            finite.

    References:
        Shapley, A value for n-person games, 1953. Lundberg and Lee, NeurIPS 2017. Sampling: Castro et al., Computers &
        Operations Research 2009; with reversed orders: Mitchell et al., JMLR 2022.

    Example:
        >>> table = np.array([[1.0, 5.0], [3.0, 1.0]])
        >>> found = case_shapley(['age', 'size'], lambda plan: table[plan, [0, 1]] @ [2.0, 1.0], [0], background=[0, 1])
        >>> found.values[:, 0].tolist()  # weight x (value - mean): 2 x (1 - 2) and 1 x (5 - 3)
        [-2.0, 2.0]
    """
    names, rows = _names(players), np.asarray(cases, dtype=np.int64)
    if not rows.size:
        raise ValueError('there is no case to explain')
    donors = None if background is None else np.asarray(background, dtype=np.int64)
    if donors is not None and not donors.size:
        raise ValueError('the background has no rows')
    game = _Game(score, len(names), rows, donors)
    if len(names) <= exact:
        sets = game(subset_table(len(names), most=max(exact, 1)))
        values, se, drawn = shapley_values(sets), None, None
        empty, full = sets[0], sets[-1]
    else:
        if orders < 4:
            raise ValueError(f'4 or more orders are needed, got {orders}')
        drawn = orders + orders % 2
        values, se = _sampled(game, len(names), drawn, seed)
        empty, full = game(np.array([[False] * len(names), [True] * len(names)]))
    return ShapleyValues(names, values, np.zeros_like(values) if se is None else se, empty, full, drawn, note)


def missing_effect(players: Sequence[str], score: Score, cases: ArrayLike) -> tuple[Floats, Floats]:
    """The score of each case with everything, and with one player missing.

    Args:
        players, score, cases: As of `case_shapley`.

    Returns:
        Scores (N, ...) with everything, and (n, N, ...) with each player missing in turn.

    Raises:
        ValueError: No players, or a name twice.
    """
    rows = np.asarray(cases, dtype=np.int64)
    plan = np.repeat(rows[None, :, None], len(_names(players)), axis=2)
    plans = np.concatenate([plan, *[_with(plan, [p], np.full(len(rows), ABSENT)) for p in range(len(players))]])
    found = _answers(score, plans.reshape(-1, len(players)))
    found = found.reshape(len(players) + 1, len(rows), *found.shape[1:])
    return found[0], found[1:]


def shuffled_scores(
    players: Sequence[str],
    score: Score,
    groups: Mapping[str, Sequence[str]],
    cases: ArrayLike,
    patients: ArrayLike | None = None,
    repeats: int = 10,
    seed: int = 0,
) -> dict[str, Floats]:
    """Scores of cases with a group of players taken from other patients: the matter of permutation importance.

    In each repeat the patients change places, the same way for all groups; a case takes the group's players together
    from a case of the patient whose place its own patient took. What a donor lacks is then missing.

    Args:
        players, score, cases: As of `case_shapley`.
        groups: Name -> the players that are shuffled together.
        patients: (N,) patient of each case; None: each case is a patient.
        repeats: How often.
        seed: Of the shuffling.

    Returns:
        Group -> scores (repeats, N, ...).

    Raises:
        ValueError: A group of no players or of unknown ones, fewer than 1 repeat, or fewer than 2 patients.

    References:
        Breiman, Machine Learning 2001. Fisher, Rudin and Dominici, JMLR 2019.
    """
    names, rows = _names(players), np.asarray(cases, dtype=np.int64)
    for name, members in groups.items():
        unknown = [m for m in members if m not in names]
        if unknown or not members:
            raise ValueError(f'group {name!r} must hold some of the inputs {list(names)}, got {list(members)}')
    if repeats < 1:
        raise ValueError(f'repeats must be 1 or more, got {repeats}')
    donors = rows[_exchanges(np.arange(len(rows)) if patients is None else np.asarray(patients), repeats, seed)]
    plan = np.repeat(np.repeat(rows[None, :, None], repeats, axis=0), len(names), axis=2)
    out = {}
    for name, members in groups.items():
        changed = _with(plan, [names.index(m) for m in members], donors)
        answers = _answers(score, changed.reshape(-1, len(names)))
        out[name] = answers.reshape(repeats, len(rows), *answers.shape[1:])
    return out


class _Game:
    """Value of sets of players for all cases at once; the mean over the background where there is one."""

    def __init__(self, score: Score, players: int, rows: Plan, background: Plan | None) -> None:
        self.score, self.players, self.rows = score, players, rows
        self.background = np.array([ABSENT]) if background is None else background

    def __call__(self, sets: NDArray[np.bool_]) -> Floats:
        """(S, cases, ...) of sets (S, players)."""
        out = []
        step = max(1, 2**20 // (len(self.rows) * len(self.background) * self.players))  # of plans in memory
        for start in range(0, len(sets), step):
            part = sets[start : start + step]
            mine, other = self.rows[None, :, None, None], self.background[None, None, :, None]
            plan = np.where(part[:, None, None, :], mine, other)
            found = _answers(self.score, plan.reshape(-1, self.players))
            out.append(found.reshape(*plan.shape[:3], *found.shape[1:]).mean(2))
        return np.concatenate(out)


def _sampled(game: _Game, players: int, orders: int, seed: int) -> tuple[Floats, Floats]:
    """Mean marginal contributions over pairs of orders, and their standard error."""
    rng = np.random.default_rng(seed)
    drawn = [np.argsort(rng.random(players)) for _ in range(orders // 2)]
    both = [order for one in drawn for order in (one, one[::-1])]
    steps = np.zeros((len(both), players + 1, players), dtype=bool)
    for i, order in enumerate(both):
        for place, player in enumerate(order):
            steps[i, place + 1 :, player] = True
    unique, where = np.unique(steps.reshape(-1, players), axis=0, return_inverse=True)
    worth = game(unique)
    where = where.reshape(steps.shape[:2])
    total = np.zeros((players, *worth.shape[1:]))
    squares = np.zeros_like(total)
    for i in range(0, len(both), 2):
        pair = np.zeros_like(total)
        for j in (i, i + 1):
            pair[both[j]] += np.diff(worth[where[j]], axis=0) / 2
        total += pair
        squares += pair**2
    count = len(drawn)
    mean = total / count
    variance = np.maximum(squares / count - mean**2, 0.0) * count / (count - 1)
    return mean, np.sqrt(variance / count)


def _exchanges(patients: NDArray, repeats: int, seed: int) -> Plan:
    """(repeats, N) index of the case that each case takes from."""
    _, codes = np.unique(patients, return_inverse=True)
    count = int(codes.max()) + 1 if codes.size else 0
    if count < 2:
        raise ValueError(f'inputs are shuffled between patients: 2 or more are needed, got {count}')
    members = [np.flatnonzero(codes == c) for c in range(count)]
    rng = np.random.default_rng(seed)
    out = np.empty((repeats, len(codes)), dtype=np.int64)
    for r in range(repeats):
        places = rng.permutation(count)
        out[r] = [members[places[c]][rng.integers(len(members[places[c]]))] for c in codes]
    return out


def _with(plan: Plan, players: Sequence[int], donors: Plan) -> Plan:
    changed = plan.copy()
    changed[..., players] = donors[..., None]
    return changed


def _answers(score: Score, plan: Plan) -> Floats:
    found = np.asarray(score(plan), dtype=float)
    if found.ndim < 1 or len(found) != len(plan):
        raise ValueError(f'the score must answer each of {len(plan)} composite cases, got shape {found.shape}')
    if not np.isfinite(found).all():
        raise ValueError('the score of a composite case is not finite')
    return found


def _names(players: Sequence[str]) -> tuple[str, ...]:
    names = tuple(players)
    if not names or len(set(names)) < len(names):
        raise ValueError(f'players must have different names, and there must be one, got {names}')
    return names
