"""Several readers and several cases: AUCs compared so that the result holds for other readers and other cases.

The analysis of variance of Obuchowski and Rockette: an AUC for each reader and condition, the covariances of their
errors from the cases, and Hillis' degrees of freedom. A condition is a modality, or reading without and with a model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import f as f_distribution
from scipy.stats import t

from usmm.evaluation.stats.cluster_variance import case_groups, clustered_se
from usmm.evaluation.stats.clustered_auc import auc_influence
from usmm.evaluation.stats.validation import Floats, binary_labels, check_confidence, finite_scores


@dataclass(frozen=True)
class ReaderEstimate:
    """A mean over readers, or a difference of such means.

    Args:
        estimate: The mean AUC, or the difference.
        se: Its standard error, from readers and cases.
        df: Degrees of freedom (Hillis); infinite where readers do not differ.
        ci: Confidence interval; nan where the standard error is 0.
        pvalue: Two-sided, that a difference is 0; nan for a mean.
        confidence: Level of the interval.
        method: What was computed.
    """

    estimate: float
    se: float
    df: float
    ci: tuple[float, float]
    pvalue: float
    confidence: float
    method: str


@dataclass(frozen=True)
class ReaderStudy:
    """Conditions compared over readers and cases.

    Args:
        aucs: Of each condition and reader (I, J).
        means: Of each condition, from its own data alone.
        differences: (first, second) condition -> first less second.
        statistic, df: F statistic of the test that all conditions are alike, and its two degrees of freedom.
        pvalue: Of that test.
        mean_squares: Of conditions, readers, and conditions by readers.
        covariances: Error variance, and covariances of the same reader in two conditions, of two readers in one, of two
            readers in two.
        readers, cases, patients: Numbers of them.
    """

    aucs: Floats
    means: tuple[ReaderEstimate, ...]
    differences: dict[tuple[int, int], ReaderEstimate]
    statistic: float
    df: tuple[float, float]
    pvalue: float
    mean_squares: tuple[float, float, float]
    covariances: tuple[float, float, float, float]
    readers: int
    cases: int
    patients: int


def auc_covariance(labels: ArrayLike, scores: ArrayLike, clusters: ArrayLike | None = None) -> tuple[Floats, Floats]:
    """AUCs of several scores of the same cases, and the covariance of their errors.

    Args:
        labels: Zeros and ones, or booleans, (N,).
        scores: Of the positive class (K, N).
        clusters: Patient of each case (N,); None: each case is a patient of its own.

    Returns:
        (K,) and (K, K).

    Raises:
        ValueError: A class with fewer than two patients, scores that are not finite, or shapes that do not fit.

    References:
        DeLong et al., Biometrics 1988; Obuchowski, Biometrics 1997 (clusters).

    Example:
        >>> aucs, covariance = auc_covariance([0, 0, 1, 1], [[1, 3, 2, 4], [1, 2, 3, 4]])
        >>> aucs.tolist(), covariance.round(4).tolist()
        ([0.75, 1.0], [[0.125, 0.0], [0.0, 0.0]])
    """
    positive = binary_labels(labels)
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f'scores must have shape (K, N), got {table.shape}')
    finite_scores(table, (len(table), positive.size))
    of_cluster, of_stratum = case_groups(positive.size, clusters, None)
    classes = positive.astype(np.int64)
    pulls = [auc_influence(positive, row) for row in table]
    aucs = np.array([np.mean(_placed(positive, row)) for row in table])
    covariance = np.empty((len(table), len(table)))
    for i, j in np.ndindex(*covariance.shape):
        # the variance of a sum and of a difference, whose clusters are taken care of
        both = [clustered_se(pulls[i] + sign * pulls[j], classes, of_cluster, of_stratum) ** 2 for sign in (1, -1)]
        covariance[i, j] = (both[0] - both[1]) / 4
    return aucs, covariance


def _placed(positive: np.ndarray, row: Floats) -> Floats:
    from usmm.evaluation.stats.delong import placements

    return placements(positive, row)[0]


def compare_conditions(
    labels: ArrayLike, scores: ArrayLike, clusters: ArrayLike | None = None, confidence: float = 0.95
) -> ReaderStudy:
    """Compare conditions under which the same readers read the same cases; readers and cases are samples.

    Args:
        labels: Zeros and ones, or booleans, (N,).
        scores: Of each condition and reader (I, J, N); a higher score is more positive.
        clusters: Patient of each case (N,); None: each case is a patient of its own.
        confidence: Level of the intervals.

    Raises:
        ValueError: Fewer than two conditions or readers, or as `auc_covariance`.

    References:
        Obuchowski and Rockette, Communications in Statistics 1995; Hillis, Statistics in Medicine 2007 (degrees of
        freedom); Hillis, Berbaum and Metz, Academic Radiology 2008.
    """
    check_confidence(confidence)
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 3 or min(table.shape[:2]) < 2:
        raise ValueError(f'scores must have shape (conditions, readers, cases), two or more each, got {table.shape}')
    conditions, readers, cases = table.shape
    flat, covariance = auc_covariance(labels, table.reshape(-1, cases), clusters)
    aucs = flat.reshape(conditions, readers)
    by_pair = covariance.reshape(conditions, readers, conditions, readers)
    squares = _mean_squares(aucs)
    errors = _error_covariances(by_pair)
    spread = squares[2] + max(readers * (errors[2] - errors[3]), 0.0)
    free = (conditions - 1) * (readers - 1)
    df = spread**2 / (squares[2] ** 2 / free) if squares[2] > 0 else math.inf
    statistic = squares[0] / spread if spread > 0 else math.nan
    pvalue = float(f_distribution.sf(statistic, conditions - 1, df)) if math.isfinite(statistic) else math.nan
    se = math.sqrt(2 / readers * spread)
    method = 'Obuchowski and Rockette, degrees of freedom of Hillis'
    differences = {
        (a, b): _estimate(float(aucs[a].mean() - aucs[b].mean()), se, df, confidence, method, True)
        for a, b in combinations(range(conditions), 2)
    }
    means = tuple(_mean_of(aucs[i], by_pair[i, :, i, :], confidence, False) for i in range(conditions))
    patients = cases if clusters is None else int(np.unique(np.asarray(clusters)).size)
    return ReaderStudy(
        aucs, means, differences, statistic, (conditions - 1, df), pvalue, squares, errors, readers, cases, patients
    )


def compare_with_model(
    labels: ArrayLike,
    readers: ArrayLike,
    model: ArrayLike,
    clusters: ArrayLike | None = None,
    confidence: float = 0.95,
) -> ReaderEstimate:
    """Mean AUC of readers less that of one model on the same cases; readers and cases are samples, the model is fixed.

    The difference of each reader to the model is taken as the reader's figure of merit.

    Args:
        labels: Zeros and ones, or booleans, (N,).
        readers: Scores of each reader (J, N).
        model: Scores of the model (N,).
        clusters: Patient of each case (N,); None: each case is a patient of its own.
        confidence: Level of the interval.

    Raises:
        ValueError: Fewer than two readers, or as `auc_covariance`.

    References:
        Obuchowski and Rockette, Communications in Statistics 1995; Hillis, Statistics in Medicine 2007, for one
        condition.
    """
    check_confidence(confidence)
    table = np.asarray(readers, dtype=np.float64)
    if table.ndim != 2 or len(table) < 2:
        raise ValueError(f'scores of readers must have shape (readers, cases), two or more readers, got {table.shape}')
    alone = finite_scores(model, table.shape[1:], 'scores of the model')
    aucs, covariance = auc_covariance(labels, np.vstack([table, alone[None]]), clusters)
    differ = np.hstack([np.eye(len(table)), -np.ones((len(table), 1))])
    return _mean_of(differ @ aucs, differ @ covariance @ differ.T, confidence, True)


def _mean_of(values: Floats, covariance: Floats, confidence: float, test: bool) -> ReaderEstimate:
    """The mean of the readers' values, with readers and cases as samples."""
    count = len(values)
    between = float(values.var(ddof=1))
    apart = (covariance.sum() - np.trace(covariance)) / (count * (count - 1))
    spread = between + max(count * float(apart), 0.0)
    df = spread**2 / (between**2 / (count - 1)) if between > 0 else math.inf
    method = 'Obuchowski and Rockette, one condition, degrees of freedom of Hillis'
    return _estimate(float(values.mean()), math.sqrt(spread / count), df, confidence, method, test)


def _estimate(value: float, se: float, df: float, confidence: float, method: str, test: bool) -> ReaderEstimate:
    half = float(t.ppf(0.5 + confidence / 2, df)) * se
    pvalue = math.nan
    if test and (se > 0 or value == 0):
        pvalue = float(2 * t.sf(abs(value) / se, df)) if se > 0 else 1.0
    least = -1.0 if test else 0.0
    limits = (max(least, value - half), min(1.0, value + half))
    if se == 0 and not (test and value == 0):  # readers and cases that all agree say nothing of others
        limits = (math.nan, math.nan)
    return ReaderEstimate(value, se, df, limits, pvalue, confidence, method)


def _mean_squares(aucs: Floats) -> tuple[float, float, float]:
    """Of conditions, readers, and both together."""
    conditions, readers = aucs.shape
    of_condition, of_reader = aucs.mean(1, keepdims=True), aucs.mean(0, keepdims=True)
    rest = aucs - of_condition - of_reader + aucs.mean()
    return (
        float(readers * of_condition.var(ddof=1)),
        float(conditions * of_reader.var(ddof=1)),
        float((rest**2).sum() / ((conditions - 1) * (readers - 1))),
    )


def _error_covariances(by_pair: Floats) -> tuple[float, float, float, float]:
    """Means of the variances, and of the covariances of one reader, of one condition, and of neither in common."""
    conditions, readers = by_pair.shape[:2]
    same_condition = np.eye(conditions, dtype=bool)[:, None, :, None] & np.ones((1, readers, 1, readers), bool)
    same_reader = np.eye(readers, dtype=bool)[None, :, None, :] & np.ones((conditions, 1, conditions, 1), bool)
    kinds = (
        same_condition & same_reader, ~same_condition & same_reader, same_condition & ~same_reader,
        ~same_condition & ~same_reader,
    )  # fmt: skip
    variance, one_reader, one_condition, neither = (float(by_pair[kind].mean()) for kind in kinds)
    return variance, one_reader, one_condition, neither
