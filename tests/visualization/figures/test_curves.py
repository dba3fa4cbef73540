from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from usmm.visualization.figures.curves import (
    GRID,
    mean_roc,
    precision_recall_folds_figure,
    roc_folds_figure,
    roc_rows_figure,
    training_folds_figure,
)


def fold(seed: int, size: int = 46) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(size) % 2
    return labels, np.random.default_rng(seed).normal(labels, 1)


FOLDS = {f'fold {k}': fold(k) for k in range(3)}
AUCS = [sk.roc_auc_score(*of) for of in FOLDS.values()]


def legend(figure) -> list[str]:
    return [t.get_text() for axes in figure.axes for t in axes.get_legend().get_texts()]


def test_mean_roc_is_between_a_perfect_and_a_useless_fold() -> None:
    perfect, useless = ([0, 0, 1, 1], [1, 2, 3, 4]), ([0, 1], [1, 1])
    mean, std = mean_roc({'a': perfect, 'b': useless})
    # at each false positive rate x: (1 + x) / 2, and half the distance of 1 and x
    np.testing.assert_allclose(mean[1:], (1 + GRID[1:]) / 2)
    np.testing.assert_allclose(std[1:], (1 - GRID[1:]) / 2 * np.sqrt(2))  # with n - 1
    assert mean[0] == 0


def test_folds_and_their_mean() -> None:
    figure = roc_folds_figure({'SCC': FOLDS}, title='t')
    expected = [f'fold {k}: {auc:.3f}' for k, auc in enumerate(AUCS)]
    assert legend(figure) == [*expected, f'mean: {np.mean(AUCS):.3f} ± {np.std(AUCS, ddof=1):.3f}']
    axes = figure.axes[0]
    fpr, tpr, _ = sk.roc_curve(*FOLDS['fold 1'], drop_intermediate=False)
    np.testing.assert_allclose(axes.lines[2].get_xdata(), fpr)
    np.testing.assert_allclose(axes.lines[2].get_ydata(), tpr)
    assert len(axes.collections) == 1  # the band


def test_rows_of_a_study_in_one_figure() -> None:
    perfect = {'0': ([0, 1], [0.1, 0.9]), '1': ([0, 1, 1], [0.1, 0.9, 0.8])}
    figure = roc_rows_figure({'image': FOLDS, 'all': perfect}, {'image': '0.7 [0.6, 0.8], fair'})
    assert legend(figure) == ['image: 0.7 [0.6, 0.8], fair', 'all: ']
    chance, image, best = figure.axes[0].lines
    np.testing.assert_allclose(image.get_ydata(), mean_roc(FOLDS)[0])
    assert list(chance.get_xdata()) == [0, 1] and (best.get_ydata()[1:] == 1).all()
    many = roc_rows_figure({f'row {i}': perfect for i in range(9)}, {})
    assert (
        many.get_figwidth() > figure.get_figwidth()
        and len({tuple(map(str, (line.get_color(), line.get_linestyle()))) for line in many.axes[0].lines}) == 10
    )


def test_one_fold_has_no_spread() -> None:
    figure = roc_folds_figure({'SCC': {'seed 0': FOLDS['fold 0']}})
    assert legend(figure) == [f'SCC: {AUCS[0]:.3f}']
    assert not figure.axes[0].collections


def test_many_folds_are_not_listed() -> None:
    assert len(legend(roc_folds_figure({'SCC': {str(k): fold(k) for k in range(12)}}))) == 1


def test_each_class_has_its_curve() -> None:
    texts = legend(roc_folds_figure({'a': FOLDS, 'b': {k: (y, -s) for k, (y, s) in FOLDS.items()}}))
    mean = np.mean(AUCS)
    assert [t.split(' ±')[0] for t in texts] == [f'a: {mean:.3f}', f'b: {1 - mean:.3f}', 'macro mean']


def test_precision_and_recall_by_fold() -> None:
    figure = precision_recall_folds_figure({'SCC': FOLDS})
    areas = [sk.average_precision_score(*of) for of in FOLDS.values()]
    assert legend(figure) == [f'SCC: {np.mean(areas):.3f} ± {np.std(areas, ddof=1):.3f}']
    *folds, mean, share = figure.axes[0].lines
    assert len(folds) == 3 and {line.get_drawstyle() for line in (*folds, mean)} == {'steps-pre'}
    # the mean of what the folds need for a recall, by hand at one of them
    needed = []
    for labels, scores in FOLDS.values():
        order = np.argsort(-scores)
        hits = np.cumsum(labels[order])
        first = int(np.argmax(hits >= 0.5 * labels.sum()))
        needed.append(hits[first] / (first + 1))
    assert mean.get_ydata()[100] == pytest.approx(np.mean(needed)) and GRID[100] == 0.5
    assert share.get_ydata()[0] == 0.5
    alone = precision_recall_folds_figure({'SCC': {'seed 0': FOLDS['fold 0']}})
    assert legend(alone) == [f'SCC: {areas[0]:.3f}']


def test_training_mean_is_of_the_folds_that_got_there() -> None:
    rows = {
        'fold 0': [{'epoch': 1, 'loss': 2.0}, {'epoch': 2, 'loss': 1.0}],
        'fold 1': [{'epoch': 1, 'loss': 4.0, 'auc': 0.5}],
    }
    lines = training_folds_figure(rows, 'loss').axes[0].lines
    assert [line.get_label() for line in lines] == ['fold 0', 'fold 1', 'mean']
    assert list(lines[2].get_ydata()) == [3.0, 1.0]
    assert len(training_folds_figure(rows, 'auc').axes[0].lines) == 1


def test_refuses() -> None:
    with pytest.raises(ValueError, match='curves need one fold or more of every class or model, got none'):
        roc_rows_figure({}, {})
    with pytest.raises(ValueError, match='curves need one fold or more of every class or model, got none'):
        roc_folds_figure({})
    with pytest.raises(ValueError, match=r"of every class or model, got \['SCC'\]"):
        roc_folds_figure({'SCC': {}})
    with pytest.raises(ValueError, match='curves need one fold or more of every class or model, got none'):
        precision_recall_folds_figure({})
    with pytest.raises(ValueError, match="no fold has logged 'auc'"):
        training_folds_figure({'fold 0': [{'epoch': 1, 'loss': 1.0}]}, 'auc')
