from __future__ import annotations

from pathlib import Path

import pytest

from usmm.engine.active.active_state import (
    answers_of,
    check_sheet,
    read_labelled,
    read_rows,
    safe,
    unsafe,
    write_labelled,
    write_sheet,
)
from usmm.readers import read_table

EVIL = ['=HYPERLINK("http://x")', '+1', '-2', '@SUM(A1)', '\tx', 'C1#0-2', "'quoted"]


@pytest.mark.parametrize('text', EVIL)
def test_cells_come_back_and_are_no_formula(text: str) -> None:
    assert unsafe(safe(text)) == text
    assert not safe(text).startswith(('=', '+', '-', '@', '\t', '\r'))


@pytest.mark.parametrize('name', ['ask.csv', 'ask.xlsx'])
def test_a_sheet_can_be_read_by_the_readers(tmp_path: Path, name: str) -> None:
    units = ['=1+1', 'C1#0-2', '0012']
    write_sheet(tmp_path / name, [{'unit': u, 'label': '', 'lste': 'a.png;b.png'} for u in units])
    rows = read_table(tmp_path / name).to_dict('records')
    assert [unsafe(r['unit']) for r in rows] == units and rows[0]['label'] is None
    assert answers_of([{**r, 'label': 'F1'} for r in rows], units, ('F0', 'F1')) == dict.fromkeys(units, 'F1')


def test_no_formula_in_the_workbook(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip('openpyxl')
    write_sheet(tmp_path / 'ask.xlsx', [{'unit': u} for u in EVIL])
    sheet = openpyxl.load_workbook(tmp_path / 'ask.xlsx').active
    assert {cell.data_type for row in sheet for cell in row} == {'s'}


def test_labelled_samples_come_back(tmp_path: Path) -> None:
    write_labelled(tmp_path / 'l.csv', ['b', 'a'], {'a': 'F0', 'b': 'F1'})
    assert read_labelled(tmp_path / 'l.csv') == {'b': 'F1', 'a': 'F0'}
    assert read_rows(tmp_path / 'l.csv')[0] == {'sample_id': 'b', 'label': 'F1'}


def test_open_questions_are_left_out() -> None:
    rows = [{'unit': 'a', 'label': ' F1 '}, {'unit': 'b', 'label': None}]
    assert answers_of(rows, ['a', 'b'], ('F0', 'F1')) == {'a': 'F1'}


@pytest.mark.parametrize(
    ('rows', 'match'),
    [
        ([{'unit': 'a', 'label': 'F9'}, {'unit': 'b', 'label': ''}], "none of the classes .*{'a': 'F9'}"),
        ([{'unit': 'a', 'label': 'F0'}], r"1 rows are gone \['b'\]"),
        ([{'unit': u, 'label': ''} for u in 'abz'], r"0 rows are gone .*, new .'z'"),
    ],
)
def test_wrong_answers(rows, match) -> None:
    with pytest.raises(ValueError, match=match):
        answers_of(rows, ['a', 'b'], ('F0', 'F1'))


def test_other_suffixes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"ends in one of \['.csv', '.xlsx'\], got 'a.ods'"):
        check_sheet(Path('a.ods'))
