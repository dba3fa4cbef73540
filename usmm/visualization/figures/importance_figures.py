"""Figures of importance: bars with intervals, and Shapley values case by case."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from usmm.visualization.figures.explain_figures import contribution_figure
from usmm.visualization.figures.figures import COLOURS, canvas

COLD_TO_WARM = 'coolwarm'
LONGEST = 34  # characters of a label
NOTHING = 1e-6  # a step that is not drawn


def bars_figure(
    values: Mapping[str, float],
    label: str,
    limits: Mapping[str, tuple[float, float]] | None = None,
    title: str | None = None,
) -> Figure:
    """Horizontal bars, the longest on top.

    Args:
        values: Name -> length.
        label: Of the axis.
        limits: Name -> interval, drawn as a line through the end of the bar.
        title: Optional title.

    Raises:
        ValueError: Without a bar.
    """
    if not values:
        raise ValueError('bars_figure needs one bar or more, got none')
    names = sorted(values, key=lambda name: -values[name])
    figure, (axes,) = canvas(6.4, 1.0 + 0.28 * len(names))
    for i, name in enumerate(names):
        axes.barh(i, values[name], color=COLOURS[0] if values[name] >= 0 else '0.7', height=0.62)
        low, high = (limits or {}).get(name, (math.nan, math.nan))
        if math.isfinite(low):
            axes.plot([low, high], [i, i], color='0.15', linewidth=1.3)
            axes.plot([low, high], [i, i], '|', color='0.15', markersize=5)
    axes.axvline(0, color='0.4', linewidth=0.8)
    axes.set_yticks(range(len(names)), [_short(name) for name in names])
    axes.set(ylim=(len(names) - 0.4, -0.6), xlabel=label, title=title or '')
    axes.tick_params(axis='y', length=0)
    return figure


def swarm_figure(
    values: ArrayLike,
    names: Sequence[str],
    levels: ArrayLike | None,
    label: str,
    title: str | None = None,
) -> Figure:
    """Every case a point, a row for each input, the one with the largest values on top.

    Args:
        values: (n, N) where the points stand.
        names: Of the n rows.
        levels: (n, N) colour from 0 (low) to 1 (high); NaN: hollow, grey in a row without colours. None: all grey.
        label: Of the axis.
        title: Optional title.

    Raises:
        ValueError: If names, values and levels do not fit each other.
    """
    x = np.asarray(values, dtype=float)
    colours = np.full(x.shape, np.nan) if levels is None else np.asarray(levels, dtype=float)
    if x.ndim != 2 or x.shape[0] != len(names) or colours.shape != x.shape or not x.size:
        raise ValueError(f'expected values and levels for {len(names)} names, got {x.shape} and {colours.shape}')
    order = np.argsort(-np.abs(x).mean(1), kind='stable')
    figure, (axes,) = canvas(7.0, 1.1 + 0.34 * len(names))
    palette = matplotlib.colormaps[COLD_TO_WARM]
    span = float(x.max() - x.min()) or 1.0
    for place, i in enumerate(order):
        axes.axhline(place, color='0.92', linewidth=0.8, zorder=0)
        y = place + _spread(x[i], span)
        known = np.isfinite(colours[i])
        plain = dict(color='0.35', linewidths=0) if not known.any() else dict(facecolors='none', edgecolors='0.6')
        axes.scatter(x[i][~known], y[~known], s=12, **plain)
        axes.scatter(x[i][known], y[known], s=12, c=palette(colours[i][known]), linewidths=0)
    axes.axvline(0, color='0.4', linewidth=0.8, zorder=0)
    axes.set_yticks(range(len(names)), [_short(names[i]) for i in order])
    axes.set(ylim=(len(names) - 0.5, -0.5), xlabel=label, title=title or '')
    axes.tick_params(axis='y', length=0)
    if np.isfinite(colours).any():
        bar = figure.colorbar(ScalarMappable(cmap=palette), ax=axes, fraction=0.03, pad=0.02, aspect=30)
        bar.set_ticks([0, 1], labels=['low', 'high'])
        bar.set_label('value of the variable (hollow: missing)', fontsize=8)
        bar.outline.set_visible(False)  # type: ignore[operator]
    return figure


def waterfall_figure(
    values: Mapping[str, float], empty: float, full: float, score: str, title: str | None = None, most: int = 9
) -> Figure:
    """From what the model says of no one to what it says of a case, the largest steps first.

    Args:
        values: Input with its value -> Shapley value.
        empty, full: Score of nothing and of everything.
        score: Name of the score.
        title: Optional title.
        most: Bars; the smallest are joined into one where there are more, as are those that add nothing.
    """
    order = sorted((name for name in values if abs(values[name]) > NOTHING), key=lambda name: -abs(values[name]))
    shown = order if len(order) <= most else order[: most - 1]
    steps: dict[str, float] = {}
    for name in shown:
        label = _short(name)
        while label in steps:  # cut alike: made unlike by what cannot be seen
            label += '\N{ZERO WIDTH SPACE}'
        steps[label] = values[name]
    rest = [name for name in values if name not in shown]
    if rest:
        steps[f'{len(rest)} others'] = math.fsum(values[name] for name in rest)
    figure = contribution_figure(steps, empty, full, score)
    figure.set_size_inches(5.4, figure.get_size_inches()[1] + 0.2)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def _spread(x: NDArray[np.float64], span: float, most: float = 0.38) -> NDArray[np.float64]:
    """How far each point stands from the middle of its row, so that near ones lie beside one another."""
    bins = np.round((x - x.min()) / span * 90).astype(int)
    out = np.zeros(len(x))
    largest = max(np.bincount(bins).max(), 8)
    for b in np.unique(bins):
        inside = np.flatnonzero(bins == b)
        places = (np.arange(len(inside)) - (len(inside) - 1) / 2) * 2 * most / largest
        out[inside[np.argsort(x[inside], kind='stable')]] = places
    return out


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f'{name[: LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}'
