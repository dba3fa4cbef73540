"""The figures of a cross-validation as blocks of its report; what cannot be drawn is a sentence."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from usmm.engine.workdir.gather import CrossValidation
from usmm.evaluation.stats import (
    brier_score,
    calibration_fit,
    confusion_matrix,
    expected_calibration_error,
)
from usmm.utils import work_files
from usmm.visualization.figures.calibration_figures import calibration_figure, decision_figure
from usmm.visualization.figures.curves import precision_recall_folds_figure, roc_folds_figure, training_folds_figure
from usmm.visualization.figures.figures import confusion_figure, save, weights_figure
from usmm.visualization.pages.page import Block, Picture, Pictures, Table, Text, embedded
from usmm.visualization.pages.run_page import training_rows
from usmm.visualization.pages.wording import NOTHING, interval, number, p_value

CALIBRATION = (
    'Brier score: mean squared distance between probability and outcome. ECE: mean distance between predicted and '
    'observed share over ten bins of equal width. In the large: below 0, probabilities are too high on average. Slope: '
    'below 1, they are too extreme. Both with 95 % Wald intervals, and p of a likelihood ratio test that they are 0 '
    'and 1; where patients have several rows (cases, or seeds), they are the clusters, and p is of a Wald test.'
)
Pooled = Mapping[str, tuple[np.ndarray, np.ndarray]]


def draw(figure: Figure, folder: Path, name: str, alt: str, caption: str = '', wide: bool = False) -> Picture:
    """Write a figure as PNG and SVG into `folder/figures`, and embed it."""
    return Picture(embedded(save(figure, folder / work_files.FIGURES / name)[1]), alt, caption, wide)


def discrimination_blocks(of: CrossValidation) -> list[Block]:
    """ROC curves of the folds with their mean, and precision against recall."""
    groups = {name: folds for name in of.drawn if (folds := of.against_rest(name))}
    if not groups:
        return [Text('No fold has test cases of both kinds: there is no ROC curve.')]
    roc = 'Thin: each fold. Bold: mean of the folds at each false positive rate; ± is one SD (n - 1).'
    items = [draw(roc_folds_figure(groups), of.folder, 'roc', f'ROC curves of {_names(groups)}', roc)]
    pr = (
        'Thin: each fold. Bold: mean of the folds at each recall. Dotted: the precision of calling every case positive.'
    )
    figure = precision_recall_folds_figure(groups)
    items.append(draw(figure, of.folder, 'precision_recall', f'Precision against recall of {_names(groups)}', pr))
    blocks: list[Block] = [Pictures(items)]
    drawn = {fold for folds in groups.values() for fold in folds}
    left_out = [of.name(run) for run in of.runs if of.name(run) not in drawn]
    if left_out:
        blocks.append(Text(f'Without a curve, for they lack cases of both kinds: {", ".join(left_out)}.', 'note'))
    return blocks


def confusion_blocks(of: CrossValidation) -> list[Block]:
    """The confusion matrix of all test predictions."""
    rows = [row for row in of.rows if row['label'] and row['pred'] in of.classes]
    if not rows:
        return [Text('There are no test predictions: there is no confusion matrix.')]
    index = {name: k for k, name in enumerate(of.classes)}
    labels, predictions = ([index[row[key]] for row in rows] for key in ('label', 'pred'))
    figure = confusion_figure(confusion_matrix(labels, predictions, len(of.classes)), of.classes)
    several = f' Each case counts once for each of {len(of.seeds)} seeds.' if len(of.seeds) > 1 else ''
    caption = f'Test predictions of all folds together: counts, and shares of the true class.{several}'
    return [Pictures([draw(figure, of.folder, 'confusion', f'Confusion matrix of {len(rows)} predictions', caption)])]


def calibration_blocks(of: CrossValidation) -> list[Block]:
    """Calibration curve, and decision curve."""
    groups = _pooled(of)
    if not groups:
        return [Text('There are no test predictions of both kinds: there is no calibration and no decision curve.')]
    words = 'All test predictions together, in ten bins.'
    if len(groups) == 1:
        words += ' Lines: 95 % Wilson limits of each bin; grey bars: how many predictions it holds.'
    alt = f'Calibration curve of {_names(groups)}'
    items = [draw(calibration_figure(groups), of.folder, 'calibration', alt, words)]
    words = 'Net benefit of acting on the prediction, against acting on every case and on none, at each threshold.'
    alt = f'Decision curve of {_names(groups)}'
    items.append(draw(decision_figure(groups), of.folder, 'decision_curve', alt, words))
    return [
        Pictures(items),
        _calibration_table(groups, _patients(of)),
        Text(CALIBRATION, 'note'),
    ]


def _calibration_table(groups: Pooled, patients: np.ndarray | None) -> Table:
    rows = []
    for name, (labels, scores) in groups.items():
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # of classes that are apart: the cells then say that there is no slope
            fit = calibration_fit(labels, scores, clusters=patients)
        cells = [
            f'{number(c.estimate, sign=i == 0)} {interval(c.ci)}' for i, c in enumerate((fit.in_the_large, fit.slope))
        ]
        errors = number(brier_score(labels, scores)), number(expected_calibration_error(labels, scores))
        rows.append([name, *errors, *cells, p_value(fit.pvalue)])
    head = ['Class', 'Brier score', 'ECE', 'in the large (best 0)', 'slope (best 1)', 'p']
    return Table(head, rows, 'Calibration of all test predictions together')


def training_blocks(of: CrossValidation) -> list[Block]:
    """Curves of every stage, all folds in one figure."""
    stages = dict.fromkeys(stage for run in of.runs for stage in run.content.get('stages', {}))
    items, silent = [], []
    for stage in stages:
        logged = {of.name(run): training_rows(run.folder / stage) for run in of.runs if run.folder is not None}
        folds = {fold: rows for fold, rows in logged.items() if any('loss' in row for row in rows)}
        found = {name for rows in folds.values() for row in rows for name in row}
        names = [name for name in ('loss', 'auc', 'accuracy') if name in found][:2]
        if not names:
            silent.append(stage)
            continue
        for name in names:
            caption = f'Stage {stage}: {"training loss" if name == "loss" else f"validation {name}"} of every fold.'
            figure = training_folds_figure(folds, name)
            items.append(
                draw(figure, of.folder, f'training_{stage}_{name}', f'Curves of {name}, stage {stage}', caption)
            )
    blocks: list[Block] = [Pictures(items)] if items else []
    if silent:
        blocks.append(Text(f'No training log of {", ".join(silent)}.', 'note'))
    return blocks or [Text('There are no training logs.')]


def weight_blocks(of: CrossValidation) -> list[Block]:
    """Weights of the clinical stage: the mean over the folds as one row of colours, and a table of all."""
    by_fold = {of.name(run): dict(run.content['clinical_weights']) for run in of.runs if _weights(run.content)}
    if not by_fold:
        return [Text('The model has no clinical stage with weights.')]
    names = list(dict.fromkeys(name for weights in by_fold.values() for name in weights))
    values = {n: [w[n] for w in by_fold.values() if w.get(n) is not None] for n in names}
    values = {name: of_name for name, of_name in values.items() if of_name}
    figure = weights_figure({_indicator(name): float(np.mean(v)) for name, v in values.items()})
    text = 'Mean over the folds. Red raises the score of the positive class, blue lowers it.'
    picture = draw(figure, of.folder, 'clinical_weights', 'Weights of the clinical stage, one row', text, True)
    rows = [
        [_indicator(n), number(np.mean(v), 3, True), number(np.std(v)), *_cells(by_fold, n)] for n, v in values.items()
    ]
    head = ['Indicator', 'mean', 'std', *by_fold]
    return [Pictures([picture]), Table(head, rows, 'Weight by fold')]


def _pooled(of: CrossValidation) -> Pooled:
    labels, scores = of.pooled
    columns = {name: (labels == of.classes.index(name), scores[:, of.classes.index(name)]) for name in of.drawn}
    return {name: (y, s) for name, (y, s) in columns.items() if 0 < y.sum() < y.size}


def _patients(of: CrossValidation) -> np.ndarray | None:
    """Of each labelled row; None of one patient, of whom nothing can be said."""
    found = np.array([row['patient_id'] for row in of.rows if row['label']])
    return found if np.unique(found).size > 1 else None


def _names(groups: Mapping[str, object]) -> str:
    return ', '.join(groups)


def _weights(content: Mapping[str, object]) -> bool:
    weights = content.get('clinical_weights')
    return isinstance(weights, Mapping) and any(value is not None for value in weights.values())


def _cells(by_fold: Mapping[str, Mapping[str, object]], name: str) -> list[str]:
    return [number(w[name], 3, True) if w.get(name) is not None else NOTHING for w in by_fold.values()]


def _indicator(name: str) -> str:
    """The image score is the paper's `US score`."""
    return 'US score' if name == 'image' else name.replace('_', ' ')
