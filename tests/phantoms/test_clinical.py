from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency, ttest_ind
from scipy.stats import norm as normal
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from usmm.phantoms import PRESETS
from usmm.phantoms.clinical_plan import Category, ClinicalPlan, Number
from usmm.phantoms.truth import best_auc, separation

PLAN = PRESETS['cla'].clinical


def table(strength: float, n: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    d = strength * separation(0.71)
    labels = (np.arange(n) % 5 < 2).astype(int)
    latents = np.where(labels == 1, d / 2, -d / 2) + rng.standard_normal(n)
    return pd.DataFrame([PLAN.draw(s, rng) for s in latents]), labels, latents


@pytest.fixture(scope='module')
def sample() -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    return table(1.0, 12000)


def test_columns_and_values(sample):
    rows, _, _ = sample
    assert list(rows) == ['age', 'td', 'ld', 'gender', 'node_side', 'neck_level']
    assert rows['age'].between(18, 95).all() and rows['age'].dtype.kind == 'i'
    assert rows['td'].between(2, 60).all() and rows['ld'].between(3, 90).all()
    assert set(rows['gender']) == {'F', 'M'}
    assert set(rows['node_side']) == {'left', 'right'}
    assert set(rows['neck_level']) == {'II', 'III', 'IV', 'V', 'VI'}


def test_the_row_gives_back_the_latent(sample):
    rows, _, latents = sample
    score = np.array([PLAN.score(row) for row in rows.to_dict('records')])
    assert np.quantile(np.abs(score - latents), 0.999) < 0.05  # rounding; the limits of age cut one in thousands
    assert np.corrcoef(score, latents)[0, 1] > 0.999


@pytest.mark.parametrize('strength', [1.0, 2.0])
def test_logistic_regression_reaches_the_planted_auc_and_no_more(strength):
    rows, labels, _ = table(strength, 12000, seed=1)
    x = pd.get_dummies(rows, drop_first=True).to_numpy(float)
    x = (x - x.mean(0)) / x.std(0)
    half = len(x) // 2
    score = LogisticRegression(C=1e3).fit(x[:half], labels[:half]).decision_function(x[half:])
    expected = best_auc({'clinical': strength * separation(0.71)}, 'clinical')
    assert roc_auc_score(labels[half:], score) == pytest.approx(expected, abs=0.015)


def test_every_variable_tells_something_and_none_tells_all(sample):
    rows, labels, _ = sample
    for name in ('age', 'td', 'ld'):
        assert ttest_ind(rows[name][labels == 1], rows[name][labels == 0]).pvalue < 1e-6
        assert 0.53 < roc_auc_score(labels, rows[name]) < 0.68
    for name in ('gender', 'node_side', 'neck_level'):
        assert chi2_contingency(pd.crosstab(rows[name], labels)).pvalue < 1e-6


def test_bin_means_are_those_of_a_cut_normal():
    level = PLAN.categories[-1]
    edges = np.concatenate([[-12], level.edges(), [12]])
    expected = [normal.expect(lambda x: x, lb=a, ub=b, conditional=True) for a, b in itertools.pairwise(edges)]
    assert level.means() == pytest.approx(expected, abs=1e-6)
    assert np.array(level.weights) @ level.means() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    'variables',
    [([Number('age', 0.5, 60, 10, 0, 99)], []), ([], [Category('sex', 1.0, ('F', 'M'), (0.5, 0.5))])],
)
def test_plan_rejects(variables):
    with pytest.raises(ValueError, match='shares that add up to 1'):
        ClinicalPlan(*variables)
