from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from usmm.visualization.figures.calibration_figures import calibration_figure, decision_figure

RNG = np.random.default_rng(0)
SCORES = RNG.uniform(0, 1, 400)
LABELS = (RNG.uniform(0, 1, 400) < SCORES).astype(int)


def test_points_are_those_of_another_library() -> None:
    axes = calibration_figure({'SCC': (LABELS, SCORES)}, 'title').axes[0]
    observed, predicted = calibration_curve(LABELS, SCORES, n_bins=10)
    points = axes.containers[1].lines[0]
    np.testing.assert_allclose(points.get_xdata(), predicted)
    np.testing.assert_allclose(points.get_ydata(), observed)
    heights = np.array([bar.get_height() for bar in axes.patches])
    counts = np.histogram(SCORES, 10, (0, 1))[0]
    np.testing.assert_allclose(heights / heights.max(), counts / counts.max())


def test_several_classes_have_lines_alone() -> None:
    figure = calibration_figure(dict.fromkeys('abc', (LABELS, SCORES)))
    assert len(figure.axes[0].lines) == 4
    assert not figure.axes[0].patches
    assert len(figure.legends) == 1


def test_net_benefit_against_the_formula() -> None:
    axes = decision_figure({'SCC': (LABELS, SCORES)}).axes[0]
    treat_all, model = axes.lines[:2]
    t = np.asarray(model.get_xdata())
    rates = [[np.mean((x <= SCORES) & (y == LABELS)) for y in (1, 0)] for x in t]
    hit = np.array([true - false * x / (1 - x) for (true, false), x in zip(rates, t)])
    np.testing.assert_allclose(model.get_ydata(), hit)
    share = LABELS.mean()
    np.testing.assert_allclose(treat_all.get_ydata(), share - (1 - share) * t / (1 - t))
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ['treat all', 'SCC', 'treat none']


def test_refuses() -> None:
    with pytest.raises(ValueError, match='calibration_figure needs one curve or more, got none'):
        calibration_figure({})
    with pytest.raises(ValueError, match='decision_figure needs one curve or more, got none'):
        decision_figure({})
    for draw in (calibration_figure, decision_figure):
        with pytest.raises(ValueError, match='probabilities'):
            draw({'SCC': ([0, 1], [-3.0, 2.0])})
