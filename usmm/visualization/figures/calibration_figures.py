"""Calibration curve and decision curve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from usmm.evaluation.stats import decision_curve, reliability_curve
from usmm.visualization.figures.figures import COLOURS, DASHES, canvas

Groups = Mapping[str, tuple[ArrayLike, ArrayLike]]
TALLEST = 0.14  # of the bars that count the predictions, in units of the vertical axis
BINS = 10


def calibration_figure(groups: Groups, title: str | None = None) -> Figure:
    """Predicted probability against the observed share of the class, in ten bins of equal width.

    Args:
        groups: Class -> (labels of zeros and ones (N,), probabilities of the class (N,)). With one class, lines
            show the Wilson limits of each bin, and bars how many predictions it has.
        title: Optional title.

    Raises:
        ValueError: Without a curve, or for probabilities outside of [0, 1].
    """
    if not groups:
        raise ValueError('calibration_figure needs one curve or more, got none')
    figure, (axes,) = canvas(4.6, 4.6)
    axes.plot([0, 1], [0, 1], color='0.7', linewidth=0.8, zorder=0, label='perfect')
    for i, (name, (labels, probabilities)) in enumerate(groups.items()):
        curve = reliability_curve(labels, probabilities, BINS)
        look: dict[str, Any] = {
            'color': COLOURS[i % 7],
            'linestyle': DASHES[i // 7 % 4],
            'marker': 'o',
            'markersize': 4,
        }
        look['label'] = f'{name}: ECE {curve.expected_error:.3f}'
        if len(groups) > 1:
            axes.plot(curve.predicted, curve.observed, linewidth=1.6, **look)
            continue
        counts, edges = np.histogram(np.asarray(probabilities, dtype=float), BINS, (0, 1))
        heights = TALLEST * counts / counts.max()
        axes.bar(edges[:-1], heights, 1 / BINS, align='edge', color='0.85', edgecolor='white', zorder=-1)
        # a limit can miss the share by a rounding error
        errors = np.clip([curve.observed - curve.low, curve.high - curve.observed], 0, None)
        axes.errorbar(curve.predicted, curve.observed, errors, linewidth=1.6, elinewidth=0.9, capsize=2, **look)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect='equal', title=title or '')
    axes.set(xlabel='Predicted probability', ylabel='Observed share')
    if len(groups) > 2:
        figure.legend(loc='outside lower center', ncols=3, frameon=False, fontsize=8)
    else:
        axes.legend(loc='upper left', frameon=False, fontsize=8)
    return figure


def decision_figure(groups: Groups, title: str | None = None) -> Figure:
    """Net benefit at each threshold probability, of the model, of treating all and of treating none.

    Args:
        groups: Class -> (labels of zeros and ones (N,), probabilities of the class (N,)).
        title: Optional title.

    Raises:
        ValueError: Without a curve, or for probabilities outside of [0, 1].

    References:
        Vickers and Elkin, Medical Decision Making 2006.
    """
    if not groups:
        raise ValueError('decision_figure needs one curve or more, got none')
    figure, (axes,) = canvas(4.6, 4.6)
    highest = 0.0
    for i, (name, (labels, probabilities)) in enumerate(groups.items()):
        curve = decision_curve(labels, probabilities)
        colour = COLOURS[i % 7]
        all_name = 'treat all' if len(groups) == 1 else None
        axes.plot(curve.thresholds, curve.treat_all, color=colour if all_name is None else '0.5', ls='--', lw=1,
                  alpha=0.7, label=all_name)  # fmt: skip
        axes.plot(curve.thresholds, curve.model, color=colour, linestyle=DASHES[i // 7 % 4], linewidth=1.8, label=name)
        highest = max(highest, float(curve.model.max()), curve.prevalence)
    axes.axhline(0, color='black', linewidth=0.9, label='treat none')
    # where treating all harms most, the curve would hide everything else
    axes.set(xlim=(0, 1), ylim=(-0.25 * highest, 1.08 * highest), title=title or '')
    axes.set(xlabel='Threshold probability', ylabel='Net benefit (true positives a case)')
    heading = None if len(groups) == 1 else 'dashed: treat all'
    axes.legend(loc='upper right', frameon=False, fontsize=8, title=heading, title_fontsize=8)
    return figure
