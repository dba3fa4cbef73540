"""Figures of explanations: bars that lead from none to all, curves with what was measured."""

from __future__ import annotations

import numpy as np
import pytest

from usmm.evaluation.stats.time_intensity import time_intensity
from usmm.visualization.figures.explain_figures import contribution_figure, time_intensity_figure


def test_bars_lead_from_none_to_all() -> None:
    (axes,) = contribution_figure(dict(bus=0.2, ue=-0.1, clinical=0.3), 0.4, 0.8, 'probability').axes
    spans = [(p.get_x(), p.get_x() + p.get_width()) for p in axes.patches]
    np.testing.assert_allclose(spans, [(0.4, 0.6), (0.6, 0.5), (0.5, 0.8)])
    assert [t.get_text() for t in axes.get_yticklabels()] == ['bus', 'ue', 'clinical']
    assert {'none 0.400', 'all 0.800', '+0.200', '-0.100'} <= {t.get_text() for t in axes.texts}
    low, high = axes.get_xlim()
    assert low < 0.4 and high > 0.8


@pytest.mark.parametrize(('values', 'full'), [({}, 0.4), (dict(bus=0.2), 0.7)])
def test_bars_that_do_not_add_up(values: dict, full: float) -> None:
    with pytest.raises(ValueError, match=r'must add up from 0\.4'):
        contribution_figure(values, 0.4, full)


def test_the_curve_and_its_parameters() -> None:
    t = np.arange(60.0)
    grey = 10 + np.interp(t, [8, 20, 59], [0, 60, 30])
    grey[3] = np.nan
    found = time_intensity(t, grey)
    (axes,) = time_intensity_figure(t, grey, found, marks=[10, 12], title='C1').axes
    lines = {line.get_label(): line.get_xydata() for line in axes.lines}
    assert len(lines['mean grey value']) == 59
    top = lines[f'peak +{found.peak_intensity:.0f}'][0]
    assert top == pytest.approx([found.time_to_peak, found.baseline + found.peak_intensity])
    (x0, y0), *_, (x1, y1) = lines[f'wash-out {found.wash_out_slope:.2f} / s']
    assert (y1 - y0) / (x1 - x0) == pytest.approx(found.wash_out_slope)
    assert axes.get_title() == 'C1'


def test_a_flat_curve_has_no_peak() -> None:
    t = np.arange(20.0)
    (axes,) = time_intensity_figure(t, np.full(20, 9.0), time_intensity(t, np.full(20, 9.0))).axes
    assert not [line for line in axes.lines if line.get_label().startswith(('peak', 'wash'))]
