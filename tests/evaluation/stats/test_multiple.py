from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from usmm.evaluation.stats import adjust_pvalues, holm

NAMES = {'holm': 'holm', 'bonferroni': 'bonferroni', 'benjamini_hochberg': 'fdr_bh'}


@pytest.mark.parametrize('method', NAMES)
@pytest.mark.parametrize('count', [1, 2, 7, 40])
def test_equals_statsmodels(method, count):
    rng = np.random.default_rng(count)
    for pvalues in (rng.random(count) ** 3, np.round(rng.random(count), 1)):  # the second with ties, 0 and 1
        expected = multipletests(pvalues, method=NAMES[method])[1]
        np.testing.assert_allclose(adjust_pvalues(pvalues, method), expected, atol=1e-14)


def test_by_hand():
    # Holm: .01 * 4, then max(.04, .02 * 3), max(.06, .03 * 2), max(.06, .05).
    assert holm([0.03, 0.01, 0.05, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert adjust_pvalues([0.5, 0.6], 'bonferroni').tolist() == [1, 1]


@pytest.mark.parametrize('method', NAMES)
def test_nan_is_not_a_test(method):
    got = adjust_pvalues([0.01, np.nan, 0.04, 0.03], method)
    assert np.isnan(got[1])
    assert got[[0, 2, 3]] == pytest.approx(adjust_pvalues([0.01, 0.04, 0.03], method))
    assert np.isnan(adjust_pvalues([np.nan], method)).all()


def test_errors():
    with pytest.raises(ValueError, match=r"method must be one of .*, got 'sidak'"):
        adjust_pvalues([0.1], 'sidak')
    with pytest.raises(ValueError, match='p values must be a row of one or more'):
        holm([])
    with pytest.raises(ValueError, match=r'p values must lie in 0..1, got \[1.2\]'):
        holm([0.1, 1.2])
