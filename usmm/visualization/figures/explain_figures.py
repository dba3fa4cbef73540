"""Figures of explanations: the contribution of each modality, and the time-intensity curve of a lesion."""

from __future__ import annotations

import math
from collections.abc import Mapping

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import ArrayLike

from usmm.evaluation.stats.time_intensity import TimeIntensity, smooth
from usmm.visualization.figures.figures import COLOURS, STYLE


def contribution_figure(
    values: Mapping[str, float], empty: float, full: float, score: str = 'score', title: str | None = None
) -> Figure:
    """Bars that lead from what the model says of no one to what it says of this case.

    Args:
        values: Modality -> Shapley value; with `empty` they add up to `full`.
        empty, full: Score without and with all modalities.
        score: Name of the score, for the axis.
        title: Optional title.

    Raises:
        ValueError: Without a value, or where the values do not add up.
    """
    if not values or not math.isclose(empty + sum(values.values()), full, abs_tol=1e-6):
        raise ValueError(f'contributions {dict(values)} must add up from {empty} to {full}')
    figure, axes = _canvas(4.6, 1.1 + 0.32 * len(values))
    steps = empty + np.concatenate([[0.0], np.cumsum(list(values.values()))])
    for i, (start, value) in enumerate(zip(steps, values.values())):
        axes.barh(i, value, left=start, color=COLOURS[1 if value >= 0 else 0], height=0.6)
        end = max(start, start + value)
        axes.annotate(f'{value:+.3f}', (end, i), (3, 0), textcoords='offset points', va='center', fontsize=8)
    room = max(steps) - min(steps) or 1.0
    for x, name in ((empty, 'none'), (full, 'all')):
        axes.axvline(x, color='0.6', linewidth=0.8, linestyle=':')
        side = 'center' if abs(full - empty) > 0.3 * room else 'right' if x == min(empty, full) else 'left'
        axes.annotate(f'{name} {x:.3f}', (x, -0.9), ha=side, va='center', fontsize=8, color='0.4')
    axes.set_yticks(range(len(values)), list(values))
    room *= 0.18
    axes.set(ylim=(len(values) - 0.4, -1.2), xlim=(min(steps) - room, max(steps) + room))
    axes.set(xlabel=score, title=title or '')
    return figure


def time_intensity_figure(
    times: ArrayLike,
    grey: ArrayLike,
    found: TimeIntensity,
    smoothing: float = 1.0,
    marks: ArrayLike = (),
    title: str | None = None,
) -> Figure:
    """The curve of a lesion, and what was measured of it.

    Args:
        times: (T,) s.
        grey: (T,) mean grey value inside the lesion.
        found: Its parameters.
        smoothing: The smoothing that they were found with, in s.
        marks: Times of frames to mark (the key frames).
        title: Optional title.
    """
    t, y = np.asarray(times, dtype=float), np.asarray(grey, dtype=float)
    known = np.isfinite(y)
    t, y = t[known], y[known]
    figure, axes = _canvas(4.8, 3.0)
    axes.plot(t, y, '.', color='0.6', markersize=3, label='mean grey value')
    axes.plot(t, smooth(t, y, smoothing), color=COLOURS[0], linewidth=1.6, label='smoothed')
    axes.axhline(found.baseline, color='0.5', linewidth=0.8, linestyle=':', label='baseline')
    for mark in np.asarray(marks, dtype=float):
        axes.axvline(mark, ymax=0.04, color=COLOURS[4], linewidth=1.5)
    if math.isfinite(found.arrival):
        axes.axvline(found.arrival, color='0.8', linewidth=0.8)
        top = found.baseline + found.peak_intensity
        axes.plot(found.time_to_peak, top, 'v', color=COLOURS[1], label=f'peak +{found.peak_intensity:.0f}')
    if math.isfinite(found.wash_out_slope):
        later = t[t >= found.time_to_peak]
        centre, level = later.mean(), smooth(t, y, smoothing)[t >= found.time_to_peak].mean()
        line = level + found.wash_out_slope * (later - centre)
        axes.plot(later, line, '--', color=COLOURS[1], linewidth=1.2, label=f'wash-out {found.wash_out_slope:.2f} / s')
    axes.set(xlabel='time (s)', ylabel='grey value', title=title or '')
    axes.legend(frameon=False, fontsize=8)
    return figure


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08))
        return figure, figure.subplots()
