"""Sample sizes: published standard errors, closed forms, and studies that are simulated at the size that was found."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from usmm.evaluation.stats import (
    delong_interval,
    delong_test,
    patients_for_auc,
    patients_for_difference,
    patients_for_sensitivity,
)
from usmm.evaluation.stats.effective_size import wilson_limits
from usmm.evaluation.stats.power import auc_variance, design


def test_the_variance_is_that_of_normal_scores():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(4000):
        positives, negatives = rng.normal(math.sqrt(2) * norm.ppf(0.8), 1, 20), rng.normal(size=30)
        found.append(np.mean(positives[:, None] > negatives))
    assert np.mean(found) == pytest.approx(0.8, abs=0.005)
    assert auc_variance(0.8, 20, 30) == pytest.approx(np.var(found), rel=0.06)
    # without any difference: the variance of Mann and Whitney's U, (m + n + 1) / (12 m n)
    assert auc_variance(0.5, 20, 30) == pytest.approx(51 / (12 * 20 * 30))


def binormal(n: int, positives: int, aucs: tuple[float, ...], between: float, seed: int):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) < positives
    shared = rng.normal(size=(n, 1))
    noise = math.sqrt(between) * shared + math.sqrt(1 - between) * rng.normal(size=(n, len(aucs)))
    return labels, noise + math.sqrt(2) * norm.ppf(aucs) * labels[:, None]


def test_the_interval_has_the_width():
    found = patients_for_auc(0.85, 0.12, 0.3)
    assert found.positives + found.negatives == found.patients and found.positives == round(0.3 * found.patients)
    widths = [
        np.ptp(delong_interval(y, s[:, 0]).ci)
        for y, s in (binormal(found.patients, found.positives, (0.85,), 0, seed) for seed in range(200))
    ]
    assert np.mean(widths) == pytest.approx(0.12, rel=0.04)
    assert found.reached <= 0.12 < patients_for_auc(0.85, found.reached - 0.002, 0.3).patients


def test_the_difference_is_found():
    found = patients_for_difference(0.85, 0.75, 0.4, between=0.45)
    share = np.mean([
        delong_test(y, *s.T).pvalue < 0.05
        for y, s in (binormal(found.patients, found.positives, (0.85, 0.75), 0.5, seed) for seed in range(300))
    ])  # fmt: skip
    assert 0.73 <= share <= 0.87  # 80 %, three standard errors
    assert found.reached >= 0.8


def test_the_sensitivity_has_the_width():
    """Its spread in simulated studies, the threshold read at the specificity in each."""
    found = patients_for_sensitivity(0.9, 0.8, 0.12, 0.4)
    distance = norm.ppf(0.9) + norm.ppf(0.8)
    rng = np.random.default_rng(0)
    seen = []
    for _ in range(2000):
        negatives = np.sort(rng.normal(size=found.negatives))
        threshold = negatives[math.ceil(0.8 * found.negatives) - 1]
        seen.append(np.mean(rng.normal(size=found.positives) + distance > threshold))
    size = 0.9 * 0.1 / np.var(seen)
    assert np.ptp(wilson_limits(0.9, size)) == pytest.approx(0.12, rel=0.06)


@pytest.mark.parametrize('function', [patients_for_auc, patients_for_difference])
def test_more_is_asked_of_more_patients(function):
    easy, hard = (0.2, 0.05) if function is patients_for_auc else (0.7, 0.82)
    assert function(0.85, hard, 0.3).patients > function(0.85, easy, 0.3).patients
    assert function(0.85, easy, 0.1).patients > function(0.85, easy, 0.5).patients


def test_the_smallest_study_has_two_patients_of_each_class():
    found = patients_for_auc(0.85, 0.99, 0.02)
    assert (found.patients, found.positives, found.negatives) == (4, 2, 2)


def test_several_cases_of_a_patient():
    assert design(1, 0.3) == 1 and design(3, 0) == 3 and design(3, 1) == 1
    one = patients_for_auc(0.85, 0.1, 0.5).patients
    assert patients_for_auc(0.85, 0.1, 0.5, cases=4, correlation=1).patients == one
    assert patients_for_auc(0.85, 0.1, 0.5, cases=4, correlation=0).patients == pytest.approx(one / 4, abs=2)


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: patients_for_auc(1.0, 0.1, 0.3), 'auc must lie between 0 and 1, got 1.0'),
        (lambda: patients_for_auc(0.8, 0.1, 30), 'prevalence must lie between 0 and 1, got 30'),
        (lambda: patients_for_auc(0.8, 1e-6, 0.3), 'no study of 10000000 patients reaches that'),
        (lambda: patients_for_auc(0.8, 0.1, 0.3, 95), 'confidence must lie between 0 and 1, got 95'),
        (lambda: patients_for_auc(0.8, 0.1, 0.3, cases=0.5), 'a patient has one case or more, got 0.5'),
        (lambda: patients_for_auc(0.8, 0.1, 0.3, correlation=2), r'cases of a patient must lie in 0\.\.1, got 2'),
        (lambda: patients_for_difference(0.8, 0.8, 0.3), 'the AUCs must differ, got 0.8 twice'),
        (lambda: patients_for_difference(0.8, 0.7, 0.3, between=1), 'from 0 to below 1, got 1'),
        (lambda: patients_for_sensitivity(0.9, 0.8, 0.1, 0.3, ratio=0), 'must be above 0, got 0'),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
