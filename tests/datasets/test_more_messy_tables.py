"""Tables whose layout, encoding or spelling hides what a cell means."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from usmm.apis.inputs import CaseReader
from usmm.datasets.case_table import CaseTable
from usmm.datasets.checks.check_data import check_data
from usmm.readers import DataError, read_table
from usmm.structures import Schema, TableFormat

CLASSES = ('benign', 'malignant')
CLINICAL = [dict(name='age'), dict(name='side', values='auto')]
HEAD = ['case_id', 'patient_id', 'label', 'age', 'side']
ROWS = [HEAD, ['c1', 'p1', 'benign', 40, 'left'], ['c2', 'p2', 'malignant', None, 'right']]


def read(path: Path, **schema: object) -> CaseTable:
    return CaseTable.read(path, dict(dict(clinical=CLINICAL), **schema), CLASSES)


def text(path: Path, *lines: str, head: str = ','.join(HEAD)) -> Path:
    path.write_text('\n'.join([head, *lines]) + '\n', encoding='utf-8')
    return path


def book(path: Path, rows: list, *, merge: str | None = None, hide: int | None = None) -> Path:
    workbook = openpyxl.Workbook()
    for row in rows:
        workbook.active.append(row)
    if merge:
        workbook.active.merge_cells(merge)
    if hide:
        workbook.active.row_dimensions[hide].hidden = True
    workbook.save(path)
    return path


def edited(path: Path, old: str, new: str) -> Path:
    """The workbook with a change in the XML of its sheet."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts['xl/worksheets/sheet1.xml'].decode()
    assert re.search(old, sheet), sheet
    parts['xl/worksheets/sheet1.xml'] = re.sub(old, new, sheet).encode()
    with zipfile.ZipFile(path, 'w') as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_merged_cells_of_any_column_are_filled_down_or_refused(tmp_path: Path) -> None:
    path = book(tmp_path / 't.xlsx', ROWS, merge='D2:D3')
    (problem,) = read(path).problems
    assert problem.kind == 'merged' and problem.message == (
        "column 'age' has cells merged over several rows (2 to 3); the first of them alone has the value: set "
        "schema.table_format.fill_down=('age',), or fill in the value in every row"
    )
    assert [c.clinical['age'] for c in read(path, table_format=dict(fill_down=('age',))).cases] == [40, 40]
    assert read(book(tmp_path / 'u.xlsx', [[*row, 'x'] for row in ROWS], merge='F2:F3')).problems == []
    assert read(book(tmp_path / 'v.xlsx', ROWS, merge='D2:E2')).problems == [], 'within one row'


def test_hidden_rows_are_read_and_counted(tmp_path: Path) -> None:
    table = read(book(tmp_path / 't.xlsx', ROWS, hide=3))
    assert len(table.cases) == 2
    assert table.notes == ['1 of the rows are hidden in the sheet, such as by a filter; they are read']


def test_a_formula_with_an_empty_text_as_value_is_an_empty_cell(tmp_path: Path) -> None:
    path = book(tmp_path / 't.xlsx', [HEAD, ['c1', 'p1', 'benign', '=IF(A2="","",A2)', 'left']])
    assert [p.kind for p in read(path).problems] == ['formula']
    edited(path, r'<c r="D2"><f>(.*?)</f><v ?/></c>', r'<c r="D2" t="str"><f>\1</f><v></v></c>')
    table = read(path)
    assert table.problems == [] and table.cases[0].clinical['age'] is None


@pytest.mark.parametrize('suffix', ['.xls', '.csv', '.txt'])
def test_a_workbook_is_read_by_its_content(tmp_path: Path, suffix: str) -> None:
    path = book(tmp_path / 't.xlsx', ROWS).rename(tmp_path / f't{suffix}')
    assert [case.case_id for case in read(path).cases] == ['c1', 'c2']


def test_long_numbers_that_a_workbook_writes_with_an_exponent_stay_different(tmp_path: Path) -> None:
    path = book(tmp_path / 't.xlsx', [HEAD, ['c1', 1, 'benign', 1, 'left'], ['c2', 2, 'benign', 1, 'left']])
    edited(path, r'<v>1</v></c><c r="C2"', '<v>1.234567890123456E+15</v></c><c r="C2"')
    edited(path, r'<v>2</v></c><c r="C3"', '<v>1.234567890123457E+15</v></c><c r="C3"')
    assert [c.patient_id for c in read(path).cases] == ['1234567890123456', '1234567890123457']
    edited(path, r'1.234567890123456E\+15', '1.2345678901234561E+17')
    patient = read(path).cases[0].patient_id  # beyond 2^53, so that it is no longer a whole number without doubt
    assert float(patient) == 1.2345678901234561e17 and 'e+17' in patient


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('t.csv', b'PAR1\x15\x04', 'is not a table but a Parquet file: save it as CSV'),
        ('t.csv', b'{"cases": []}', 'is not a table but JSON: save it as .xlsx or CSV'),
        ('t.csv', b'[{"case_id": 1}]', 'is not a table but JSON'),
        ('t.xls', b'<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n<Workbook/>', 'Excel 2003: save'),
        ('~$t.xlsx', b'\x0bDoctor', 'is the lock file of an open workbook, not the workbook itself'),
        ('t.csv', b'a,b\nM\x81ller,1\n', 'is neither UTF-8 nor Windows-1252: line 2 has the byte 0x81; save the table'),
        (
            't.csv',
            'a,b\nMüller,1\n'.encode() + 'Köhler,2\n'.encode('cp1252'),
            'mixes two encodings: line 2 has letters in UTF-8, line 3 has a byte that is not UTF-8',
        ),
    ],
)
def test_files_that_are_not_a_table_say_what_they_are(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=re.escape(message)):
        read_table(tmp_path / name)


def test_a_cut_workbook_says_so(tmp_path: Path) -> None:
    path = book(tmp_path / 't.xlsx', ROWS)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(DataError, match='is a workbook that was cut off: copy or save it anew'):
        read_table(path)


def test_the_separator_line_in_quotes_and_titles_with_line_breaks(tmp_path: Path) -> None:
    path = tmp_path / 't.csv'
    path.write_text('"sep=;"\ncase_id;label\nc1;benign\n')
    assert read_table(path).to_dict('list') == {'case_id': ['c1'], 'label': ['benign']}
    path.write_text('"A title\nof two lines";\ncase_id;label\nc1;benign\n')
    assert list(read_table(path, table_format=TableFormat(skip_rows=1)).columns) == ['case_id', 'label']


@pytest.mark.parametrize('name', ['Patient_ID', 'patient id', '\u200bpatient_id', 'Patient-ID'])
def test_a_misspelt_patient_column_is_a_problem(tmp_path: Path, name: str) -> None:
    path = text(tmp_path / 't.csv', 'c1,p1,benign,40,left', head=f'case_id,{name},label,age,side')
    (problem,) = read(path).problems
    assert problem.kind == 'column' and problem.message == (
        f"the table has no column 'patient_id', did you mean {name!r}? Set patient_id of the schema to the column of "
        'the patient'
    )
    assert read(path, patient_id=name).problems == []


def test_categories_of_auto_that_are_probably_one_are_warned_of(tmp_path: Path) -> None:
    path = text(
        tmp_path / 't.csv', *[f'c{i},p{i},benign,40,{s}' for i, s in enumerate(['left', 'Left', '1', '1.0', 'x'])]
    )
    result = check_data(path, dict(clinical=CLINICAL), CLASSES)
    (problem,) = [p for p in result.problems if p.kind == 'spellings']
    assert problem not in result.blocking and problem.message == (
        "categories of 'side' differ in upper and lower case, blanks or decimals alone: ['Left', 'left']; ['1', '1.0']"
    )


def test_a_misspelt_declared_word_is_a_problem_not_a_missing_value(tmp_path: Path) -> None:
    path = text(tmp_path / 't.csv', 'c1,p1,na,40,None', 'c2,p2,BA,40,none')
    schema = dict(clinical=[dict(name='age'), dict(name='side', values=('none', 'left'))])
    problems = CaseTable.read(path, schema, ('NA', 'BA')).problems
    assert [(p.kind, p.message) for p in problems] == [
        ('label', "label 'na' is none of the classes ['NA', 'BA'], did you mean 'NA'?"),
        ('category', "side 'None' is none of ['none', 'left'], did you mean 'none'?"),
    ]


def test_codes_of_missing_values_are_numbers_too(tmp_path: Path) -> None:
    form = TableFormat(missing_words=('-99', 'n.d.'))
    assert [form.is_missing(word) for word in ('-99', '-99.0', '-99.00', '-9.9e1', '-98', '99', 'N.D.')] == [
        True, True, True, True, False, False, True,
    ]  # fmt: skip
    path = text(tmp_path / 't.csv', 'c1,p1,benign,-99.0,left')
    assert read(path, table_format=dict(missing_words=('-99',))).cases[0].clinical['age'] is None


@pytest.mark.parametrize('cell', ['0.123', '00.123', '000.123', '0.123.456'])
def test_a_group_of_zeros_is_no_thousand(cell: str) -> None:
    assert TableFormat(decimal=',', thousands='.').number(cell) is None
    assert TableFormat(decimal=',', thousands='.').number('1.000.123') == 1_000_123
    assert TableFormat(decimal=',', thousands='.').number('0,123') == 0.123


def test_a_name_that_is_too_long_for_a_file_is_a_problem_of_its_case(tmp_path: Path) -> None:
    path = text(tmp_path / 't.csv', f'c1,{"x" * 300}.png', f'c2,{"a/" * 3000}b.png', head='case_id,bus')
    table = CaseTable.read(path, dict(images=dict(bus='bus')), CLASSES)
    assert [(p.kind, p.case_id) for p in table.problems if p.kind == 'no_file'] == [
        ('no_file', 'c1'),
        ('no_file', 'c2'),
    ]


def test_records_of_pandas_keep_their_ids_and_large_numbers_are_refused() -> None:
    reader = CaseReader(Schema(clinical=[dict(name='age')]), ('clinical',), CLASSES, lambda absent: [])
    frame = pd.DataFrame(dict(case_id=[1, 2], patient_id=[7, None], age=[40, 50]))
    cases = [reader.read(row, 1).case for row in frame.to_dict('records')]
    assert [(case.case_id, case.patient_id) for case in cases] == [('1', '7'), ('2', '2')]
    assert reader.read(dict(age=10**400), 1).error == 'age inf is not finite'


def test_words_for_not_known_are_no_patient(tmp_path: Path) -> None:
    rows = ['c1,unknown,benign,40,left', 'c2,unknown,malignant,50,left', 'c3,p3,benign,4,left']
    problems = read(text(tmp_path / 't.csv', *rows)).problems
    (problem,) = problems
    assert problem.kind == 'patient_id' and problem.message == (
        'patient id \'unknown\' of 2 cases is a word for "not known", and would count as one patient: write an id for '
        'each, or leave the cases out'
    )
