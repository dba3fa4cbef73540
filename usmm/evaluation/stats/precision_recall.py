"""Precision-recall curve and average precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from usmm.evaluation.stats.validation import Floats, binary_labels, finite_scores


@dataclass(frozen=True)
class PrecisionRecallCurve:
    """Points of a precision-recall curve, from recall 0 to 1.

    Args:
        precision, recall: At each point, (P,); the first is (1, 0) by convention.
        thresholds: A case is called positive when its score is >= this; the first is infinite, (P,).
        prevalence: Share of positives, the precision of calling every case positive.
    """

    precision: Floats
    recall: Floats
    thresholds: Floats
    prevalence: float

    @property
    def average_precision(self) -> float:
        """Precision at each step of the recall, weighted by the step."""
        return float(np.sum(np.diff(self.recall) * self.precision[1:]))


def precision_recall_curve(labels: ArrayLike, scores: ArrayLike) -> PrecisionRecallCurve:
    """The precision-recall curve with one point per distinct score.

    Args:
        labels: Zeros and ones, or booleans, (N,).
        scores: Score of the positive class (N,).

    Raises:
        ValueError: If one class is absent, a score is not finite, or the shapes differ.

    References:
        Davis and Goadrich, ICML 2006.

    Example:
        >>> precision_recall_curve([0, 1, 1], [0.2, 0.7, 0.1]).precision.round(3).tolist()
        [1.0, 1.0, 0.5, 0.667]
    """
    from sklearn import metrics

    positive = binary_labels(labels)
    values = finite_scores(scores, positive.shape)
    precision, recall, thresholds = metrics.precision_recall_curve(positive, values)
    # scikit-learn starts at the lowest threshold and has none for the last point, where no case is called positive.
    return PrecisionRecallCurve(precision[::-1], recall[::-1], np.r_[np.inf, thresholds[::-1]], float(positive.mean()))


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under the precision-recall curve as a sum of steps, without interpolation; see `precision_recall_curve`.

    Chance alone gives about the share of positives, so it is not comparable between data sets.

    Example:
        >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
        0.8333
    """
    from sklearn.metrics import average_precision_score

    positive = binary_labels(labels)
    return float(average_precision_score(positive, finite_scores(scores, positive.shape)))
