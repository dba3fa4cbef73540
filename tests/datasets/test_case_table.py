"""Reading the case table: typed values, files, and every kind of problem."""

from __future__ import annotations

from pathlib import Path

import pytest

from usmm.datasets import case_table
from usmm.datasets.case_table import CaseTable
from usmm.datasets.checks.orphan_files import orphan_note
from usmm.readers import DataError
from usmm.structures import Case, Variable, auto_values

SCHEMA = dict(
    images=dict(bus='bus'),
    clips=dict(dceus='clip'),
    clinical=[dict(name='age', unit='year', range=(0, 120)), dict(name='sex', values=('F', 'M'))],
)
HEADER = 'case_id,patient_id,label,bus,bus_mask,clip,age,sex'
GOOD = '007,p1,SCC,a.png,m1.png;m2.png,c.mp4,61.5,F'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ('a.png', 'b.png', 'm1.png', 'm2.png', 'c.mp4'):
        (tmp_path / name).write_bytes(b'x')
    return tmp_path


def read(folder: Path, *rows: str, header: str = HEADER, schema: dict = SCHEMA, **options: object) -> CaseTable:
    path = folder / 'cases.csv'
    path.write_text('\n'.join([header, *rows]) + '\n', encoding='utf-8')
    return CaseTable.read(path, schema, ('ADC', 'SCC'), **options)


def test_a_good_row_is_typed_and_its_files_are_absolute(folder: Path) -> None:
    table = read(folder, GOOD)
    case = table.cases[0]
    assert not table.problems
    assert (case.case_id, case.patient_id, case.label) == ('007', 'p1', 1)
    assert case.clinical == {'age': 61.5, 'sex': 'F'}
    assert case.files == {'bus': (folder / 'a.png',), 'dceus': (folder / 'c.mp4',)}
    assert case.mask_files == {'bus': (folder / 'm1.png', folder / 'm2.png')}


@pytest.mark.parametrize('word', ['', 'NA', 'not available', 'n/a', ' - '])
def test_missing_words_are_none_and_no_problem(folder: Path, word: str) -> None:
    table = read(folder, f'1,p1,ADC,{word},{word},{word},{word},{word}', GOOD)
    case = table.cases[0]
    assert not table.problems
    assert case.clinical == {'age': None, 'sex': None}
    assert case.files == {}
    assert case.mask_files == {}


def test_blank_lines_count_in_the_numbers_of_lines(folder: Path) -> None:
    (problem,) = read(folder, GOOD, '', ',p,ADC,a.png,,,,').problems
    assert 'line 4 has an empty case id' in problem.message


def test_paths_may_be_absolute_or_from_windows_or_up(folder: Path) -> None:
    (folder / 'sub').mkdir()
    (folder / 'sub' / 'd.png').write_bytes(b'x')
    rows = [f'1,,ADC,{folder / "a.png"},,,,', r'2,,ADC,sub\d.png,,,,', '3,,ADC,sub/../b.png,,,,']
    table = read(folder, *rows)
    assert not table.problems
    assert [c.files['bus'][0].relative_to(folder).as_posix() for c in table.cases] == ['a.png', 'sub/d.png', 'b.png']


@pytest.mark.parametrize(
    ('cell', 'disk'), [('\u00e4/\u00f6.png', 'a\u0308/o\u0308.png'), ('a\u0308/o\u0308.png', '\u00e4/\u00f6.png')]
)
def test_accents_in_another_unicode_form_name_the_file_on_the_disk(folder: Path, cell: str, disk: str) -> None:
    file = folder / disk
    file.parent.mkdir()
    file.write_bytes(b'x')
    table = read(folder, f'1,,ADC,{cell},,,,', f'2,,ADC,{folder / cell},,,,')
    assert not table.problems
    assert [case.files['bus'] for case in table.cases] == [(file,), (file,)]
    assert orphan_note(table) is None


@pytest.mark.parametrize('cell', ['\u00e4.png', 'a\u0308.png'])
def test_two_files_whose_names_differ_in_the_unicode_form_alone_are_a_problem(folder: Path, cell: str) -> None:
    for name in ('\u00e4.png', 'a\u0308.png'):
        (folder / name).write_bytes(b'x')
    (problem,) = read(folder, GOOD, f'8,p,ADC,{cell},,,,').problems
    assert (problem.kind, problem.case_id, problem.modality) == ('two_files', '8', 'bus')
    assert problem.message.startswith('2 files have this name, in different Unicode forms (NFC, NFD)')


@pytest.mark.parametrize(
    ('row', 'kind', 'case_id', 'modality', 'text'),
    [
        ('8,p,SSC,a.png,,,,', 'label', '8', None, "did you mean 'SCC'"),
        ('8,p,,a.png,,,,', 'no_label', '8', None, 'label is missing'),
        (',p,ADC,a.png,,,,', 'case_id', None, None, 'line 3 has an empty case id'),
        ('007,p,ADC,b.png,,,,', 'duplicate', '007', None, 'in line 2 and again in line 3'),
        ('8,p,ADC,a.png,,,old,', 'number', '8', 'clinical', "age 'old' is not a number"),
        ('8,p,ADC,a.png,,,"61,5",', 'number', '8', 'clinical', 'decimal point'),
        ('8,p,ADC,a.png,,,inf,', 'number', '8', 'clinical', "'inf' is not a number"),
        ('8,p,ADC,a.png,,,1_0,', 'number', '8', 'clinical', "'1_0' is not a number"),
        ('8,p,ADC,a.png,,,130,', 'range', '8', 'clinical', '130 year is outside the plausible range 0 to 120 year'),
        ('8,p,ADC,a.png,,,,f', 'category', '8', 'clinical', "did you mean 'F'"),
        ('8,p,ADC,A.PNG,,,,', 'no_file', '8', 'bus', "did you mean 'a.png'"),
        ('8,p,ADC,a.png,m3.png,,,', 'no_file', '8', 'bus', 'no such file'),
        ('8,p,ADC,c.mp4,,,,', 'suffix', '8', 'bus', "'.mp4' is not one of"),
        ('8,p,ADC,a.png,,a.png,,', 'suffix', '8', 'dceus', "'.png' is not one of"),
    ],
)
def test_each_problem_is_found_once_and_says_where(
    folder: Path, row: str, kind: str, case_id: str | None, modality: str | None, text: str
) -> None:
    problems = read(folder, GOOD, row).problems
    assert [(p.kind, p.case_id, p.modality) for p in problems] == [(kind, case_id, modality)]
    assert text in problems[0].message
    assert (problems[0].file is not None) == (kind in ('no_file', 'suffix', 'range'))


def test_all_problems_of_a_table_are_collected(folder: Path) -> None:
    table = read(folder, '1,,XXX,none.png,,,old,X', '2,,,a.png,,,500,F')
    assert [p.kind for p in table.problems] == ['label', 'no_file', 'number', 'category', 'no_label', 'range']
    assert table.cases[0].label is None
    assert table.cases[0].clinical['age'] is None
    assert str(table.problems[1]) == f'case 1, bus, {folder / "none.png"}: there is no such file'


def test_missing_columns_are_named_with_the_nearest(folder: Path) -> None:
    table = read(folder, '1,p,ADC,a.png', header='case_id,patient_id,Label,BUS')
    found = {(p.kind, p.modality): p.message for p in table.problems}
    assert set(found) == {('no_label', None), ('column', 'bus'), ('column', 'dceus'), ('column', 'clinical')}
    assert "did you mean 'BUS'" in found['column', 'bus']
    assert "did you mean 'Label'" in found['no_label', None]
    assert 'the table has [' in found['column', 'dceus']


def test_patient_column_may_be_absent_only_by_its_default_name(folder: Path) -> None:
    plain = dict(images=dict(bus='bus'))
    assert not read(folder, '1,ADC,a.png', header='case_id,label,bus', schema=plain).problems
    named = read(folder, '1,ADC,a.png', header='case_id,label,bus', schema=dict(plain, patient_id='pat'))
    assert [p.kind for p in named.problems] == ['column']


def test_split_column_gives_the_parts(folder: Path) -> None:
    schema = dict(images=dict(bus='bus'), split='part')
    rows = ['1,ADC,a.png,Train', '2,SCC,b.png,test', '3,SCC,b.png,dev']
    table = read(folder, *rows, header='case_id,label,bus,part', schema=schema)
    assert table.parts == {'1': 'train', '2': 'test'}
    assert [(p.kind, p.case_id) for p in table.problems] == [('split', '3')]


def test_ignored_labels_are_left_out_with_their_problems(folder: Path) -> None:
    table = read(folder, GOOD, '8,p,normal,none.png,,,,', ignore_labels=('normal',))
    assert ([c.case_id for c in table.cases], table.ignored, table.problems) == (['007'], 1, [])


def test_a_label_to_leave_out_that_no_row_has(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr(case_table, 'print_log', lambda text, *_: logged.append(text))
    misspelt = read(folder, GOOD, ignore_labels=('SCCC', 'normal'))
    assert [(p.kind, p.case_id) for p in misspelt.problems] == [('ignored', None)]
    text = "ignore_labels has 'SCCC', which no row has as its label, did you mean 'SCC'?"
    assert misspelt.problems[0].message == text
    assert len(logged) == 1 and logged[0].endswith("no row has the label 'normal' of ignore_labels")
    # both ways to write a label may be left out, whichever the table has
    assert not read(folder, GOOD, '8,p,normal,none.png,,,,', ignore_labels=('normal', 'Normal')).problems


def test_auto_values_accept_everything_and_are_sorted(folder: Path) -> None:
    schema = dict(SCHEMA, clinical=[dict(name='sex', values='auto')])
    table = read(
        folder, '1,,ADC,a.png,,,,M', '2,,ADC,b.png,,,,X', '3,,ADC,b.png,,,,', '4,,ADC,b.png,,,,F', schema=schema
    )
    assert not table.problems
    variable = Variable('sex', values='auto')
    assert auto_values(table.cases, variable) == ('F', 'M', 'X')
    assert auto_values(table.cases[:1], variable) == ('M',)
    assert auto_values([Case('a', 'a')], variable) == ()


@pytest.mark.parametrize('name', ['IM0001', '1.2.840.113619.2.5'])
def test_dicom_files_may_have_no_suffix_or_a_number(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b'x')
    assert not read(folder, f'1,,ADC,{name},,{name},,').problems


def test_an_empty_table_is_a_problem(folder: Path) -> None:
    assert [p.message for p in read(folder).problems] == ['the table has no rows']


def test_no_table_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'`usmm convert`.*`usmm make_phantom`'):
        CaseTable.read(tmp_path / 'cases.csv', SCHEMA, ('A', 'B'))


def test_no_table_names_those_that_lie_there(tmp_path: Path) -> None:
    (tmp_path / 'cases.csv').write_text('case_id')
    (tmp_path / 'a.png').write_bytes(b'')
    with pytest.raises(DataError, match=r"this folder holds \['cases.csv'\]: set `table` to one of them"):
        CaseTable.read(tmp_path / 'cases.xlsx', SCHEMA, ('A', 'B'))


@pytest.mark.parametrize('classes', [('A',), ('A', 'A')])
def test_classes_must_be_two_different_names(tmp_path: Path, classes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match='two or more different names'):
        CaseTable.read(tmp_path / 'cases.csv', SCHEMA, classes)


@pytest.mark.real
def test_the_breast_spreadsheet(real_data: Path) -> None:
    """Counts from the data's own page: 154 benign, 98 malignant, 4 normal without a mask."""
    xlsx = next((real_data / 'breast_lesions_usg').glob('*.xlsx'))
    variables = [dict(name='age', column='Age', unit='year', range=(0, 120)), dict(name='BIRADS', values='auto')]
    schema = dict(case_id='CaseID', label='Classification', clinical=variables)
    table = CaseTable.read(xlsx, schema, ('benign', 'malignant'), ignore_labels=('normal',))
    assert (len(table.cases), table.ignored, table.problems) == (252, 4, [])
    assert [sum(c.label == k for c in table.cases) for k in (0, 1)] == [154, 98]
    assert any(c.clinical['age'] is None for c in table.cases)  # "not available"
    assert '4a' in auto_values(table.cases, Variable('BIRADS', values='auto'))
