"""Does the heat lie on the lesion? Share of heat, pointing game, and what a random map would reach."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from usmm.evaluation.stats.bootstrap import cluster_bootstrap
from usmm.evaluation.stats.intervals import Proportion, wilson_interval
from usmm.evaluation.stats.validation import Floats, check_confidence


@dataclass(frozen=True)
class Pointing:
    """One map and one mask.

    Args:
        share: Share of the heat inside the mask; nan without heat.
        hit: Whether the hottest place lies inside; False without heat.
        lesion: Share of the picture that the mask covers: what both are for a random map, on average.
    """

    share: float
    hit: bool
    lesion: float


@dataclass(frozen=True)
class PointingSummary:
    """The pointing of several cases.

    Args:
        cases: How many maps.
        share: Mean share of heat inside the mask.
        share_ci: Its interval, from a bootstrap over patients; (nan, nan) for fewer than two.
        random: Mean share of the picture that masks cover: the share and the hit rate of a random map.
        gain: Mean of share less lesion share.
        gain_ci: Its interval, from the same bootstrap.
        hits: Hit rate with Wilson's interval.
        pvalue: Probability that random maps hit so often or oftener (exact, Poisson binomial).
        confidence: Level of the intervals.
    """

    cases: int
    share: float
    share_ci: tuple[float, float]
    random: float
    gain: float
    gain_ci: tuple[float, float]
    hits: Proportion
    pvalue: float
    confidence: float


def point(heat: ArrayLike, mask: ArrayLike) -> Pointing:
    """Where the heat of one map lies.

    Args:
        heat: (H, W), or (T, H, W) for a clip with one mask; not negative. Where several places are the hottest, it is a
            hit if at least half of them lie inside.
        mask: (H, W) bool with at least one pixel set.

    Raises:
        ValueError: Shapes that do not fit, an empty mask, or heat that is negative or not finite.

    Example:
        >>> point([[0.0, 3.0], [1.0, 0.0]], [[False, True], [False, False]])
        Pointing(share=0.75, hit=True, lesion=0.25)
    """
    values, inside = np.asarray(heat, dtype=float), np.asarray(mask, dtype=bool)
    if values.ndim not in (2, 3) or values.shape[-2:] != inside.shape:
        raise ValueError(f'a mask of {inside.shape} does not fit heat of {values.shape}')
    if not inside.any():
        raise ValueError('the mask is empty')
    if not np.isfinite(values).all() or values.min() < 0:
        raise ValueError('heat must be finite and not negative')
    lesion, total = float(inside.mean()), float(values.sum())
    if total == 0:
        return Pointing(math.nan, False, lesion)
    every = np.broadcast_to(inside, values.shape)
    hottest = every[values == values.max()]
    return Pointing(float(values[every].sum() / total), bool(hottest.mean() >= 0.5), lesion)


def summarise_pointing(
    found: Sequence[Pointing],
    patients: Sequence[str] | None = None,
    confidence: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> PointingSummary:
    """Mean share of heat and hit rate, beside what random maps would reach.

    Args:
        found: One entry a case. A map without heat counts as a miss, and not in the shares.
        patients: Patient of each case, the unit of the bootstrap; None: each case its own. Wilson's interval and the
            p value take cases as independent.
        confidence: Level of the intervals.
        draws: Bootstrap draws (percentile interval).
        seed: Of the draws.

    Raises:
        ValueError: There is no case, or not one patient a case.

    Example:
        >>> found = summarise_pointing([Pointing(0.75, True, 0.25), Pointing(0.5, True, 0.5)])
        >>> found.share, found.random, found.hits.estimate, found.pvalue
        (0.625, 0.375, 1.0, 0.125)
    """
    if not found:
        raise ValueError('there is no case to summarise')
    check_confidence(confidence)
    shares = np.array([p.share for p in found])
    lesions = np.array([p.lesion for p in found])
    warm = np.isfinite(shares)
    names = np.arange(len(found)) if patients is None else np.asarray(patients)
    if len(names) != len(found):
        raise ValueError(f'expected the patient of each of {len(found)} cases, got {len(names)}')
    hits = sum(p.hit for p in found)
    share, share_ci = _mean(shares[warm], names[warm], confidence, draws, seed)
    gain, gain_ci = _mean((shares - lesions)[warm], names[warm], confidence, draws, seed)
    return PointingSummary(
        cases=len(found),
        share=share,
        share_ci=share_ci,
        random=float(lesions.mean()),
        gain=gain,
        gain_ci=gain_ci,
        hits=wilson_interval(hits, len(found), confidence),
        pvalue=at_least(lesions, hits),
        confidence=confidence,
    )


def at_least(chances: ArrayLike, hits: int) -> float:
    """Probability of `hits` or more successes in independent trials of these chances (Poisson binomial).

    Example:
        >>> at_least([0.5, 0.5], 1)
        0.75
    """
    mass: Floats = np.ones(1)
    for chance in np.asarray(chances, dtype=float):
        mass = np.convolve(mass, [1 - chance, chance])
    return float(min(1.0, mass[hits:].sum()))


def _mean(
    values: Floats, patients: ArrayLike, confidence: float, draws: int, seed: int
) -> tuple[float, tuple[float, float]]:
    names = np.asarray(patients)
    if len(np.unique(names)) < 2:
        return float(values.mean()) if len(values) else math.nan, (math.nan, math.nan)
    found = cluster_bootstrap(lambda cases: float(values[cases].mean()), names, None, draws, seed, confidence)
    return found.estimate, found.ci
