from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from scipy.stats._resampling import BootstrapResult

from usmm.evaluation.stats import auc_score, cluster_bootstrap

AGES = np.array([31.0, 45, 47, 62, 50, 38, 71, 29, 55, 90])


def mean(cases: np.ndarray) -> float:
    return float(AGES[cases].mean())


@pytest.mark.parametrize('method', ['percentile', 'bca'])
def test_equals_scipy_on_the_same_draws(method):
    def skewed(cases: np.ndarray) -> float:
        return float(np.exp(AGES[cases] / 20).mean())

    result = cluster_bootstrap(skewed, np.arange(10), draws=500, seed=3, confidence=0.9, method=method)
    ours = BootstrapResult(confidence_interval=None, bootstrap_distribution=result.values, standard_error=None)
    expected = stats.bootstrap(
        (np.arange(10),), skewed, n_resamples=0, bootstrap_result=ours, method=method, confidence_level=0.9,
        vectorized=False,
    )  # fmt: skip
    assert result.ci == pytest.approx(tuple(expected.confidence_interval), rel=1e-9)
    assert result.se == pytest.approx(expected.standard_error)


def test_bca_with_strata_equals_scipy_with_samples():
    # scipy: two independent samples; ours: two strata. The statistic is a ratio of their means.
    strata = np.array(['a'] * 6 + ['b'] * 4)

    def ratio(cases: np.ndarray) -> float:
        first = cases < 6
        return float(AGES[cases[first]].mean() / AGES[cases[~first]].mean())

    result = cluster_bootstrap(ratio, np.arange(10), strata, draws=500, method='bca')
    ours = BootstrapResult(confidence_interval=None, bootstrap_distribution=result.values, standard_error=None)
    expected = stats.bootstrap(
        (AGES[:6], AGES[6:]), lambda x, y: x.mean() / y.mean(), n_resamples=0, bootstrap_result=ours, method='bca',
        vectorized=False,
    )  # fmt: skip
    assert result.ci == pytest.approx(tuple(expected.confidence_interval), rel=1e-9)
    assert result.method == 'bootstrap by cluster, bca, within 2 strata'


def test_standard_error_of_a_mean():
    # Of the bootstrap with endless draws: the ddof-0 deviation over the root of n; 20000 draws are within 1 %.
    result = cluster_bootstrap(mean, np.arange(10), draws=20000)
    assert result.se == pytest.approx(AGES.std() / math.sqrt(10), rel=0.02)
    # Strata of one value each: nothing varies
    fixed = cluster_bootstrap(mean, np.arange(10), np.arange(10), draws=50)
    assert (fixed.se, fixed.ci) == (pytest.approx(0), pytest.approx((51.8, 51.8)))


def test_whole_patients_are_drawn():
    clusters, seen = np.array(['b', 'a', 'b', 'c', 'a', 'b']), []

    def note(cases: np.ndarray) -> float:
        seen.append(cases)
        return 1.0

    cluster_bootstrap(note, clusters, draws=200)
    assert seen[0].tolist() == [0, 1, 2, 3, 4, 5]
    for cases in seen[1:]:
        times = np.bincount(cases, minlength=6)
        assert times[0] == times[2] == times[5]
        assert times[1] == times[4]
        assert times[0] + times[1] + times[3] == 3  # three patients a draw
    drawn = np.mean([np.bincount(cases, minlength=6) for cases in seen[1:]], axis=0)
    assert drawn == pytest.approx(np.ones(6), abs=0.2)


def test_patients_stay_in_their_stratum():
    clusters, folds, counts = np.array([0, 0, 1, 2, 3, 3, 4]), np.array([0, 0, 0, 1, 1, 1, 1]), []

    def note(cases: np.ndarray) -> float:
        firsts = cases[np.isin(cases, [0, 2, 3, 4, 6])]  # one case of each patient
        counts.append((np.sum(folds[firsts] == 0), np.sum(folds[firsts] == 1)))
        return 0.0

    cluster_bootstrap(note, clusters, folds, draws=100)
    assert {*counts} == {(2, 3)}


def test_copies_of_cases_do_not_narrow_it():
    once = cluster_bootstrap(mean, np.arange(10), draws=300, seed=1)
    twice = np.repeat(np.arange(10), 2)
    result = cluster_bootstrap(lambda cases: float(AGES[twice[cases]].mean()), twice, draws=300, seed=1)
    assert result.ci == pytest.approx(once.ci)
    assert result.clusters == 10


def test_undefined_draws_are_counted():
    labels, scores = np.array([0, 0, 0, 0, 1]), np.array([1.0, 2, 3, 4, 3.5])

    def pairs(cases: np.ndarray) -> float:
        chosen = labels[cases] == 1
        if chosen.all() or not chosen.any():
            raise ValueError('one class is absent')
        return float(np.mean(scores[cases][chosen][:, None] > scores[cases][~chosen]))

    result = cluster_bootstrap(pairs, np.arange(5), draws=2000)
    # The one positive is not drawn with probability (4/5)^5, only it with (1/5)^5.
    expected = 0.8**5 + 0.2**5
    assert result.undefined / 2000 == pytest.approx(expected, abs=0.04)
    assert result.values.size == 2000 - result.undefined
    assert not math.isnan(result.ci[0])


def test_without_enough_draws_there_is_no_interval():
    calls = []

    def only_once(cases: np.ndarray) -> float:
        calls.append(cases)
        return 1.0 if len(calls) == 1 else math.nan

    with pytest.warns(UserWarning, match='the statistic has a value in 0 draws only: no interval'):
        result = cluster_bootstrap(only_once, np.arange(5), draws=30, method='bca')
    assert (result.estimate, result.undefined) == (1.0, 30)
    assert all(math.isnan(v) for v in (result.se, *result.ci))


def test_bca_without_an_interval_warns():
    # The only positive left out leaves no AUC, so there is no acceleration.
    labels, scores = np.array([0, 0, 0, 0, 1]), np.array([1.0, 2, 3, 4, 3.5])
    with pytest.warns(UserWarning, match='BCa has no interval'):
        result = cluster_bootstrap(lambda i: auc_score(labels[i], scores[i]), np.arange(5), draws=200, method='bca')
    assert math.isnan(result.ci[1])


def test_seeds():
    a, b, c = (cluster_bootstrap(mean, np.arange(10), draws=100, seed=s) for s in (1, 1, 2))
    assert a.ci == b.ci
    assert a.ci != c.ci


def test_errors():
    with pytest.raises(ValueError, match='2 or more clusters are needed, got 1'):
        cluster_bootstrap(mean, ['a'] * 10)
    with pytest.raises(ValueError, match='2 or more clusters are needed, got 0'):
        cluster_bootstrap(mean, [])
    with pytest.raises(ValueError, match='a cluster must lie in one stratum, P1 lies in several'):
        cluster_bootstrap(mean, ['P1', 'P2', 'P1'], [0, 0, 1])
    with pytest.raises(ValueError, match='the statistic of the data themselves must be a number, got nan'):
        cluster_bootstrap(lambda _: math.nan, np.arange(10))
    with pytest.raises(ValueError, match=r"method must be one of .*, got 'basic'"):
        cluster_bootstrap(mean, np.arange(10), method='basic')
    with pytest.raises(ValueError, match='2 or more draws are needed, got 1'):
        cluster_bootstrap(mean, np.arange(10), draws=1)
    with pytest.raises(ValueError, match='clusters must be known for every case'):
        cluster_bootstrap(mean, [1.0, math.nan])
    with pytest.raises(ValueError, match='confidence must lie between 0 and 1, got 95'):
        cluster_bootstrap(mean, np.arange(10), confidence=95)
