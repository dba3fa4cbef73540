from __future__ import annotations

import math

import numpy as np
import pytest

from usmm.evaluation.stats import decision_curve


@pytest.mark.parametrize('digits', [8, 1])
def test_equals_a_loop(digits):
    rng = np.random.default_rng(0)
    labels = (rng.random(90) < 0.3).astype(int)
    rates = np.round(np.clip(0.3 * labels + rng.random(90) * 0.7, 0, 1), digits)
    curve = decision_curve(labels, rates)
    assert curve.thresholds == pytest.approx(np.linspace(0.01, 0.99, 99))
    for t, model, everyone in zip(curve.thresholds, curve.model, curve.treat_all):
        true = sum(1 for y, p in zip(labels, rates) if p >= t and y)
        false = sum(1 for y, p in zip(labels, rates) if p >= t and not y)
        assert model == pytest.approx(true / 90 - false / 90 * t / (1 - t), abs=1e-12)
        assert everyone == pytest.approx(labels.mean() - (1 - labels.mean()) * t / (1 - t), abs=1e-12)
    assert not curve.treat_none.any()
    both = decision_curve(labels, np.stack([1 - rates, rates], 1))
    assert both.model == pytest.approx(curve.model)


def test_closed_forms():
    # A perfect model gains the prevalence at every threshold; treating all gains nothing at the prevalence.
    labels = np.array([1] * 3 + [0] * 9)
    curve = decision_curve(labels, labels.astype(float), [0.1, 0.25, 0.9])
    assert curve.model == pytest.approx([0.25] * 3)
    assert curve.treat_all[1] == pytest.approx(0)
    assert curve.prevalence == 0.25
    # Saying 1 for everyone is treating all, 0 is treating none.
    assert decision_curve(labels, np.ones(12)).model == pytest.approx(decision_curve(labels, np.ones(12)).treat_all)
    assert decision_curve(labels, np.zeros(12)).model == pytest.approx(np.zeros(99))
    # A probability equal to the threshold is treated.
    assert decision_curve([1, 0], [0.5, 0.2], [0.5]).model.tolist() == [0.5]


def test_errors():
    with pytest.raises(ValueError, match='a decision curve is of two classes, got probabilities of 3'):
        decision_curve([0, 1], np.full((2, 3), 1 / 3))
    for thresholds in ([0.0], [1.0], [], [math.nan], [[0.5]]):
        with pytest.raises(ValueError, match=r'thresholds must be a row of numbers within \(0, 1\)'):
            decision_curve([0, 1], [0.2, 0.4], thresholds)
    with pytest.raises(ValueError, match='1 or more negative cases are needed'):
        decision_curve([1, 1], [0.2, 0.4])
