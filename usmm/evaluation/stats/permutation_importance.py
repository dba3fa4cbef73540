"""What a model loses when an input is shuffled between patients, with an interval over patients."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from usmm.evaluation.stats.bootstrap import Indices, cluster_bootstrap
from usmm.evaluation.stats.validation import Floats, class_indices

Metric = Callable[[Indices, Floats], float]


@dataclass(frozen=True)
class Drop:
    """Loss of a metric.

    Args:
        estimate: Mean over the repeats; positive: the model needs the input.
        ci: Interval over patients, by bootstrap, of that mean.
        repeats_se: Standard error of the shuffling alone; more repeats make it smaller.
        full: The metric with everything as it is.
        values: Loss of each repeat.
        method: What was computed.
    """

    estimate: float
    ci: tuple[float, float]
    repeats_se: float
    full: float
    values: tuple[float, ...]
    method: str


def _auc(labels: Indices, scores: Floats, positive: int) -> float:
    counts = np.bincount(labels, minlength=scores.shape[1])
    if not counts.all():
        raise ValueError(f'an AUC needs cases of every class, got {counts.tolist()} per class')
    # Rank sums of all classes at once, not `auc_score`: a bootstrap of 500 draws would take 20 times as long.
    sums = (rankdata(scores, axis=0) * (labels[:, None] == np.arange(scores.shape[1]))).sum(0)
    aucs = (sums - counts * (counts + 1) / 2) / (counts * (len(labels) - counts))
    return float(aucs[positive] if len(aucs) == 2 else aucs.mean())


def _brier(labels: Indices, scores: Floats, positive: int) -> float:
    return -float(((scores - np.eye(scores.shape[1])[labels]) ** 2).sum(1).mean()) / (2 if scores.shape[1] == 2 else 1)


def _log_loss(labels: Indices, scores: Floats, positive: int) -> float:
    chosen = scores[np.arange(len(labels)), labels]
    return float(np.log(np.maximum(chosen, 1e-15)).mean())


def _accuracy(labels: Indices, scores: Floats, positive: int) -> float:
    return float((scores.argmax(1) == labels).mean())


def _balanced(labels: Indices, scores: Floats, positive: int) -> float:
    hits = scores.argmax(1) == labels
    return float(np.mean([hits[labels == k].mean() if (labels == k).any() else math.nan
                          for k in range(scores.shape[1])]))  # fmt: skip


METRICS: dict[str, Callable[[Indices, Floats, int], float]] = {
    'auc': _auc,
    'accuracy': _accuracy,
    'balanced_accuracy': _balanced,
    'brier': _brier,
    'log_loss': _log_loss,
}
"""Higher is better: the Brier score and the log loss are taken with a minus, so that a loss is positive for all."""


def shuffling_drop(
    labels: ArrayLike,
    full: ArrayLike,
    shuffled: ArrayLike,
    patients: ArrayLike,
    metric: str = 'auc',
    positive: int = 1,
    draws: int = 500,
    seed: int = 0,
) -> Drop:
    """Permutation importance of an input: the metric as it is, minus its mean with the input shuffled.

    The interval draws patients with replacement, with their scores as they are and as shuffled.

    Args:
        labels: Class indices (N,).
        full: Probabilities (N, K) with everything as it is.
        shuffled: Probabilities (R, N, K) with the input shuffled, R times.
        patients: Patient of each case (N,).
        metric: A name of `METRICS`.
        positive: Index of the positive class of two, for the AUC.
        draws: Of the bootstrap.
        seed: Of the bootstrap.

    Raises:
        ValueError: An unknown metric, shapes that do not fit each other, or a class without a case.

    References:
        Breiman, Machine Learning 2001. Fisher, Rudin and Dominici, JMLR 2019, eq. 3.

    Example:
        >>> full = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.1, 0.9]])
        >>> shuffling_drop([0, 0, 1, 1], full, full[None, ::-1], list('abcd')).estimate
        1.0
    """
    if metric not in METRICS:
        raise ValueError(f'metric must be one of {list(METRICS)}, got {metric!r}')
    scores, others = np.asarray(full, dtype=float), np.asarray(shuffled, dtype=float)
    if scores.ndim != 2 or others.ndim != 3 or others.shape[1:] != scores.shape or not len(others):
        raise ValueError(f'expected scores (N, K) and shuffled ones (R, N, K), got {scores.shape} and {others.shape}')
    classes = class_indices(labels, scores.shape[1])
    if len(classes) != len(scores):
        raise ValueError(f'{len(scores)} scores need a label each, got {len(classes)}')
    measure = METRICS[metric]

    def value(cases: Indices, table: Floats) -> float:
        return measure(classes[cases], table[cases], positive)

    def drop(cases: Indices) -> float:
        return value(cases, scores) - float(np.mean([value(cases, one) for one in others]))

    everyone = np.arange(len(scores))
    whole = value(everyone, scores)
    values = tuple(whole - value(everyone, one) for one in others)
    interval = cluster_bootstrap(drop, patients, draws=draws, seed=seed)
    se = float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
    return Drop(interval.estimate, interval.ci, se, whole, values, f'{interval.method}, {draws} draws')
