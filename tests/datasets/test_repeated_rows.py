"""Rows of one case merged into one."""

from __future__ import annotations

from usmm.datasets.repeated_rows import merge_rows
from usmm.structures import TableFormat


def test_rows_merge_and_contradictions_are_listed() -> None:
    rows = [
        {'id': 'a', 'age': None, 'sex': 'F'},
        {'id': None, 'age': '1', 'sex': None},
        {'id': 'a', 'age': '40', 'sex': 'M'},
        {'id': 'b', 'age': None, 'sex': 'M'},
    ]
    merged = merge_rows(rows, [2, 3, 5, 6], 'id', ['id', 'age', 'sex'], TableFormat())
    assert merged.rows == [{'id': 'a', 'age': '40', 'sex': 'F'}, rows[1], rows[3]] and merged.numbers == [2, 3, 6]
    assert merged.problems == [
        ('conflict', 'a', "sex is 'M' in line 5 and 'F' in line 2: the rows of a case must agree")
    ]
    assert merged.notes == ['1 empty cell of repeated rows have the value of another row of the case']
