"""Losses by shuffling against counts by hand, scikit-learn, and the normal model."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as sk

from usmm.evaluation.stats.permutation_importance import METRICS, shuffling_drop

RNG = np.random.default_rng(0)
LABELS = np.arange(60) % 3
SCORES = RNG.dirichlet(np.ones(3), 60)
PATIENTS = [f'p{i}' for i in range(60)]
REFERENCE = {
    'auc': lambda y, p: sk.roc_auc_score(y, p, multi_class='ovr'),
    'accuracy': lambda y, p: sk.accuracy_score(y, p.argmax(1)),
    'balanced_accuracy': lambda y, p: sk.balanced_accuracy_score(y, p.argmax(1)),
    'brier': lambda y, p: -np.mean(((p - np.eye(p.shape[1])[y]) ** 2).sum(1)),
    'log_loss': lambda y, p: -sk.log_loss(y, p),
}


@pytest.mark.parametrize('metric', METRICS)
def test_the_loss_is_that_of_scikit_learn(metric: str) -> None:
    shuffled = np.stack([SCORES[RNG.permutation(60)] for _ in range(3)])
    found = shuffling_drop(LABELS, SCORES, shuffled, PATIENTS, metric, draws=20)
    full = REFERENCE[metric](LABELS, SCORES)
    each = [full - REFERENCE[metric](LABELS, one) for one in shuffled]
    np.testing.assert_allclose(found.values, each, atol=1e-12)
    assert found.estimate == pytest.approx(np.mean(each)) and found.full == pytest.approx(full)
    assert found.repeats_se == pytest.approx(np.std(each, ddof=1) / math.sqrt(3))
    assert found.method == 'bootstrap by cluster, percentile, 20 draws'


def test_two_classes_go_by_the_positive_one() -> None:
    labels, p = np.array([0, 1, 1, 0]), np.array([0.1, 0.9, 0.6, 0.7])
    scores = np.stack([1 - p, p], 1)
    flat = np.full((1, 4, 2), 0.5)
    assert shuffling_drop(labels, scores, flat, list('abcd'), positive=1).full == 0.75
    assert shuffling_drop(labels, scores, flat, list('abcd'), positive=0).full == 0.75
    assert shuffling_drop(labels, scores, flat, list('abcd')).estimate == 0.25
    brier = shuffling_drop(labels, scores, flat, list('abcd'), 'brier', draws=20)
    assert brier.full == pytest.approx(-sk.brier_score_loss(labels, p))
    assert math.isnan(brier.repeats_se)


def test_the_interval_holds_the_loss_of_the_population() -> None:
    """A score x + z of two standard normal signals: AUC Phi(1) with both, Phi(1/2) with one of them shuffled."""
    hits = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        y = np.arange(120) % 2
        x, z = rng.normal(y, 1), rng.normal(y, 1)
        both = [x + z, *(x + rng.permutation(z) for _ in range(4))]
        p = [1 / (1 + np.exp(-s)) for s in both]
        tables = np.stack([np.stack([1 - q, q], 1) for q in p])
        found = shuffling_drop(y, tables[0], tables[1:], np.arange(120), draws=100, seed=seed)
        # shuffled: the difference of a pair is N(1, 2 + 2 (1 + 1/4)), for the shuffled signal has both classes' spread
        truth = 0.8413447 - 0.5 * (1 + math.erf(1 / math.sqrt(4.5) / math.sqrt(2)))
        hits += found.ci[0] <= truth <= found.ci[1]
    assert hits >= 34


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(metric='gini'), "metric must be one of .* got 'gini'"),
        (dict(full=SCORES[:, 0]), r'expected scores \(N, K\)'),
        (dict(shuffled=SCORES), r'shuffled ones \(R, N, K\)'),
        (dict(shuffled=np.zeros((0, 60, 3))), r'shuffled ones \(R, N, K\)'),
        (dict(labels=LABELS[:9]), '60 scores need a label each, got 9'),
        (dict(labels=np.zeros(60, int)), 'needs cases of every class'),
    ],
)
def test_what_cannot_be_measured(change: dict, message: str) -> None:
    given = dict(labels=LABELS, full=SCORES, shuffled=SCORES[None], patients=PATIENTS, draws=20)
    with pytest.raises(ValueError, match=message):
        shuffling_drop(**{**given, **change})
