from __future__ import annotations

import numpy as np
import pytest

from usmm.evaluation.stats import average_precision, precision_recall_curve


@pytest.mark.parametrize('digits', [8, 1, 0])
@pytest.mark.parametrize('seed', range(3))
def test_equals_counts_at_each_threshold(seed, digits):
    rng = np.random.default_rng(seed)
    labels = rng.random(71) < 0.3
    scores = np.round(rng.normal(labels * 1.0, 1), digits)
    curve = precision_recall_curve(labels, scores)
    thresholds = sorted(set(scores), reverse=True)
    precision = [1.0, *(labels[scores >= t].mean() for t in thresholds)]
    recall = [0.0, *((labels & (scores >= t)).sum() / labels.sum() for t in thresholds)]
    np.testing.assert_array_equal(curve.thresholds, [np.inf, *thresholds])
    np.testing.assert_allclose(curve.precision, precision)
    np.testing.assert_allclose(curve.recall, recall)
    area = sum((recall[i] - recall[i - 1]) * precision[i] for i in range(1, len(recall)))
    assert average_precision(labels, scores) == pytest.approx(area, abs=1e-12)
    assert curve.average_precision == pytest.approx(area, abs=1e-12)
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
