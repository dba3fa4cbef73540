"""Every rate of a confusion matrix with its interval, the patients as clusters: what all reports print.

Rates are of all cases together, whatever fold or seed tested them: calls of several models can be counted together,
which their scores cannot.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from usmm.evaluation.stats.confusion import matrix_rates
from usmm.evaluation.stats.effective_size import (
    combined_limits,
    correlations,
    design_effect,
    effective_size,
    wilson_limits,
)
from usmm.evaluation.stats.validation import Floats, check_confidence, class_indices, group_codes

PROPORTIONS = ('accuracy', 'tpr', 'tnr', 'precision')
DRAWS = 4000
SEED = 0
STEP = 1e-4  # of a share of the cases, for a slope
Cases = NDArray[np.int64]
Patients = Sequence[Hashable] | NDArray[np.generic]


@dataclass(frozen=True)
class Rate:
    """A metric of all cases together, with its interval.

    Args:
        estimate: nan where a denominator is 0.
        ci: None where there is no interval.
        method: How it was made, or why there is none.
    """

    estimate: float
    ci: tuple[float, float] | None
    method: str


def rate_intervals(
    labels: ArrayLike,
    predictions: ArrayLike,
    num_classes: int,
    positive: int | None = None,
    patients: Patients | None = None,
    confidence: float = 0.95,
    ordered: bool = False,
) -> dict[str, Rate]:
    """Accuracy, balanced accuracy, sensitivity, specificity, precision, F1 and MCC with intervals.

    Proportions: Wilson's interval with the effective sample size, so that several cases of a patient count as what they
    are worth. Balanced accuracy and macro means: the limits of the classes combined (MOVER), with the correlation that
    patients with cases of several classes cause. F1 is 2 J / (1 + J) of a proportion J, the hits among the cases that
    are, or are called, positive, and has the limits of J. MCC and kappa: quantiles of the posterior of the confusion
    matrix under a reference prior (Dirichlet, two cases in all), with the effective sample size.

    Args:
        labels, predictions: Class indices (N,).
        num_classes: K.
        positive: tpr, tnr, precision and f1 are those of this class against the rest; None: macro means over classes.
        patients: Of each case (N,); None: each case is a patient of its own.
        confidence: Level of the intervals.
        ordered: The classes are stages in order: adds `quadratic_kappa` and `stage_error`.

    Returns:
        By name: accuracy, balanced_accuracy, tpr, tnr, precision, f1, mcc, and those of `ordered`.

    Raises:
        ValueError: Labels, predictions and patients that do not fit each other, or a positive class that is not there.

    References:
        Wilson, JASA 1927; Kish, Survey Sampling, 1965; Korn and Graubard, Survey Methodology 1998; Newcombe, Statistics
        in Medicine 1998; Zou, Statistics in Medicine 2009; Gelman et al., Bayesian Data Analysis, 2013, section 3.4.

    Example:
        >>> found = rate_intervals([1] * 10 + [0] * 20, [1] * 8 + [0] * 20 + [1] * 2, 2, positive=1)
        >>> found['tpr'].estimate, [round(v, 3) for v in found['tpr'].ci]
        (0.8, [0.49, 0.943])
    """
    check_confidence(confidence)
    true, called = class_indices(labels, num_classes), class_indices(predictions, num_classes, 'predictions')
    if true.shape != called.shape:
        raise ValueError(f'{true.size} labels and {called.size} predictions do not fit each other')
    if positive is not None and not 0 <= positive < num_classes:
        raise ValueError(f'positive must be a class index below {num_classes}, got {positive}')
    groups = np.arange(true.size) if patients is None else group_codes(np.asarray(patients), true.size, 'patients')
    return _Rates(true, called, num_classes, groups, confidence).all(positive, ordered)


class _Rates:
    """The rates of some cases.

    Args:
        true, called, groups: (N,). classes: K. confidence: Of the intervals.
    """

    def __init__(self, true: Cases, called: Cases, classes: int, groups: Cases, confidence: float) -> None:
        self.true, self.called, self.classes, self.groups = true, called, classes, groups
        self.confidence = confidence
        self.repeated = np.unique(groups).size < groups.size
        self.counts = np.zeros((classes, classes))
        np.add.at(self.counts, (true, called), 1)

    def all(self, positive: int | None, ordered: bool) -> dict[str, Rate]:
        of_class = range(self.classes)
        found = {'accuracy': self._share(self.true == self.called, np.ones(self.true.size, bool))}
        found['balanced_accuracy'] = self._mean([self._tpr(k) for k in of_class])
        for name, part in (('tpr', self._tpr), ('tnr', self._tnr), ('precision', self._precision)):
            parts = [part(k) for k in (of_class if positive is None else [positive])]
            found[name] = self._mean(parts) if positive is None else self._share(*parts[0])
        jaccards = [self._jaccard(k) for k in (of_class if positive is None else [positive])]
        found['f1'] = self._f1(jaccards)
        found['mcc'] = self._posterior(lambda counts: matrix_rates(counts)['mcc'], 'mcc')
        if ordered:
            found['quadratic_kappa'] = self._posterior(quadratic_kappa, 'kappa')
            steps = np.abs(self.true - self.called) / (self.classes - 1)
            scaled = self._share(steps, np.ones(steps.size, bool))
            low, high = scaled.ci or (math.nan, math.nan)
            far = self.classes - 1
            found['stage_error'] = Rate(scaled.estimate * far, (low * far, high * far), scaled.method)
        return found

    def _tpr(self, k: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Hits, and the cases among which they are."""
        return self.called == k, self.true == k

    def _tnr(self, k: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        return self.called != k, self.true != k

    def _precision(self, k: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        return self.true == k, self.called == k

    def _jaccard(self, k: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        return (self.true == k) & (self.called == k), (self.true == k) | (self.called == k)

    def _limits(self, values: Floats, groups: Cases) -> tuple[float, float]:
        return wilson_limits(float(values.mean()), effective_size(values, groups, self.confidence), self.confidence)

    def _share(self, hits: NDArray[np.generic], among: NDArray[np.bool_]) -> Rate:
        """A proportion, or a mean of values between 0 and 1, of some of the cases."""
        values = hits[among].astype(np.float64)
        if not values.size:
            return Rate(math.nan, None, 'none: no case to count among')
        several = np.unique(self.groups[among]).size < values.size or not np.isin(values, (0, 1)).all()
        method = 'Wilson, effective sample size' if several else 'Wilson'
        return Rate(float(values.mean()), self._limits(values, self.groups[among]), method)

    def _influence(self, hits: NDArray[np.generic], among: NDArray[np.bool_]) -> Floats:
        values = hits.astype(np.float64)
        return np.where(among, values - values[among].mean(), 0.0) / among.sum()

    def _mean(self, parts: Sequence[tuple[NDArray[np.bool_], NDArray[np.bool_]]]) -> Rate:
        """The mean of a rate over the classes."""
        return self._combined([self._share(*part) for part in parts], parts)

    def _f1(self, parts: Sequence[tuple[NDArray[np.bool_], NDArray[np.bool_]]]) -> Rate:
        rates = []
        for part in parts:
            share = self._share(*part)
            if share.ci is None:
                rates.append(share)
                continue
            estimate, low, high = (2 * j / (1 + j) for j in (share.estimate, *share.ci))
            rates.append(Rate(estimate, (low, high), f'{share.method}, of the Jaccard index'))
        return rates[0] if len(rates) == 1 else self._combined(rates, parts)

    def _combined(self, rates: Sequence[Rate], parts: Sequence[tuple[NDArray[np.bool_], NDArray[np.bool_]]]) -> Rate:
        limits = [rate.ci for rate in rates if rate.ci is not None]
        if len(limits) < len(rates):
            return Rate(math.nan, None, 'none: a class has no value')
        related = correlations(np.stack([self._influence(*part) for part in parts]), self.groups)
        estimates = [rate.estimate for rate in rates]
        low, high = combined_limits(estimates, limits, np.full(len(rates), 1 / len(rates)), related)
        mean = float(np.mean(estimates))
        return Rate(mean, (max(0.0, min(low, mean)), min(1.0, max(high, mean))), 'MOVER of Wilson limits')

    def _posterior(self, statistic: Callable[[Floats], Floats], name: str) -> Rate:
        """A function of the whole matrix: its quantiles over the matrices that the counts leave likely."""
        with np.errstate(divide='ignore', invalid='ignore'):
            estimate = float(statistic(self.counts))
        if not math.isfinite(estimate):
            return Rate(math.nan, None, f'none: all labels or all calls are of one class, so there is no {name}')
        slopes = self._slopes(statistic)[self.true, self.called]
        size = self.true.size / design_effect(slopes, self.groups, self.confidence)
        rng = np.random.default_rng(SEED)
        prior = 2 / self.classes**2
        drawn = rng.dirichlet(self.counts.reshape(-1) * size / self.true.size + prior, DRAWS)
        values = statistic(drawn.reshape(DRAWS, self.classes, self.classes))
        tail = (1 - self.confidence) / 2
        low, high = np.quantile(values[np.isfinite(values)], [tail, 1 - tail])
        method = 'posterior, reference prior' + (', effective sample size' if self.repeated else '')
        return Rate(estimate, (float(min(low, estimate)), float(max(high, estimate))), method)

    def _slopes(self, statistic: Callable[[Floats], Floats]) -> Floats:
        """By how much the statistic grows with each cell (K, K): what a case in it adds."""
        shares = (self.counts + 0.5 / self.classes**2) / (self.counts.sum() + 0.5)
        found = np.empty_like(shares)
        for cell in np.ndindex(*shares.shape):
            up, down = shares.copy(), shares.copy()
            step = STEP * min(1.0, shares[cell] * 100)
            up[cell] += step
            down[cell] -= step
            found[cell] = (float(statistic(up)) - float(statistic(down))) / (2 * step)
        return found


def quadratic_kappa(counts: Floats) -> Floats:
    """Quadratic kappa of confusion matrices (..., K, K), which may hold weights; nan where all is of one class."""
    total = counts.sum((-2, -1))
    distance = np.abs(np.subtract.outer(np.arange(counts.shape[-1]), np.arange(counts.shape[-1])))
    chance = counts.sum(-1)[..., :, None] * counts.sum(-2)[..., None, :] / total[..., None, None]
    with np.errstate(divide='ignore', invalid='ignore'):
        return np.asarray(1 - (distance**2 * counts).sum((-2, -1)) / (distance**2 * chance).sum((-2, -1)))


def mean_interval(
    values: ArrayLike, patients: Patients | None = None, most: float = 1.0, confidence: float = 0.95
) -> Rate:
    """Mean of values between 0 and `most` with an interval: a Brier score, an error in stages.

    Args:
        values: Of each case (N,).
        patients: Of each case (N,); None: each case is a patient of its own.
        most: The largest possible value.
        confidence: Level of the interval.

    Raises:
        ValueError: A value outside of [0, most], no values, or `most` not above 0.

    Example:
        >>> rate = mean_interval([0.1, 0.2, 0.1, 0.4])
        >>> round(rate.estimate, 3), [round(v, 3) for v in rate.ci]
        (0.2, [0.063, 0.483])
    """
    if not most > 0:
        raise ValueError(f'the largest possible value must be above 0, got {most}')
    row = np.asarray(values, dtype=np.float64) / most
    size = effective_size(row, None if patients is None else np.asarray(patients), confidence)
    low, high = wilson_limits(float(row.mean()), size, confidence)
    return Rate(float(row.mean()) * most, (low * most, high * most), 'Wilson, effective sample size')


def limits_of(rates: Mapping[str, Rate]) -> dict[str, tuple[float, float]]:
    """The intervals of those that have one."""
    return {name: rate.ci for name, rate in rates.items() if rate.ci is not None}
