from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from usmm.evaluation.stats.icc import FORMS, all_iccs, icc, mean_squares

# Shrout and Fleiss, Psychological Bulletin 1979, table 2: 6 subjects rated by 4 judges.
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
# Their table 4: the six coefficients. F, p and limits: as R's psych::ICC documents them for the same data.
PUBLISHED = {
    'ICC(1,1)': (0.17, 1.8, (5, 18), 0.16477, -0.133, 0.72),
    'ICC(2,1)': (0.29, 11.0, (5, 15), 0.00013, 0.019, 0.76),
    'ICC(3,1)': (0.71, 11.0, (5, 15), 0.00013, 0.342, 0.95),
    'ICC(1,k)': (0.44, 1.8, (5, 18), 0.16477, -0.884, 0.91),
    'ICC(2,k)': (0.62, 11.0, (5, 15), 0.00013, 0.071, 0.93),
    'ICC(3,k)': (0.91, 11.0, (5, 15), 0.00013, 0.676, 0.99),
}


@pytest.mark.parametrize('form', PUBLISHED)
def test_the_published_example(form: str) -> None:
    estimate, statistic, df, pvalue, low, high = PUBLISHED[form]
    result = icc(SHROUT_FLEISS, form)
    assert round(result.estimate, 2) == estimate
    assert round(result.statistic, 1) == statistic and result.df == df
    assert result.pvalue == pytest.approx(pvalue, abs=6e-6)
    assert round(result.ci[0], 3) == low and round(result.ci[1], 2) == high
    assert (result.subjects, result.readers, result.confidence) == (6, 4, 0.95)


def test_mean_squares_of_the_published_example() -> None:
    # Their table 3: between targets 11.24, within 6.26, between judges 32.49, residual 1.02.
    m = mean_squares(SHROUT_FLEISS)
    assert [round(v, 2) for v in (m.subjects, m.within, m.readers, m.error)] == [11.24, 6.26, 32.49, 1.02]


@pytest.mark.parametrize('seed', range(4))
def test_against_the_analysis_of_variance_of_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(3, 25)), int(rng.integers(2, 6))
    x = rng.normal(size=(n, 1)) * 2 + rng.normal(size=(1, k)) + rng.normal(size=(n, k)) + 100
    frame = pd.DataFrame([(i, j, x[i, j]) for i in range(n) for j in range(k)], columns=['s', 'r', 'y'])
    two = anova_lm(ols('y ~ C(s) + C(r)', frame).fit())
    one = anova_lm(ols('y ~ C(s)', frame).fit())
    ms = (two['sum_sq'] / two['df']).to_dict()
    within = one['sum_sq']['Residual'] / one['df']['Residual']
    found = all_iccs(x)
    between, readers, error = ms['C(s)'], ms['C(r)'], ms['Residual']
    expected = {  # the six ratios of Shrout and Fleiss, written out
        'ICC(1,1)': (between - within) / (between + (k - 1) * within),
        'ICC(2,1)': (between - error) / (between + (k - 1) * error + k * (readers - error) / n),
        'ICC(3,1)': (between - error) / (between + (k - 1) * error),
        'ICC(1,k)': (between - within) / between,
        'ICC(2,k)': (between - error) / (between + (readers - error) / n),
        'ICC(3,k)': (between - error) / between,
    }
    for name, value in expected.items():
        assert found[name].estimate == pytest.approx(value, rel=1e-9)
        assert found[name].ci[0] < value < found[name].ci[1]
    assert found['ICC(3,1)'].statistic == pytest.approx(two['F']['C(s)'])
    assert found['ICC(3,1)'].pvalue == pytest.approx(two['PR(>F)']['C(s)'])
    assert found['ICC(1,k)'].statistic == pytest.approx(one['F']['C(s)'])
    assert found['ICC(1,k)'].pvalue == pytest.approx(one['PR(>F)']['C(s)'])


@pytest.mark.parametrize(('form', 'of_readers'), [('ICC(1,1)', False), ('ICC(2,1)', True), ('ICC(3,1)', True)])
def test_intervals_cover_the_truth(form: str, of_readers: bool) -> None:
    """Exact for one-way and consistency; Satterthwaite's is close (variances 4 subjects, 0.5 readers, 1 rest)."""
    rng = np.random.default_rng(0)
    hit = 0
    for _ in range(400):
        x = rng.normal(0, 2, (20, 1)) + rng.normal(size=(20, 8))
        if of_readers:
            x = x + rng.normal(0, math.sqrt(0.5), (1, 8))
        truth = 4 / 5.5 if form == 'ICC(2,1)' else 4 / 5
        low, high = icc(x, form).ci
        hit += low <= truth <= high
    assert 0.92 <= hit / 400 <= 0.98  # three standard errors of 0.011 around 0.95


def test_names() -> None:
    for name, (short, method) in FORMS.items():
        assert icc(SHROUT_FLEISS, short) == icc(SHROUT_FLEISS, name)
        assert icc(SHROUT_FLEISS, name).form == f'{name} = {short}' and icc(SHROUT_FLEISS, name).method == method
    assert icc(SHROUT_FLEISS).form == 'ICC(2,1) = ICC(A,1)'


def test_agreement_and_consistency_differ_by_a_shift() -> None:
    rng = np.random.default_rng(1)
    first = rng.normal(size=30)
    shifted = np.stack([first, first + 3], 1)
    assert icc(shifted, 'ICC(C,1)').estimate == 1 and icc(shifted, 'ICC(C,1)').ci == (1, 1)
    assert icc(shifted, 'ICC(A,1)').estimate < 0.3
    # Without a shift in mean and scale the consistency of two readers is their correlation.
    noise = rng.normal(size=30)
    pair = np.stack([first, noise], 1)
    pair = (pair - pair.mean(0)) / pair.std(0)
    assert icc(pair, 'ICC(3,1)').estimate == pytest.approx(pearsonr(*pair.T).statistic)


def test_perfect_and_constant_readings() -> None:
    same = np.repeat([[0.1], [0.3], [0.7]], 3, axis=1)
    for result in all_iccs(same).values():
        assert result.estimate == 1 and result.ci == (1, 1) and result.pvalue == 0
    for result in all_iccs(np.full((4, 2), 0.1)).values():
        assert math.isnan(result.estimate) and math.isnan(result.ci[0]) and math.isnan(result.pvalue)


def test_confidence_widens() -> None:
    narrow, wide = icc(SHROUT_FLEISS, confidence=0.8).ci, icc(SHROUT_FLEISS, confidence=0.99).ci
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"form must be one of .*'ICC\(A,1\)'.*, got 'ICC'"):
        icc(SHROUT_FLEISS, 'ICC')
    with pytest.raises(ValueError, match=r'two or more of each, got shape \(3, 1\)'):
        icc([[1], [2], [3]])
    with pytest.raises(ValueError, match=r'rows \[1\] have gaps'):
        icc([[1, 2], [3, math.nan], [2, 2]])
    with pytest.raises(ValueError, match='confidence must lie between 0 and 1'):
        icc(SHROUT_FLEISS, confidence=95)


def test_readers_that_differ_on_equal_subjects() -> None:
    """Absolute agreement is 0 / (0 + 0 + k MS / n); its interval rests on 0 / 0."""
    found = icc([[10, 20], [10, 20], [10, 20]])
    assert found.estimate == 0 and all(map(math.isnan, found.ci))
