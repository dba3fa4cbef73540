"""Bland and Altman's plot, and the picture of two regions on one another."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from usmm.evaluation.stats.bland_altman import BlandAltman
from usmm.visualization.figures.figures import COLOURS, canvas

FIRST, SECOND, BOTH, PAPER = (0, 114, 178), (213, 94, 0), (205, 205, 205), (255, 255, 255)


def bland_altman_figure(
    first: ArrayLike, second: ArrayLike, found: BlandAltman, names: tuple[str, str], unit: str = 'pixels'
) -> Figure:
    """Difference (or ratio) of two measurements against their mean, with bias, limits and the intervals of all three.

    Args:
        first, second: Measurements of the same cases (N,).
        found: What `bland_altman` computed of them; its scale says what is drawn.
        names: Of the two.
        unit: Of the measurements.

    Raises:
        ValueError: Unequal numbers of measurements, or other ones than `found` was computed of.
    """
    a, b = (np.asarray(values, dtype=np.float64) for values in (first, second))
    if a.shape != b.shape or a.shape != (found.cases,):
        raise ValueError(f'expected {found.cases} pairs of measurements, got {a.shape} and {b.shape}')
    ratio = found.scale == 'ratio'
    across, up = (np.sqrt(a * b), b / a) if ratio else ((a + b) / 2, b - a)
    figure, (axes,) = canvas(5.4, 3.8)
    axes.axhline(1 if ratio else 0, color='0.75', linewidth=0.8, zorder=0)
    lines = (
        (found.bias, found.bias_ci, '-'),
        (found.limits[0], found.lower_ci, '--'),
        (found.limits[1], found.upper_ci, '--'),
    )
    digits = 3 if ratio else _digits(up)
    for value, limits, dashes in lines:
        colour = COLOURS[0] if dashes == '-' else COLOURS[1]
        axes.axhspan(*limits, color=colour, alpha=0.13, lw=0)
        axes.axhline(value, color=colour, linestyle=dashes, linewidth=1.3)
        text = f'{value:.{digits}f}' if ratio else f'{value:+.{digits}f}'
        axes.annotate(text, (1.01, value), xycoords=('axes fraction', 'data'), va='center', fontsize=8, color=colour)
    axes.plot(across, up, 'o', color='black', markersize=3.2, alpha=0.55, markeredgewidth=0)
    axes.set_xlabel(f'{"Geometric mean" if ratio else "Mean"} of the two, {unit}')
    axes.set_ylabel(f'{names[1]} {"/" if ratio else "−"} {names[0]}{"" if ratio else f", {unit}"}', wrap=True)
    if ratio:
        axes.set(xscale='log', yscale='log')
        # plain numbers, for the powers of ten would need mathematical text
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter('{x:g}')
        axes.xaxis.set_minor_formatter('')
        axes.yaxis.set_minor_formatter('{x:.4g}')
        axes.tick_params(axis='y', which='minor', labelsize=7)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
    return figure


def picture_of(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Two regions on one another: grey where both are, blue the first alone, orange the second alone.

    Args:
        first, second: (H, W) bool.

    Returns:
        (H, W, 3) uint8, with a white edge.

    Raises:
        ValueError: Regions of unequal shape.
    """
    if first.shape != second.shape:
        raise ValueError(f'the regions must be of one size, got {first.shape} and {second.shape}')
    picture = np.full((*first.shape, 3), PAPER, dtype=np.uint8)
    for where, colour in ((first & ~second, FIRST), (second & ~first, SECOND), (first & second, BOTH)):
        picture[where] = colour
    edge = max(2, max(first.shape) // 20)
    return np.pad(picture, ((edge, edge), (edge, edge), (0, 0)), constant_values=255)


def _digits(values: NDArray[np.float64]) -> int:
    """Decimals that such differences need."""
    largest = float(np.abs(values).max(initial=0.0))
    return 0 if largest >= 100 else 1 if largest >= 10 else 2
