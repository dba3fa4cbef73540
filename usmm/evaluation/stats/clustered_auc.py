"""AUC with several cases of one patient, and with folds and seeds: interval and paired test.

The estimate is the mean over the strata (folds, seeds) of the AUC within each, so that scores of different models are
never ranked against each other. Its variance comes from the influence of each case, summed by patient. It is the
uncertainty that comes from the cases, given the trained models; that of training again is not in it.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from usmm.evaluation.stats.auc_limits import NAMES, auc_limits
from usmm.evaluation.stats.cluster_variance import Codes, case_groups, clustered_se
from usmm.evaluation.stats.delong import AucTest, check_interval, difference_limits, placements, studentised
from usmm.evaluation.stats.effective_size import combined_limits, correlations, effective_clusters
from usmm.evaluation.stats.validation import Floats, binary_labels, check_confidence, class_indices, finite_scores


@dataclass(frozen=True)
class ClusteredAuc:
    """An AUC over patients and strata with its uncertainty.

    Args:
        estimate: Mean of `stratum_aucs`.
        se: Standard error (on the AUC's own scale).
        ci: Confidence interval, within [0, 1].
        confidence: Its level.
        method: What was computed.
        class_counts: Cases of each class, over all strata.
        clusters: Number of patients.
        stratum_aucs: The AUC within each stratum, in sorted order of their names.
    """

    estimate: float
    se: float
    ci: tuple[float, float]
    confidence: float
    method: str
    class_counts: tuple[int, ...]
    clusters: int
    stratum_aucs: tuple[float, ...]


def _influence(positive: NDArray[np.bool_], scores: Floats) -> tuple[float, Floats]:
    of_positives, of_negatives = placements(positive, scores)
    values = np.empty(positive.size)
    # Each side less its own mean: a perfect AUC then has no influence at all, without rounding.
    values[positive] = (of_positives - of_positives.mean()) / of_positives.size
    values[~positive] = (of_negatives - of_negatives.mean()) / of_negatives.size
    return float(of_positives.mean()), values


def auc_influence(labels: ArrayLike, scores: ArrayLike) -> Floats:
    """Influence of each case on the AUC: its placement less the AUC, over the number of cases of its class, (N,).

    Their sum is 0; the sum of their squares is DeLong's variance with ddof 0.

    Args:
        labels: Zeros and ones, or booleans, (N,).
        scores: Score of the positive class (N,).

    Raises:
        ValueError: If one class is absent, a score is not finite, or the shapes differ.

    References:
        DeLong et al., Biometrics 1988.

    Example:
        >>> auc_influence([1, 1, 0, 0], [2, 5, 2, 3]).tolist()
        [-0.1875, 0.1875, 0.0625, -0.0625]
    """
    positive = binary_labels(labels)
    return _influence(positive, finite_scores(scores, positive.shape))[1]


def _one_stratum(classes: Codes, table: Floats) -> tuple[Floats, Floats]:
    """AUC of each column of `table` against the rest (S,), and the influence of each case on it (S, N)."""
    if table.shape[1] == 1:
        parts = [_influence(classes.astype(bool), table[:, 0])]
    else:
        parts = [_influence(classes == k, table[:, k]) for k in range(table.shape[1])]
    return np.array([auc for auc, _ in parts]), np.stack([values for _, values in parts])


def _check_strata(classes: Codes, strata: Codes, names: ArrayLike | None, num_classes: int) -> None:
    for code in np.unique(strata):
        counts = np.bincount(classes[strata == code], minlength=num_classes)
        if not counts.all():
            where = '' if names is None else f' in stratum {np.unique(np.asarray(names))[code]}'
            raise ValueError(f'an AUC needs cases of every class, got {counts.tolist()} per class{where}')


def _over_strata(classes: Codes, table: Floats, strata: Codes) -> tuple[Floats, Floats]:
    """AUC by stratum and column (F, S), and the influence of each case on the mean over strata of each (S, N)."""
    names = np.unique(strata)
    influence, aucs = np.empty((table.shape[1], len(classes))), np.empty((names.size, table.shape[1]))
    for i, stratum in enumerate(names):
        here = strata == stratum
        aucs[i], influence[:, here] = _one_stratum(classes[here], table[here])
    return aucs, influence / names.size


def _interval(
    classes: Codes,
    table: Floats,
    clusters: ArrayLike | None,
    strata: ArrayLike | None,
    confidence: float,
    interval: str,
) -> ClusteredAuc:
    check_interval(interval)
    check_confidence(confidence)
    of_cluster, of_stratum = case_groups(classes.size, clusters, strata)
    num_classes = max(2, table.shape[1])
    _check_strata(classes, of_stratum, strata, num_classes)
    aucs, influence = _over_strata(classes, table, of_stratum)
    auc, se = float(aucs.mean()), clustered_se(influence.mean(0), classes, of_cluster, of_stratum)
    if se == 0 and interval != 'wilson':
        warnings.warn(f'the AUC is {auc:g} with a standard error of 0: its interval says nothing', stacklevel=3)
    if interval == 'wilson':
        ci = _wilson(classes, aucs.mean(0), influence, of_cluster, of_stratum, confidence)
    else:
        ci = auc_limits(auc, se, confidence, interval, 1, 1, [1])
    return ClusteredAuc(
        auc,
        se,
        ci,
        confidence,
        _method('Obuchowski' if clusters is not None else 'DeLong', table, len(aucs), NAMES[interval]),
        tuple(np.bincount(classes, minlength=num_classes).tolist()),
        np.unique(of_cluster).size,
        tuple(aucs.mean(1).tolist()),
    )


def _wilson(
    classes: Codes, aucs: Floats, influence: Floats, clusters: Codes, strata: Codes, confidence: float
) -> tuple[float, float]:
    """Limits of the mean of AUCs: those of each, combined with their correlation (MOVER)."""
    limits, still = [], []
    for k, (auc, pull) in enumerate(zip(aucs, influence, strict=True)):
        of_class = classes if len(aucs) == 1 else (classes == k).astype(np.int64)
        rarer = int(np.bincount(of_class, minlength=2).min())
        groups = [np.unique(clusters[of_class == j], return_inverse=True)[1] for j in (0, 1)]
        patients = min(effective_clusters(group) for group in groups)
        se = clustered_se(pull, of_class, clusters, strata)
        alone = clustered_se(pull, of_class, np.arange(classes.size), strata) if patients < rarer else se
        apart = rarer_patients(of_class, clusters, strata)
        effect = (se / alone) ** 2 if alone > 0 else 1.0
        # the standard error takes patients of unequal numbers of cases for as many equal ones
        equal = min(int(group.max()) + 1 for group in groups)
        se *= math.sqrt(patients / (patients - 1) * (equal - 1) / equal)
        limits.append(auc_limits(float(auc), se, confidence, 'wilson', rarer, patients, apart, effect))
        still.append(se == 0)
    if len(limits) == 1:
        return limits[0]
    if any(math.isnan(low) for low, _ in limits):  # all scores of a class are equal
        return math.nan, math.nan
    related = correlations(influence, clusters)
    related[np.ix_(still, still)] = 1.0  # AUCs of 1: nothing says that their errors would balance
    low, high = combined_limits(aucs, limits, np.full(len(aucs), 1 / len(aucs)), related)
    return max(0.0, low), min(1.0, high)


def rarer_patients(classes: Codes, clusters: Codes, strata: Codes) -> list[int]:
    """Patients of the rarest class in each of the strata without a common patient.

    Folds of one seed have none in common, those of several seeds do: of these, the seed with the fewest counts.
    """
    groups: list[tuple[set[int], list[int]]] = []
    for stratum in np.unique(strata):
        here = strata == stratum
        who = set(clusters[here].tolist())
        few = min(np.unique(clusters[here & (classes == k)]).size for k in np.unique(classes))
        place = next((group for group in groups if not group[0] & who), None)
        if place is None:
            groups.append((who, [few]))
        else:
            place[0].update(who)
            place[1].append(few)
    return min((sizes for _, sizes in groups), key=sum)


def _method(name: str, table: Floats, strata: int, last: str) -> str:
    macro = ', macro one-vs-rest' if table.shape[1] > 1 else ''
    mean = f', mean of {strata} strata' if strata > 1 else ''
    return f'{name}{macro}{mean}, {last}'


def _test(
    classes: Codes,
    first: Floats,
    second: Floats,
    clusters: ArrayLike | None,
    strata: ArrayLike | None,
    confidence: float,
) -> AucTest:
    z = float(norm.ppf(0.5 + check_confidence(confidence) / 2))
    of_cluster, of_stratum = case_groups(classes.size, clusters, strata)
    _check_strata(classes, of_stratum, strata, max(2, first.shape[1]))
    a, b = (_over_strata(classes, table, of_stratum) for table in (first, second))
    # The influences of equal scores cancel exactly, case by case.
    se = clustered_se((a[1] - b[1]).mean(0), classes, of_cluster, of_stratum)
    aucs = (float(a[0].mean()), float(b[0].mean()))
    difference = aucs[0] - aucs[1]
    statistic = studentised(difference, se)
    pvalue = math.nan if math.isnan(statistic) else float(2 * norm.sf(abs(statistic)))
    ci = difference_limits(difference, z * se)
    method = _method(
        'Obuchowski' if clusters is not None else 'DeLong', first, len(np.unique(of_stratum)), 'paired, two-sided'
    )
    return AucTest(difference, aucs, se, statistic, pvalue, ci, confidence, method)


def _table(labels: ArrayLike, scores: ArrayLike, name: str = 'scores') -> tuple[Codes, Floats]:
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2:
        raise ValueError(f'{name} must have shape (N, K) with two or more classes, got {table.shape}')
    classes = class_indices(labels, table.shape[1])
    return classes, finite_scores(table, (classes.size, table.shape[1]), name)


def clustered_auc(
    labels: ArrayLike,
    scores: ArrayLike,
    clusters: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    confidence: float = 0.95,
    interval: str = 'wilson',
) -> ClusteredAuc:
    """AUC, mean over strata, with a standard error by patient and an interval.

    Without clusters and strata this is DeLong's interval. The same patient in several seeds needs `clusters`.

    Args:
        labels: Zeros and ones, or booleans, (N,).
        scores: Score of the positive class (N,).
        clusters: Patient of each case (N,); None: each case is a patient of its own.
        strata: Fold, or fold and seed, of each case (N,); None: all cases were scored by one model.
        confidence: Level of the interval.
        interval: As in `delong_interval`.

    Raises:
        ValueError: If a stratum has a class with fewer than two patients, a score is not finite, the shapes differ, or
            the interval is unknown.

    References:
        Obuchowski, Biometrics 1997; DeLong et al., Biometrics 1988.

    Example:
        >>> result = clustered_auc([0, 0, 1, 1, 0, 1], [1, 4, 3, 6, 2, 5], clusters=list('aabbcd'))
        >>> round(result.estimate, 4), result.clusters
        (0.8889, 4)
    """
    positive = binary_labels(labels)
    table = finite_scores(scores, positive.shape)[:, None]
    return _interval(positive.astype(np.int64), table, clusters, strata, confidence, interval)


def clustered_auc_test(
    labels: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    clusters: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    confidence: float = 0.95,
) -> AucTest:
    """Paired test that two scores of the same cases have the same AUC; arguments and errors as `clustered_auc`.

    Scores that order every pair of cases alike give p = 1.

    Example:
        >>> clustered_auc_test([0, 1, 0, 1], [1, 2, 3, 4], [1, 2, 3, 4], clusters=[1, 1, 2, 2]).pvalue
        1.0
    """
    positive = binary_labels(labels)
    a = finite_scores(first, positive.shape, 'first scores')[:, None]
    b = finite_scores(second, positive.shape, 'second scores')[:, None]
    return _test(positive.astype(np.int64), a, b, clusters, strata, confidence)


def clustered_macro_auc(
    labels: ArrayLike,
    scores: ArrayLike,
    clusters: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    confidence: float = 0.95,
    interval: str = 'wilson',
) -> ClusteredAuc:
    """Mean over classes of the AUC against all others, mean over strata; the influences are averaged alike.

    Args:
        labels: Class indices (N,).
        scores: Scores (N, K).
        clusters, strata, confidence, interval: As `clustered_auc`, whose errors it shares.

    Example:
        >>> scores = [[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.2, 0.5, 0.3], [0.3, 0.2, 0.5], [0.1, 0.4, 0.5], [0, 0, 1]]
        >>> round(clustered_macro_auc([0, 0, 1, 1, 2, 2], scores).estimate, 4)
        0.875
    """
    return _interval(*_table(labels, scores), clusters, strata, confidence, interval)


def clustered_macro_auc_test(
    labels: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    clusters: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    confidence: float = 0.95,
) -> AucTest:
    """Paired test of two macro one-vs-rest AUCs; arguments as `clustered_macro_auc`, result as `clustered_auc_test`."""
    classes, a = _table(labels, first, 'first scores')
    b = finite_scores(second, a.shape, 'second scores')
    return _test(classes, a, b, clusters, strata, confidence)
