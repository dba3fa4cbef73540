"""From the cases of a table to one row a patient."""

from __future__ import annotations

from pathlib import Path

import pytest

from usmm.evaluation.cohort import guess_schema, guess_variable, read_cohort
from usmm.structures import Variable

HEADER = 'case_id,patient_id,label,age,side,bus,remark'
ROWS = ['a,p1,A,40,left,x.png,one', 'b,p1,A,,right,y.png,two', 'c,p2,B,50,left,z.png,', 'd,p3,,61,left,w.png,three',
        'e,p2,A,50,left,v.png,four', 'f,p4,B,NA,right,u.png,five']  # fmt: skip
SCHEMA = dict(
    images=dict(bus='bus'), clinical=[dict(name='age', unit='year', range=(0, 60)), dict(name='side', values='auto')]
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / 'cases.csv').write_text('\n'.join([HEADER, *ROWS]) + '\n')
    return tmp_path / 'cases.csv'


def test_one_row_a_patient_with_the_first_known_values(table: Path) -> None:
    cohort = read_cohort(table, SCHEMA, ('A', 'B'))
    assert (cohort.patients, cohort.cases, cohort.order) == (4, 6, ('A', 'B'))
    assert cohort.groups == ['A', 'B', None, 'B']
    age, side = cohort.columns
    assert (age.name, age.unit, age.levels, age.values) == ('age', 'year', None, [40.0, 50.0, 61.0, None])
    assert (side.levels, side.values) == (('left', 'right'), ['left', 'left', 'left', 'right'])


def test_what_disagrees_or_is_wrong_is_said(table: Path) -> None:
    warnings = read_cohort(table, SCHEMA, ('A', 'B')).warnings
    assert warnings[0].startswith(
        'The table has 2 problems: case d: the label is missing; case d, clinical: age 61 year'
    )
    assert warnings[1:] == [
        'side: the cases of 1 patients differ (p1); the first known value is taken.',
        'label: the cases of 1 patients differ (p2); the first known value is taken.',
    ]


def test_one_row_a_case(table: Path) -> None:
    cohort = read_cohort(table, SCHEMA, ('A', 'B'), unit='case')
    assert cohort.groups == ['A', 'A', 'B', None, 'A', 'B'] and cohort.columns[0].values[1] is None
    assert cohort.warnings[-1] == 'Several cases of a patient are not independent: the p values are too small.'


def test_chosen_columns(table: Path) -> None:
    cohort = read_cohort(table, SCHEMA, ('A', 'B'), names=['remark', 'age'])
    assert [c.name for c in cohort.columns] == ['remark', 'age'] and cohort.columns[1].unit == 'year'
    assert cohort.columns[0].levels == ('five', 'four', 'one', 'three')
    assert read_cohort(table, SCHEMA, ('A', 'B'), ['age'], ignore_labels=['A']).cases == 3


def test_a_table_by_itself(table: Path) -> None:
    schema, classes = guess_schema(table)
    assert classes == ('A', 'B')
    assert {v.name: v.is_category for v in schema.clinical} == dict(age=True, side=True, bus=True, remark=True)
    with pytest.raises(ValueError, match=r"cases.csv has no column 'labels', did you mean 'label'\?"):
        guess_schema(table, label='labels')


@pytest.mark.parametrize(
    ('cells', 'kind'),
    [
        (['1', '2.5', '3', '4', '5', '-6e1'], 'number'),
        (['0', '1', '0', '1', None, '1', '0'], 'category'),
        (['1', '2', '3', '4a', '4b', '5', '4'], 'category'),
        ([f'file{i}.png' for i in range(20)], None),
        ([None, None], None),
    ],
)
def test_the_kind_of_a_column(cells: list[str | None], kind: str | None) -> None:
    expected = {'number': Variable('x'), 'category': Variable('x', values='auto'), None: None}[kind]
    assert guess_variable('x', cells) == expected


def test_errors(table: Path) -> None:
    with pytest.raises(ValueError, match=r"unit must be one of \['patient', 'case'\], got 'lesion'"):
        read_cohort(table, SCHEMA, ('A', 'B'), unit='lesion')
    with pytest.raises(ValueError, match="no variable or column 'aeg', did you mean 'age'"):
        read_cohort(table, SCHEMA, ('A', 'B'), names=['aeg'])
    with pytest.raises(ValueError, match='the schema has no clinical variables: name columns of the table'):
        read_cohort(table, {}, ('A', 'B'))
