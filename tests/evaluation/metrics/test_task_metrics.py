"""Metrics by task and their means, against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import mannwhitneyu
from sklearn.metrics import accuracy_score, log_loss

from usmm.evaluation.metrics import CaseLoss, TaskMetrics

rng = np.random.default_rng(0)


def rows(task: str, count: int, classes: int) -> list[dict]:
    scores = rng.dirichlet(np.ones(classes), count)
    return [
        dict(case_id=f'{task}{i}', task=task, label=i % classes, scores=s.astype(np.float32))
        for i, s in enumerate(scores)
    ]


def split(found: list[dict]) -> tuple[np.ndarray, np.ndarray]:
    scores = np.stack([r['scores'] for r in found]).astype(float)
    return np.array([r['label'] for r in found]), scores / scores.sum(1, keepdims=True)


def pairs(positive: np.ndarray, scores: np.ndarray) -> float:
    """The AUC as Mann and Whitney's U over the number of pairs."""
    u = mannwhitneyu(scores[positive], scores[~positive], method='asymptotic').statistic
    return float(u / (positive.sum() * (~positive).sum()))


def test_by_task_and_their_means() -> None:
    two, three = rows('breast', 40, 2), rows('organs', 31, 3)
    metric = TaskMetrics()
    for start in range(0, 71, 8):
        metric.process({}, [*two, *three][start : start + 8])
    found = metric.evaluate(71)
    expected = {}
    for name, group in (('breast', two), ('organs', three)):
        labels, scores = split(group)
        classes = [1] if name == 'breast' else [0, 1, 2]
        expected |= {
            f'{name}/loss': log_loss(labels, scores),
            f'{name}/accuracy': accuracy_score(labels, scores.argmax(1)),
            f'{name}/auc': np.mean([pairs(labels == k, scores[:, k]) for k in classes]),
        }
    for key in ('loss', 'accuracy', 'auc'):
        expected[key] = (expected[f'breast/{key}'] + expected[f'organs/{key}']) / 2
    assert found == pytest.approx(expected, abs=1e-5)
    assert metric.results == []


def test_an_auc_that_is_not_defined_does_not_spoil_the_mean() -> None:
    metric = TaskMetrics()
    metric.process({}, [*rows('a', 10, 2), dict(case_id='x', task='b', label=0, scores=[0.5, 0.5])])
    with pytest.warns(UserWarning, match='no case of'):
        found = metric.evaluate(11)
    assert math.isnan(found['b/auc']) and found['auc'] == found['a/auc']
    assert found['loss'] == pytest.approx((found['a/loss'] + math.log(2)) / 2)


def test_the_loss_of_cases() -> None:
    group = rows('a', 20, 3)
    metric = CaseLoss()
    metric.process({}, [*group, dict(group[0], label=None)])
    labels, scores = split(group)
    assert metric.evaluate(21) == pytest.approx({'loss': log_loss(labels, scores)}, abs=1e-5)
    assert CaseLoss.names == ('loss',)
    metric.process({}, [dict(group[0], label=None)])
    assert metric.evaluate(1) == {}


def test_a_score_of_zero_is_a_finite_loss() -> None:
    metric = CaseLoss()
    metric.process({}, [dict(label=0, scores=[0.0, 1.0])])
    assert 80 < metric.evaluate(1)['loss'] < 100
