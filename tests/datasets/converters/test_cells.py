"""Cells of converted tables: terms, labels, views."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from usmm.datasets.converters import cells as convert_cells
from usmm.datasets.converters.cells import (
    by_case,
    classes_of,
    files_of,
    give_labels,
    read_labels,
    read_records,
    some,
    yes_no,
)
from usmm.readers import DataError

TERMS = dict(red='redness', warm='warmth')


def test_examples() -> None:
    assert doctest.testmod(convert_cells).failed == 0


@pytest.mark.parametrize(
    ('text', 'red', 'warm'),
    [('no', 'no', 'no'), ('redness', 'yes', 'no'), ('warmth & redness', 'yes', 'yes'), (None, None, None)],
)
def test_yes_no(text: str | None, red: str | None, warm: str | None) -> None:
    assert yes_no(text, TERMS) == dict(red=red, warm=warm)


def test_yes_no_refuses_an_unknown_term() -> None:
    with pytest.raises(ValueError, match=r"expected terms among \['no', 'redness', 'warmth'\], got \['scar'\]"):
        yes_no('redness&scar', TERMS)


def test_files_of() -> None:
    assert files_of('files/a.png') == files_of(None) == files_of(3) == files_of(()) == ()
    assert files_of(Path('a')) == files_of([Path('a')]) == (Path('a'),)


def test_read_records(tmp_path: Path) -> None:
    path = tmp_path / 't.csv'
    path.write_text('id,age\n007,not available\n8,3\n')
    assert read_records(path, ('id',)) == [dict(id='007', age=None), dict(id='8', age='3')]
    with pytest.raises(DataError, match=r"expected the columns \['sex'\], without \['sex'\] \(file .*t.csv"):
        read_records(path, ('sex',))


@pytest.mark.parametrize('header', ['patient_id,label', 'Patient ID,Diagnosis', 'case,CLASS'])
def test_read_labels(tmp_path: Path, header: str) -> None:
    path = tmp_path / 'labels.csv'
    path.write_text(f'{header}\n001,benign\n002,\n001,benign\n')
    assert read_labels(path) == {'001': 'benign', '002': None}


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('name,label\na,b\n', 'expected a column named like one of .*case_id'),
        ('id,colour\na,b\n', 'expected a column named like one of .*classification'),
        ('id,label\na,b\na,c\n', "'a' has two labels, 'b' and 'c'"),
    ],
)
def test_read_labels_refuses(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / 'labels.csv').write_text(text)
    with pytest.raises(DataError, match=words):
        read_labels(tmp_path / 'labels.csv')


def test_labels_go_by_case_before_patient_and_exact_before_loose() -> None:
    rows = [dict(case_id=f'{p}-{n}', patient_id=p, label=None) for p, n in (('01', 1), ('01', 2), ('1', 1), ('3', 1))]
    notes = give_labels(rows, {'01': 'a', '01-2': 'b', '1': 'c', '003': 'd', '9': 'e'})
    assert [row['label'] for row in rows] == ['a', 'b', 'c', 'd']
    assert notes == ["1 labels belong to no case: '9'"]


def test_missing_labels_are_told() -> None:
    rows = [dict(case_id='a', patient_id='a', label=None)]
    assert give_labels(rows, None) == ["1 cases have no label: 'a'; give them with --labels"]
    assert give_labels(rows, {'b': 'x'}) == ["1 cases have no label: 'a'", "1 labels belong to no case: 'b'"]


def test_views_and_patients() -> None:
    found = {
        ('7', 2): dict(bus=Path('b2')),
        ('7', 10): dict(bus=Path('b10'), ue=Path('u10')),
        ('5', 1): dict(ue=Path('u1')),
    }
    views = by_case(found, ('bus', 'ue'))
    assert [(r['case_id'], r['patient_id'], r['bus'], r['ue']) for r in views] == [
        ('5-1', '5', (), (Path('u1'),)),
        ('7-2', '7', (Path('b2'),), ()),
        ('7-10', '7', (Path('b10'),), (Path('u10'),)),
    ]
    patients = by_case(found, ('bus', 'ue'), 'patient')
    assert [(r['case_id'], r['bus']) for r in patients] == [('5', ()), ('7', (Path('b2'), Path('b10')))]
    with pytest.raises(ValueError, match="cases must be 'view' or 'patient', got 'file'"):
        by_case(found, ('bus',), 'file')


def test_classes_in_a_given_order() -> None:
    rows = [dict(label=x) for x in ('z', 'benign', None, 'malignant', 'a')]
    assert classes_of(rows, ('benign', 'malignant', 'normal')) == ('benign', 'malignant', 'a', 'z')


def test_some() -> None:
    assert some(['a', 'b']) == "'a', 'b'"
    assert some(range(9), limit=2) == "'0', '1', ..."
