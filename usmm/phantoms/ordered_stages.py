"""Classes on a line: labels and latents, and what the best possible reader of the latents reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import combinations
from zlib import crc32

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

Floats = npt.NDArray[np.float64]
GRID = 4001


def best_stage_scores(step: float, counts: Sequence[int]) -> dict[str, float]:
    """What the best reader of a latent N(step * s, 1) reaches, s = 0, 1, ... with the frequencies `counts`.

    Args:
        step: Distance of two neighbouring stages.
        counts: Patients of each stage.

    Returns:
        `auc` (macro, one-vs-rest, of the posterior), `accuracy`, `stage_error` (mean distance in stages).

    Example:
        >>> {name: round(value, 3) for name, value in best_stage_scores(0.0, (1, 1)).items()}
        {'auc': 0.5, 'accuracy': 0.5, 'stage_error': 0.5}
    """
    means, prior = step * np.arange(len(counts)), np.array(counts) / sum(counts)
    x = np.linspace(means[0] - 8, means[-1] + 8, GRID)
    density = np.exp(-((x - means[:, None]) ** 2) / 2)
    density /= density.sum(1, keepdims=True)
    joint = prior[:, None] * density
    distance = np.abs(np.subtract.outer(np.arange(len(counts)), np.arange(len(counts))))
    return {
        'auc': float(np.mean([_auc(joint, k) for k in range(len(counts))])),
        'accuracy': float(joint.max(0).sum()),
        'stage_error': float((distance @ joint).min(0).sum()),
    }


@cache
def step_of_auc(auc: float, counts: tuple[int, ...]) -> float:
    """The distance of two stages with which the best macro AUC is `auc`.

    Raises:
        ValueError: If `auc` is outside [0.5, 0.99].
    """
    if not 0.5 <= auc <= 0.99:
        raise ValueError(f'a macro AUC must be in [0.5, 0.99], got {auc}')
    return float(brentq(lambda d: best_stage_scores(d, counts)['auc'] - auc, 0.0, 12.0)) if auc > 0.5 else 0.0


def best_of_subsets(d: Mapping[str, float], counts: Sequence[int]) -> dict[str, dict[str, float]]:
    """`best_stage_scores` of every set of modalities, under its names joined by `+`.

    Independent latents of one shape add up: the best reader of a set sees one latent with the step sqrt(sum d^2).
    """
    subsets = [names for size in range(1, len(d) + 1) for names in combinations(d, size)]
    steps = {'+'.join(names): float(np.sqrt(sum(d[n] ** 2 for n in names))) for names in subsets}
    return {name: best_stage_scores(step, counts) for name, step in steps.items()}


def best_entries(d: Mapping[str, float], counts: Sequence[int], names: Sequence[str]) -> dict[str, dict[str, float]]:
    """`best_of_subsets` by score, as `truth.json` has it: `best_auc` -> set -> value."""
    best = best_of_subsets(d, counts)
    return {f'best_{name}': {key: scores[name] for key, scores in best.items()} for name in names}


def stage_of(seed: int, index: int, counts: Sequence[int], block: int = 7) -> int:
    """Stage of a case: spread evenly, then shuffled inside short blocks; it does not depend on how many are made.

    Args:
        seed, index: Seed of the phantom, index of the case.
        counts: Patients of each stage in the cohort that is imitated.
        block: Cases that are shuffled together.
    """
    first = index - index % block
    order = np.random.default_rng([seed, first, crc32(b'label')]).permutation(block)
    return _sequence(tuple(counts), first + block)[first + int(order[index % block])]


def line_latents(rng: np.random.Generator, label: int, classes: int, d: Mapping[str, float]) -> dict[str, float]:
    """One latent a modality, N(d (label - middle), 1), where the middle lies between the outer classes.

    Args:
        rng: Source of the draws.
        label: Class index.
        classes: Number of classes.
        d: Modality -> distance of two neighbouring classes.
    """
    place = label - (classes - 1) / 2
    return {name: d[name] * place + float(z) for name, z in zip(d, rng.standard_normal(len(d)))}


@cache
def _sequence(counts: tuple[int, ...], length: int) -> tuple[int, ...]:
    """Stages in turn: always the one that lags most behind its share."""
    share, held = np.array(counts) / sum(counts), np.zeros(len(counts))
    stages: list[int] = []
    for i in range(length):
        stages.append(int(np.argmax(share * (i + 1) - held)))
        held[stages[-1]] += 1
    return tuple(stages)


def _auc(joint: Floats, k: int) -> float:
    """Chance that a patient of stage k has a higher posterior of k than one of another stage."""
    own, others = joint[k] / joint[k].sum(), joint.sum(0) - joint[k]
    posterior = np.divide(joint[k], joint.sum(0), out=np.zeros(joint.shape[1]), where=joint.sum(0) > 0)
    _, place = np.unique(posterior, return_inverse=True)  # equal posteriors count half
    below = np.bincount(place, others / others.sum())
    return float((np.bincount(place, own) * (np.cumsum(below) - below / 2)).sum())
