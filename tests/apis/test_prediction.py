"""Predictions as tables."""

from __future__ import annotations

import csv
import io

import pytest

from usmm.apis import Prediction, safe_csv, to_frame
from usmm.apis.prediction import safe_cell


@pytest.mark.parametrize('text', ['\uff1d1+1', '=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1'])
def test_formulas_become_text(text: str) -> None:
    assert safe_cell(text) == "'" + text


@pytest.mark.parametrize('value', ['c1', 'a=b', '', 1.5, -1.5, None])
def test_other_cells_stay(value: object) -> None:
    assert safe_cell(value) == value


def test_a_table_of_answers_and_errors() -> None:
    good = Prediction(
        '=c1',
        'p1',
        {'A': 0.25, 'B': 0.75},
        'B',
        {'A': 0.4, 'B': 0.6},
        {'final': {'A': 0.25, 'B': 0.75}},
        'A',
        ('w', 'x'),
    )
    rows = list(csv.DictReader(io.StringIO(safe_csv(to_frame([Prediction('c0', 'p0', error='@no'), good], seed=3)))))
    assert rows[0] == {
        'case_id': 'c0', 'patient_id': 'p0', 'part': 'all', 'fold': '', 'seed': '3', 'label': '', 'pred': '',
        'prob_A': 'nan', 'prob_B': 'nan', 'calibrated_A': 'nan', 'calibrated_B': 'nan', 'warnings': '', 'error': "'@no",
    }  # fmt: skip
    assert rows[1]['case_id'] == "'=c1" and rows[1]['calibrated_B'] == '0.6' and rows[1]['warnings'] == 'w; x'
    assert (rows[1]['pred'], rows[1]['label'], rows[1]['prob_B'], rows[1]['error']) == ('B', 'A', '0.75', '')


def test_no_predictions() -> None:
    assert list(to_frame([], ('A', 'B')))[-4:] == ['prob_A', 'prob_B', 'warnings', 'error']
