from __future__ import annotations

import math

import pytest

from usmm.visualization.figures.forest import Estimate, forest_figure

ROWS = [
    Estimate('BUS', 0.62, (0.55, 0.69), 0.6),
    Estimate('none', None),
    Estimate('nan', math.nan),
    Estimate('all', 0.86, None, marked=True),
]


def test_rows_stand_in_order_with_their_numbers() -> None:
    figure = forest_figure(ROWS, 'AUC', 0.5)
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ['BUS', 'none', 'nan', 'all']
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # from top to bottom
    assert [t.get_text() for t in axes.texts] == ['0.620 [0.550, 0.690]', '0.860']
    bar = next(line for line in axes.lines if len(line.get_xdata()) == 2 and list(line.get_ydata()) == [0, 0])
    assert list(bar.get_xdata()) == [0.55, 0.69]
    diamonds = [line for line in axes.lines if line.get_marker() == 'D']
    assert [list(line.get_xdata()) for line in diamonds] == [[0.6]]
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ['best possible']


def test_differences_have_a_sign() -> None:
    (text,) = forest_figure([Estimate('a', 0.05, (-0.01, 0.11))], 'difference', 0.0, 2, sign=True).axes[0].texts
    assert text.get_text() == '+0.05 [-0.01, +0.11]'


@pytest.mark.parametrize('rows', [[], [Estimate('a', None)], [Estimate('a', math.nan)]])
def test_refuses_nothing_to_draw(rows: list[Estimate]) -> None:
    with pytest.raises(ValueError, match=f'needs one estimate or more, got {len(rows)} rows without one'):
        forest_figure(rows, 'AUC')
