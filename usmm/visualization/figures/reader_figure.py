"""Readers on the ROC plane, beside the curve of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from usmm.evaluation.stats import roc_curve
from usmm.visualization.figures.figures import COLOURS, canvas

Limits: TypeAlias = tuple[float, float] | None
Point: TypeAlias = tuple[tuple[float, Limits], tuple[float, Limits]]
MARKERS = 'osD^v<>PX*'
AIDED: tuple[Literal['full', 'none'], ...] = (
    'full',
    'none',
)  # readers alone are filled, those with the model are empty


def reader_figure(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    readers: Mapping[str, Point],
    aided: Mapping[str, Point] | None = None,
    title: str | None = None,
) -> Figure:
    """Sensitivity against 1 - specificity: curves of scores, a point with its interval for each reader's calls.

    Args:
        curves: Name -> (labels of zeros and ones (N,), scores (N,)).
        readers: Name -> sensitivity and specificity, each with its interval or None.
        aided: The same readers with the model, in the same order; an arrow leads there.
        title: Optional title.

    Raises:
        ValueError: There is nothing to draw.
    """
    if not curves and not readers:
        raise ValueError('reader_figure needs a curve or a reader, got none')
    figure, (axes,) = canvas(5.0, 5.0)
    axes.plot([0, 1], [0, 1], color='0.7', linewidth=0.8, zorder=0)
    for i, (name, (labels, scores)) in enumerate(curves.items()):
        curve = roc_curve(labels, scores)
        axes.plot(curve.fpr, curve.tpr, color='0.2' if i == 0 else COLOURS[(i - 1) % 7], linewidth=1.6, label=name)
    for points, fill in zip((readers, aided or {}), AIDED, strict=True):
        for i, (name, ((tpr, of_tpr), (tnr, of_tnr))) in enumerate(points.items()):
            colour = COLOURS[i % 7]
            if of_tpr is not None:
                axes.plot([1 - tnr] * 2, of_tpr, color=colour, linewidth=0.9, alpha=0.6)
            if of_tnr is not None:
                axes.plot([1 - limit for limit in of_tnr], [tpr] * 2, color=colour, linewidth=0.9, alpha=0.6)
            marker = MARKERS[i % len(MARKERS)]
            axes.plot(
                1 - tnr, tpr, marker=marker, label=name, color=colour, fillstyle=fill, linestyle='none', markersize=6
            )
    for i, (start, end) in enumerate(zip(readers.values(), (aided or {}).values())):
        tip, base = ((1 - point[1][0], point[0][0]) for point in (end, start))
        axes.annotate('', tip, base, arrowprops={'arrowstyle': '->', 'color': COLOURS[i % 7]})
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect='equal', title=title or '')
    axes.set(xlabel='False positive rate (1 - specificity)', ylabel='True positive rate (sensitivity)')
    axes.legend(loc='lower right', frameon=False, fontsize=8)
    return figure
