from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from usmm.evaluation.stats.tables import Column, make_table

NORMAL = (stats.norm.ppf((np.arange(20) + 0.5) / 20) * 10 + 50).tolist()
GROUPS = ['ben'] * 20 + ['mal'] * 20


def holm_by_hand(pvalues: list[float]) -> list[float]:
    """The largest of (number of p values from q on) * q over the q up to each p value, at most 1."""
    return [min(1.0, max(q * sum(other >= q for other in pvalues) for q in pvalues if q <= p)) for p in pvalues]


def test_normal_numbers_as_mean_and_spread() -> None:
    values = [*NORMAL, *[v + 5 for v in NORMAL]]
    table = make_table([Column('age', values, 'year')], GROUPS)
    row = table.rows[0]
    mean, spread = np.mean(NORMAL), np.std(NORMAL, ddof=1)
    assert row.name == 'age (year), mean ± SD' and table.sizes == {'all': 40, 'ben': 20, 'mal': 20}
    assert row.lines[0][1]['ben'] == f'{mean:.1f} ± {spread:.1f}'
    assert row.lines[0][1]['mal'] == f'{mean + 5:.1f} ± {spread:.1f}'
    assert row.lines[0][1]['all'] == f'{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f}'
    assert row.test.test == "Welch's t"
    assert row.test.pvalue == pytest.approx(stats.ttest_ind(values[:20], values[20:], equal_var=False).pvalue)
    assert make_table([Column('age', values)], GROUPS, equal_variances=True).rows[0].test.test == 't'


def test_skewed_numbers_as_median_and_quartiles() -> None:
    values = [*NORMAL, 1, 2, 3, 4, *[100.0] * 16]
    row = make_table([Column('AST', values, 'U/l')], GROUPS).rows[0]
    q = np.percentile(NORMAL, [25, 50, 75])
    assert row.name == 'AST (U/l), median [IQR]'
    assert row.lines[0][1]['ben'] == f'{q[1]:.1f} [{q[0]:.1f} to {q[2]:.1f}]'
    assert row.lines[0][1]['mal'] == '100.0 [100.0 to 100.0]'
    assert row.test.test == 'Mann-Whitney U'


@pytest.mark.parametrize(
    ('scale', 'cell'),
    [(1000.0, '2000.0 ± 1000.0'), (1.0, '2.00 ± 1.00'), (0.01, '0.0200 ± 0.0100'), (1e-6, '0.0000 ± 0.0000')],
)
def test_digits_follow_the_size(scale: float, cell: str) -> None:
    table = make_table([Column('x', [1 * scale, 2 * scale, 3 * scale] * 2)], list('aaabbb'))
    assert table.rows[0].lines[0][1]['a'] == cell


def test_categories_as_counts_of_those_with_a_value() -> None:
    values = ['F'] * 12 + ['M'] * 6 + [None] * 2 + ['F'] * 5 + ['M'] * 14 + ['other']
    row = make_table([Column('gender', values, levels=('M', 'F', 'X'))], GROUPS).rows[0]
    assert row.name == 'gender, n (%)' and [level for level, _ in row.lines] == ['M', 'F', 'X', 'other']
    assert [cells['ben'] for _, cells in row.lines] == ['6 (33.3)', '12 (66.7)', '0 (0.0)', '0 (0.0)']
    assert [cells['mal'] for _, cells in row.lines] == ['14 (70.0)', '5 (25.0)', '0 (0.0)', '1 (5.0)']
    assert row.lines[0][1]['all'] == '20 (52.6)'
    assert row.missing == {'all': 2, 'ben': 2, 'mal': 0} and row.test.test == "Fisher's exact"


def test_the_published_chi_squared_of_a_paper_with_counts() -> None:
    """1080 nodules, 548 malignant: any 2 x 2 split gives the p value of the closed form."""
    counts = {('mal', 'M'): 430, ('mal', 'F'): 118, ('ben', 'M'): 260, ('ben', 'F'): 272}
    cells = [key for key, n in counts.items() for _ in range(n)]
    row = make_table([Column('sex', [v for _, v in cells], levels=('M', 'F'))], [g for g, _ in cells]).rows[0]
    chi2 = 1080 * (430 * 272 - 118 * 260) ** 2 / (548 * 532 * 690 * 390)
    assert row.test.test == 'chi-squared' and row.test.statistic == pytest.approx(chi2)
    assert row.test.pvalue == pytest.approx(math.erfc(math.sqrt(chi2 / 2)))


def test_holm_equals_the_definition_and_skips_what_was_not_tested() -> None:
    rng = np.random.default_rng(0)
    columns = [Column(f'x{i}', (rng.normal(size=40) + 0.3 * i * np.repeat([0, 1], 20)).tolist()) for i in range(5)]
    table = make_table([*columns, Column('one', [1.0] * 40)], GROUPS, holm=True)
    pvalues = [row.test.pvalue for row in table.rows[:5]]
    np.testing.assert_allclose([row.adjusted for row in table.rows[:5]], holm_by_hand(pvalues))
    assert math.isnan(table.rows[5].adjusted or 0.0)
    assert 'Holm, over the 5 variables that were tested' in table.notes[0]
    assert make_table(columns, GROUPS).rows[0].adjusted is None


def test_patients_without_a_group_are_counted_but_not_compared() -> None:
    values = [*NORMAL, *NORMAL, 1e6]
    table = make_table([Column('x', values)], [*GROUPS, None])
    assert table.sizes == {'all': 41, 'ben': 20, 'mal': 20} and table.rows[0].test.pvalue == 1
    assert '1 patients without a group are counted in "all" and not compared.' in table.notes


def test_empty_and_constant_variables() -> None:
    empty, text, constant = make_table(
        [Column('x', [None] * 40), Column('y', [None] * 40, levels=('a',)), Column('z', [3] * 40)], GROUPS
    ).rows
    assert empty.lines[0][1]['all'] == '-' and empty.test.reason == 'no value is known'
    assert text.lines == (('a', {'all': '-', 'ben': '-', 'mal': '-'}),) and text.missing['mal'] == 20
    assert constant.lines[0][1]['ben'] == '3.00 [3.00 to 3.00]' and constant.test.reason == 'all values are 3.0'


def test_order_of_the_groups() -> None:
    table = make_table([Column('x', [*NORMAL, *NORMAL])], GROUPS, order=('mal', 'normal', 'ben'))
    assert table.sizes == {'all': 40, 'mal': 20, 'normal': 0, 'ben': 20}
    assert table.rows[0].lines[0][1]['normal'] == '-' and table.rows[0].test.test == "Welch's t"


def test_errors() -> None:
    with pytest.raises(ValueError, match='needs one variable or more, got none'):
        make_table([], ['a'])
    with pytest.raises(ValueError, match="'x' has 1 values for 2 patients"):
        make_table([Column('x', [1])], ['a', 'b'])
    with pytest.raises(ValueError, match=r"given twice: \['x'\]"):
        make_table([Column('x', [1]), Column('x', [2])], ['a'])
    with pytest.raises(ValueError, match=r"groups must be among \['a'\].* got \['a', 'b'\]"):
        make_table([Column('x', [1, 2])], ['a', 'b'], order=['a'])
