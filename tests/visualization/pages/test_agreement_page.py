"""The report on drawn regions: files, numbers on the page, plots."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from usmm.evaluation.stats.agreement import Comparison, box_overlap, compare_regions, reliability
from usmm.evaluation.stats.bland_altman import bland_altman
from usmm.evaluation.stats.icc import icc
from usmm.visualization.figures.agreement_figures import bland_altman_figure, picture_of
from usmm.visualization.pages.agreement_page import console_tables, csv_text, lowest, write_agreement

NAMES = ('Li', '=Meyer $x$')


def compared(spacing: tuple[float, float] | None = (0.1, 0.1), cases: int = 14) -> Comparison:
    rng = np.random.default_rng(0)
    overlaps = {}
    for i in range(cases):
        size = 20 + 12 * i
        overlaps[f'c{i}'] = box_overlap((0, 0, size, size), (1, 1, size + 1 + rng.integers(0, 2 + i), size), spacing)
    return compare_regions('inter', NAMES, overlaps, draws=200)


@pytest.fixture(scope='module')
def one() -> Comparison:
    return compared()


def counts(found: Comparison) -> np.ndarray:
    return np.array([o.pixels for o in found.overlaps.values()])


def test_three_files_and_two_plots(one: Comparison, read_page: Callable, tmp_path: Path) -> None:
    trust = reliability('inter', dict(zip(NAMES, counts(one).T.tolist())), 'ICC(3,1)')
    pictures = {(0, case): np.zeros((8, 8, 3), np.uint8) for case in lowest(one, 3)}
    written = write_agreement(tmp_path, [one], [trust], pictures)
    assert {k: p.name for k, p in written.items()} == {
        'csv': 'agreement.csv', 'json': 'agreement.json', 'html': 'report.html',
    }  # fmt: skip
    page = read_page(written['html'])
    expected = icc(counts(one), 'ICC(C,1)')
    assert f'ICC(3,1) = ICC(C,1) {expected.estimate:.3f} [{expected.ci[0]:.3f}, {expected.ci[1]:.3f}]' in page.text
    assert 'two-way mixed effects, consistency, single reading' in page.text
    limits = bland_altman(*counts(one).T)
    assert f'pixels {limits.bias:+.1f} [{limits.bias_ci[0]:+.1f}, {limits.bias_ci[1]:+.1f}]' in page.text
    assert 'Intervals of the limits: exact, noncentral t.' in page.text
    assert 'differences grow with the size' in page.text
    assert len(page.values('img', 'src')) == 2 + 3 and all(src.startswith('data:') for src in page.values('img', 'src'))
    assert len(list((tmp_path / 'figures').glob('*.png'))) == 2


def test_the_json_holds_every_number(one: Comparison, tmp_path: Path) -> None:
    trust = reliability('inter', dict(zip(NAMES, counts(one).T.tolist())))
    content = json.loads(write_agreement(tmp_path, [one], [trust])['json'].read_text())
    assert content['icc'][0]['form'] == 'ICC(2,1) = ICC(A,1)'
    assert content['icc'][0]['estimate'] == pytest.approx(icc(counts(one)).estimate)
    found = content['comparisons'][0]
    assert (found['kind'], found['second'], found['cases']) == ('inter', '=Meyer $x$', 14)
    assert found['dice_mean']['estimate'] == pytest.approx(np.mean([o.dice for o in one.overlaps.values()]))
    assert found['ratio']['limits'] == list(bland_altman(*counts(one).T, 'ratio').limits)


def test_the_csv_has_a_row_a_case(one: Comparison) -> None:
    rows = list(csv.DictReader(csv_text([one]).splitlines()))
    assert [row['case_id'] for row in rows] == [*one.overlaps] and rows[0]['second'] == "'=Meyer $x$"
    first = one.overlaps['c0']
    assert float(rows[0]['dice']) == first.dice and float(rows[0]['first_mm2']) == pytest.approx(4.0)
    assert float(rows[0]['distance_mm']) == first.distance_mm
    assert {row['second_mm2'] for row in csv.DictReader(csv_text([compared(None)]).splitlines())} == {''}


def test_the_lowest_are_those_that_agree_least(one: Comparison) -> None:
    dice = {case: o.dice for case, o in one.overlaps.items()}
    assert lowest(one, 2) == sorted(dice, key=dice.__getitem__)[:2]
    same = compare_regions('intra', NAMES, {c: box_overlap((0, 0, 2, 2), (0, 0, 2, 2)) for c in 'abc'}, draws=50)
    assert lowest(same, 2) == []


def test_equal_drawings_are_reported(read_page: Callable, tmp_path: Path) -> None:
    same = compare_regions('intra', ('A', 'B'), {f'{i}': box_overlap((0, 0, i, 2), (0, 0, i, 2)) for i in (2, 3, 5, 9)})
    page = read_page(write_agreement(tmp_path, [same], [])['html'])
    assert 'Cases that agree least' not in page.text and '1.000 [1.000, 1.000]' in page.text


def test_tables_for_a_terminal(one: Comparison) -> None:
    found = console_tables([one], [])
    assert [table.row_count for table in found] == [1, 0, 2]


def test_the_plot_shows_points_and_lines(one: Comparison) -> None:
    first, second = counts(one).T
    for scale in ('difference', 'ratio'):
        found = bland_altman(first, second, scale)
        axes = bland_altman_figure(first, second, found, NAMES).axes[0]
        points = axes.lines[-1]
        if scale == 'difference':
            expected = (first + second) / 2, second - first
        else:
            expected = np.exp((np.log(first) + np.log(second)) / 2), second / first
        np.testing.assert_allclose(points.get_xydata().T, expected)
        assert [line.get_ydata()[0] for line in axes.lines[1:4]] == [found.bias, *found.limits]


def test_colours_of_two_regions() -> None:
    picture = picture_of(np.array([[1, 1, 0, 0]], bool), np.array([[0, 1, 1, 0]], bool))
    assert [tuple(p) for p in picture[2, 2:6]] == [(0, 114, 178), (205, 205, 205), (213, 94, 0), (255, 255, 255)]


def test_wrong_arguments_are_refused(one: Comparison, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='a report on agreement needs one comparison or more, got none'):
        write_agreement(tmp_path, [], [])
    with pytest.raises(ValueError, match=r'expected 14 pairs of measurements, got \(2,\) and \(2,\)'):
        bland_altman_figure([1, 2], [1, 2], one.difference, NAMES)
    with pytest.raises(ValueError, match=r'the regions must be of one size, got \(1, 1\) and \(1, 2\)'):
        picture_of(np.ones((1, 1), bool), np.ones((1, 2), bool))
