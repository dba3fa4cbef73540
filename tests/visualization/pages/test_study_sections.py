"""ROC curves, rates and pairs on the page of a study."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from usmm.visualization.pages.study_page import report_study
from usmm.visualization.pages.study_sections import pairs_csv

PAIRS = [
    dict(first='image', second='=all', estimate=0.1, ci95=[0.02, 0.18], pvalue=0.01, p_holm=0.03, test='DeLong',
         cases=60),
    dict(first='image', second='b', estimate=float('nan'), ci95=None, pvalue=float('nan'), p_holm=float('nan'),
         test='none: no fold has two cases of each class', cases=60),
]  # fmt: skip


def row(made: ModuleType, name: str, auc: float, **more: Any) -> dict[str, Any]:
    metrics = {n: made.entry(v, [v, v]) for n, v in (('auc', auc), ('tpr', 0.71), ('tnr', 0.61))}
    return {'name': name, 'metrics': metrics, 'difference': None, 'cases': 60, 'patients': 60, 'seconds': 1.0, **more}


def test_rates_are_the_estimates_of_the_summaries(made: ModuleType, read_page: Callable, tmp_path: Path) -> None:
    made.write_work_dir(tmp_path / 'rows' / 'image', seeds=(0, 1))
    rows = [row(made, 'image', 0.7), row(made, 'gone', 0.85)]
    rows[0]['metrics']['tpr'] |= {'estimate': 0.73, 'mean': 0.5}  # the interval is of the estimate
    page = read_page(report_study(tmp_path, rows, 'image')['html'])
    assert 'Variant Sensitivity Specificity image 0.730 [0.610, 0.810] 0.610 [0.510, 0.710]' in page.text
    assert 'gone 0.710 [0.610, 0.810] 0.610 [0.510, 0.710]' in page.text
    assert 'The more probable class counts; of all folds together.' in page.text and 'Intervals: made up.' in page.text


def test_curves_of_two_classes_and_none_of_more(made: ModuleType, read_page: Callable, tmp_path: Path) -> None:
    made.write_work_dir(tmp_path / 'rows' / 'image')
    made.write_work_dir(tmp_path / 'rows' / 'stages', classes=('F0', 'F1', 'F2'))
    rows = [row(made, name, 0.7) for name in ('image', 'stages', 'gone')]
    page = read_page(report_study(tmp_path, rows, 'image')['html'])
    assert 'ROC curves of 1 variants' in page.values('img', 'alt')
    assert 'stages: with more than two classes the AUC is a mean over classes (macro), which has no curve.' in page.text
    assert 'there are no test predictions of both kinds: gone.' in page.text
    svg = (tmp_path / 'figures' / 'roc.svg').read_text()
    assert 'image: 0.700 [0.600, 0.800], fair' in svg and 'gone' not in svg


def test_pairs_have_a_section_and_a_file(made: ModuleType, read_page: Callable, tmp_path: Path) -> None:
    rows = [row(made, name, 0.7) for name in ('image', '=all', 'b')]
    written = report_study(tmp_path, rows, 'image', pairs=PAIRS)
    page = read_page(written['html'])
    assert '=all image +0.100 [+0.020, +0.180] 0.010 0.030 60' in page.text
    assert 'b image – – – 60' in page.text and 'corrected for all paired tests of this page' in page.text
    assert written['pairs'].read_text() == pairs_csv(PAIRS)
    assert 'Pairs of variants' not in read_page(report_study(tmp_path / 'none', rows, 'image')['html']).text


def test_pairs_as_csv() -> None:
    found = list(csv.DictReader(io.StringIO(pairs_csv(PAIRS))))
    assert found[0]['second'] == "'=all" and float(found[0]['ci95_high']) == 0.18 and found[0]['cases'] == '60'
    assert found[1]['p'] == found[1]['ci95_low'] == found[1]['difference_auc'] == ''


@pytest.mark.parametrize(('auc', 'word'), [(0.5996, 'poor'), (0.79974, 'good'), (0.7994, 'fair')])
def test_the_word_is_that_of_the_printed_number(
    made: ModuleType, read_page: Callable, tmp_path: Path, auc: float, word: str
) -> None:
    written = report_study(tmp_path, [row(made, 'a', auc)], 'a')
    page = read_page(written['html'])
    assert f'{auc:.3f} ± 0.050 [{auc - 0.1:.3f}, {auc + 0.1:.3f}] {word} reference' in page.text
    assert next(csv.DictReader(written['csv'].open()))['auc_word'] == word
