"""Samples that differ: core-set by k-center greedy, and BADGE by k-means++ on gradient embeddings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from usmm.engine.active.uncertainty import Floats, checked

Indices = npt.NDArray[np.int64]


def k_center_greedy(features: ArrayLike, count: int, labelled: ArrayLike | None = None) -> Indices:
    """Take, one by one, the sample that lies farthest from all that are labelled or taken.

    Args:
        features: Of the samples to choose from (N, D).
        count: How many to choose.
        labelled: Features of the labelled samples (M, D); None: the first choice is the sample farthest from the mean.

    Returns:
        (count,) indices in the order of choice; of equal distances the first.

    Raises:
        ValueError: Shapes that do not fit, or more asked for than there are.

    References:
        Sener and Savarese, ICLR 2018, algorithm 1; Gonzalez 1985.

    Example:
        >>> k_center_greedy([[0.0], [4.0], [5.0]], 2, labelled=[[0.0]]).tolist()
        [2, 1]
    """
    x = _points(features, count)
    if labelled is None or len(np.asarray(labelled)) == 0:
        near = _square(x, x.mean(0, keepdims=True))[:, 0]
        start = [int(np.argmax(near))][:count]
        nearest = _square(x, x[start])[:, 0] if start else near
    else:
        known = np.asarray(labelled, dtype=np.float64)
        if known.ndim != 2 or known.shape[1] != x.shape[1]:
            raise ValueError(f'labelled features must have shape (M, {x.shape[1]}), got {known.shape}')
        start, nearest = [], _nearest(x, known)
    chosen = list(start)
    free = np.ones(len(x), dtype=bool)
    free[chosen] = False
    while len(chosen) < count:
        i = int(np.argmax(np.where(free, nearest, -1.0)))
        chosen.append(i)
        free[i] = False
        nearest = np.minimum(nearest, _square(x, x[i : i + 1])[:, 0])
    return np.array(chosen, dtype=np.int64)


def gradient_embeddings(probabilities: ArrayLike, features: ArrayLike) -> Floats:
    """Gradient of the cross entropy by the last layer's weights, had the predicted class been right.

    Row i is the outer product of p_i - onehot(argmax p_i) and the features, as a vector.

    Args:
        probabilities: (N, K).
        features: Input of the last layer (N, D).

    Returns:
        (N, K * D).

    Raises:
        ValueError: Shapes that do not fit, or rows that are no probabilities.

    References:
        Ash et al., ICLR 2020, section 3.

    Example:
        >>> gradient_embeddings([[0.75, 0.25]], [[2.0]]).tolist()
        [[-0.5, 0.5]]
    """
    p = checked(probabilities, 2)
    x = np.asarray(features, dtype=np.float64)
    if x.ndim != 2 or len(x) != len(p):
        raise ValueError(f'{len(p)} probabilities need features of shape ({len(p)}, D), got {x.shape}')
    error = p - np.eye(p.shape[1])[p.argmax(1)]
    return (error[:, :, None] * x[:, None, :]).reshape(len(p), -1)


def k_means_plus_plus(points: ArrayLike, count: int, rng: np.random.Generator) -> Indices:
    """The seeding of k-means++: the longest point first, then each with a chance that grows with its distance squared.

    Args:
        points: (N, D).
        count: How many to choose.
        rng: Source of the draws.

    Returns:
        (count,) indices in the order of choice, all different.

    Raises:
        ValueError: More asked for than there are.

    References:
        Arthur and Vassilvitskii, SODA 2007; the first point as in Ash et al., ICLR 2020.

    Example:
        >>> k_means_plus_plus([[0.0], [0.0], [3.0]], 1, np.random.default_rng(0)).tolist()
        [2]
    """
    x = _points(points, count)
    if count == 0:
        return np.zeros(0, dtype=np.int64)
    chosen = [int(np.argmax((x**2).sum(1)))]
    nearest = _square(x, x[chosen])[:, 0]
    while len(chosen) < count:
        weight = nearest.copy()
        weight[chosen] = 0.0
        if weight.sum() <= 0:  # only copies of what is chosen are left
            weight = np.ones(len(x))
            weight[chosen] = 0.0
        i = int(rng.choice(len(x), p=weight / weight.sum()))
        chosen.append(i)
        nearest = np.minimum(nearest, _square(x, x[i : i + 1])[:, 0])
    return np.array(chosen, dtype=np.int64)


def badge(probabilities: ArrayLike, features: ArrayLike, count: int, rng: np.random.Generator) -> Indices:
    """Samples whose gradients are long and differ (BADGE).

    Args:
        probabilities: (N, K).
        features: Input of the last layer (N, D).
        count: How many to choose.
        rng: Source of the draws.

    Raises:
        ValueError: As `gradient_embeddings` and `k_means_plus_plus`.

    References:
        Ash et al., ICLR 2020, algorithm 1.
    """
    return k_means_plus_plus(gradient_embeddings(probabilities, features), count, rng)


def _points(values: ArrayLike, count: int) -> Floats:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or not np.isfinite(x).all():
        raise ValueError(f'points must be finite, of shape (N, D), got shape {x.shape}')
    if not 0 <= count <= len(x):
        raise ValueError(f'cannot choose {count} of {len(x)} samples')
    return x


def _square(x: Floats, centers: Floats) -> Floats:
    """Squared distances (N, M)."""
    return np.stack([((x - c) ** 2).sum(1) for c in centers], axis=1)


def _nearest(x: Floats, centers: Floats) -> Floats:
    """Squared distance to the nearest center (N,), without a table of all distances."""
    nearest = np.full(len(x), np.inf)
    for center in centers:
        nearest = np.minimum(nearest, ((x - center) ** 2).sum(1))
    return nearest
