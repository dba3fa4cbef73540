"""Forest plots: estimates with their intervals, one row a model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from usmm.visualization.figures.figures import COLOURS, canvas


@dataclass(frozen=True)
class Estimate:
    """A row of a forest plot.

    Args:
        name: Name of the row.
        value: The estimate; None: the row stays empty.
        limits: Its interval; None: the estimate alone.
        known: A value to compare with, drawn as a diamond; None: none.
        marked: Whether it is the reference row.
    """

    name: str
    value: float | None
    limits: tuple[float, float] | None = None
    known: float | None = None
    marked: bool = False


def forest_figure(
    rows: Sequence[Estimate],
    label: str,
    line: float | None = None,
    digits: int = 3,
    sign: bool = False,
    known: str = 'best possible',
) -> Figure:
    """Draw estimates below one another, with the numbers at the right.

    Args:
        rows: The rows, from top to bottom.
        label: Name of the axis.
        line: Where a vertical line stands, as at 0 for differences.
        digits: Of the numbers.
        sign: Whether a plus is written.
        known: What a diamond stands for, in the legend.

    Raises:
        ValueError: Without a row that has an estimate.
    """
    if not any(row.value is not None and math.isfinite(row.value) for row in rows):
        raise ValueError(f'forest_figure needs one estimate or more, got {len(rows)} rows without one')
    figure, (axes,) = canvas(7.6, 1.1 + 0.3 * len(rows))
    if line is not None:
        axes.axvline(line, color='0.6', linewidth=1, zorder=0)
    shown = '+' if sign else ''
    for i, row in enumerate(rows):
        if row.marked:
            axes.axhspan(i - 0.5, i + 0.5, color='0.93', lw=0, zorder=-1)
        if row.known is not None:
            axes.plot(row.known, i, 'D', color=COLOURS[1], markersize=5, markerfacecolor='none', label=known)
        if row.value is None or not math.isfinite(row.value):
            continue
        text = f'{row.value:{shown}.{digits}f}'
        if row.limits is not None:
            axes.plot(row.limits, [i, i], color=COLOURS[0], linewidth=1.6, solid_capstyle='butt')
            text += f' [{row.limits[0]:{shown}.{digits}f}, {row.limits[1]:{shown}.{digits}f}]'
        axes.plot(row.value, i, 's', color=COLOURS[0], markersize=5)
        axes.annotate(text, (1.02, i), xycoords=('axes fraction', 'data'), va='center', fontsize=8)
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.set(ylim=(len(rows) - 0.4, -0.6), xlabel=label)
    axes.tick_params(axis='y', length=0)
    axes.locator_params(axis='x', nbins=6)  # three digits are wide: more of them run into each other
    axes.spines['left'].set_visible(False)
    axes.grid(axis='x', color='0.9', linewidth=0.8)
    axes.set_axisbelow(True)
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(handles[:1], labels[:1], loc='outside upper left', frameon=False, fontsize=8)
    return figure
