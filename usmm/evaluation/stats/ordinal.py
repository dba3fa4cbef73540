"""Classes that have an order (stages, grades): weighted kappa and the mean error in stages."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from usmm.evaluation.stats.confusion import confusion_matrix
from usmm.evaluation.stats.validation import check_confidence, class_indices

WEIGHTS = ('quadratic', 'linear', 'none')


@dataclass(frozen=True)
class Kappa:
    """Agreement beyond chance.

    Args:
        estimate: 1 for full agreement, 0 for chance; nan if labels and predictions are all of one class.
        se: Large-sample standard error.
        ci: Normal confidence interval, within [-1, 1]; nan where all agree, which has no large-sample error.
        pvalue: Two-sided, that there is no agreement beyond chance.
        confidence: Level of the interval.
        method: What was computed.
    """

    estimate: float
    se: float
    ci: tuple[float, float]
    pvalue: float
    confidence: float
    method: str


@dataclass(frozen=True)
class StageError:
    """Mean distance between true and predicted stage.

    Args:
        estimate: In stages; 0 is best.
        se: Standard error; nan with one case.
        ci: Confidence interval (Student's t), not below 0.
        confidence: Its level.
        cases: Number of cases.
        method: What was computed.
    """

    estimate: float
    se: float
    ci: tuple[float, float]
    confidence: float
    cases: int
    method: str


def weighted_kappa(
    labels: ArrayLike, predictions: ArrayLike, num_classes: int, weights: str = 'quadratic', confidence: float = 0.95
) -> Kappa:
    """Cohen's kappa with weights by distance, and its large-sample interval.

    Args:
        labels, predictions: Class indices in the order of the stages (N,).
        num_classes: K.
        weights: `'quadratic'`, `'linear'`, or `'none'` (every mistake counts alike).
        confidence: Level of the interval.

    Raises:
        ValueError: If an index is outside 0..K-1, lengths differ, or the weights are unknown.

    References:
        Cohen, Psychological Bulletin 1968; Fleiss, Cohen and Everitt, Psychological Bulletin 1969.

    Example:
        >>> round(weighted_kappa([0, 1, 2, 2], [0, 1, 1, 2], 3).estimate, 4)
        0.8
    """
    from statsmodels.stats.inter_rater import cohens_kappa

    if weights not in WEIGHTS:
        raise ValueError(f'weights must be one of {WEIGHTS}, got {weights!r}')
    z = float(norm.ppf(0.5 + check_confidence(confidence) / 2))
    counts = confusion_matrix(labels, predictions, num_classes)
    used, method = [counts.sum(axis) > 0 for axis in (0, 1)], f'kappa, weights {weights}'
    constant = any(classes.sum() == 1 for classes in used)  # labels or predictions of one class: agreement by chance
    if constant and np.array_equal(*used):
        return Kappa(math.nan, math.nan, (math.nan, math.nan), math.nan, confidence, method)
    with np.errstate(divide='ignore', invalid='ignore'):  # of agreement by chance, whose p value is not used
        found = cohens_kappa(counts, wt=None if weights == 'none' else weights)
    kappa, se = float(found.kappa), math.sqrt(max(0.0, float(found.var_kappa)))  # below 0 by rounding only
    has_test = not constant and found.var_kappa0 > 1e-15  # without a variance there is nothing to compare with
    pvalue = float(2 * norm.sf(abs(kappa) / math.sqrt(found.var_kappa0))) if has_test else math.nan
    if np.trace(counts) == counts.sum():
        return Kappa(kappa, se, (math.nan, math.nan), pvalue, confidence, f'{method}; full agreement has no interval')
    return Kappa(kappa, se, (max(-1.0, kappa - z * se), min(1.0, kappa + z * se)), pvalue, confidence, method)


def mean_stage_error(
    labels: ArrayLike, predictions: ArrayLike, num_classes: int, confidence: float = 0.95
) -> StageError:
    """Mean number of stages between label and prediction (mean absolute error).

    Args:
        labels, predictions: Class indices in the order of the stages (N,).
        num_classes: K.
        confidence: Level of the interval.

    Raises:
        ValueError: If an index is outside 0..K-1, or lengths differ.

    References:
        Baccianella et al., ISDA 2009 (the error); Student, Biometrika 1908 (the interval of a mean).

    Example:
        >>> mean_stage_error([0, 1, 4], [0, 3, 3], 5).estimate
        1.0
    """
    from statsmodels.stats.weightstats import DescrStatsW

    check_confidence(confidence)
    true, predicted = class_indices(labels, num_classes), class_indices(predictions, num_classes, 'predictions')
    if true.shape != predicted.shape:
        raise ValueError(f'{true.size} labels and {predicted.size} predictions do not fit each other')
    steps = np.abs(true - predicted)
    mean = float(steps.mean())
    if steps.size == 1:
        return StageError(mean, math.nan, (math.nan, math.nan), confidence, 1, 'mean absolute error')
    sample = DescrStatsW(steps)
    low, high = sample.tconfint_mean(1 - confidence)
    ci = (max(0.0, float(low)), float(high))
    return StageError(mean, float(sample.std_mean), ci, confidence, steps.size, 'mean absolute error, t')
