"""Importance of each image and each clinical variable for a trained model, on a set of cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from usmm.apis.composites import CompositeScore
from usmm.evaluation.stats.permutation_importance import Drop, shuffling_drop
from usmm.explain import ShapleyValues, case_shapley, missing_effect, shuffled_scores
from usmm.explain.input_importance import EXACT
from usmm.structures import Case

WAYS = ('missing', 'background')
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ImportanceOptions:
    """How importance is measured.

    Args:
        metric: Of permutation importance, a name of `usmm.evaluation.stats.permutation_importance.METRICS`.
        repeats: Of the shuffling.
        groups: Name -> inputs that are shuffled together, beside each input alone.
        absent: What an absent input is in Shapley values: `'missing'`, or `'background'`: that of other cases.
        exact, orders: See `usmm.explain.case_shapley`.
        draws: Of the bootstrap.
        seed: Of everything that is drawn.

    Raises:
        ValueError: An unknown way.
    """

    metric: str = 'auc'
    repeats: int = 10
    groups: Mapping[str, Sequence[str]] | None = None
    absent: str = 'missing'
    exact: int = EXACT
    orders: int = 200
    draws: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        if self.absent not in WAYS:
            raise ValueError(f'absent must be one of {list(WAYS)}, got {self.absent!r}')


@dataclass(frozen=True, eq=False)
class Importance:
    """The measured importance.

    Args:
        players: Images, then clinical variables.
        full: (N, K) probabilities of the cases.
        drops: Input or group -> loss of the metric when it is shuffled; empty without labels of every class.
        members: Group -> its inputs.
        shapley: Values (n, N, K), for the probability of each class.
        without: (n, N, K) probabilities with one input missing.
        note: What stood in the place of an absent input.
    """

    players: tuple[str, ...]
    full: Floats
    drops: Mapping[str, Drop]
    members: Mapping[str, tuple[str, ...]]
    shapley: ShapleyValues
    without: Floats
    note: str


def measure_importance(
    score: CompositeScore,
    cases: int,
    options: ImportanceOptions | None = None,
    report: Callable[[str], None] | None = None,
) -> Importance:
    """Permutation importance, Shapley values, and the effect of one missing input.

    Args:
        score: Of a pool whose first `cases` rows are explained; the other rows are the background.
        cases: The number of cases.
        options: How importance is measured; None: the defaults.
        report: Called with the name of each step.

    Raises:
        ValueError: `absent='background'` without a background, or a group with the name of an input.
    """
    how, announce = options or ImportanceOptions(), report or (lambda step: None)
    rows, players = np.arange(cases), score.players
    background = np.arange(cases, len(score.cases)) if how.absent == 'background' else None
    if background is not None and not background.size:
        raise ValueError("absent='background' needs cases behind those that are asked about, the pool has none")
    groups: dict[str, tuple[str, ...]] = {name: (name,) for name in players}
    for name, members in (how.groups or {}).items():
        if name in groups:
            raise ValueError(f'a group needs a name of its own, {name!r} is an input')
        groups[name] = tuple(members)
    announce('shuffling')
    full = np.asarray(score(np.repeat(rows[:, None], len(players), axis=1)))
    drops = _drops(score, [*score.cases[:cases]], full, groups, how)
    announce('Shapley values')
    note = score.note if background is None else f'an absent input is that of {len(background)} other cases in turn'
    shapley = case_shapley(players, score, rows, background, how.exact, how.orders, how.seed, note)
    announce('missing inputs')
    _, without = missing_effect(players, score, rows)
    return Importance(players, full, drops, groups, shapley, without, score.note)


def _drops(
    score: CompositeScore,
    cases: Sequence[Case],
    full: Floats,
    groups: Mapping[str, Sequence[str]],
    how: ImportanceOptions,
) -> dict[str, Drop]:
    known = np.array([i for i, case in enumerate(cases) if case.label is not None], dtype=np.int64)
    labels = np.array([cases[i].label for i in known], dtype=np.int64)
    patients = [cases[i].patient_id for i in known]
    if len(set(labels.tolist())) < full.shape[1] or len(set(patients)) < 2:
        return {}
    scores = shuffled_scores(score.players, score, groups, known, np.array(patients), how.repeats, how.seed)
    positive = score.model.positive
    return {
        name: shuffling_drop(labels, full[known], shuffled, patients, how.metric, positive, how.draws, how.seed)
        for name, shuffled in scores.items()
    }


def levels(score: CompositeScore, cases: int, categories: Mapping[str, int] | None = None) -> Floats:
    """(players, cases) place of each clinical value, 0 lowest to 1 highest; NaN for images and where missing.

    Args:
        score: Of the pool.
        cases: The first rows, as of `measure_importance`.
        categories: Variable -> number of its categories: their order is their place. Numbers go by rank among the
            cases, the middle where all are equal.
    """
    out = np.full((len(score.players), cases), np.nan)
    for i, (name, column) in enumerate(zip(score.variables, score.columns), start=len(score.images)):
        x = score.table[:cases, column]
        known = np.isfinite(x)
        if name in (categories or {}):
            out[i, known] = x[known] / max((categories or {})[name] - 1, 1)
            continue
        ranks = np.searchsorted(np.sort(x[known]), x[known], 'left') + np.searchsorted(
            np.sort(x[known]), x[known], 'right'
        )
        last = 2 * int(known.sum()) - 1
        out[i, known] = (ranks - 1) / (last - 1) if last > 1 else 0.5
    return out
