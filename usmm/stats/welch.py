"""Welch's analysis of variance: do means differ, when variances may too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import f as f_distribution


def welch_anova(samples: Sequence[ArrayLike]) -> tuple[float, float]:
    """F statistic and p value; with two samples, those of Welch's t test (F = t squared).

    Args:
        samples: Two or more samples of two or more numbers each, none constant.

    Raises:
        ValueError: Fewer samples, fewer numbers, or a constant sample.

    References:
        Welch, Biometrika 1951.

    Example:
        >>> f, p = welch_anova([[1, 2, 3], [2, 4, 6], [5, 6, 10]])
        >>> round(f, 3), round(p, 3)
        (4.41, 0.113)
    """
    rows = [np.asarray(s, dtype=np.float64) for s in samples]
    if len(rows) < 2 or any(len(r) < 2 or np.ptp(r) == 0 for r in rows):
        raise ValueError('expected two or more samples, each of two or more numbers that differ')
    sizes = np.array([len(r) for r in rows])
    means = np.array([r.mean() for r in rows])
    weights = sizes / np.array([r.var(ddof=1) for r in rows])
    k, total = len(rows), weights.sum()
    between = (weights * (means - (weights * means).sum() / total) ** 2).sum() / (k - 1)
    spread = ((1 - weights / total) ** 2 / (sizes - 1)).sum()
    statistic = between / (1 + 2 * (k - 2) / (k**2 - 1) * spread)
    return float(statistic), float(f_distribution.sf(statistic, k - 1, (k**2 - 1) / (3 * spread)))
