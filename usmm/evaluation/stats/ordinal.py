"""Classes that have an order (stages, grades): weighted kappa and the mean error in stages."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm, t

from usmm.evaluation.stats.confusion import confusion_matrix
from usmm.evaluation.stats.validation import Floats, check_confidence, class_indices

WEIGHTS = ('quadratic', 'linear', 'none')


@dataclass(frozen=True)
class Kappa:
    """Agreement beyond chance.

    Args:
        estimate: 1 for full agreement, 0 for chance; nan if labels and predictions are all of one class.
        se: Large-sample standard error.
        ci: Normal confidence interval, within [-1, 1].
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


def _agreement(num_classes: int, weights: str) -> Floats:
    """Weight of each cell: 1 on the diagonal, 0 for the largest mistake."""
    steps = np.abs(np.subtract.outer(np.arange(num_classes), np.arange(num_classes))).astype(np.float64)
    if weights == 'none':
        return (steps == 0).astype(np.float64)
    power = 2 if weights == 'quadratic' else 1
    return 1 - (steps / (num_classes - 1)) ** power


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
    if weights not in WEIGHTS:
        raise ValueError(f'weights must be one of {WEIGHTS}, got {weights!r}')
    z = float(norm.ppf(0.5 + check_confidence(confidence) / 2))
    counts = confusion_matrix(labels, predictions, num_classes)
    total, weight = int(counts.sum()), _agreement(num_classes, weights)
    joint = counts / total
    rows, columns = joint.sum(1), joint.sum(0)
    chance = np.outer(rows, columns)
    by_chance, method = float(np.sum(weight * chance)), f'kappa, weights {weights}'
    if np.count_nonzero(rows) == 1 and np.array_equal(rows > 0, columns > 0):
        return Kappa(math.nan, math.nan, (math.nan, math.nan), math.nan, confidence, method)
    kappa = (float(np.sum(weight * joint)) - by_chance) / (1 - by_chance)
    means = np.add.outer(weight @ columns, rows @ weight)
    spread = np.sum(joint * (weight - means * (1 - kappa)) ** 2) - (kappa - by_chance * (1 - kappa)) ** 2
    under_null = np.sum(chance * (weight - means) ** 2) - by_chance**2
    se, null = (math.sqrt(max(0.0, float(v))) / (math.sqrt(total) * (1 - by_chance)) for v in (spread, under_null))
    pvalue = float(2 * norm.sf(abs(kappa) / null)) if null > 1e-12 else math.nan
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
    check_confidence(confidence)
    true, predicted = class_indices(labels, num_classes), class_indices(predictions, num_classes, 'predictions')
    if true.shape != predicted.shape:
        raise ValueError(f'{true.size} labels and {predicted.size} predictions do not fit each other')
    steps = np.abs(true - predicted)
    mean = float(steps.mean())
    if steps.size == 1:
        return StageError(mean, math.nan, (math.nan, math.nan), confidence, 1, 'mean absolute error')
    se = float(steps.std(ddof=1)) / math.sqrt(steps.size)
    half = float(t.ppf(0.5 + confidence / 2, steps.size - 1)) * se
    return StageError(mean, se, (max(0.0, mean - half), mean + half), confidence, steps.size, 'mean absolute error, t')
