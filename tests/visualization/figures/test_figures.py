from __future__ import annotations

import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from sklearn import metrics as sk

from usmm.visualization import confusion_figure, roc_figure, save, training_figure, weights_figure

LABELS = (np.arange(40) % 5 < 2).astype(int)
SCORES = np.random.default_rng(0).normal(LABELS * 1.0, 1)


def texts(figure: Figure) -> list[str]:
    return [t.get_text() for axes in figure.axes for t in axes.texts]


def test_roc_curve_and_its_legend():
    figure = roc_figure({'all': (LABELS, SCORES), 'bus': (LABELS, -SCORES)}, title='Test part')
    (axes,) = figure.axes
    fpr, tpr, _ = sk.roc_curve(LABELS, SCORES, drop_intermediate=False)
    np.testing.assert_allclose(axes.lines[1].get_xdata(), fpr)
    np.testing.assert_allclose(axes.lines[1].get_ydata(), tpr)
    auc = sk.roc_auc_score(LABELS, SCORES)
    lines = [t.get_text() for t in axes.get_legend().get_texts()]
    assert lines[0].startswith(f'all: {auc:.3f} [')
    assert lines[1].startswith(f'bus: {1 - auc:.3f} [')
    assert axes.get_legend().get_title().get_text() == 'AUC [95% CI]'
    assert axes.get_title() == 'Test part'


def test_ten_curves_stay_distinct():
    (axes,) = roc_figure({str(i): (LABELS, SCORES) for i in range(10)}).axes
    looks = {(line.get_color(), line.get_linestyle()) for line in axes.lines[1:]}
    assert len(looks) == 10


def test_confusion_matrix_shows_counts_and_shares():
    figure = confusion_figure([[7, 3], [0, 0]], ('ADC', 'SCC'))
    assert texts(figure) == ['7\n70%', '3\n30%', '0\n0%', '0\n0%']
    (axes,) = figure.axes
    assert [t.get_text() for t in axes.get_yticklabels()] == ['ADC (n=10)', 'SCC (n=0)']
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.7, 0.3], [0, 0]])


def test_training_curves_split_losses_from_scores():
    rows = [{'epoch': e, 'loss': 1 / e, 'lr': 1e-5} for e in (1, 2, 3)] + [{'epoch': 2, 'auc': 0.7, 'image/auc': None}]
    figure = training_figure([*rows, {'epoch': 3, 'auc': 0.8, 'image/auc': 0.6}])
    losses, scores = figure.axes
    assert [line.get_label() for line in losses.lines] == ['loss']
    assert list(losses.lines[0].get_ydata()) == [1, 1 / 2, 1 / 3]
    assert [line.get_label() for line in scores.lines] == ['auc', 'image/auc']
    assert list(scores.lines[0].get_xdata()) == [2, 3]
    assert list(scores.lines[1].get_xdata()) == [3]
    only = training_figure(rows, names=('lr',), title='stage')
    assert len(only.axes) == 1
    assert only.get_suptitle() == 'stage'


def test_weights_row_is_coloured_by_sign():
    figure = weights_figure({'US score': 2.0, 'age': -1.0, 'node_side': 0.0})
    axes = figure.axes[0]
    assert texts(figure) == ['+2.00', '-1.00', '+0.00']
    assert [t.get_text() for t in axes.get_xticklabels()] == ['US score', 'age', 'node side']
    image = axes.images[0]
    assert image.get_clim() == (-2.0, 2.0)
    red, blue, zero = image.cmap(image.norm(np.array([2.0, -1.0, 0.0])))
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    assert min(zero[:3]) > 0.95
    weights_figure({'all': 0.0})


def test_save_writes_both_files_and_nothing_else(tmp_path: Path):
    figure = weights_figure({'US score': 2.0, 'age': -1.0})
    png, svg = save(figure, tmp_path / 'figures' / 'fig.3', dpi=100)
    assert sorted(p.name for p in png.parent.iterdir()) == ['fig.3.png', 'fig.3.svg']
    with Image.open(png) as image:
        assert image.size == tuple(round(v * 100) for v in figure.get_size_inches())
    first = svg.read_bytes()
    assert b'<svg' in first
    again = save(weights_figure({'US score': 2.0, 'age': -1.0}), tmp_path / 'again', dpi=100)
    assert again[1].read_bytes() == first


def test_a_dollar_sign_is_no_formula(tmp_path: Path):
    figure = roc_figure({'$\\frac$': (LABELS, SCORES)}, title='$\\oops$')
    svg = save(figure, tmp_path / 'roc')[1].read_text(encoding='utf-8')
    assert '<!-- $\\frac$: ' in svg
    assert '<!-- $\\oops$ -->' in svg


def test_a_failed_save_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def half_written(figure: Figure, file: BinaryIO, **options: object) -> None:
        file.write(b'half')
        raise OSError('disk full')

    monkeypatch.setattr(Figure, 'savefig', half_written)
    with pytest.raises(OSError, match='disk full'):
        save(weights_figure({'a': 1.0}), tmp_path / 'broken')
    assert list(tmp_path.iterdir()) == []


def test_errors():
    with pytest.raises(ValueError, match='roc_figure needs one curve or more'):
        roc_figure({})
    with pytest.raises(
        ValueError, match='2 or more patients with a case of class 1 are needed in every stratum, got 1'
    ):
        roc_figure({'all': ([0, 0, 1], [1, 2, 3])})
    with pytest.raises(ValueError, match=r"\['ADC', 'SCC'\] has shape \(2, 2\), got \(3, 3\)"):
        confusion_figure(np.eye(3), ('ADC', 'SCC'))
    with pytest.raises(ValueError, match=r"none of \['auc'\] is logged together with 'epoch'; there are \['loss'\]"):
        training_figure([{'epoch': 1, 'loss': 2.0}], names=('auc',))
    with pytest.raises(ValueError, match='needs finite weights, got'):
        weights_figure({'age': float('nan')})


def test_perfect_separation_is_bounded_and_equal_scores_have_no_interval():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        figure = roc_figure({'all': ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])})
    (text,) = [t.get_text() for t in figure.axes[0].get_legend().get_texts()]
    assert text == f'all: 1.000 [{0.025**0.5:.3f}, 1.000]'
    figure = roc_figure({'all': ([0, 0, 1, 1], [1, 1, 1, 1])})
    assert figure.axes[0].get_legend().get_texts()[0].get_text() == 'all: 0.500, no interval'
