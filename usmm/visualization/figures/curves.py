"""Curves over the folds of a cross-validation: ROC with its mean, precision and recall, training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from usmm.evaluation.stats import auc_score, average_precision, precision_recall_curve, roc_curve
from usmm.visualization.figures.figures import COLOURS, DASHES, canvas

Curves = Mapping[str, tuple[ArrayLike, ArrayLike]]
GRID = np.linspace(0, 1, 201)
LISTED = 6  # with more folds a legend would cover the curves


def mean_roc(folds: Curves) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the true positive rate at each false positive rate of `GRID`.

    Args:
        folds: Fold -> (labels of zeros and ones (N,), scores (N,)).

    References:
        Vertical averaging: Fawcett, Pattern Recognition Letters 2006, section 8.1.
    """
    rates = []
    for labels, scores in folds.values():
        curve = roc_curve(labels, scores)
        rate = np.interp(GRID, curve.fpr, curve.tpr)
        rate[0] = 0.0
        rates.append(rate)
    return np.mean(rates, axis=0), _sd(rates)


def _sd(values: Sequence[np.ndarray]) -> np.ndarray:
    """Standard deviation with n - 1; 0 of one."""
    return np.std(values, axis=0, ddof=1) if len(values) > 1 else np.zeros_like(values[0])


def mean_precision(folds: Curves) -> np.ndarray:
    """Mean of the precision at each recall of `GRID`: in each fold that of the first threshold that reaches it.

    Args:
        folds: Fold -> (labels of zeros and ones (N,), scores (N,)).
    """
    found = []
    for labels, scores in folds.values():
        curve = precision_recall_curve(labels, scores)
        found.append(curve.precision[np.searchsorted(curve.recall, GRID - 1e-12)])
    return np.asarray(np.mean(found, axis=0))


def roc_folds_figure(groups: Mapping[str, Curves], title: str | None = None) -> Figure:
    """ROC curves of every fold (thin) and their mean (bold), with mean and standard deviation of the fold AUCs.

    Args:
        groups: Class -> fold -> (labels of zeros and ones (N,), scores of the class (N,)). One class: each fold has
            its colour, and a band shows one standard deviation. More: each class has its colour.
        title: Optional title.

    Raises:
        ValueError: Without a curve, or if a fold lacks one of the two kinds of cases.
    """
    _check(groups)
    figure, (axes,) = canvas(4.6, 4.6)
    axes.plot([0, 1], [0, 1], color='0.7', linewidth=0.8, zorder=0)
    alone = len(groups) == 1
    for i, (name, folds) in enumerate(groups.items()):
        aucs = [auc_score(*fold) for fold in folds.values()]
        for j, (fold, of) in enumerate(folds.items()):
            curve = roc_curve(*of)
            label = f'{fold}: {aucs[j]:.3f}' if alone and 1 < len(folds) <= LISTED else None
            look = _look(j + 1) if alone else _look(i)
            axes.plot(curve.fpr, curve.tpr, linewidth=0.9, alpha=0.75 if alone else 0.3, label=label, **look)
        mean, std = mean_roc(folds)
        colour = COLOURS[0] if alone else COLOURS[i % 7]
        text = f'{"mean" if alone else name}: {np.mean(aucs):.3f} ± {np.std(aucs, ddof=min(1, len(aucs) - 1)):.3f}'
        if len(folds) == 1:
            text = f'{name}: {aucs[0]:.3f}'
        if alone and len(folds) > 1:
            axes.fill_between(
                GRID, np.clip(mean - std, 0, 1), np.clip(mean + std, 0, 1), color=colour, alpha=0.15, lw=0
            )
        axes.plot(GRID, mean, color=colour, linestyle=DASHES[i // 7 % 4], linewidth=2.2, label=text, zorder=3)
    if not alone:
        means = [mean_roc(folds)[0] for folds in groups.values()]
        axes.plot(GRID, np.mean(means, axis=0), color='black', linestyle='--', linewidth=1.6, label='macro mean')
    _unit_square(axes, 'False positive rate (1 - specificity)', 'True positive rate (sensitivity)', title)
    axes.legend(loc='lower right', frameon=False, fontsize=8, title='AUC', title_fontsize=8, alignment='left')
    return figure


def roc_rows_figure(rows: Mapping[str, Curves], words: Mapping[str, str], title: str | None = None) -> Figure:
    """One ROC curve a model: its mean over the folds, all models in one figure.

    Args:
        rows: Model -> fold -> (labels of zeros and ones (N,), scores of the positive class (N,)).
        words: Model -> what the legend says behind its name, such as its AUC with interval.
        title: Optional title.

    Raises:
        ValueError: Without a curve, or if a fold lacks one of the two kinds of cases.
    """
    _check(rows)
    aside = len(rows) > LISTED or max(map(len, rows)) > 24
    labels = {name: f'{name}: {words.get(name, "")}' for name in rows}
    longest = max(map(len, labels.values()))
    figure, (axes,) = canvas(5.8 + 0.068 * longest if aside else 5.0, 5.0)  # inches a letter of the legend
    axes.plot([0, 1], [0, 1], color='0.7', linewidth=0.8, zorder=0)
    for i, (name, folds) in enumerate(rows.items()):
        axes.plot(GRID, mean_roc(folds)[0], linewidth=1.8, label=labels[name], **_look(i))
    _unit_square(axes, 'False positive rate (1 - specificity)', 'True positive rate (sensitivity)', title)
    place: dict[str, Any] = {'loc': 'outside right center'} if aside else {'loc': 'lower right'}
    style = {'frameon': False, 'fontsize': 8, 'title': 'AUC [95 % interval]', 'title_fontsize': 8, 'alignment': 'left'}
    (figure if aside else axes).legend(**style, **place)
    return figure


def precision_recall_folds_figure(groups: Mapping[str, Curves], title: str | None = None) -> Figure:
    """Precision against recall of every fold (thin) and its mean (bold), with the mean average precision of the folds.

    The scores of two folds are of two models, so that the cases are not put together. A dotted line is the share of the
    class among the cases, the precision of calling every case positive.

    Args:
        groups: Class -> fold -> (labels of zeros and ones (N,), scores of the class (N,)).
        title: Optional title.

    Raises:
        ValueError: Without a curve, or if a fold lacks one of the two kinds of cases.
    """
    _check(groups)
    figure, (axes,) = canvas(4.6, 4.6)
    shares = []
    for i, (name, folds) in enumerate(groups.items()):
        look, areas = _look(i), [average_precision(*of) for of in folds.values()]
        for of in folds.values():
            curve = precision_recall_curve(*of)
            axes.step(curve.recall, curve.precision, where='pre', linewidth=0.8, alpha=0.35, **look)
        spread = f' ± {np.std(areas, ddof=1):.3f}' if len(areas) > 1 else ''
        text = f'{name}: {np.mean(areas):.3f}{spread}'
        axes.step(GRID, mean_precision(folds), where='pre', linewidth=2, label=text, zorder=3, **look)
        shares.append(float(np.mean(np.concatenate([np.asarray(labels) for labels, _ in folds.values()]))))
        axes.axhline(shares[-1], color=COLOURS[i % 7], linestyle=':', linewidth=1, alpha=0.8)
    _unit_square(axes, 'Recall (sensitivity)', 'Precision (positive predictive value)', title)
    # a curve falls from the upper left to the prevalence at the lower right
    corner: Any = 'lower left' if min(shares) > 0.25 else 'upper right'
    axes.legend(loc=corner, frameon=False, fontsize=8, title='Average precision', title_fontsize=8, alignment='left')
    return figure


def training_folds_figure(
    folds: Mapping[str, Sequence[Mapping[str, float]]], name: str, title: str | None = None
) -> Figure:
    """A logged value by epoch: a thin line a fold, and in bold the mean over the folds that reached an epoch.

    Args:
        folds: Fold -> rows as `training_rows` gives them, each with its `epoch`.
        name: The value that is drawn.
        title: Optional title.

    Raises:
        ValueError: If it is in no row.
    """
    series = {fold: [(row['epoch'], row[name]) for row in rows if name in row] for fold, rows in folds.items()}
    series = {fold: points for fold, points in series.items() if points}
    if not series:
        raise ValueError(f'no fold has logged {name!r}')
    figure, (axes,) = canvas(4.6, 3.4)
    at: dict[float, list[float]] = {}
    for j, (fold, points) in enumerate(series.items()):
        for epoch, value in points:
            at.setdefault(epoch, []).append(value)
        label = fold if len(series) <= LISTED else None
        epochs, values = zip(*points)
        marker = '.' if len(points) < 4 else ''
        axes.plot(epochs, values, linewidth=1, alpha=0.8, marker=marker, label=label, **_look(j))
    if len(series) > 1:
        means = [float(np.mean(at[epoch])) for epoch in sorted(at)]
        axes.plot(sorted(at), means, color='black', linewidth=2, label='mean')
        axes.legend(frameon=False, fontsize=8, ncols=2)
    axes.set(xlabel='epoch', ylabel=name, title=title or '')
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _check(groups: Mapping[str, Curves]) -> None:
    if not groups or not all(groups.values()):
        raise ValueError(f'curves need one fold or more of every class or model, got {[*groups] or "none"}')


class _Look(TypedDict):
    color: str
    linestyle: str


def _look(i: int) -> _Look:
    return {'color': COLOURS[i % 7], 'linestyle': DASHES[i // 7 % 4]}


def _unit_square(axes: Axes, x: str, y: str, title: str | None) -> None:
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect='equal', xlabel=x, ylabel=y, title=title or '')
