from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from usmm.evaluation.stats import average_precision, precision_recall_curve


@pytest.mark.parametrize('digits', [8, 1, 0])
@pytest.mark.parametrize('seed', range(3))
def test_equals_scikit_learn(seed, digits):
    rng = np.random.default_rng(seed)
    labels = rng.random(71) < 0.3
    scores = np.round(rng.normal(labels * 1.0, 1), digits)
    curve = precision_recall_curve(labels, scores)
    precision, recall, thresholds = sk.precision_recall_curve(labels, scores)
    np.testing.assert_allclose(curve.precision[::-1], precision)
    np.testing.assert_allclose(curve.recall[::-1], recall)
    np.testing.assert_allclose(curve.thresholds[:0:-1], thresholds)
    assert average_precision(labels, scores) == pytest.approx(sk.average_precision_score(labels, scores), abs=1e-12)
    assert curve.prevalence == pytest.approx(labels.mean())


def test_closed_forms():
    assert average_precision([0, 0, 1, 1], [1, 2, 3, 4]) == 1
    assert average_precision([0, 1, 0, 0], [5, 5, 5, 5]) == 0.25  # all tied: the prevalence
    assert average_precision([1, 0, 0, 0], [1, 2, 3, 4]) == 0.25  # one positive, at rank 4


def test_errors():
    with pytest.raises(ValueError, match='1 or more positive cases are needed, got 0 of 2'):
        average_precision([0, 0], [1, 2])
    with pytest.raises(ValueError, match='scores must be finite'):
        precision_recall_curve([0, 1], [1, np.nan])
    with pytest.raises(ValueError, match='one number per case, got shape'):
        precision_recall_curve([], [])
