"""Quadratic kappa and mean stage error of a cross-validation, by fold."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, mean_absolute_error

from usmm.evaluation.stats.performance import performance


def test_each_fold_against_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    labels, folds = np.arange(90) % 5, np.arange(90) // 30
    scores = rng.dirichlet(np.ones(5), 90) + 0.4 * np.eye(5)[labels]
    scores /= scores.sum(1, keepdims=True)
    found = performance(labels, scores, folds, [f'p{i}' for i in range(90)], ordered=True)
    called = scores.argmax(1)
    kappas = [cohen_kappa_score(labels[folds == f], called[folds == f], weights='quadratic') for f in range(3)]
    errors = [mean_absolute_error(labels[folds == f], called[folds == f]) for f in range(3)]
    assert found['quadratic_kappa'].folds == pytest.approx(kappas)
    assert found['stage_error'].folds == pytest.approx(errors)
    assert found['stage_error'].mean == pytest.approx(np.mean(errors))
    whole = cohen_kappa_score(labels, called, weights='quadratic')
    low, high = found['quadratic_kappa'].ci95
    assert found['quadratic_kappa'].estimate == pytest.approx(whole) and low < whole < high
    assert 'stage_error' not in performance(labels, scores, folds, [f'p{i}' for i in range(90)])
