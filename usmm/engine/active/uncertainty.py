"""How unsure a model is of each sample: scores that are higher where a label would tell more."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

Floats = npt.NDArray[np.float64]


def entropy(probabilities: ArrayLike) -> Floats:
    """Predictive entropy H = -sum p log p in nats (ES).

    Args:
        probabilities: Of each sample and class (N, K).

    Returns:
        (N,) from 0 to log K.

    Raises:
        ValueError: Another shape, or rows that are no probabilities.

    References:
        Shannon, Bell System Technical Journal 1948.

    Example:
        >>> entropy([[0.5, 0.5], [1.0, 0.0]]).round(4).tolist()
        [0.6931, 0.0]
    """
    p = checked(probabilities, 2)
    return _entropy(p)


def mean_entropy(passes: ArrayLike) -> Floats:
    """Entropy of the mean over stochastic forward passes with dropout (ESD).

    Args:
        passes: Probabilities of each pass, sample and class (T, N, K).

    Raises:
        ValueError: Another shape, or rows that are no probabilities.

    References:
        Gal and Ghahramani, ICML 2016.

    Example:
        >>> mean_entropy([[[1.0, 0.0]], [[0.0, 1.0]]]).round(4).tolist()
        [0.6931]
    """
    return _entropy(checked(passes, 3).mean(0))


def least_confidence(probabilities: ArrayLike) -> Floats:
    """1 - the highest probability.

    Args:
        probabilities: (N, K).

    Raises:
        ValueError: Another shape, or rows that are no probabilities.

    References:
        Lewis and Gale, SIGIR 1994.

    Example:
        >>> least_confidence([[0.75, 0.25]]).tolist()
        [0.25]
    """
    return 1 - checked(probabilities, 2).max(1)


def margin(probabilities: ArrayLike) -> Floats:
    """1 - (highest - second highest probability), so that a small margin scores high.

    Args:
        probabilities: (N, K).

    Raises:
        ValueError: Another shape, or rows that are no probabilities.

    References:
        Scheffer et al., IDA 2001.

    Example:
        >>> margin([[0.5, 0.25, 0.25]]).tolist()
        [0.75]
    """
    top = np.sort(checked(probabilities, 2), axis=1)
    return 1 - (top[:, -1] - top[:, -2])


def bald(passes: ArrayLike) -> Floats:
    """Mutual information of label and weights: entropy of the mean less the mean entropy of the passes.

    High where the passes are each sure, of different classes; zero where all agree, be they sure or not.

    Args:
        passes: Probabilities of each pass, sample and class (T, N, K).

    Raises:
        ValueError: Another shape, or rows that are no probabilities.

    References:
        Houlsby et al., 2011; Gal et al., ICML 2017.

    Example:
        >>> bald([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]]).round(4).tolist()
        [0.6931, 0.0]
    """
    p = checked(passes, 3)
    return np.maximum(_entropy(p.mean(0)) - _entropy(p).mean(0), 0.0)


def checked(probabilities: ArrayLike, dims: int) -> Floats:
    """Probabilities as an array of floats.

    Args:
        probabilities: (N, K), or (T, N, K) of T passes.
        dims: 2 or 3.

    Raises:
        ValueError: Another shape, fewer than two classes, no pass, or rows that are no probabilities.
    """
    p: npt.NDArray[Any] = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != dims or p.shape[-1] < 2 or p.shape[0] < (dims == 3):
        wanted = '(N, K)' if dims == 2 else '(T, N, K)'
        raise ValueError(f'probabilities must have shape {wanted} with two or more classes, got {p.shape}')
    if not np.isfinite(p).all() or (p < 0).any() or not np.allclose(p.sum(-1), 1, atol=1e-3):
        raise ValueError('probabilities must be finite, not negative, and sum to 1 for each sample')
    return p


def _entropy(p: Floats) -> Floats:
    logs = np.log(p, out=np.zeros_like(p), where=p > 0)
    return np.maximum(-(p * logs).sum(-1), 0.0)
