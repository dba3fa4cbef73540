"""Calibration: recovered from simulated predictions that are known to be off, against scikit-learn and closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit, log_softmax, logit, softmax
from sklearn.linear_model import LogisticRegression

from usmm.apis.probability_calibration import Calibration, calibrate, fit_calibration


def rows_of(labels: Any, table: np.ndarray, classes: str) -> list[dict[str, Any]]:
    named = [dict(zip([f'prob_{c}' for c in classes], row)) for row in table.tolist()]
    return [dict(label=classes[y], patient_id=f'p{i // 2}', **row) for i, (y, row) in enumerate(zip(labels, named))]


@pytest.mark.parametrize('positive', ['A', 'B', None])
def test_two_classes_as_logistic_regression(positive: str | None) -> None:
    rng = np.random.default_rng(0)
    p = expit(rng.normal(0, 2, 400))
    labels = (rng.random(400) < expit(0.7 + 0.5 * logit(p))).astype(int)
    found = fit_calibration(rows_of(labels, np.stack([1 - p, p], 1), 'AB'), 'AB', positive)
    sign = -1 if positive == 'A' else 1
    oracle = LogisticRegression(C=1e12, tol=1e-10).fit(logit(p)[:, None], labels)
    assert found.slope == pytest.approx(oracle.coef_[0, 0], abs=1e-4)
    assert found.intercept == pytest.approx(sign * oracle.intercept_[0], abs=1e-4)
    assert (found.method, found.cases, found.patients) == ('logistic', 400, 200)
    ours = calibrate(found, np.stack([1 - p, p], 1), 0 if positive == 'A' else 1)
    np.testing.assert_allclose(ours, oracle.predict_proba(logit(p)[:, None]), atol=1e-4)


def test_more_classes_by_temperature() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 1.5, (1000, 3))
    labels = [rng.choice(3, p=row) for row in softmax(logits, 1)]
    found = fit_calibration(rows_of(labels, softmax(2.5 * logits, 1), 'ABC'), 'ABC')  # too sure by 2.5
    assert found.method == 'temperature' and found.temperature == pytest.approx(2.5, rel=0.15)

    def loss(t: float) -> float:
        return -float(log_softmax(2.5 * logits / t, 1)[np.arange(1000), labels].mean())

    grid = np.linspace(1.5, 3.5, 2001)
    assert found.temperature == pytest.approx(grid[np.argmin([loss(t) for t in grid])], abs=2e-3)
    np.testing.assert_allclose(
        calibrate(Calibration('temperature', temperature=2.5), softmax(2.5 * logits[:50], 1)), softmax(logits[:50], 1),
        atol=1e-6,
    )  # fmt: skip


def test_calibrating_does_not_change_the_order() -> None:
    p = np.linspace(0, 1, 101)
    moved = calibrate(Calibration('logistic', intercept=-1.0, slope=0.4), np.stack([1 - p, p], 1))
    assert (np.diff(moved[:, 1]) >= 0).all() and np.isfinite(moved).all()
    np.testing.assert_allclose(moved.sum(1), 1)


HALF = np.full((4, 2), 0.5)
WRONG = np.array([[1 - p, p] for p in (0.9, 0.2, 0.6, 0.55, 0.3, 0.35)])


@pytest.mark.parametrize(
    ('labels', 'table', 'classes', 'message'),
    [
        ([0, 0], HALF[:2], 'AB', r"needs cases of every class, got 2 with a label, none of \['B'\]"),
        ([0, 0, 1, 1], np.array([[0.9, 0.1]] * 2 + [[0.1, 0.9]] * 2), 'AB', '4 cases separate the classes'),
        ([0, 1] * 3, WRONG, 'AB', 'the wrong way round'),
        ([0, 1, 2], np.eye(3) * 0.9 + 0.03, 'ABC', '3 cases separate the classes'),
        ([0, 1, 2], np.roll(np.eye(3), 1, 1) * 0.9 + 0.03, 'ABC', '3 cases say nothing of the classes'),
    ],
)
def test_what_cannot_be_fitted(labels: list[int], table: np.ndarray, classes: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_calibration(rows_of(labels, table, classes), classes)


def test_predictions_of_another_model() -> None:
    with pytest.raises(ValueError, match=r"the predictions have no columns \['prob_C'\]"):
        fit_calibration([dict(label=c, prob_A=0.5, prob_B=0.5) for c in 'ABC'], 'ABC')


@pytest.mark.parametrize(
    ('found', 'classes', 'message'),
    [
        ('x', 2, "has one of the methods .*, got 'None'"),
        (dict(method='isotonic'), 2, "got 'isotonic'"),
        (dict(method=['logistic']), 2, 'has one of the methods'),
        (dict(method='logistic', intercept='0', slope=1.0), 2, "intercept .* must be a number from .* got '0'"),
        (dict(method='temperature', temperature=1.0), 2, "'temperature' does not fit a model of 2 classes"),
        (dict(method='logistic', intercept=0.0, slope=1.0), 3, "'logistic' does not fit a model of 3 classes"),
        (dict(method='logistic', intercept=0.0), 2, "slope .* got 'None'"),
        (dict(method='logistic', intercept=float('nan'), slope=1.0), 2, 'must be a number from'),
        (dict(method='logistic', intercept=0.0, slope=-1.0), 2, 'must be a number from 0.001'),
    ],
)
def test_a_calibration_that_is_none(found: Any, classes: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Calibration.from_dict(found, classes)


@pytest.mark.parametrize(
    'stored',
    [
        dict(method='logistic', intercept=-0.25, slope=0.5, cases=40, patients=31, part='val'),
        dict(method='temperature', temperature=2.5, cases=40, patients=31),
        dict(method='temperature', temperature=2),
    ],
)
def test_what_is_stored_comes_back(stored: dict[str, Any]) -> None:
    found = Calibration.from_dict(stored, 2 if stored['method'] == 'logistic' else 3)
    assert found.to_dict() == stored and list(found.to_dict()) == list(stored)
    assert Calibration.from_dict({**stored, 'other': 1}, 2 if stored['method'] == 'logistic' else 3) == found


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        (dict(method='isotonic'), "a calibration has one of the methods .*, got 'isotonic'"),
        (
            dict(method='logistic', slope=1.0),
            'intercept of a calibration must be a number from -1000 to 1000, got',
        ),
        (dict(method='logistic', intercept=1e308, slope=1.0), r"intercept .* from -1000 to 1000, got '1e\+308'"),
        (dict(method='logistic', intercept=0.0, slope=1e308), r"slope .* from 0.001 to 1000, got '1e\+308'"),
        (dict(method='logistic', intercept=0.0, slope=-1.0), "slope .* from 0.001 to 1000, got '-1.0'"),
        (dict(method='logistic', intercept=0.0, slope=True), "slope .* got 'True'"),
        (dict(method='logistic', intercept=float('nan'), slope=1.0), "intercept .* got 'nan'"),
        (dict(method='temperature', temperature=0.0), "temperature .* from 0.005 to 200, got '0.0'"),
        (dict(method='temperature', temperature=1e308), 'temperature .* from 0.005 to 200'),
    ],
)
def test_a_calibration_has_the_parameters_of_its_method(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Calibration(**values)
