"""Figures for a paper or a report. Each function returns a matplotlib Figure; `save` writes it as PNG and SVG.

The figures are built without pyplot, so nothing is left open and no display is needed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text
from numpy.typing import ArrayLike

from usmm.evaluation.stats import clustered_auc, roc_curve
from usmm.utils.atomic_files import atomic_binary

# Okabe and Ito: told apart by colour-blind readers; dashes tell them apart in print.
COLOURS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000')
DASHES = ('-', '--', '-.', ':')
STYLE: Any = {
    'font.size': 9,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'svg.hashsalt': 'usmm',
    'text.parse_math': False,  # a dollar sign in the name of a class is a dollar sign
}


def save(figure: Figure, path: str | Path, dpi: int = 200) -> tuple[Path, Path]:
    """Write a figure as PATH.png and PATH.svg, each whole or not at all.

    Args:
        figure: What one of the functions of this module returned.
        path: Path without suffix; folders are made.
        dpi: Resolution of the PNG in dots per inch.

    Returns:
        Paths of the PNG and of the SVG.
    """
    base = Path(path)
    targets = base.with_name(f'{base.name}.png'), base.with_name(f'{base.name}.svg')
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # those that were made outside of the style
    for target, metadata in zip(targets, ({}, {'Date': None})):  # no date: the same figure gives the same file
        with atomic_binary(target) as file, matplotlib.rc_context(STYLE):
            figure.savefig(file, dpi=dpi, format=target.suffix[1:], metadata=metadata)
    return targets


def canvas(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """An empty figure (inches) and its axes, side by side, in the style of all figures."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08))
        return figure, list(figure.subplots(1, columns, squeeze=False)[0])


def roc_figure(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
    title: str | None = None,
) -> Figure:
    """ROC curves with their AUC and its interval in the legend.

    Args:
        curves: Name -> (labels of zeros and ones (N,), scores of the positive class (N,)).
        patients: Of each case of every curve (N,), the clusters of the interval; None: each case is a patient.
        confidence: Level of the intervals.
        title: Optional title.

    Raises:
        ValueError: Without a curve, or with fewer than two patients of a class.
    """
    if not curves:
        raise ValueError('roc_figure needs one curve or more, got none')
    figure, (axes,) = canvas(4.2, 4.2)
    axes.plot([0, 1], [0, 1], color='0.7', linewidth=0.8, zorder=0)
    for i, (name, (labels, scores)) in enumerate(curves.items()):
        curve, auc = roc_curve(labels, scores), clustered_auc(labels, scores, patients, confidence=confidence)
        interval = ', no interval' if math.isnan(auc.ci[0]) else f' [{auc.ci[0]:.3f}, {auc.ci[1]:.3f}]'
        text = f'{name}: {auc.estimate:.3f}{interval}'
        axes.plot(curve.fpr, curve.tpr, color=COLOURS[i % 7], linestyle=DASHES[i // 7 % 4], linewidth=1.6, label=text)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect='equal', title=title or '')
    axes.set(xlabel='False positive rate (1 - specificity)', ylabel='True positive rate (sensitivity)')
    heading = f'AUC [{confidence:.0%} CI]'
    axes.legend(loc='lower right', frameon=False, fontsize=8, title=heading, title_fontsize=8, alignment='left')
    return figure


def confusion_figure(matrix: ArrayLike, classes: Sequence[str], title: str | None = None) -> Figure:
    """Confusion matrix: counts, and the share of each true class as the shade and in per cent.

    Args:
        matrix: Counts (K, K), row = true class, column = predicted class.
        classes: Names of the K classes.
        title: Optional title.

    Raises:
        ValueError: If the matrix and the names do not fit each other.
    """
    counts = np.asarray(matrix)
    k = len(classes)
    if counts.shape != (k, k):
        raise ValueError(f'a confusion matrix of {list(classes)} has shape {(k, k)}, got {counts.shape}')
    totals = counts.sum(1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    figure, (axes,) = canvas(1.9 + 0.75 * k, 1.5 + 0.75 * k)
    axes.imshow(shares, cmap='Blues', vmin=0, vmax=1)
    for (i, j), count in np.ndenumerate(counts):
        colour = 'white' if shares[i, j] > 0.55 else 'black'
        axes.text(j, i, f'{count}\n{shares[i, j]:.0%}', ha='center', va='center', color=colour)
    axes.set_xticks(range(k), classes)
    if max(map(len, classes)) > 8:
        axes.tick_params(axis='x', labelrotation=30)
    axes.set_yticks(range(k), [f'{name} (n={n})' for name, n in zip(classes, totals[:, 0])])
    axes.set(xlabel='Predicted', ylabel='True', title=title or '')
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def _series(rows: Sequence[Mapping[str, float]], x: str, name: str) -> tuple[list[float], list[float]]:
    points = [(row[x], row[name]) for row in rows if x in row and row.get(name) is not None]
    return [p[0] for p in points], [p[1] for p in points]


def training_figure(
    rows: Sequence[Mapping[str, float]], names: Sequence[str] | None = None, x: str = 'epoch', title: str | None = None
) -> Figure:
    """Curves of a training run: losses in one panel, the other values (scores between 0 and 1) in another.

    Args:
        rows: One dict a point, as logged; a value is drawn from the rows that have it.
        names: What is drawn; None: every name that holds `loss`, `auc` or `accuracy`.
        x: Name of the horizontal axis.
        title: Optional title.

    Raises:
        ValueError: If no row has both `x` and one of the names.
    """
    known = {name: None for row in rows for name in row if x in row and name != x}
    wanted = tuple(names) if names is not None else ('loss', 'auc', 'accuracy')
    chosen = [name for name in known if (name in wanted if names is not None else any(w in name for w in wanted))]
    panels = [p for p in ([n for n in chosen if 'loss' in n], [n for n in chosen if 'loss' not in n]) if p]
    if not panels:
        raise ValueError(f'none of {list(wanted)} is logged together with {x!r}; there are {list(known)}')
    figure, axes = canvas(3.9 * len(panels), 3.4, len(panels))
    for panel, of_panel in zip(axes, panels):
        for i, name in enumerate(of_panel):
            across, up = _series(rows, x, name)
            panel.plot(across, up, label=name, color=COLOURS[i % 7], linestyle=DASHES[i // 7 % 4], linewidth=1.4)
        panel.set(xlabel=x, ylabel='loss' if 'loss' in of_panel[0] else 'validation score')
        # below the axes: inside, half a dozen names would cover the curves
        panel.legend(frameon=False, fontsize=8, ncols=2, loc='upper center', bbox_to_anchor=(0.5, -0.2))
    if title is not None:
        figure.suptitle(title)
    return figure


def weights_figure(weights: Mapping[str, float], title: str | None = None) -> Figure:
    """Weights of the clinical stage as a one-row heat map: red raises the score of the positive class, blue lowers it.

    Args:
        weights: Indicator -> weight (the image score first, as in the paper).
        title: Optional title.

    Raises:
        ValueError: Without a weight, or with one that is not finite.

    References:
        Meng et al., IEEE TMI 2022, Fig. 3.
    """
    if not weights or not all(math.isfinite(v) for v in weights.values()):
        raise ValueError(f'weights_figure needs finite weights, got {dict(weights)}')
    values = np.array([list(weights.values())], dtype=float)
    largest = float(np.abs(values).max()) or 1.0
    figure, (axes,) = canvas(0.9 + 0.85 * values.size, 1.5)
    image = axes.imshow(values, cmap='RdBu_r', vmin=-largest, vmax=largest, aspect='auto')
    for j, value in enumerate(values[0]):
        axes.text(
            j, 0, f'{value:+.2f}', ha='center', va='center', color='white' if abs(value) > 0.6 * largest else 'black'
        )
    axes.set_xticks(
        range(values.size),
        [name.replace('_', ' ') for name in weights],
        rotation=25,
        ha='right',
        rotation_mode='anchor',
    )
    axes.set_yticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title or '')
    figure.colorbar(image, ax=axes, pad=0.02)
    return figure
