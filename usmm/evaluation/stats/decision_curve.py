"""Decision curve: what a model gains over treating all or none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from usmm.evaluation.stats.validation import Floats, binary_labels, class_probabilities


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit at each threshold probability, in true positives per case.

    Args:
        thresholds: (T,).
        model: Of treating the cases whose probability is >= the threshold, (T,).
        treat_all, treat_none: Of treating every case, and no case (0), (T,).
        prevalence: Share of positives.
    """

    thresholds: Floats
    model: Floats
    treat_all: Floats
    treat_none: Floats
    prevalence: float


def decision_curve(labels: ArrayLike, probabilities: ArrayLike, thresholds: ArrayLike | None = None) -> DecisionCurve:
    """Net benefit TP / N - FP / N * t / (1 - t) over threshold probabilities t.

    Args:
        labels: Zeros and ones, or booleans, (N,).
        probabilities: Of the positive class (N,), or of both (N, 2).
        thresholds: Within (0, 1), (T,); None: 0.01 to 0.99 by 0.01.

    Raises:
        ValueError: If one class is absent, there are more than two, probabilities are not such, or a threshold is not
            within (0, 1).

    References:
        Vickers and Elkin, Medical Decision Making 2006.

    Example:
        >>> curve = decision_curve([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.8], thresholds=[0.5])
        >>> curve.model.tolist(), curve.treat_all.tolist()
        ([0.0], [0.0])
    """
    table = class_probabilities(labels, probabilities)[1]
    if table.shape[1] != 2:
        raise ValueError(f'a decision curve is of two classes, got probabilities of {table.shape[1]}')
    positive = binary_labels(labels)
    levels = np.arange(1, 100) / 100 if thresholds is None else np.asarray(thresholds, dtype=np.float64)
    if levels.ndim != 1 or levels.size == 0 or not ((levels > 0) & (levels < 1)).all():
        raise ValueError(f'thresholds must be a row of numbers within (0, 1), got {levels.tolist()}')
    true, false = (_called(table[chosen, 1], levels) / positive.size for chosen in (positive, ~positive))
    odds = levels / (1 - levels)
    share = float(positive.mean())
    return DecisionCurve(levels, true - false * odds, share - (1 - share) * odds, np.zeros_like(levels), share)


def _called(probabilities: Floats, levels: Floats) -> Floats:
    """Number of probabilities at or above each level."""
    return probabilities.size - np.searchsorted(np.sort(probabilities), levels).astype(np.float64)
