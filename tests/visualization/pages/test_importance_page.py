"""The report of importance: files against the results by hand, and what the page says."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from usmm.evaluation.stats.permutation_importance import Drop
from usmm.visualization.figures.importance_figures import bars_figure, swarm_figure, waterfall_figure
from usmm.visualization.pages.importance_page import ImportanceResults, report_importance, summary_rows


def results() -> ImportanceResults:
    values = np.array([[0.2, -0.4, 0.1], [0.1, 0.0, -0.1]])
    empty = np.full(3, 0.5)
    full = empty + values.sum(0)
    drop = Drop(0.2, (0.1, 0.3), 0.01, 0.9, (0.19, 0.21), 'bootstrap by cluster, percentile, 500 draws')
    return ImportanceResults(
        ('bus', 'age'), {'bus': drop, 'age': replace(drop, estimate=-0.01, ci=(math.nan, math.nan)), 'all': drop},
        {'bus': ('bus',), 'age': ('age',), 'all': ('bus', 'age')}, 'auc', ['c1', '=c2', '<c3>'], ['A', 'B', ''],
        ['B'] * 3, values, np.zeros_like(values), empty, full, full - [[0.1, 0.2, 0.3], [0.0, 0.0, 0.3]],
        np.array([[np.nan] * 3, [0.0, 1.0, np.nan]]), [['', '', ''], ['40', '70', 'missing']], ('A', 'B'),
        {'model': 'tiny', 'part': 'test'}, ('How.',), ('Look out.',),
    )  # fmt: skip


def test_rows_are_means_over_the_cases() -> None:
    bus, age, group = summary_rows(results())
    assert (bus['drop'], bus['low'], bus['high'], bus['repeats_se']) == (0.2, 0.1, 0.3, 0.01)
    assert bus['mean_abs_shapley'] == pytest.approx(0.7 / 3)
    assert (bus['mean_shapley_A'], bus['mean_shapley_B']) == (0.2, -0.4)
    assert bus['mean_change_without'] == pytest.approx(-0.2) and age['mean_abs_change_without'] == pytest.approx(0.1)
    assert group['members'] == 'bus;age' and math.isnan(group['mean_abs_shapley']) and group['drop'] == 0.2


def test_files(tmp_path: Path) -> None:
    paths = report_importance(tmp_path, results(), cases=2)
    assert set(paths) == {'csv', 'shapley', 'missing', 'json', 'html'}
    assert pd.read_csv(paths['csv'])['input'].tolist() == ['bus', 'age', 'all']
    table = pd.read_csv(paths['shapley'])
    assert table['case_id'].tolist() == ['c1', "'=c2", '<c3>']  # no formula
    np.testing.assert_allclose(table['none'] + table['bus'] + table['age'], table['all'], atol=1e-6)
    missing = pd.read_csv(paths['missing'])
    np.testing.assert_allclose(missing['all'] - missing['without bus'], [0.1, 0.2, 0.3], atol=1e-6)
    content = json.loads(paths['json'].read_text())
    assert content['inputs'][1]['low'] is None and content['metric'] == 'auc' and content['alerts'] == ['Look out.']
    html = paths['html'].read_text()
    for words in ('What matters to tiny', '2 inputs, 3 cases of part test', 'Look out.', 'loss of AUC', '+0.200',
                  '[+0.100, +0.300]', 'AUC with everything as it is: 0.900', 'How.'):  # fmt: skip
        assert words in html
    assert '<script' not in html and 'src="http' not in html and '&lt;c3&gt;' not in html
    names = {p.stem for p in (tmp_path / 'figures').glob('*.png')}
    assert names == {'permutation', 'shapley_bars', 'shapley_swarm', 'missing', 'case_01', 'case_02'}


@pytest.mark.parametrize(
    ('metric', 'words'), [('brier', 'rise of the Brier score'), ('log_loss', 'rise of the log loss')]
)
def test_a_metric_of_which_less_is_better_rises(tmp_path: Path, metric: str, words: str) -> None:
    drop = Drop(0.2, (0.1, 0.3), 0.01, -0.15, (0.2,), 'bootstrap')
    html = report_importance(tmp_path, replace(results(), metric=metric, drops={'bus': drop}))['html'].read_text()
    assert words in html and 'with everything as it is: 0.150' in html


def test_without_labels_the_page_says_so(tmp_path: Path) -> None:
    of = replace(results(), drops={}, se=np.full((2, 3), 0.0123))
    html = report_importance(tmp_path, of, cases=0)['html'].read_text()
    assert 'too few labels' in html and 'No case was drawn' in html and '0.0123' in html


def test_values_must_add_up(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'case =c2 miss the difference that they share by 0\.1'):
        report_importance(tmp_path, replace(results(), full=np.add(results().full, [0, 0.1, 0])))
    assert not list(tmp_path.iterdir())


def test_bars_are_sorted_and_carry_their_intervals() -> None:
    (axes,) = bars_figure({'a': 0.1, 'b': 0.3, 'c': -0.2}, 'loss', {'b': (0.2, 0.4)}).axes
    assert [t.get_text() for t in axes.get_yticklabels()] == ['b', 'a', 'c']
    assert [round(p.get_width(), 6) for p in axes.patches] == [0.3, 0.1, -0.2]
    assert list(axes.lines[0].get_xdata()) == [0.2, 0.4]


def test_swarm_shows_every_case_in_its_row() -> None:
    values = np.random.default_rng(0).normal(size=(2, 50)) * [[1], [3]]
    levels = np.full((2, 50), np.nan)
    levels[1, :30] = np.linspace(0, 1, 30)
    axes = swarm_figure(values, ['small', 'x' * 60], levels, 'value').axes[0]
    labels = [t.get_text() for t in axes.get_yticklabels()]
    assert labels[1] == 'small' and len(labels[0]) == 34
    points = np.concatenate([np.asarray(c.get_offsets()) for c in axes.collections])
    assert len(points) == 100
    for place, row in ((0, 1), (1, 0)):
        inside = points[np.abs(points[:, 1] - place) <= 0.4]
        np.testing.assert_allclose(np.sort(inside[:, 0]), np.sort(values[row]))
    assert len(np.unique(np.round(points, 9), axis=0)) == 100  # none hides another exactly


def test_waterfall_joins_what_is_small() -> None:
    values = {f'v{i}': 0.01 * i for i in range(12)}
    figure = waterfall_figure(values, 0.2, 0.2 + sum(values.values()), 'p', 'case', most=5)
    labels = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert labels == ['v11', 'v10', 'v9', 'v8', '8 others']
    assert figure.axes[0].patches[-1].get_width() == pytest.approx(0.01 * sum(range(8)))
    alike = {'x' * 40 + str(i): 0.1 for i in range(3)} | {'zero': 0.0}
    figure = waterfall_figure(alike, 0.0, 0.3, 'p')
    assert len(figure.axes[0].patches) == 4 and figure.axes[0].get_yticklabels()[-1].get_text() == '1 others'


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: bars_figure({}, 'x'), 'needs one bar or more'),
        (lambda: swarm_figure(np.zeros((2, 3)), ['a'], None, 'x'), 'values and levels for 1 names'),
        (lambda: swarm_figure(np.zeros((1, 3)), ['a'], np.zeros((1, 2)), 'x'), 'values and levels for 1 names'),
        (lambda: waterfall_figure({'a': 0.1}, 0, 0.5, 'x'), 'must add up'),
    ],
)
def test_what_cannot_be_drawn(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
