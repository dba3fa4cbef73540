from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from usmm.evaluation.stats import mcnemar_counts, mcnemar_test

PAIRS = [(1, 9), (9, 1), (0, 5), (12, 30), (86, 150), (3, 4)]


@pytest.mark.parametrize(('b', 'c'), PAIRS)
def test_equals_scipy_and_the_formula(b, c):
    exact = mcnemar_counts(b, c, 60 + b + c)
    assert (exact.statistic, exact.pvalue) == pytest.approx((min(b, c), binomtest(b, b + c).pvalue), rel=1e-10)
    got, chi2 = mcnemar_counts(b, c, 60 + b + c, 'chi2'), (abs(b - c) - 1) ** 2 / (b + c)
    assert (got.statistic, got.pvalue) == pytest.approx((chi2, math.erfc(math.sqrt(chi2 / 2))), rel=1e-10)


@pytest.mark.parametrize(('b', 'c'), [*PAIRS, (5, 5), (1, 1)])
def test_mid_p_is_half_of_what_came_and_all_beyond(b, c):
    law = binom.pmf(np.arange(b + c + 1), b + c, 0.5)
    came = law[b]
    as_far = np.isclose(law, came, rtol=1e-9)
    expected = law[(law < came) & ~as_far].sum() + law[as_far].sum() / 2
    assert mcnemar_counts(b, c, 400, 'midp').pvalue == pytest.approx(expected, rel=1e-9)


def test_published_mid_p():
    # Fagerland et al. 2013, Table 1: airway hyper-responsiveness before and after transplantation, 1, 7 of 21:
    # exact 0.0703, mid-p 0.0391.
    assert mcnemar_counts(1, 7, 21).pvalue == pytest.approx(0.0703, abs=5e-5)
    assert mcnemar_counts(1, 7, 21, 'midp').pvalue == pytest.approx(0.0391, abs=5e-5)


@pytest.mark.parametrize('method', ['exact', 'midp', 'chi2'])
def test_equal_predictions_give_p_one(method):
    result = mcnemar_test([0, 1, 2], [0, 2, 1], [0, 2, 1], method)
    assert (result.pvalue, result.estimate, result.first_only, result.cases) == (1.0, 0.0, 0, 3)
    assert mcnemar_counts(4, 4, 30, 'chi2').pvalue == 1


def test_counts_from_predictions():
    labels, first, second = [0, 1, 2, 1, 0], [0, 1, 2, 0, 1], [0, 2, 1, 1, 2]
    result = mcnemar_test(labels, first, second)
    assert (result.first_only, result.second_only, result.cases) == (2, 1, 5)
    assert result.estimate == pytest.approx(3 / 5 - 2 / 5)
    back = mcnemar_test(labels, second, first)
    assert (back.estimate, back.pvalue) == (pytest.approx(-result.estimate), result.pvalue)
    assert back.ci == pytest.approx((-result.ci[1], -result.ci[0]))


def test_interval_by_hand():
    # Bonett and Price with 2 and 8 of 48: p = 3/50, q = 9/50.
    half = 1.959964 * math.sqrt((0.06 + 0.18 - 0.12**2) / 50)
    assert mcnemar_counts(2, 8, 48).ci == pytest.approx((-0.12 - half, -0.12 + half), abs=1e-7)


def test_errors():
    with pytest.raises(ValueError, match=r"method must be one of .*, got 'wald'"):
        mcnemar_counts(1, 2, 5, 'wald')
    for counts in ((-1, 2, 5), (1.5, 2, 5), (3, 3, 5), (0, 0, 0)):
        with pytest.raises(ValueError, match='expected whole counts >= 0 within the cases'):
            mcnemar_counts(*counts)
    with pytest.raises(ValueError, match='second predictions must be one per label, got 2 for 3'):
        mcnemar_test([0, 1, 0], [0, 1, 0], [0, 1])
    with pytest.raises(ValueError, match='first predictions must be class indices'):
        mcnemar_test([0, 1], [0, math.nan], [0, 1])
    with pytest.raises(ValueError, match='labels must be a row of one number per case'):
        mcnemar_test([], [], [])
    with pytest.raises(ValueError, match='confidence must lie between 0 and 1'):
        mcnemar_counts(1, 2, 5, confidence=95)
