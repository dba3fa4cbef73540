"""Two kinds of models compared over the folds of a cross-validation, whose training sets overlap."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t

from usmm.evaluation.stats.validation import check_confidence


@dataclass(frozen=True)
class ResampledTest:
    """A paired comparison over folds.

    Args:
        estimate: Mean difference.
        se: Its standard error, with the overlap of the training sets.
        df: Folds less 1.
        statistic: estimate / se; 0 where both are 0.
        pvalue: Two-sided p value.
        ci: Confidence interval of the mean difference; nan where all folds differ by the same amount.
        confidence: Its level.
        folds: Number of differences.
        method: What was computed.
    """

    estimate: float
    se: float
    df: int
    statistic: float
    pvalue: float
    ci: tuple[float, float]
    confidence: float
    folds: int
    method: str


def corrected_resampled_test(
    differences: ArrayLike, tested: float, trained: float, confidence: float = 0.95
) -> ResampledTest:
    """Corrected resampled t test of the differences of two kinds of models, fold by fold.

    It asks whether one kind of model would be better if both were trained again, on other patients of the same kind.
    The folds share most of their training cases, so that their differences vary less than those of trainings on new
    patients would; the variance of the mean, S^2 / J, is raised by tested / trained of S^2.

    Args:
        differences: Of each fold, of all repeats of the cross-validation (J,).
        tested, trained: Cases (or patients) of the test and of the training part of a fold.
        confidence: Level of the interval.

    Raises:
        ValueError: Fewer than two folds, a difference that is not finite, or no cases.

    References:
        Nadeau and Bengio, Machine Learning 2003, equation 9; over repeated cross-validation: Bouckaert and Frank, PAKDD
        2004.

    Example:
        >>> found = corrected_resampled_test([0.02, 0.03, 0.01, 0.04, 0.02], tested=20, trained=80)
        >>> round(found.statistic, 3), round(found.pvalue, 3)
        (3.138, 0.035)
    """
    level = 0.5 + check_confidence(confidence) / 2
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or values.size < 2:
        raise ValueError(f'two or more folds are needed, got differences of shape {values.shape}')
    if not np.isfinite(values).all():
        raise ValueError(f'differences must be finite, got {values[~np.isfinite(values)][0]}')
    if not (tested > 0 and trained > 0):
        raise ValueError(f'a fold has cases to test and to train with, got {tested} and {trained}')
    mean, df = float(values.mean()), values.size - 1
    # equal differences differ by rounding
    variance = 0.0 if np.ptp(values) <= 1e-12 else float(values.var(ddof=1))
    se = math.sqrt((1 / values.size + tested / trained) * variance)
    if se > 0:
        statistic = mean / se
        pvalue = float(2 * t.sf(abs(statistic), df))
    elif mean == 0:
        statistic, pvalue = 0.0, 1.0
    else:
        warnings.warn('all folds differ by the same amount: the test does not exist here', stacklevel=2)
        statistic = pvalue = math.nan
    half = float(t.ppf(level, df)) * se if se > 0 else math.nan
    method = f'corrected resampled t (Nadeau and Bengio), {values.size} folds'
    return ResampledTest(mean, se, df, statistic, pvalue, (mean - half, mean + half), confidence, values.size, method)
