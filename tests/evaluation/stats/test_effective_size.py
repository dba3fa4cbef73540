"""Effective sample size, Wilson's limits with it, and limits of sums: closed forms, statsmodels and loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest, t
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from usmm.evaluation.stats import auc_score, clustered_auc, clustered_macro_auc, delong_interval
from usmm.evaluation.stats.auc_limits import auc_limits, separated_bound
from usmm.evaluation.stats.effective_size import (
    combined_limits,
    correlations,
    design_effect,
    effective_size,
    wilson_limits,
)


def draw(patients: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Yes-or-no values of one to five cases a patient that agree within a patient, and the patients."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(patients), rng.integers(1, 6, patients))
    return (rng.random(who.size) < rng.beta(2, 1, patients)[who]).astype(float), who


@pytest.mark.parametrize(('hits', 'trials'), [(0, 9), (9, 9), (3, 10), (24, 34)])
@pytest.mark.parametrize('confidence', [0.8, 0.95])
def test_limits_are_wilsons(hits, trials, confidence):
    expected = binomtest(hits, trials).proportion_ci(confidence, method='wilson')
    assert wilson_limits(hits / trials, trials, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_a_size_need_not_be_whole():
    expected = proportion_confint(0.3 * 7.4, 7.4, method='wilson')
    assert wilson_limits(0.3, 7.4) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize('seed', [1, 2, 3])
def test_the_design_effect_is_that_of_a_regression_on_nothing(seed):
    values, who = draw(30, seed)
    plain = OLS(values, np.ones(values.size)).fit()
    robust = OLS(values, np.ones(values.size)).fit(cov_type='cluster', cov_kwds={'groups': who, 'df_correction': False})
    ratio = float(robust.cov_params()[0, 0] / plain.cov_params()[0, 0])
    sizes = np.bincount(who)
    worth = sizes.sum() ** 2 / (sizes**2).sum()  # the 30 patients have unequal numbers of cases
    ratio *= worth / (worth - 1) * 29 / 30
    few = (t.ppf(0.975, worth - 1) / t.ppf(0.975, values.size - 1)) ** 2
    assert ratio > 1.2 and 15 < worth < 30
    assert design_effect(values, who) == pytest.approx(ratio * few, rel=1e-9)
    assert effective_size(values, who) == pytest.approx(values.size / ratio / few, rel=1e-9)


def test_copies_of_a_case_are_worth_one_case():
    values, _ = draw(25, 5)
    values = values[:25]
    thrice, who = np.repeat(values, 3), np.repeat(np.arange(25), 3)
    few = (t.ppf(0.975, 24) / t.ppf(0.975, 74)) ** 2
    # G / (G - 1) of 25 patients beside n / (n - 1) of 75 cases
    assert effective_size(thrice, who) == pytest.approx(25 * (24 / 25) * (75 / 74) / few)
    assert effective_size(values, np.arange(25)) == 25


def test_patients_whose_cases_differ_are_not_worth_more_than_their_cases():
    assert design_effect([0, 1] * 10, np.repeat(np.arange(10), 2)) == pytest.approx(
        (t.ppf(0.975, 9) / t.ppf(0.975, 19)) ** 2
    )


def test_equal_values_count_as_their_patients():
    assert effective_size(np.ones(12), np.repeat(np.arange(4), 3)) == 4
    assert effective_size(np.zeros(12)) == 12
    assert design_effect(np.ones(12), np.zeros(12)) == 12  # one patient is worth one case


def test_means_of_numbers_are_worth_more_answers_but_at_most_three_a_case():
    values = np.array([0.2, 0.6, 0.4, 0.9])
    assert effective_size(values) == pytest.approx(min(12, 4 * values.mean() * (1 - values.mean()) / values.var()))
    assert effective_size([0.5, 0.51, 0.49, 0.5]) == 12


def test_a_patient_with_most_of_the_cases_is_hardly_more_than_one_patient():
    held: dict[str, list[bool]] = {'share': [], 'auc': []}
    for seed in range(150):
        rng = np.random.default_rng(seed)
        sizes = np.r_[200, np.full(19, 3)]
        who = np.repeat(np.arange(20), sizes)
        skill = rng.beta(4, 1, 20)
        hits = (rng.random(who.size) < skill[who]).astype(float)
        low, high = wilson_limits(hits.mean(), effective_size(hits, who))
        held['share'].append(low <= 0.8 <= high)
        scores = rng.normal(size=20)[who] + rng.normal(size=who.size) + 1.5 * (who % 2)
        low, high = clustered_auc(who % 2, scores, who).ci
        held['auc'].append(low <= 0.8555 <= high)  # of normals of variance 2 that are 1.5 apart, Phi(.75 sqrt 2)
    assert np.mean(held['share']) > 0.92 and np.mean(held['auc']) > 0.92


def test_limits_of_a_difference_are_newcombes():
    # of two proportions, the second with its limits turned round
    first, second = proportion_confint(56, 70, method='wilson'), proportion_confint(48, 80, method='wilson')
    low, high = combined_limits([56 / 70, 32 / 80], [first, (1 - second[1], 1 - second[0])], [1, 1])
    expected = confint_proportions_2indep(56, 70, 48, 80, compare='diff', method='newcomb')
    assert (low - 1, high - 1) == pytest.approx(expected, abs=1e-12)
    assert [round(v, 4) for v in (low - 1, high - 1)] == [0.0524, 0.3339]  # Newcombe 1998, table II, method 10, (a)


def test_full_correlation_adds_the_distances():
    limits = combined_limits([0.5, 0.5], [[0.4, 0.7], [0.3, 0.6]], [1, 1], np.ones((2, 2)))
    assert limits == pytest.approx((1 - 0.3, 1 + 0.3))


def test_correlations_are_those_of_the_sums_of_patients():
    rng = np.random.default_rng(0)
    rows, who = rng.normal(size=(3, 60)), np.arange(60) // 4
    sums = [[row[who == p].sum() for p in range(15)] for row in rows]
    expected = np.array([[np.dot(a, b) / math.sqrt(np.dot(a, a) * np.dot(b, b)) for b in sums] for a in sums])
    assert correlations(rows, who) == pytest.approx(expected)
    constant = correlations(np.stack([rows[0], np.zeros(60)]), who)
    assert constant.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert correlations(rows, np.zeros(60)).tolist() == np.ones((3, 3)).tolist()  # one patient


def test_an_auc_is_worth_what_its_standard_error_says():
    rng = np.random.default_rng(1)
    labels = np.arange(80) % 2
    scores = rng.normal(size=80) + labels
    found = delong_interval(labels, scores)
    auc = auc_score(labels, scores)
    size = auc * (1 - auc) / found.se**2
    assert size < 3 * 40
    assert found.ci == pytest.approx(proportion_confint(auc * size, size, method='wilson'))


def test_an_auc_is_worth_at_most_three_answers_for_each_patient_of_the_rarer_class():
    labels, scores = np.r_[np.ones(5), np.zeros(200)], np.r_[np.full(5, 2.0), np.arange(200) / 98]
    found = delong_interval(labels, scores)
    assert found.ci == pytest.approx(proportion_confint(found.estimate * 15, 15, method='wilson'))


def test_few_patients_with_many_cases_widen_the_interval():
    rng = np.random.default_rng(2)
    who = np.arange(120) // 12
    labels = who % 2
    scores = rng.normal(size=10)[who] + rng.normal(size=120) + labels
    found = clustered_auc(labels, scores, who)
    size = found.estimate * (1 - found.estimate) / found.se**2 * (t.ppf(0.975, 59) / t.ppf(0.975, 4)) ** 2
    assert size < 15 and found.ci == pytest.approx(wilson_limits(found.estimate, size))


@pytest.mark.parametrize(('positives', 'negatives'), [(4, 30), (12, 12), (30, 9)])
def test_an_auc_of_one_is_bounded_by_independent_pairs(positives, negatives):
    labels = np.r_[np.ones(positives), np.zeros(negatives)]
    found = delong_interval(labels, labels * 2 + np.linspace(0, 1, labels.size))
    few = min(positives, negatives)
    assert found.ci == (pytest.approx(0.025 ** (1 / few)), 1.0)
    turned = delong_interval(1 - labels, labels * 2 + np.linspace(0, 1, labels.size))
    assert turned.ci == (0.0, pytest.approx(1 - 0.025 ** (1 / few)))


def test_the_bound_holds_for_the_scores_for_which_order_is_likeliest():
    # a share of the positives lies below all negatives: order of m positives has the chance A^m
    few, auc = 8, separated_bound([8])
    rng = np.random.default_rng(0)
    positives = np.where(rng.random((20000, few)) < 1 - auc, -1.0, 2.0)
    assert np.mean(positives.min(1) > 1) == pytest.approx(0.025, abs=0.004)


@pytest.mark.parametrize('sizes', [[3, 9], [2, 2, 5], [7]])
def test_the_bound_of_a_mean_of_folds_is_that_of_the_worst_aucs(sizes):
    bound = separated_bound(sizes)
    rng = np.random.default_rng(0)
    for _ in range(300):  # no AUCs with a mean below the bound make order in all folds as likely as 2.5 %
        aucs = rng.random(len(sizes)) ** 0.3
        aucs *= (bound - 1e-6) / aucs.mean()
        if (aucs <= 1).all():
            assert np.prod(aucs ** np.array(sizes)) < 0.025 + 1e-9


def test_seeds_do_not_tighten_the_bound():
    labels, scores = np.tile(np.arange(20) % 2, 3), np.tile(np.arange(20) % 2, 3).astype(float)
    who, seeds = np.tile(np.arange(20), 3), np.repeat([0, 1, 2], 20)
    assert clustered_auc(labels, scores, who, seeds).ci == (pytest.approx(0.025**0.1), 1.0)


def test_equal_scores_have_no_interval():
    scores = np.c_[np.linspace(0, 0.6, 12), np.full(12, 0.4), np.linspace(0.6, 0, 12)]
    assert np.isnan(clustered_macro_auc(np.arange(12) % 3, scores).ci).all()  # of one class of three
    assert np.isnan(delong_interval([0, 1, 0, 1], [1, 1, 1, 1]).ci).all()
    assert auc_limits(0.5, 0.0, 0.95, 'normal', 2, 2, [2]) == (0.5, 0.5)


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: design_effect([]), 'values must be a row of one number per case, got shape'),
        (lambda: design_effect([1, 0], [1]), r'clusters must have shape \(2,\)'),
        (lambda: design_effect([1, 0, 1], [1, 1, 2], confidence=2), 'confidence must lie between 0 and 1, got 2'),
        (lambda: effective_size([0.5, 1.5]), r'values must lie in 0..1, got 1.5'),
        (lambda: effective_size([0.5, np.nan]), r'values must lie in 0..1, got nan'),
        (lambda: wilson_limits(0.5, 10, 95), 'confidence must lie between 0 and 1, got 95'),
        (lambda: separated_bound([]), r'one or more strata with a patient of each class are needed, got \[\]'),
        (lambda: separated_bound([3, 0]), r'are needed, got \[3, 0\]'),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
