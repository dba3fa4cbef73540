"""Intraclass correlation: how well repeated readings of the same subjects agree, in its six forms."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import f as f_distribution

from usmm.evaluation.stats.validation import Floats, check_confidence

# Name by Shrout and Fleiss -> name by McGraw and Wong, what the readings are, what is asked.
FORMS = {
    'ICC(1,1)': ('ICC(1)', 'one-way random effects, single reading'),
    'ICC(2,1)': ('ICC(A,1)', 'two-way random effects, absolute agreement, single reading'),
    'ICC(3,1)': ('ICC(C,1)', 'two-way mixed effects, consistency, single reading'),
    'ICC(1,k)': ('ICC(k)', 'one-way random effects, mean of k readings'),
    'ICC(2,k)': ('ICC(A,k)', 'two-way random effects, absolute agreement, mean of k readings'),
    'ICC(3,k)': ('ICC(C,k)', 'two-way mixed effects, consistency, mean of k readings'),
}
_SHORT = {name: key for key, (short, _) in FORMS.items() for name in (key, short)}


@dataclass(frozen=True)
class MeanSquares:
    """Mean squares of a subjects x readers table without repeats.

    Args:
        subjects, readers, error, within: Mean squares between subjects, between readers, of the residual, and within
            subjects (readers and residual together).
        n, k: Numbers of subjects and of readers.
    """

    subjects: float
    readers: float
    error: float
    within: float
    n: int
    k: int


@dataclass(frozen=True)
class Icc:
    """An intraclass correlation with its interval and the F test of "no correlation".

    Args:
        form: Name of the form by Shrout and Fleiss, then by McGraw and Wong.
        method: What the form means, in words.
        estimate: The coefficient; below 0 where subjects differ less than readings of one subject.
        ci: Confidence interval.
        confidence: Its level.
        statistic, df, pvalue: The F test.
        subjects, readers: Size of the table.
    """

    form: str
    method: str
    estimate: float
    ci: tuple[float, float]
    confidence: float
    statistic: float
    df: tuple[int, int]
    pvalue: float
    subjects: int
    readers: int


def mean_squares(ratings: ArrayLike) -> MeanSquares:
    """The two-way analysis of variance of a table of readings.

    Args:
        ratings: (subjects, readers), complete.

    Raises:
        ValueError: Fewer than two subjects or readers, or a value that is missing.
    """
    x = np.asarray(ratings, dtype=np.float64)
    if x.ndim != 2 or min(x.shape) < 2:
        raise ValueError(f'ratings must be (subjects, readers), two or more of each, got shape {x.shape}')
    if not np.isfinite(x).all():
        rows = np.flatnonzero(~np.isfinite(x).all(1))
        raise ValueError(f'every reader must have a value of every subject; rows {rows[:5].tolist()} have gaps')
    n, k = x.shape
    rounding = 1e-12 * float(np.ptp(x)) + 1e-15 * float(np.abs(x).max())
    x = x - x.mean()
    of_subjects, of_readers = x.mean(1, keepdims=True), x.mean(0, keepdims=True)
    rest = _squares(x - of_subjects - of_readers, rounding)
    return MeanSquares(
        subjects=k * _squares(of_subjects, rounding) / (n - 1),
        readers=n * _squares(of_readers, rounding) / (k - 1),
        error=rest / ((n - 1) * (k - 1)),
        within=_squares(x - of_subjects, rounding) / (n * (k - 1)),
        n=n,
        k=k,
    )


def icc(ratings: ArrayLike, form: str = 'ICC(A,1)', confidence: float = 0.95) -> Icc:
    """One form of the intraclass correlation.

    Readings that all agree give 1 with the interval (1, 1). Readers that each give all subjects one value of their own
    have an absolute agreement of 0 without an interval. Where no subject and no reading differs from another, the
    coefficient does not exist: everything is nan.

    Args:
        ratings: (subjects, readers), complete: for instance the pixels in a box, drawn by two readers.
        form: A name by Shrout and Fleiss (`'ICC(2,1)'`) or by McGraw and Wong (`'ICC(A,1)'`).
        confidence: Level of the interval.

    Raises:
        ValueError: An unknown form, a table with gaps, or fewer than two subjects or readers.

    References:
        Shrout and Fleiss, Psychological Bulletin 1979; McGraw and Wong, Psychological Methods 1996 (intervals, tables
        4 and 7, with their correction in volume 1, page 390).

    Example:
        >>> ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
        >>> result = icc(ratings, 'ICC(2,1)')
        >>> round(result.estimate, 2), result.form
        (0.29, 'ICC(2,1) = ICC(A,1)')
    """
    if form not in _SHORT:
        raise ValueError(f'form must be one of {sorted(_SHORT)}, got {form!r}')
    check_confidence(confidence)
    name = _SHORT[form]
    squares = mean_squares(ratings)
    n, k = squares.n, squares.k
    one_way = name[4] == '1'
    noise, df = (squares.within, (n - 1, n * (k - 1))) if one_way else (squares.error, (n - 1, (n - 1) * (k - 1)))
    statistic = _divide(squares.subjects, noise)
    low, single, high = _agreement(squares, confidence) if name[4] == '2' else _from_f(statistic, df, k, confidence)
    values = [_mean_of(r, k) if name[6] == 'k' else r for r in (single, low, high)]
    pvalue = float(f_distribution.sf(statistic, *df))
    short, method = FORMS[name]
    return Icc(f'{name} = {short}', method, values[0], (values[1], values[2]), confidence, statistic, df, pvalue, n, k)


def all_iccs(ratings: ArrayLike, confidence: float = 0.95) -> dict[str, Icc]:
    """All six forms, by their names by Shrout and Fleiss."""
    return {name: icc(ratings, name, confidence) for name in FORMS}


def _from_f(statistic: float, df: tuple[int, int], k: int, confidence: float) -> tuple[float, float, float]:
    """Lower limit, estimate and upper limit of a single reading, of a form that depends on F alone."""
    if not math.isfinite(statistic):
        value = 1.0 if statistic > 0 else math.nan
        return value, value, value
    tail = 0.5 + confidence / 2
    low = statistic / float(f_distribution.ppf(tail, *df))
    high = statistic * float(f_distribution.ppf(tail, df[1], df[0]))
    return _of_ratio(low, k), _of_ratio(statistic, k), _of_ratio(high, k)


def _agreement(m: MeanSquares, confidence: float) -> tuple[float, float, float]:
    """The same for absolute agreement, where the readers' variance counts too (Satterthwaite's degrees of freedom)."""
    n, k = m.n, m.k
    estimate = _divide(m.subjects - m.error, m.subjects + (k - 1) * m.error + k * (m.readers - m.error) / n)
    if not estimate < 1:
        return estimate, estimate, estimate
    a = k * estimate / (n * (1 - estimate))
    b = 1 + a * (n - 1)
    noise = a * m.readers, b * m.error
    if not any(noise):  # no subject differs from another and no reading strays: only readers differ
        return math.nan, estimate, math.nan
    df = sum(noise) ** 2 / (noise[0] ** 2 / (k - 1) + noise[1] ** 2 / ((n - 1) * (k - 1)))
    tail = 0.5 + confidence / 2
    lower, upper = float(f_distribution.ppf(tail, n - 1, df)), float(f_distribution.ppf(tail, df, n - 1))
    pooled = k * m.readers + (k * n - k - n) * m.error
    low = n * (m.subjects - lower * m.error) / (lower * pooled + n * m.subjects)
    high = n * (upper * m.subjects - m.error) / (pooled + n * upper * m.subjects)
    return low, estimate, high


def _of_ratio(ratio: float, k: int) -> float:
    return (ratio - 1) / (ratio + k - 1)


def _mean_of(single: float, k: int) -> float:
    """Spearman and Brown: from one reading to the mean of k."""
    bottom = 1 + (k - 1) * single
    return -math.inf if bottom <= 0 else k * single / bottom


def _squares(values: Floats, rounding: float) -> float:
    """Sum of squares, exactly 0 where it is only rounding."""
    total = float(np.square(values).sum())
    return total if total > values.size * rounding**2 else 0.0


def _divide(top: float, bottom: float) -> float:
    if bottom == 0:
        return math.nan if top == 0 else math.copysign(math.inf, top)
    return top / bottom
