"""The planted truth: how well each modality separates the classes, and the best AUC that any set of them allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from zlib import crc32

import numpy as np
from scipy.special import ndtr, ndtri


def separation(auc: float) -> float:
    """Distance d between the class means of a unit-variance Gaussian score with the given AUC: AUC = Phi(d / sqrt 2).

    Args:
        auc: Area under the ROC curve, in [0.5, 1).

    Raises:
        ValueError: If `auc` is outside [0.5, 1).

    Example:
        >>> round(separation(0.76), 3)
        0.999
    """
    if not 0.5 <= auc < 1:
        raise ValueError(f'an AUC must be in [0.5, 1), got {auc}')
    return float(np.sqrt(2) * ndtri(auc))


def parse_groups(shared: str | Sequence[Sequence[str]], modalities: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Groups of modalities that share a latent, from `'bus,ue;cdfi,dceus'` or sequences of names.

    Args:
        shared: Groups; a text separates groups by `;` and names by `,`.
        modalities: Names that exist.

    Raises:
        ValueError: If a name is unknown, stands twice, or a group has fewer than two names.

    Example:
        >>> parse_groups('bus, ue', ['bus', 'cdfi', 'ue'])
        (('bus', 'ue'),)
    """
    if isinstance(shared, str):
        shared = [part.split(',') for part in shared.split(';') if part.strip()]
    groups = tuple(tuple(name.strip() for name in group) for group in shared)
    names = [name for group in groups for name in group]
    unknown = [name for name in names if name not in modalities]
    if unknown:
        raise ValueError(f'shared: unknown modalities {unknown}; the phantom has {list(modalities)}')
    if len(set(names)) != len(names):
        raise ValueError(f'shared: each modality may stand once, got {names}')
    if any(len(group) < 2 for group in groups):
        raise ValueError(f'shared: a group needs at least two modalities, got {[list(group) for group in groups]}')
    return groups


def best_auc(
    d: Mapping[str, float],
    subset: str | Sequence[str],
    shared: Sequence[Sequence[str]] = (),
    common: str | None = None,
) -> float:
    """The AUC of the best possible classifier of a set of modalities, Phi(sqrt(sum d_m^2 / 2)).

    Modalities that share a latent count once: the one with the largest d contains all others.

    Args:
        d: Modality -> distance of the class means of its latent.
        subset: Names, or one text with `+` between names.
        shared: Groups of modalities that share a latent.
        common: Name in `d` of a latent that every modality shows beside its own: it counts once in any set.

    Raises:
        ValueError: If the subset is empty or names an unknown modality.

    Example:
        >>> round(best_auc({'bus': 1.0, 'ue': 1.0}, 'bus+ue'), 3), round(best_auc({'bus': 1.0, 'ue': 1.0}, 'bus'), 3)
        (0.841, 0.76)
    """
    names = [name.strip() for name in subset.split('+')] if isinstance(subset, str) else list(subset)
    known = [name for name in d if name != common]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise ValueError(f'expected modalities of {known}, got {names}')
    groups = {name: i for i, group in enumerate(shared) for name in group}
    strongest: dict[object, float] = {} if common is None else {None: d[common] ** 2}
    for name in names:
        key = groups.get(name, name)
        strongest[key] = max(strongest.get(key, 0.0), d[name] ** 2)
    return float(ndtr(np.sqrt(sum(strongest.values()) / 2)))


def best_aucs(
    d: Mapping[str, float], shared: Sequence[Sequence[str]] = (), common: str | None = None
) -> dict[str, float]:
    """`best_auc` of every subset, under its names joined by `+` in the order of `d`."""
    known = [name for name in d if name != common]
    subsets = [names for size in range(1, len(known) + 1) for names in combinations(known, size)]
    return {'+'.join(names): best_auc(d, names, shared, common) for names in subsets}


def case_rng(seed: int, index: int, name: str) -> np.random.Generator:
    """A generator that depends on (seed, case index, name) alone, whichever process asks.

    Example:
        >>> bool(case_rng(0, 1, 'bus').random() == case_rng(0, 1, 'bus').random())
        True
    """
    return np.random.default_rng([seed, index, crc32(name.encode())])


def case_label(seed: int, index: int, counts: tuple[int, ...], block: int = 7) -> int:
    """Class index of a case. The classes are spread evenly, then shuffled inside short blocks of cases.

    So the ratio holds in every stretch of cases, and a case's class does not depend on how many are made.

    Args:
        seed, index: Seed of the phantom, index of the case.
        counts: Cases of (negative, positive) class in the cohort that is imitated.
        block: Cases that are shuffled together; 7 divides the 301 of the paper, so that cohort has its exact counts.

    Example:
        >>> sum(case_label(0, i, (180, 121)) for i in range(301))
        121
    """
    first = index - index % block
    order = np.random.default_rng([seed, first, crc32(b'label')]).permutation(block)
    place = first + int(order[index % block])
    share = counts[1] / sum(counts)
    return int(np.floor((place + 1) * share + 0.5 - 1e-9) - np.floor(place * share + 0.5 - 1e-9))


def draw_latents(
    rng: np.random.Generator, label: int, d: Mapping[str, float], shared: Sequence[Sequence[str]] = ()
) -> dict[str, float]:
    """One latent a modality, N(+d/2, 1) for the positive class and N(-d/2, 1) for the negative.

    In a shared group each weaker member is the next stronger one plus noise, so it adds nothing to it, while alone it
    still has its own d.

    Args:
        rng: Source of the draws.
        label: 0 or 1.
        d: Modality -> distance of the class means.
        shared: Groups of modalities that share a latent.
    """
    side = 1.0 if label else -1.0
    noise = {name: float(z) for name, z in zip(d, rng.standard_normal(len(d)))}
    latents = {name: side * d[name] / 2 + noise[name] for name in d}
    for group in shared:
        order = sorted(group, key=lambda name: -d[name])
        for strong, weak in pairwise(order):
            r = d[weak] / d[strong] if d[strong] > 0 else 1.0
            latents[weak] = r * latents[strong] + float(np.sqrt(1 - r**2)) * noise[weak]
    return latents
