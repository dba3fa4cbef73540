from __future__ import annotations

import itertools
import math
from itertools import permutations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.oneway import anova_oneway
from statsmodels.stats.weightstats import ttest_ind

from usmm.evaluation.stats.group_tests import (
    compare_categories,
    compare_numbers,
    fisher_pvalue,
    shapiro_pvalue,
    welch_anova,
)

NORMAL = [stats.norm.ppf((np.arange(n) + 0.5) / n) * s + m for n, s, m in ((20, 1, 0), (15, 3, 1), (25, 2, 2))]
SKEWED = [np.exp(x) for x in NORMAL]


def stack(samples: list[np.ndarray]) -> tuple[np.ndarray, list[str]]:
    return np.concatenate(samples), [f'g{i}' for i, s in enumerate(samples) for _ in s]


def of_table(table: list[list[int]]) -> tuple[list[str], list[str]]:
    cells = [(f'v{j}', f'g{i}') for i, row in enumerate(table) for j, count in enumerate(row) for _ in range(count)]
    return [v for v, _ in cells], [g for _, g in cells]


@pytest.mark.parametrize(('equal', 'name', 'usevar'), [(False, "Welch's t", 'unequal'), (True, 't', 'pooled')])
def test_two_normal_groups(equal: bool, name: str, usevar: str) -> None:
    result = compare_numbers(*stack(NORMAL[:2]), equal_variances=equal)
    statistic, pvalue, _ = ttest_ind(*NORMAL[:2], usevar=usevar)
    assert (result.test, result.normal) == (name, True)
    assert (result.statistic, result.pvalue) == pytest.approx((statistic, pvalue))
    assert result.reason == 'normal in every group (Shapiro-Wilk p >= 0.05)' and result.tested


def test_three_normal_groups() -> None:
    result = compare_numbers(*stack(NORMAL))
    assert result.test == "Welch's ANOVA"
    assert (result.statistic, result.pvalue) == pytest.approx(welch_anova(NORMAL))  # checked in test_welch.py
    same = compare_numbers(*stack(NORMAL), equal_variances=True)
    expected = anova_oneway(NORMAL, use_var='equal')
    assert same.test == 'ANOVA'
    assert (same.statistic, same.pvalue) == pytest.approx((expected.statistic, expected.pvalue))


def test_two_skewed_groups_by_counting_pairs() -> None:
    first, second = SKEWED[:2]
    result = compare_numbers(*stack([first, second]))
    pairs = sum(float(a > b) + 0.5 * float(a == b) for a in first for b in second)
    assert result.test.startswith('Mann-Whitney U') and result.statistic == pytest.approx(pairs)
    assert result.normal is False
    assert result.test == 'Mann-Whitney U, exact'
    # six copies of every value: ties, and the normal approximation with continuity correction, written out
    tied = compare_numbers(*stack([np.tile(first, 6), np.tile(second, 6)]))
    m, n = 6 * len(first), 6 * len(second)
    size, copies = m + n, 6
    variance = m * n / 12 * (size + 1 - len({*first, *second}) * (copies**3 - copies) / (size * (size - 1)))
    z = (abs(36 * pairs - m * n / 2) - 0.5) / math.sqrt(variance)
    assert tied.test == 'Mann-Whitney U' and tied.pvalue == pytest.approx(2 * stats.norm.sf(z))
    assert result.reason == 'not normal in g0, g1 (Shapiro-Wilk p < 0.05)'


def test_three_skewed_groups_by_ranks() -> None:
    values, groups = stack([*NORMAL[:2], SKEWED[2]])
    result = compare_numbers(values, groups)
    ranks, names = stats.rankdata(values), np.array(groups)
    n = len(values)
    h = 12 / (n * (n + 1)) * sum(ranks[names == g].sum() ** 2 / (names == g).sum() for g in set(groups)) - 3 * (n + 1)
    assert result.test == 'Kruskal-Wallis' and 'not normal in g2 (' in result.reason
    assert (result.statistic, result.pvalue) == pytest.approx((h, stats.chi2.sf(h, 2)))


def test_missing_numbers_are_counted_and_left_out() -> None:
    values, groups = stack(NORMAL[:2])
    holes = np.concatenate([values, [math.nan] * 3])
    result = compare_numbers(holes, [*groups, 'g0', 'g1', 'g1'])
    assert result.counts == {'g0': 20, 'g1': 15} and result.missing == {'g0': 1, 'g1': 2}
    assert result.pvalue == compare_numbers(values, groups).pvalue


def test_false_alarms_are_as_many_as_promised() -> None:
    rng = np.random.default_rng(0)
    groups = ['a'] * 15 + ['b'] * 25
    alarms = dict.fromkeys(('normal', 'exponential'), 0)
    for draw in alarms:
        sampler = getattr(rng, draw)
        alarms[draw] = sum(compare_numbers(sampler(size=40), groups).pvalue < 0.05 for _ in range(1000))
    assert all(32 <= count <= 68 for count in alarms.values()), alarms  # 50 +- 2.6 standard errors of 6.9


def test_chi_squared_by_hand() -> None:
    table = [[20, 30, 10], [25, 15, 20]]
    result = compare_categories(*of_table(table))
    t = np.array(table)
    expected = t.sum(1, keepdims=True) * t.sum(0) / t.sum()
    chi2 = float(((t - expected) ** 2 / expected).sum())
    assert (result.test, result.reason) == ('chi-squared', 'every expected count is 5 or more')
    assert (result.statistic, result.pvalue) == pytest.approx((chi2, stats.chi2.sf(chi2, 2)))


def test_continuity_correction_by_hand() -> None:
    table = [[12, 8], [5, 15]]
    plain, corrected = compare_categories(*of_table(table)), compare_categories(*of_table(table), yates=True)
    chi2 = 40 * (abs(12 * 15 - 8 * 5) - 20) ** 2 / (20 * 20 * 17 * 23)
    assert plain.test == 'chi-squared' and plain.statistic == pytest.approx(40 * 140**2 / (20 * 20 * 17 * 23))
    assert corrected.test == 'chi-squared, continuity correction' and corrected.statistic == pytest.approx(chi2)


def test_the_lady_tasting_tea() -> None:
    # Fisher, The Design of Experiments, 1935: 3 of 4 right; two-sided p = 34/70.
    result = compare_categories(*of_table([[3, 1], [1, 3]]))
    assert result.test == "Fisher's exact" and result.pvalue == pytest.approx(34 / 70)
    assert result.statistic == 9  # odds ratio
    assert result.reason == 'the smallest expected count is 2, below 5'


def test_expected_count_of_exactly_five() -> None:
    assert compare_categories(*of_table([[7, 3], [3, 7]])).test == 'chi-squared'


def test_fisher_of_a_larger_table_is_the_published_value() -> None:
    # Agresti, Categorical Data Analysis, job satisfaction by income; R's help of fisher.test gives p = 0.7827.
    job = [[1, 3, 10, 6], [2, 3, 10, 7], [1, 6, 14, 12], [0, 1, 9, 11]]
    result = compare_categories(*of_table(job))
    assert result.pvalue == pytest.approx(0.7827, abs=0.012)  # 4 standard errors of 20,000 draws
    assert '4 x 4: estimated from 20000 random tables, seed 0' in result.reason and math.isnan(result.statistic)
    assert compare_categories(*of_table(job)).pvalue == result.pvalue  # the same seed, the same p value
    assert compare_categories(*of_table(job), seed=1).pvalue != result.pvalue


def test_fisher_of_a_small_table_by_all_permutations() -> None:
    values, groups = of_table([[3, 0, 1], [0, 2, 1]])

    def likelihood(arranged: tuple[str, ...]) -> float:
        cells = [sum(v == a and g == b for v, g in zip(arranged, groups)) for a in set(values) for b in set(groups)]
        return -sum(math.lgamma(c + 1) for c in cells)  # log p up to a constant: the margins are fixed

    observed = likelihood(tuple(values))
    extreme = [likelihood(p) <= observed + 1e-9 for p in permutations(values)]
    assert fisher_pvalue([[3, 0, 1], [0, 2, 1]], draws=40_000) == pytest.approx(np.mean(extreme), abs=0.008)


def test_fisher_of_a_table_whose_probabilities_underflow() -> None:
    """Each of 400 categories is as likely in every group; the 60 patients of one more are all in the first."""
    groups, categories = np.repeat(np.arange(4), 760), np.arange(3040) // 4 % 400
    categories[:60] = 400
    table = np.zeros((4, 401), dtype=int)
    np.add.at(table, (groups, categories), 1)
    assert stats.random_table(table.sum(1), table.sum(0)).pmf(table) == 0
    assert fisher_pvalue(table, draws=500) == pytest.approx(1 / 501)


def test_missing_categories() -> None:
    values, groups = of_table([[20, 30], [25, 15]])
    result = compare_categories([*values, None, float('nan')], [*groups, 'g0', 'g1'])
    assert result.counts == {'g0': 50, 'g1': 40} and result.missing == {'g0': 1, 'g1': 1}
    assert result.pvalue == compare_categories(values, groups).pvalue


@pytest.mark.parametrize(
    ('values', 'groups', 'reason'),
    [
        ([1, 2, 3, 4], ['a'] * 4, r"a comparison needs 2 or more groups, got ['a']"),
        ([], [], 'a comparison needs 2 or more groups, got []'),
        ([math.nan] * 4, ['a', 'a', 'b', 'b'], 'no value is known'),
        ([1, 2, 3, 4, 5, math.nan], list('aaabbb'), 'fewer than 3 known values in b (2)'),
        ([2.5] * 6, list('aaabbb'), 'all values are 2.5'),
    ],
)
def test_numbers_that_cannot_be_tested(values: list[float], groups: list[str], reason: str) -> None:
    result = compare_numbers(values, groups)
    assert (result.test, result.reason, result.tested) == ('not tested', reason, False)
    assert math.isnan(result.pvalue) and math.isnan(result.statistic) and result.normal is None


@pytest.mark.parametrize(
    ('values', 'groups', 'reason'),
    [
        (['x', 'y'], ['a', 'a'], r"a comparison needs 2 or more groups, got ['a']"),
        ([None] * 3, list('aab'), 'no value is known'),
        (['x', 'y', None], list('aab'), 'no known value in b'),
        (['x'] * 4, list('aabb'), 'all values are x'),
    ],
)
def test_categories_that_cannot_be_tested(values: list, groups: list[str], reason: str) -> None:
    result = compare_categories(values, groups)
    assert (result.test, result.reason, result.tested) == ('not tested', reason, False)


def test_few_values_without_ties_have_an_exact_p_value() -> None:
    first, second = [0.1, 0.2, 0.3, 0.4, 9.0], [0.5, 0.6, 0.7, 50.0]
    found = compare_numbers([*first, *second], ['a'] * 5 + ['b'] * 4)
    # U of every way to choose which five of the nine values are of the first group
    ranks = range(1, 10)
    middle = 5 * 4 / 2
    u = [sum(chosen) - 15 for chosen in itertools.combinations(ranks, 5)]
    observed = sum(a > b for a in first for b in second)
    expected = np.mean([abs(value - middle) >= abs(observed - middle) for value in u])
    assert found.test == 'Mann-Whitney U, exact' and found.pvalue == pytest.approx(expected)


@pytest.mark.parametrize(('sizes', 'exact'), [((9, 300), True), ((49, 49), True), ((10, 50), False)])
def test_where_mann_whitney_is_exact(sizes: tuple[int, int], exact: bool) -> None:
    values = np.exp(np.random.default_rng(0).normal(size=sum(sizes)) * 3)
    found = compare_numbers(values, np.repeat(['a', 'b'], sizes))
    assert found.test == 'Mann-Whitney U' + (', exact' if exact else '')
    tied = compare_numbers([*values[:-1], values[0]], np.repeat(['a', 'b'], sizes))
    assert tied.test == 'Mann-Whitney U'


def test_one_constant_group_counts_as_not_normal() -> None:
    assert shapiro_pvalue([1, 1, 1]) == 0
    result = compare_numbers([1, 1, 1, 1, 2, 3, 4, 5], list('aaaabbbb'))
    assert result.test == 'Mann-Whitney U' and 'not normal in a (' in result.reason


def test_errors() -> None:
    with pytest.raises(ValueError, match='alpha must lie between 0 and 1, got 5'):
        compare_numbers([1.0], ['a'], alpha=5)
    with pytest.raises(ValueError, match='finite or nan, got 1 infinite'):
        compare_numbers([1.0, math.inf], ['a', 'b'])
    with pytest.raises(ValueError, match=r'lists of one length, got \(2,\) and 1'):
        compare_numbers([1.0, 2.0], ['a'])
    with pytest.raises(ValueError, match='every case must have a group'):
        compare_categories(['x', 'y'], ['a', None])
