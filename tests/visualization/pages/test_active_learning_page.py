from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_rel

from usmm.visualization.figures.learning_curves import learning_curve_figure
from usmm.visualization.pages.active_learning_page import paired_difference, report_active_learning

SEEDS = [0, 1, 2]


def curve(*scores: float | None) -> list[dict]:
    counts = dict(labelled=10.0, units=10.0, images=8.0, patients=4.0)
    return [
        {'round': k, 'share': 0.1 * (k + 1), 'mean': s, 'std': 0.02, 'seeds': 3, **counts} for k, s in enumerate(scores)
    ]


def content(**options) -> dict:
    reached = {'0.95': {'0': 0.2, '1': 0.3, '2': None}, '1': {'0': None, '1': None, '2': None}}
    strategies = {
        'rand': dict(curve=curve(0.6, 0.7), area={'0': 0.6, '1': 0.7, '2': 0.65}, reached=reached),
        'es': dict(curve=curve(0.6, 0.8), area={'0': 0.7, '1': 0.75, '2': 0.6}, reached=reached),
    }
    item = dict(file='/d/a.png', modality='lus', case_id='C<1>', seeds=3, of=3)
    given = dict(
        metric='auc', unit='sample', training='anew', count=20, start=10, config='x/mine.py', seeds=SEEDS,
        full={'0': {'auc': 0.9}, '1': {'auc': 0.8}, '2': {'auc': None}}, rows=[], strategies=strategies,
        never={'rand': [item], 'es': [item]},
    )  # fmt: skip
    return {**given, **options}


TITLES = {'rand': 'random', 'es': 'entropy'}


def test_the_page_says_what_the_content_says(tmp_path: Path) -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    given = content(noise={'pool': 0.36, 'es': 0.5})
    page = report_active_learning(tmp_path, given, TITLES, lambda file: image, ['/d/a.png'], 0.95)
    html = page.read_text()
    text = re.sub(r'\s+', ' ', re.sub(r'<[^>]+>', ' ', html))
    assert 'scores 0.850' in text and '25.0 % 2 of 3' in text and '0 of 3' in text
    assert '2 of 3' in text and '+0.033' in text  # es against random, by seed
    assert 'the whole pool 36.0 %' in text and 'entropy 50.0 %' in text
    assert 'known to be noise' in text and '1 of these first 1 images' in text
    assert 'C&lt;1&gt;' in html and 'C<1>' not in html and 'data:image/jpeg' in html and 'data:image/svg' in html
    assert 'Fewer than five seeds' in text
    assert (tmp_path / 'figures' / 'learning_curves.png').is_file()


def test_without_full_data_pictures_or_seeds_in_common(tmp_path: Path) -> None:
    page = report_active_learning(tmp_path, content(full={}, never={'es': []}), TITLES)
    assert 'no score to reach' in page.read_text()
    item = dict(file='/d/a.avi', modality='lus', case_id='C1', seeds=1, of=3)
    blind = report_active_learning(tmp_path, content(never={'es': [item]}), TITLES, lambda file: None)
    assert 'not asked for in 1 of 3 seeds' in blind.read_text()


def test_uneven_runs_are_told(tmp_path: Path) -> None:
    given = content()
    given['strategies']['es']['curve'] = curve(0.6)
    given['strategies']['rand']['curve'][1]['seeds'] = 2
    text = report_active_learning(tmp_path, given, TITLES).read_text()
    assert 'different numbers of rounds' in text and 'not done, or could not be scored' in text


def test_paired_interval_is_that_of_the_t_test() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.random(6), rng.random(6)
    mean, ci, seeds = paired_difference(*({str(i): float(v) for i, v in enumerate(x)} for x in (one, other)))
    expected = ttest_rel(one, other)
    assert mean == pytest.approx((one - other).mean()) and seeds == 6
    assert ci == pytest.approx(list(expected.confidence_interval()))
    assert paired_difference({'0': 0.75}, {'0': 0.5, '1': 0.1}) == (0.25, None, 1)
    assert np.isnan(paired_difference({}, {'0': 0.5})[0])


def test_the_figure_has_a_line_and_a_band_a_strategy() -> None:
    figure = learning_curve_figure({'random': curve(0.6, 0.7), 'entropy': curve(0.6, 0.8)}, 'AUC', 0.85, 0.9)
    (axes,) = figure.axes
    lines = {line.get_label(): line for line in axes.lines}
    assert set(lines) == {'random', 'entropy', 'all labels: 0.850', 'best possible: 0.900'}
    assert list(lines['entropy'].get_xdata()) == pytest.approx([10, 20])
    assert list(lines['entropy'].get_ydata()) == [0.6, 0.8]
    assert len(axes.collections) == 2


def test_a_figure_without_points() -> None:
    with pytest.raises(ValueError, match='needs one curve or more'):
        learning_curve_figure({'random': curve(None)}, 'AUC')


def test_a_metric_that_is_undefined_everywhere(tmp_path: Path) -> None:
    given = content()
    for strategy in given['strategies'].values():
        strategy['curve'] = curve(None, None)
    with pytest.raises(ValueError, match=r'AUC is undefined in every round, .* choose another --metric'):
        report_active_learning(tmp_path, given, TITLES)
