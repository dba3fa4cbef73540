"""Variance of a mean influence where several cases belong to one patient, or one patient to several folds or seeds."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from usmm.evaluation.stats.validation import Floats, group_codes

Codes = NDArray[np.int64]


def case_groups(size: int, clusters: ArrayLike | None, strata: ArrayLike | None) -> tuple[Codes, Codes]:
    """Codes of the patient and of the stratum of each case; None: every case a patient of its own, all one stratum."""
    of_cluster = np.arange(size) if clusters is None else group_codes(clusters, size)
    of_stratum = np.zeros(size, dtype=np.int64) if strata is None else group_codes(strata, size, 'strata')
    return of_cluster, of_stratum


def _correction(clusters: Codes, what: str) -> float:
    """Square root of I / (I - 1) for I clusters, what DeLong's ddof of 1 is without clusters."""
    count = np.unique(clusters).size
    if count < 2:
        raise ValueError(f'2 or more patients {what} are needed in every stratum, got {count}')
    return math.sqrt(count / (count - 1))


def clustered_se(influence: Floats, classes: Codes, clusters: Codes, strata: Codes) -> float:
    """Standard error of an estimate from its influence values, summed within each cluster.

    With p_c, q_c the sums of the influence of the cases of two classes in cluster c, the variance is
    I1 / (I1 - 1) sum p_c^2 + I0 / (I0 - 1) sum q_c^2 + 2 I / (I - 1) sum p_c q_c, where I1, I0 and I count the clusters
    with a case of the one class, of the other, and all. Each factor is taken within its stratum, so that with one case
    a cluster it is DeLong's variance of the mean over independent strata.

    Args:
        influence: Of each case (N,), summing to 0 over each class of a stratum in the binary case; already divided by
            the number of strata.
        classes, clusters, strata: Codes (N,).

    Raises:
        ValueError: If a class has fewer than two clusters in a stratum.

    References:
        Obuchowski, Biometrics 1997.
    """
    own, joint = np.empty_like(influence), np.empty_like(influence)
    for stratum in np.unique(strata):
        here = strata == stratum
        joint[here] = influence[here] * _correction(clusters[here], 'with a case')
        for k in np.unique(classes[here]):
            both = here & (classes == k)
            own[both] = influence[both] * _correction(clusters[both], f'with a case of class {k}')
    names, of_cluster = np.unique(clusters, return_inverse=True)
    cells = of_cluster * (int(classes.max()) + 1) + classes
    size = names.size * (int(classes.max()) + 1)
    table, crossed = (np.bincount(cells, weights=w, minlength=size).reshape(names.size, -1) for w in (own, joint))
    variance = np.sum(table**2) + np.sum(crossed.sum(1) ** 2) - np.sum(crossed**2)
    return math.sqrt(max(0.0, float(variance)))
