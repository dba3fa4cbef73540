"""p values of many tests, adjusted for their number."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from usmm.evaluation.stats.validation import Floats

ADJUSTMENTS = {'holm': 'holm', 'bonferroni': 'bonferroni', 'benjamini_hochberg': 'fdr_bh'}
"""Name of each method, and its name in statsmodels."""


def _check(pvalues: ArrayLike) -> Floats:
    values = np.asarray(pvalues, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f'p values must be a row of one or more, got shape {values.shape}')
    outside = (values < 0) | (values > 1)
    if outside.any():
        raise ValueError(f'p values must lie in 0..1, got {values[outside].tolist()}')
    return values


def adjust_pvalues(pvalues: ArrayLike, method: str = 'holm') -> Floats:
    """Adjusted p values, in the order given: below alpha means significant with all tests taken together.

    A p value of nan (a test that does not exist) stays nan and is not counted among the tests.

    Args:
        pvalues: (T,).
        method: `'holm'` and `'bonferroni'` hold the chance of any false alarm (Holm's is never weaker);
            `'benjamini_hochberg'` holds the share of false alarms among the alarms, for independent or positively
            dependent tests.

    Raises:
        ValueError: If the method is unknown, there is no p value, or one lies outside 0..1.

    References:
        Holm, Scandinavian Journal of Statistics 1979; Benjamini and Hochberg, Journal of the Royal Statistical Society
        B 1995.

    Example:
        >>> adjust_pvalues([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.06, 0.06]
    """
    from statsmodels.stats.multitest import multipletests

    if method not in ADJUSTMENTS:
        raise ValueError(f'method must be one of {tuple(ADJUSTMENTS)}, got {method!r}')
    values = _check(pvalues)
    known = ~np.isnan(values)
    adjusted = np.full_like(values, np.nan)
    if known.any():
        adjusted[known] = multipletests(values[known], method=ADJUSTMENTS[method])[1]
    return adjusted


def holm(pvalues: ArrayLike) -> Floats:
    """Holm's step-down adjustment; see `adjust_pvalues`.

    Example:
        >>> holm([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.06, 0.06]
    """
    return adjust_pvalues(pvalues, 'holm')
