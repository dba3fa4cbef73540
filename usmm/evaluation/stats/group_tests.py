"""Does a variable differ between groups: the test is chosen as papers choose it, and the result says which and why."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import SupportsFloat

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from usmm.evaluation.stats.validation import Floats

NOT_TESTED = 'not tested'
LEAST = 3  # numbers that every group must have: the normality test needs them
DRAWS = 20_000
EXPECTED = 5.0
SMALL, EXACT = 10, 50  # values of a group below which Mann-Whitney's p value is exact


@dataclass(frozen=True)
class GroupTest:
    """A variable compared between groups.

    Args:
        test: Name of the test, or `'not tested'`.
        statistic, pvalue: Of the test, two-sided; nan where there was none.
        reason: Why this test was chosen, or why there was none.
        counts: Group -> cases with a value.
        missing: Group -> cases without one.
        normal: Whether every group passed the normality test; None for categories and where it was not asked.
    """

    test: str
    statistic: float
    pvalue: float
    reason: str
    counts: dict[str, int]
    missing: dict[str, int]
    normal: bool | None = None

    @property
    def tested(self) -> bool:
        """Whether there is a p value."""
        return not math.isnan(self.pvalue)


def compare_numbers(
    values: ArrayLike, groups: Sequence[Hashable], alpha: float = 0.05, equal_variances: bool = False
) -> GroupTest:
    """Compare a number between groups.

    Shapiro-Wilk in every group first. Normal everywhere: Welch's t test, or Welch's analysis of variance from three
    groups on (with `equal_variances`: Student's t test, one-way analysis of variance). Else: Mann-Whitney U, or
    Kruskal-Wallis. Mann-Whitney U is exact without ties where a group has fewer than 10 values, or both fewer than 50.

    Args:
        values: (N,), nan where missing.
        groups: (N,) the group of each case; groups stand in the result sorted by name.
        alpha: A group with a Shapiro-Wilk p value below this is not normal.
        equal_variances: Assume that the groups have one variance.

    Raises:
        ValueError: Lists of different lengths, infinite values, a case without a group, or alpha outside (0, 1).

    References:
        Meng et al., IEEE TMI 2022, table II (t test or Mann-Whitney U).

    Example:
        >>> result = compare_numbers([1, 2, 3, 4, 5, 6, 7, 60], ['a'] * 4 + ['b'] * 4)
        >>> result.test, round(result.pvalue, 4)
        ('Mann-Whitney U, exact', 0.0286)
        >>> result.reason
        'not normal in b (Shapiro-Wilk p < 0.05)'
    """
    x = np.asarray(values, dtype=np.float64)
    if not 0 < alpha < 1:
        raise ValueError(f'alpha must lie between 0 and 1, got {alpha}')
    if np.isinf(x).any():
        raise ValueError(f'values must be finite or nan, got {int(np.isinf(x).sum())} infinite')
    samples, counts, missing = _by_group(x, ~np.isnan(x), groups)
    refusal = _refusal(samples, counts, LEAST)
    if refusal is not None:
        return GroupTest(NOT_TESTED, math.nan, math.nan, refusal, counts, missing)
    skewed = [name for name, sample in samples.items() if shapiro_pvalue(sample) < alpha]
    if skewed:
        reason = f'not normal in {", ".join(skewed)} (Shapiro-Wilk p < {alpha:g})'
        name, statistic, pvalue = _by_ranks([*samples.values()])
    else:
        reason = f'normal in every group (Shapiro-Wilk p >= {alpha:g})'
        name, statistic, pvalue = _by_means([*samples.values()], equal_variances)
    return GroupTest(name, statistic, pvalue, reason, counts, missing, normal=not skewed)


def compare_categories(
    values: Sequence[Hashable | None], groups: Sequence[Hashable], yates: bool = False, seed: int = 0
) -> GroupTest:
    """Compare a category between groups.

    Pearson's chi-squared test where every expected count is 5 or more; else Fisher's exact test. Beyond 2 x 2 its p
    value (Freeman and Halton) is estimated from 20,000 random tables with the same margins, a share that never is 0.

    Args:
        values: (N,) categories, None (or nan) where missing.
        groups: (N,) the group of each case.
        yates: Correct a 2 x 2 chi-squared for continuity.
        seed: Of the random tables.

    Returns:
        The statistic is chi-squared, or the odds ratio of a 2 x 2 table (groups in rows, both sorted by name), or nan.

    Raises:
        ValueError: Lists of different lengths, or a case without a group.

    Example:
        >>> result = compare_categories(['F', 'F', 'F', 'M', 'M', 'M'], ['a', 'a', 'a', 'b', 'b', 'b'])
        >>> result.test, round(result.pvalue, 4)
        ("Fisher's exact", 0.1)
    """
    known = np.array([v is not None and v == v for v in values], dtype=bool)
    texts = np.array([str(v) for v in values], dtype=object)
    samples, counts, missing = _by_group(texts, known, groups)
    refusal = _refusal(samples, counts, 1)
    if refusal is not None:
        return GroupTest(NOT_TESTED, math.nan, math.nan, refusal, counts, missing)
    levels = sorted({v for sample in samples.values() for v in sample})
    table = np.array([[int((sample == level).sum()) for level in levels] for sample in samples.values()])
    least = float(stats.contingency.expected_freq(table).min())
    if least >= EXPECTED:
        chi2, pvalue, _, _ = stats.chi2_contingency(table, correction=yates)
        corrected = ', continuity correction' if yates and table.shape == (2, 2) else ''
        reason = f'every expected count is {EXPECTED:g} or more'
        return GroupTest(f'chi-squared{corrected}', float(chi2), float(pvalue), reason, counts, missing)
    reason = f'the smallest expected count is {least:.2g}, below {EXPECTED:g}'
    if table.shape == (2, 2):
        fisher = _numbers(stats.fisher_exact(table))
        return GroupTest("Fisher's exact", *fisher, reason, counts, missing)
    reason += f'; {table.shape[0]} x {table.shape[1]}: estimated from {DRAWS} random tables, seed {seed}'
    return GroupTest("Fisher's exact", math.nan, fisher_pvalue(table, seed=seed), reason, counts, missing)


def fisher_pvalue(table: ArrayLike, draws: int = DRAWS, seed: int = 0) -> float:
    """Fisher's test of a table of any size, by random tables with the same margins.

    Args:
        table: Counts (R, C).
        draws: Number of random tables; the standard error of p = 0.05 is 0.0015 with 20,000.
        seed: Of the draws.

    References:
        Freeman and Halton, Biometrika 1951; Phipson and Smyth, 2010 (1 is added to both counts).

    Example:
        >>> round(fisher_pvalue([[3, 0, 1], [0, 4, 2]]), 2)  # 7 / 210
        0.03
    """
    counts = np.asarray(table)
    tables = stats.random_table(counts.sum(1), counts.sum(0))
    drawn = tables.logpmf(tables.rvs(size=draws, random_state=np.random.default_rng(seed)))
    # A table as likely as the observed one counts, whatever the last bits of its logarithm are.
    return (1 + int((drawn <= tables.logpmf(counts) + 1e-7).sum())) / (1 + draws)


def shapiro_pvalue(sample: ArrayLike) -> float:
    """Shapiro-Wilk's p value; 0 for a constant, which no normal distribution gives."""
    x = np.asarray(sample, dtype=np.float64)
    return 0.0 if np.ptp(x) == 0 else float(stats.shapiro(x).pvalue)


def _by_means(samples: list[Floats], equal_variances: bool) -> tuple[str, float, float]:
    if len(samples) == 2:
        name = 't' if equal_variances else "Welch's t"
        return name, *_numbers(stats.ttest_ind(samples[0], samples[1], equal_var=equal_variances))
    if equal_variances:
        return 'ANOVA', *_numbers(stats.f_oneway(*samples))
    return "Welch's ANOVA", *welch_anova(samples)


def _by_ranks(samples: list[Floats]) -> tuple[str, float, float]:
    if len(samples) == 2:
        both = np.concatenate(samples)
        sizes = [sample.size for sample in samples]
        # as R's wilcox.test, and also where one group alone is small; scipy's own choice is exact up to 8 only
        exact = np.unique(both).size == both.size and (min(sizes) < SMALL or max(sizes) < EXACT)
        found = stats.mannwhitneyu(samples[0], samples[1], method='exact' if exact else 'asymptotic')
        return 'Mann-Whitney U' + (', exact' if exact else ''), *_numbers(found)
    return 'Kruskal-Wallis', *_numbers(stats.kruskal(*samples))


def _numbers(result: Iterable[SupportsFloat]) -> tuple[float, float]:
    statistic, pvalue = result
    return float(statistic), float(pvalue)


def _by_group(
    values: NDArray, known: NDArray[np.bool_], groups: Sequence[Hashable]
) -> tuple[dict[str, NDArray], dict[str, int], dict[str, int]]:
    """Group -> its known values, how many they are, how many are missing."""
    if values.ndim != 1 or len(values) != len(groups):
        raise ValueError(f'values and groups must be lists of one length, got {values.shape} and {len(groups)}')
    if any(g is None or g != g for g in groups):
        raise ValueError('every case must have a group: leave out cases without one')
    names = np.array([str(g) for g in groups], dtype=object)
    inside = {name: names == name for name in sorted(set(names))}
    counts = {name: int((mask & known).sum()) for name, mask in inside.items()}
    missing = {name: int((mask & ~known).sum()) for name, mask in inside.items()}
    return {name: values[mask & known] for name, mask in inside.items()}, counts, missing


def _refusal(samples: dict[str, NDArray], counts: dict[str, int], least: int) -> str | None:
    """Why there can be no test."""
    if len(samples) < 2:
        return f'a comparison needs 2 or more groups, got {list(samples)}'
    if not any(counts.values()):
        return 'no value is known'
    few = [f'{name} ({count})' if least > 1 else name for name, count in counts.items() if count < least]
    if few:
        return (
            f'fewer than {least} known values in {", ".join(few)}'
            if least > 1
            else f'no known value in {", ".join(few)}'
        )
    distinct = {v for sample in samples.values() for v in sample.tolist()}
    return f'all values are {distinct.pop()}' if len(distinct) == 1 else None


def welch_anova(samples: Sequence[ArrayLike]) -> tuple[float, float]:
    """F statistic and p value; with two samples, those of Welch's t test (F = t squared).

    Args:
        samples: Two or more samples of two or more numbers each, none constant.

    Raises:
        ValueError: Fewer samples, fewer numbers, or a constant sample.

    References:
        Welch, Biometrika 1951.

    Example:
        >>> f, p = welch_anova([[1, 2, 3], [2, 4, 6], [5, 6, 10]])
        >>> round(f, 3), round(p, 3)
        (4.41, 0.113)
    """
    from statsmodels.stats.oneway import anova_oneway

    rows = [np.asarray(s, dtype=np.float64) for s in samples]
    if len(rows) < 2 or any(len(r) < 2 or np.ptp(r) == 0 for r in rows):
        raise ValueError('expected two or more samples, each of two or more numbers that differ')
    found = anova_oneway(rows, use_var='unequal', welch_correction=True)
    return float(found.statistic), float(found.pvalue)
