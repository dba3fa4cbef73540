from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from usmm.visualization.pages.study_tables import csv_text, grid, latex_text, markdown_text, metric_names


def row(name: str, **more: Any) -> dict[str, Any]:
    auc = {'mean': 0.8125, 'std': 0.05, 'ci95': [0.7, 0.9]}
    return {
        'name': name,
        'metrics': {'auc': auc},
        'difference': None,
        'cases': 6,
        'patients': 5,
        'seconds': 1.5,
        **more,
    }


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize('name', ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1'])
def test_a_name_is_no_formula(name: str) -> None:
    (found,) = read(csv_text([row(name)]))
    assert found['name'] == f"'{name}"


def test_only_names_get_an_apostrophe() -> None:
    found = {'estimate': -0.25, 'ci95': [-0.5, 0.0], 'pvalue': 0.25, 'p_holm': 0.5, 'test': 't'}
    (line,) = read(csv_text([row('bus', difference=found, published={'auc': '-.5'})], True))
    assert line == {
        'name': 'bus', 'cases': '6', 'patients': '5', 'seconds': '1.5', 'auc_mean': '0.8125', 'auc_std': '0.05',
        'auc_ci95_low': '0.7', 'auc_ci95_high': '0.9', 'auc_word': 'good',
        'difference_auc': '-0.25', 'difference_ci95_low': '-0.5',
        'difference_ci95_high': '0.0', 'p': '0.25', 'p_holm': '0.5', 'test': 't', 'best_possible_auc': '',
        'published_auc': '-.5',
    }  # fmt: skip


def test_printed_columns() -> None:
    head, table = grid([row('a', known_best=0.9)], 'a')
    assert head == ['', 'AUC', 'AUC 95 %', 'AUC difference to a', 'p', 'p (Holm)', 'best possible AUC']
    assert table == [['a', '0.812 ± 0.050', '[0.700, 0.900]', 'reference', '–', '–', '0.900']]


def test_metrics_come_in_the_usual_order() -> None:
    metrics = {name: {} for name in ('zeta', 'f1', 'image/auc', 'auc')}
    assert metric_names([row('a', metrics=metrics)]) == ['auc', 'f1', 'zeta', 'image/auc']


def test_latex() -> None:
    text = latex_text(['', 'a_b'], [['50 % & {x}\\', '1 ± 2\n3'], ['$~^#<', '–']], ['one\ntwo % three'])
    assert text.splitlines() == [
        '% one two % three',
        r'\begin{tabular}{lr}',
        r'\hline',
        r' & a\_b \\',
        r'\hline',
        r'50 \% \& \{x\}\textbackslash{} & 1 $\pm$ 2 3 \\',
        r'\$\textasciitilde{}\textasciicircum{}\#\textless{} & -- \\',
        r'\hline',
        r'\end{tabular}',
    ]


def test_markdown() -> None:
    text = markdown_text(['', 'b'], [['x|y', '<b>&*_`']], ['a note'])
    assert text == '|  | b |\n| --- | ---: |\n| x\\|y | &lt;b&gt;&amp;\\*\\_\\` |\n\na note\n'
