"""Readers on the ROC plane."""

from __future__ import annotations

import pytest

from usmm.visualization.figures.reader_figure import reader_figure

POINT = ((0.8, (0.6, 0.9)), (0.7, None))


def test_points_with_intervals_curves_and_arrows() -> None:
    moved = ((0.9, None), (0.75, (0.6, 0.85)))
    figure = reader_figure({'model': ([0, 0, 1, 1], [1, 2, 3, 4])}, {'A': POINT}, {'A with': moved}, title='t')
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ['model', 'A', 'A with']
    drawn = {line.get_label(): line for line in axes.lines if not line.get_label().startswith('_')}
    assert (drawn['A'].get_xdata()[0], drawn['A'].get_ydata()[0]) == (pytest.approx(0.3), 0.8)
    assert (drawn['A'].get_fillstyle(), drawn['A with'].get_fillstyle()) == ('full', 'none')
    bars = [(list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines if line.get_alpha() == 0.6]
    assert bars[0] == (pytest.approx([0.3, 0.3]), [0.6, 0.9]) and bars[1] == (pytest.approx([0.4, 0.15]), [0.9, 0.9])
    assert len(axes.texts) == 1 and axes.get_title() == 't'  # the arrow


def test_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match='reader_figure needs a curve or a reader, got none'):
        reader_figure({}, {})
