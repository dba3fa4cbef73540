"""Calibration intercept and slope: a logistic regression of what happened on the log-odds of the predictions."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from scipy.stats import chi2, f, norm, t

from usmm.evaluation.stats.validation import (
    Floats,
    binary_labels,
    check_confidence,
    class_probabilities,
    group_codes,
)


@dataclass(frozen=True)
class Coefficient:
    """A coefficient with its Wald interval. All nan where it has no finite estimate."""

    estimate: float
    se: float
    ci: tuple[float, float]


@dataclass(frozen=True)
class CalibrationFit:
    """How predicted log-odds must be moved and stretched to fit the cases.

    Args:
        in_the_large: Intercept with the slope held at 1; below 0: the predictions are too high on average. Best 0.
        slope: Below 1: the predictions are too extreme. Best 1.
        intercept: The intercept that belongs to `slope`.
        statistic, pvalue: Test (2 degrees of freedom) that intercept and slope are 0 and 1: likelihood ratio, or Wald
            with clusters.
        confidence: Level of the intervals.
        method: What was computed.
    """

    in_the_large: Coefficient
    slope: Coefficient
    intercept: Coefficient
    statistic: float
    pvalue: float
    confidence: float
    method: str


NO_VALUE = Coefficient(math.nan, math.nan, (math.nan, math.nan))


def _log_likelihood(labels: Floats, odds: Floats) -> float:
    return float(np.sum(labels * odds - np.logaddexp(0, odds)))


Fit = tuple[Floats, Floats]


def _newton(labels: Floats, design: Floats, offset: Floats) -> Fit | None:
    """Estimates and their covariance, by Newton's method with halved steps; None if it does not settle."""
    beta = np.zeros(design.shape[1])
    best = _log_likelihood(labels, offset)
    for _ in range(100):
        rates = expit(offset + design @ beta)
        hessian = design.T @ (design * (rates * (1 - rates))[:, None])
        try:
            step = np.linalg.solve(hessian, design.T @ (labels - rates))
        except np.linalg.LinAlgError:
            return None
        while _log_likelihood(labels, offset + design @ (beta + step)) < best - 1e-12 * abs(best):
            step = step / 2
        beta = beta + step
        best = _log_likelihood(labels, offset + design @ beta)
        if np.max(np.abs(step)) < 1e-10 * (1 + np.max(np.abs(beta))):
            return beta, np.asarray(np.linalg.inv(hessian), dtype=np.float64)
    return None


def _coefficient(estimate: float, variance: float, z: float) -> Coefficient:
    se = math.sqrt(variance)
    return Coefficient(float(estimate), se, (float(estimate - z * se), float(estimate + z * se)))


def _overlap(positive: NDArray[np.bool_], odds: Floats) -> bool:
    """Whether some positive lies below a negative, and some above: only then is there a finite slope."""
    above, below = odds[positive], odds[~positive]
    return bool(above.min() < below.max() and below.min() < above.max())


def _robust(labels: Floats, design: Floats, offset: Floats, found: Fit, clusters: NDArray[np.int64] | None) -> Fit:
    """The fit with a covariance that holds where the cases of a patient depend on each other."""
    beta, inverse = found
    if clusters is None:
        return found
    pulls = design * (labels - expit(offset + design @ beta))[:, None]
    sums = np.stack([np.bincount(clusters, column) for column in pulls.T], 1)
    few = len(sums) / (len(sums) - 1)
    return beta, few * inverse @ (sums.T @ sums) @ inverse


def calibration_fit(
    labels: ArrayLike,
    probabilities: ArrayLike,
    confidence: float = 0.95,
    clip: float = 1e-6,
    clusters: ArrayLike | None = None,
) -> CalibrationFit:
    """Calibration-in-the-large and calibration slope, with Wald intervals.

    Where the predictions separate the classes, or are all equal, no finite slope exists: slope, intercept and the test
    are nan, with a warning; calibration-in-the-large remains.

    Args:
        labels: Zeros and ones, or booleans, (N,).
        probabilities: Of the positive class (N,), or of both (N, 2).
        confidence: Level of the intervals.
        clip: Probabilities are kept this far from 0 and 1, whose log-odds are infinite.
        clusters: Patient of each case (N,): standard errors are robust to cases that depend on each other, intervals
            take Student's quantiles, and the test is Hotelling's form of Wald's (nan below three patients) in place of
            the likelihood ratio test; None: each case is a patient of its own.

    Raises:
        ValueError: If one class is absent, there are more than two, probabilities are not such, or there are fewer than
            two patients.

    References:
        Cox, Biometrika 1958; Van Calster et al., BMC Medicine 2019; Liang and Zeger, Biometrika 1986 (clusters).

    Example:
        >>> fit = calibration_fit([0, 0, 0, 1, 1, 1], [0.2, 0.4, 0.6, 0.4, 0.6, 0.8])
        >>> round(abs(fit.in_the_large.estimate), 6), fit.slope.estimate > 0
        (0.0, True)
    """
    z = float(norm.ppf(0.5 + check_confidence(confidence) / 2))
    if not 0 < clip < 0.5:
        raise ValueError(f'clip must lie between 0 and 0.5, got {clip}')
    table = class_probabilities(labels, probabilities)[1]
    if table.shape[1] != 2:
        raise ValueError(f'intercept and slope are of two classes, got probabilities of {table.shape[1]}')
    positive = binary_labels(labels)
    y, odds = positive.astype(np.float64), logit(np.clip(table[:, 1], clip, 1 - clip))
    of_case = _repeated(clusters, y.size)
    if of_case is not None:  # the variance between few patients is known from few
        count = int(of_case.max()) + 1
        z = float(t.ppf(0.5 + confidence / 2, count - 1))
    method = 'logistic, Wald' + ('' if of_case is None else ', patients as clusters')
    ones = np.ones((y.size, 1))
    large = _newton(y, ones, odds)
    large = large and _robust(y, ones, odds, large, of_case)
    in_the_large = NO_VALUE if large is None else _coefficient(large[0][0], large[1][0, 0], z)
    design, none = np.stack([np.ones_like(odds), odds], 1), np.zeros_like(odds)
    both = _newton(y, design, none) if _overlap(positive, odds) else None
    if both is None:
        warnings.warn('the predictions separate the classes (or are all equal): no finite slope', stacklevel=2)
        return CalibrationFit(in_the_large, NO_VALUE, NO_VALUE, math.nan, math.nan, confidence, method)
    (intercept, slope), covariance = _robust(y, design, none, both, of_case)
    if of_case is None:
        ratio = max(0.0, 2 * (_log_likelihood(y, intercept + slope * odds) - _log_likelihood(y, odds)))
        pvalue = float(chi2.sf(ratio, 2))
    else:
        off = np.array([intercept, slope - 1])
        # of two patients the covariance of two numbers is not known
        ratio = float(off @ np.linalg.solve(covariance, off)) if count > 2 else math.nan
        pvalue = float(f.sf(ratio * (count - 2) / (2 * (count - 1)), 2, count - 2)) if count > 2 else math.nan
    return CalibrationFit(
        in_the_large,
        _coefficient(slope, covariance[1, 1], z),
        _coefficient(intercept, covariance[0, 0], z),
        ratio,
        pvalue,
        confidence,
        method,
    )


def _repeated(clusters: ArrayLike | None, size: int) -> NDArray[np.int64] | None:
    """Codes of the patients; None where each has one case."""
    if clusters is None:
        return None
    codes = group_codes(clusters, size)
    count = int(codes.max()) + 1
    if count < 2:
        raise ValueError(f'2 or more patients are needed, got {count}')
    return None if count == size else codes
