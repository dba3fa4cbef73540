"""Tables as hospitals export them: what a cell means is stated, or it is a problem that names the cell."""

from __future__ import annotations

import struct
import zipfile

import openpyxl
import pytest

from usmm.apis.inputs import CaseReader
from usmm.datasets import CaseDataset
from usmm.datasets.case_table import CaseTable
from usmm.datasets.checks.check_data import check_data
from usmm.readers import DataError, read_table
from usmm.readers.table import SHEETS
from usmm.structures import Schema

CLASSES = ('benign', 'malignant')
CLINICAL = [dict(name='age'), dict(name='calc', values=('none', 'micro'))]
HEAD = ['case_id', 'patient_id', 'label', 'age', 'calc']


def read(path, classes=CLASSES, **schema) -> CaseTable:
    return CaseTable.read(path, dict(clinical=CLINICAL, **schema), classes)


def text(path, *lines: str):
    path.write_text('\n'.join([','.join(HEAD), *lines]) + '\n')
    return path


def workbook(path, *sheets, hidden=(), formulas=None):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        sheet.sheet_state = 'hidden' if name in hidden else 'visible'
    for place, formula in (formulas or {}).items():
        book.worksheets[0][place] = formula
    book.save(path)
    return path


ROWS = [HEAD, ['c1', 'p1', 'benign', 40, 'none'], ['c2', None, 'malignant', 50, 'micro']]


def test_blank_patient_cells_are_problems_or_are_filled_down(tmp_path):
    path = workbook(tmp_path / 't.xlsx', ('A', ROWS))
    (problem,) = read(path).problems
    assert (problem.kind, problem.case_id) == ('patient_id', 'c2') and problem.message.startswith('line 3 has an empty')
    with pytest.raises(DataError, match=r"1 problems in the case table[\s\S]*empty patient id \('patient_id'\)"):
        CaseDataset(path, dict(clinical=CLINICAL), CLASSES)
    filled = read(path, table_format=dict(fill_down=('patient_id',)))
    assert [case.patient_id for case in filled.cases] == ['p1', 'p1'] and filled.problems == []
    with pytest.raises(DataError, match=r"has no column 'pid' to fill down; it has \['case_id', "):
        read(path, table_format=dict(fill_down=('pid',)))


def test_a_table_without_patients_is_said(tmp_path):
    path = tmp_path / 't.csv'
    path.write_text('case_id,label,age,calc\nc1,benign,4,none\nc2,malignant,5,micro\n')
    table = read(path)
    assert not table.has_patients and table.problems == []
    notes = check_data(path, dict(clinical=CLINICAL), CLASSES).notes
    assert any(note.startswith('patients unknown: the table has no patient column') for note in notes)


@pytest.mark.parametrize('formula', ['=D2*2', '=IF(A2="x",1,2)'])
def test_a_formula_without_a_value_names_its_cell(tmp_path, formula):
    path = workbook(tmp_path / 't.xlsx', ('A', ROWS[:2]), formulas={'D2': formula})
    problems = read(path).problems
    assert [p.kind for p in problems] == ['formula']
    assert "cell D2 in column 'age' holds a formula without a stored value: open the file in" in str(problems[0])
    assert read_table(path)['age'].tolist() == ['D2']
    record = {str(k): v for k, v in read_table(path, keep_words=True).to_dict('records')[0].items()}
    entry = CaseReader(Schema(clinical=CLINICAL), ('clinical',), CLASSES, lambda absent: []).read(record, 1)
    assert entry.error == 'age: cell D2 holds a formula without a stored value'


def test_formulas_of_columns_that_are_not_read_do_no_harm(tmp_path):
    rows = [[*row, extra] for row, extra in zip(ROWS[:2], ['sum', None])]
    assert read(workbook(tmp_path / 't.xlsx', ('A', rows), formulas={'F2': '=1+1'})).problems == []


@pytest.mark.parametrize(('classes', 'label'), [(('NA', 'BA'), 'NA'), (('none', '-'), '-'), (('?', 'x'), '?')])
def test_declared_classes_and_categories_win_over_words_for_missing(tmp_path, classes, label):
    table = read(text(tmp_path / 't.csv', f'c1,p1,{label},40,none', f'c2,p2,{classes[0]},NA,n/a'), classes)
    assert table.problems == [] and table.cases[0].label == classes.index(label)
    assert [case.clinical for case in table.cases] == [{'age': 40.0, 'calc': 'none'}, {'age': None, 'calc': None}]
    reader = CaseReader(Schema(clinical=CLINICAL), ('clinical',), classes, lambda absent: [])
    entry = reader.read({'case_id': 'c', 'calc': 'none', 'age': 'none', 'label': label}, 1)
    assert entry.case.clinical == {'age': None, 'calc': 'none'} and entry.label == label and entry.error is None


def test_own_words_for_missing(tmp_path):
    path = text(tmp_path / 't.csv', 'c1,p1,benign,unbekannt,none', 'c2,p2,malignant,41,micro')
    assert [p.kind for p in read(path).problems] == ['number']
    assert read(path, table_format=dict(missing_words=['unbekannt'])).cases[0].clinical['age'] is None


@pytest.mark.parametrize('number', ['1e309', '-1e309', '1e39', '3.5e38'])
def test_numbers_beyond_single_precision_are_problems(tmp_path, number):
    (problem,) = read(text(tmp_path / 't.csv', f'c1,p1,benign,{number},none')).problems
    assert problem.kind == 'number' and f'{number!r} is too large for a number of single precision' in problem.message
    entry = CaseReader(Schema(clinical=CLINICAL), ('clinical',), CLASSES, lambda absent: []).read({'age': number}, 1)
    assert 'is too large for' in str(entry.error) or 'is not finite' in str(entry.error)


def test_hidden_sheets_are_not_read_and_the_choice_is_said(tmp_path):
    old = [HEAD, ['old', 'p1', 'benign', 1, 'none']]
    path = workbook(tmp_path / 't.xlsx', ('old', old), ('new', ROWS[:2]), ('notes', [['x']]), hidden=('old',))
    table = read(path)
    assert [case.case_id for case in table.cases] == ['c1']
    assert table.notes == [
        "the sheet 'new' is read, not ['old (hidden)', 'notes']; schema.table_format.sheet names another"
    ]
    assert read_table(path).attrs[SHEETS] == ('new', 'old (hidden)', 'notes')
    assert [case.case_id for case in read(path, table_format=dict(sheet='old')).cases] == ['old']
    with pytest.raises(DataError, match=r"has no sheet 'New'; it has \['old', 'new', 'notes'\]"):
        read(path, table_format=dict(sheet='New'))
    with pytest.raises(DataError, match=r"is text, which has no sheet 'new'"):
        read(text(tmp_path / 't.csv', 'c1,p1,benign,1,none'), table_format=dict(sheet='new'))


def test_rows_above_the_header_and_decimal_commas(tmp_path):
    path = tmp_path / 't.csv'
    path.write_text('Export of 2024\n\ncase_id;patient_id;label;age;calc\nc1;p1;benign;1.240,5;none\n')
    table = read(path, table_format=dict(skip_rows=2, decimal=',', thousands='.'))
    assert table.problems == [] and table.cases[0].clinical['age'] == 1240.5
    (problem,) = read(path, table_format=dict(skip_rows=2, decimal=',')).problems
    assert problem.message == "age '1.240,5' is not a number (with a decimal comma)"
    book = workbook(tmp_path / 't.xlsx', ('A', [['a title'], *ROWS[:2]]))
    assert read(book, table_format=dict(skip_rows=1, decimal=',')).cases[0].clinical['age'] == 40.0


def test_errors_of_the_spreadsheet_are_counted(tmp_path):
    table = read(text(tmp_path / 't.csv', 'c1,p1,benign,#DIV/0!,none', 'c2,p2,malignant,#DIV/0!,none'))
    (note,) = table.notes
    assert note.startswith(
        "2 cells hold the error #DIV/0! of a spreadsheet and count as missing: line 2 in 'age', line 3"
    )


COMPOUND = b'\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1' + bytes(504)
FILES = [
    (COMPOUND + 'EncryptedPackage'.encode('utf-16-le'), 'is a workbook with a password: save it without one'),
    (COMPOUND, r'is in the old format of Excel \(.xls\), or has a password: save it as .xlsx without one'),
    (b'%PDF-1.7 ...', 'is not a table but a PDF'),
    (b'\x89PNG\r\n\x1a\n' + struct.pack('>I', 13), 'is not a table but a PNG image'),
    (b'\x1f\x8b\x08' + bytes(9), 'is not a table but compressed with gzip: unpack it'),
    (b'<html><table><tr><td>1</td></tr></table></html>', 'is a web page, as some programs export'),
]


@pytest.mark.parametrize(('content', 'message'), FILES)
def test_files_that_are_no_tables_are_named(tmp_path, content, message):
    (tmp_path / 't.xlsx').write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / 't.xlsx')


@pytest.mark.parametrize(
    ('entries', 'message'),
    [
        ({'mimetype': b'application/vnd.oasis.opendocument.spreadsheet'}, r'is an OpenDocument file \(.ods\)'),
        ({'xl/workbook.bin': b''}, r'is a binary workbook \(.xlsb\)'),
        ({'word/document.xml': b'<a/>'}, 'is a Word document'),
        ({'xl/workbook.xml': b'<workbook xmlns="http://purl.oclc.org/ooxml/spreadsheetml/main"/>'},
         'is a workbook of the kind Strict Open XML: save it as'),
    ],
)  # fmt: skip
def test_other_archives_are_named(tmp_path, entries, message):
    with zipfile.ZipFile(tmp_path / 't.xlsx', 'w') as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / 't.xlsx')


def test_all_sheets_hidden(tmp_path):
    path = workbook(tmp_path / 't.xlsx', ('A', ROWS), ('B', ROWS), hidden=('A',))
    content = {}
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content['xl/workbook.xml'] = content['xl/workbook.xml'].replace(b'state="visible"', b'state="hidden"')
    with zipfile.ZipFile(path, 'w') as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    with pytest.raises(DataError, match=r"has hidden sheets alone \(\['A', 'B'\]\): name the one to read"):
        read(path)


def test_one_column_may_hold_the_ids_of_cases_and_patients():
    schema = Schema(clinical=CLINICAL, case_id='Nr', patient_id='Nr')
    reader = CaseReader(schema, ('clinical',), CLASSES, lambda absent: [])
    entry = reader.read({'Nr': '17', 'age': 4, 'calc': 'micro'}, 1)
    assert (entry.case.case_id, entry.case.patient_id) == ('17', '17')
