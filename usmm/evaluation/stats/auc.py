"""Area under the ROC curve, and the curve itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import trapezoid

from usmm.evaluation.stats.validation import Floats, binary_labels, class_indices, class_names, finite_scores

AUC_LIMITS = (0.6, 0.7, 0.8, 0.9)
AUC_WORDS = ('fail', 'poor', 'fair', 'good', 'excellent')


def auc_score(labels: ArrayLike, scores: ArrayLike) -> float:
    """Probability that a positive case scores above a negative one, ties counting half (Mann-Whitney).

    Args:
        labels: Zeros and ones, or booleans, (N,).
        scores: Score of the positive class (N,), on any scale.

    Raises:
        ValueError: If one class is absent (the message names it), a score is not finite, or the shapes differ.

    Example:
        >>> auc_score([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8])
        0.875
    """
    from sklearn.metrics import roc_auc_score

    positive = binary_labels(labels)
    return float(roc_auc_score(positive, finite_scores(scores, positive.shape)))


def class_aucs(labels: ArrayLike, scores: ArrayLike, classes: Sequence[str] | None = None) -> Floats:
    """AUC of each class against all others, (K,).

    Args:
        labels: Class indices (N,).
        scores: Scores (N, K).
        classes: Names of the classes, for messages.

    Raises:
        ValueError: If a class has no case, or holds all of them; the message names it.
    """
    from sklearn.metrics import roc_auc_score

    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2:
        raise ValueError(f'scores must have shape (N, K) with two or more classes, got {table.shape}')
    num_classes = table.shape[1]
    indices = class_indices(labels, num_classes)
    names = class_names(classes, num_classes)
    finite_scores(table, (indices.size, num_classes))
    absent = [name for k, name in enumerate(names) if not (indices == k).any()]
    if absent:
        raise ValueError(f'one-vs-rest AUC needs cases of every class, none of {absent} among {indices.size} cases')
    # As labels of several yes-or-no questions: the multi-class form of the function asks for rows that sum to 1.
    return np.asarray(roc_auc_score(np.eye(num_classes)[indices], table, average=None))


def macro_auc(labels: ArrayLike, scores: ArrayLike, classes: Sequence[str] | None = None) -> float:
    """Mean over the classes of the AUC against all others (one-vs-rest, macro); see `class_aucs`.

    Example:
        >>> macro_auc([0, 1, 2], [[0.8, 0.1, 0.1], [0.2, 0.6, 0.2], [0.1, 0.2, 0.7]])
        1.0
    """
    return float(class_aucs(labels, scores, classes).mean())


def auc_word(auc: float) -> str:
    """What an AUC is called: below 0.6 fail, 0.6 poor, 0.7 fair, 0.8 good, from 0.9 on excellent; '' for nan.

    A convention for readers, not a test: it knows nothing of the interval. Limits belong to the better word.

    Args:
        auc: From 0 to 1.

    Raises:
        ValueError: A value outside of 0 to 1.

    References:
        Tape, Interpreting Diagnostic Tests, University of Nebraska Medical Center: the bands of school marks.

    Example:
        >>> auc_word(0.721), auc_word(0.9), auc_word(0.42)
        ('fair', 'excellent', 'fail')
    """
    if math.isnan(auc):
        return ''
    if not 0 <= auc <= 1:
        raise ValueError(f'an AUC lies between 0 and 1, got {auc}')
    return AUC_WORDS[sum(auc >= limit for limit in AUC_LIMITS)]


@dataclass(frozen=True)
class RocCurve:
    """Points of a ROC curve, from (0, 0) to (1, 1).

    Args:
        fpr, tpr: Rates at each point, (P,).
        thresholds: A case is called positive when its score is >= this; the first is infinite, (P,).
    """

    fpr: Floats
    tpr: Floats
    thresholds: Floats

    @property
    def area(self) -> float:
        """Area under the straight lines through the points; equals `auc_score`."""
        return float(trapezoid(self.tpr, self.fpr))


def roc_curve(labels: ArrayLike, scores: ArrayLike) -> RocCurve:
    """The ROC curve with one point per distinct score.

    Args:
        labels: Zeros and ones, or booleans, (N,).
        scores: Score of the positive class (N,).

    Raises:
        ValueError: As `auc_score`.

    Example:
        >>> roc_curve([0, 1], [0.2, 0.7]).tpr.tolist()
        [0.0, 1.0, 1.0]
    """
    from sklearn import metrics

    positive = binary_labels(labels)
    return RocCurve(*metrics.roc_curve(positive, finite_scores(scores, positive.shape), drop_intermediate=False))
