from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from scipy.stats import spearmanr

from usmm.visualization.pages.study_page import report_study

SOURCE = {'source': 'A paper, Table 5'}


def variant(made: ModuleType, name: str, auc: float, known: float | None = None, **more: Any) -> dict[str, Any]:
    metrics = {n: made.entry(v, [v, v]) for n, v in (('auc', auc), ('accuracy', 0.7), ('kappa', 0.5))}
    row = {
        'name': name, 'metrics': metrics, 'cases': 60, 'patients': 50, 'seconds': 61.0, 'published': None,
        'known_best': known,
        'difference': dict(estimate=auc - 0.8, ci95=[auc - 0.9, auc - 0.7], pvalue=0.02, p_holm=0.04, test='DeLong'),
    }  # fmt: skip
    return {**row, **more}


@pytest.fixture
def rows(made: ModuleType) -> list[dict[str, Any]]:
    return [
        variant(made, 'bus', 0.6, 0.62, published={'auc': '.62 (.04)', 'tpr': '60.16'}),
        variant(made, 'bus + ue', 0.75, 0.7, slug='bus_and_ue'),
        variant(made, 'clinical', 0.7, 0.71),
        variant(made, 'all', 0.8, 0.86, difference=None),
    ]


def test_four_formats(rows: list, read_page: Callable, tmp_path: Path) -> None:
    written = report_study(tmp_path, rows, 'all')
    assert {k: p.name for k, p in written.items()} == {
        'csv': 'table.csv', 'md': 'table.md', 'tex': 'table.tex', 'html': 'report.html',
    }  # fmt: skip
    page = read_page(written['html'])
    assert page.values('section', 'id') == [
        'comparison', 'forest-plots', 'roc-curves', 'sensitivity-and-specificity', 'all-metrics', 'what-was-run',
    ]  # fmt: skip
    assert 'bus 0.600 ± 0.050 [0.500, 0.700] poor -0.200 [-0.300, -0.100] 0.020 0.040 0.620' in page.text
    assert 'all 0.800 ± 0.050 [0.700, 0.900] good reference' in page.text
    assert 'Test: DeLong.' in page.text
    assert len(page.values('img', 'src')) == 2
    assert all(page.values('img', 'alt'))
    assert sorted(p.name for p in (tmp_path / 'figures').iterdir()) == [
        'forest_auc.png', 'forest_auc.svg', 'forest_difference.png', 'forest_difference.svg',
    ]  # fmt: skip
    rank = spearmanr([0.6, 0.75, 0.7, 0.8], [0.62, 0.7, 0.71, 0.86]).statistic
    assert f'over 4 rows: {rank:.3f}.' in page.text


def test_published_numbers_are_shown_only_when_asked_for(rows: list, read_page: Callable, tmp_path: Path) -> None:
    for path in report_study(tmp_path / 'without', rows, 'all').values():
        assert '.62 (.04)' not in path.read_text()
    written = report_study(tmp_path / 'with', rows, 'all', SOURCE)
    for path in written.values():
        text = path.read_text()
        assert '.62 (.04)' in text
        assert path.suffix == '.csv' or 'A paper, Table 5' in text
    page = read_page(written['html'])
    assert 'AUC, ours AUC, published Sensitivity (TPR), ours Sensitivity (TPR), published' in page.text
    assert 'they are context' in page.text
    head = next(csv.reader(written['csv'].open()))
    assert head[-2:] == ['published_auc', 'published_tpr']


def test_published_without_any_and_without_a_source(rows: list, read_page: Callable, tmp_path: Path) -> None:
    page = read_page(report_study(tmp_path, rows[1:], 'all', SOURCE)['html'])
    assert 'No row of this study has published numbers.' in page.text
    assert 'source not named' in read_page(report_study(tmp_path, rows, 'all', {'source': ''})['html']).text


def test_warnings_of_the_rows_are_shown(rows: list, read_page: Callable, tmp_path: Path) -> None:
    rows[1]['warnings'] = ["clinical variable 'psa' seems to contain the label (2 of 2 folds)"]
    page = read_page(report_study(tmp_path, rows, 'all')['html'])
    assert "bus + ue: clinical variable 'psa' seems to contain the label (2 of 2 folds)" in page.text


def test_links_lead_to_pages_that_are_there(rows: list, read_page: Callable, tmp_path: Path) -> None:
    for name in ('bus_and_ue', 'clinical'):
        (tmp_path / 'rows' / name).mkdir(parents=True)
        (tmp_path / 'rows' / name / 'report.html').write_text('')
    page = read_page(report_study(tmp_path, rows, 'all')['html'])
    links = [href for href in page.values('a', 'href') if not href.startswith('#')]
    assert links == ['rows/bus_and_ue/report.html', 'rows/clinical/report.html']


def test_what_was_run_comes_from_the_reference(
    rows: list, made: ModuleType, read_page: Callable, tmp_path: Path
) -> None:
    made.write_work_dir(tmp_path / 'rows' / 'all', selection='test')
    page = read_page(report_study(tmp_path, rows, 'all', title='Inputs')['html'])
    assert '<title>Inputs</title>' in page.html
    assert 'Warning. The epoch was selected ON THE TEST PART ITSELF in all' in page.text
    assert 'usmm 0.1.0, torch 2.13' in page.text


def test_without_numbers_nothing_is_drawn(made: ModuleType, read_page: Callable, tmp_path: Path) -> None:
    nothing = dict(estimate=math.nan, ci95=None, pvalue=math.nan, p_holm=math.nan, test='none: one class')
    empty = {'auc': {'mean': None, 'std': None, 'ci95': None, 'folds': [None], 'method': 'none'}}
    rows = [
        variant(made, 'a', 0.5, metrics=empty, difference=nothing),
        variant(made, 'b', 0.5, metrics=empty, difference=None, seconds=None),
    ]
    written = report_study(tmp_path, rows, 'b')
    page = read_page(written['html'])
    assert 'there is nothing to draw' in page.text
    assert 'Rank correlation' not in page.text
    assert 'nan' not in written['csv'].read_text()
    assert 'nan' not in written['md'].read_text()


def test_names_are_escaped_everywhere(made: ModuleType, read_page: Callable, tmp_path: Path) -> None:
    evil = '<script>alert(1)</script> & $x$'
    rows = [variant(made, evil, 0.6), variant(made, '../up', 0.7), variant(made, 'all', 0.8, difference=None)]
    (tmp_path / 'rows').mkdir()
    (tmp_path / 'up').mkdir()
    (tmp_path / 'up' / 'report.html').write_text('')
    written = report_study(tmp_path, rows, 'all')
    page = read_page(written['html'])
    assert 'script' not in {tag for tag, _ in page.tags}
    assert evil in page.text
    assert '<script' not in written['md'].read_text()
    assert not [href for href in page.values('a', 'href') if not href.startswith('#')]


@pytest.mark.parametrize('given', [[], [{'name': 'a'}]])
def test_refuses_a_reference_that_is_no_row(given: list, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the reference 'all' is none of the rows \["):
        report_study(tmp_path, given, 'all')
