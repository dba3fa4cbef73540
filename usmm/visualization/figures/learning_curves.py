"""Figures of active learning: score against labelled share, a line and a band a strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np
from matplotlib.figure import Figure

from usmm.visualization.figures.figures import COLOURS, DASHES, canvas


class CurvePoint(TypedDict):
    """A round of one strategy; means over the seeds.

    Args:
        round: Number of the round.
        seeds: Number of the seeds with this round.
        share: Labelled share of the pool, 0 to 1.
        mean, std: Mean and standard deviation of the score; None where it could not be measured.
        labelled, units, images, patients: Labelled samples, units that were asked for, images, and patients.
    """

    round: int
    seeds: int
    share: float
    mean: float | None
    std: float | None
    labelled: float
    units: float
    images: float
    patients: float


def learning_curve_figure(
    curves: Mapping[str, Sequence[CurvePoint]],
    metric: str,
    full: float | None = None,
    best: float | None = None,
    title: str | None = None,
) -> Figure:
    """Mean over seeds with a band of one standard deviation.

    Args:
        curves: Strategy -> points with `share`, `mean` and `std` (0 to 1).
        metric: What the score is called.
        full: Mean score of the network that is trained on the whole pool.
        best: The best score that is possible, where it is known.
        title: Optional title.

    Raises:
        ValueError: Without a point.
    """
    drawn = {name: [p for p in points if p['mean'] is not None] for name, points in curves.items()}
    if not any(drawn.values()):
        raise ValueError('learning_curve_figure needs one curve or more, got none')
    figure, (axes,) = canvas(6.2, 4.2)
    for i, (name, points) in enumerate(drawn.items()):
        x, mean, std = np.array([(p['share'], p['mean'], p['std']) for p in points], dtype=float).T
        colour, dashes = COLOURS[i % 7], DASHES[i // 7 % 4]
        axes.plot(100 * x, mean, marker='o', markersize=3, linewidth=1.6, label=name, color=colour, linestyle=dashes)
        axes.fill_between(100 * x, mean - std, mean + std, color=colour, alpha=0.12, linewidth=0)
    for value, label, dash in ((full, 'all labels', '--'), (best, 'best possible', ':')):
        if value is not None:
            axes.axhline(value, color='0.4', linestyle=dash, linewidth=1, label=f'{label}: {value:.3f}')
    axes.set(xlabel='labelled share of the pool, %', ylabel=metric, title=title or '')
    axes.legend(frameon=False, fontsize=8, loc='lower right')
    return figure
