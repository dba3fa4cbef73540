"""Learning curves: score against the share of labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import trapezoid


def curve_area(shares: ArrayLike, scores: ArrayLike) -> float:
    """Area under a learning curve over its own range of shares, as a mean score (trapezoids).

    Args:
        shares: Labelled share of each round (R,), rising.
        scores: Score of each round (R,).

    Raises:
        ValueError: Shapes that differ, fewer than two rounds, or shares that do not rise.

    Example:
        >>> round(curve_area([0.1, 0.2, 0.4], [0.5, 0.7, 0.9]), 3)
        0.733
    """
    x, y = _curve(shares, scores)
    return float(trapezoid(y, x) / (x[-1] - x[0]))


def share_reaching(shares: ArrayLike, scores: ArrayLike, target: float) -> float | None:
    """The share of the first round whose score is `target` or more; None where no round reaches it.

    A score that was reached once counts, even if a later round falls below it.

    Args:
        shares, scores: As of `curve_area`.
        target: The score.

    Raises:
        ValueError: As of `curve_area`.

    Example:
        >>> share_reaching([0.1, 0.2, 0.4], [0.5, 0.7, 0.9], 0.65)
        0.2
    """
    x, y = _curve(shares, scores)
    reached = np.flatnonzero(y >= target)
    return float(x[reached[0]]) if reached.size else None


def _curve(shares: ArrayLike, scores: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(shares, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1 or x.size < 2:
        raise ValueError(f'a curve needs as many shares as scores, two or more, got {x.shape} and {y.shape}')
    if (np.diff(x) <= 0).any():
        raise ValueError(f'shares must rise from round to round, got {x.tolist()}')
    return x, y
