"""The long form of a case table: one row per file, in a table of its own or in the case table."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from usmm.datasets import CaseDataset
from usmm.datasets.case_table import CaseTable
from usmm.datasets.checks.check_data import check_data
from usmm.datasets.file_rows import FileRows
from usmm.engine.workdir.data_record import record_cases
from usmm.readers import DataError
from usmm.structures import FileTable, Schema

CLASSES = ('benign', 'malignant')
CASES = [
    dict(case_id='c1', patient_id='p1', label='benign', age='40'),
    dict(case_id='c2', patient_id='p2', label='malignant', age='50'),
]
FILES = [
    dict(case_id='c1', modality='B-mode', file='a.png', mask='', view='long'),
    dict(case_id='c1', modality='B-mode', file='b.png', mask='b_mask.png', view='trans'),
    dict(case_id='c1', modality='Doppler', file='c.png', mask='', view='trans'),
    dict(case_id='c2', modality='B-mode', file='d.png', mask='d1_mask.png;d2_mask.png', view=''),
]
FORM = dict(images=dict(bus='B-mode', cdfi='Doppler'), clinical=[dict(name='age')])


def save(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    with path.open('w', newline='') as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ('a', 'b', 'c', 'd', 'e'):
        Image.fromarray(rng.integers(0, 256, (8, 10), dtype=np.uint8)).save(tmp_path / f'{name}.png')
    for place, name in enumerate(('b', 'd1', 'd2')):
        mask = np.zeros((8, 10), np.uint8)
        mask[2:4, 2 * place : 2 * place + 2] = 255
        Image.fromarray(mask).save(tmp_path / f'{name}_mask.png')
    save(tmp_path / 'cases.csv', CASES)
    save(tmp_path / 'files.csv', FILES)
    return tmp_path


def read(folder: Path, file_table: object = 'files.csv', ignore: Sequence[str] = (), **schema: object) -> CaseTable:
    return CaseTable.read(folder / 'cases.csv', dict(FORM, file_table=file_table, **schema), CLASSES, ignore)


def names(files: Sequence[Path]) -> list[str]:
    return [file.name for file in files]


def test_files_masks_and_views_come_from_the_file_table(folder: Path) -> None:
    table = read(folder)
    one, two = table.cases
    assert table.problems == [] and table.notes == []
    # the view that both modalities have comes first, so that their first images show one slice
    assert names(one.files['bus']) == ['b.png', 'a.png'] and names(one.files['cdfi']) == ['c.png']
    assert [view.name for view in one.views['bus']] == ['trans', 'long']
    assert names(one.masks_of('bus')) == ['b_mask.png'] and one.masks_of('bus', 1) == ()
    assert names(two.masks_of('bus')) == ['d1_mask.png', 'd2_mask.png'] and 'cdfi' not in two.files
    assert (one.clinical['age'], one.patient_id, one.label) == (40.0, 'p1', 0)


@pytest.mark.parametrize(('pick', 'masked'), [('first', True), ('last', False)])
def test_a_mask_belongs_to_its_own_image(folder: Path, pick: str, masked: bool) -> None:
    pipeline = [dict(type='LoadImage', pick=pick), dict(type='LoadMask')]
    data = CaseDataset(folder / 'cases.csv', dict(FORM, file_table='files.csv'), CLASSES, ['bus'], pipeline=pipeline)
    first, second = data[0], data[1]
    assert ('bus' in first.masks) == masked
    expected = np.asarray(Image.open(folder / ('b.png' if pick == 'first' else 'a.png')))
    np.testing.assert_array_equal(first.data['bus'][..., 0], expected)
    if masked:
        assert first.masks['bus'].sum() == 4 and first.masks['bus'][2, 0]
    assert second.masks['bus'].sum() == 8  # the union of both


def test_a_cache_knows_which_image_a_mask_belongs_to(folder: Path) -> None:
    steps = [dict(type='LoadImage'), dict(type='LoadMask')]
    pipeline = [dict(type='Cached', transforms=steps, cache_dir=str(folder / 'cache'))]

    def masks() -> list[bool]:
        data = CaseDataset(
            folder / 'cases.csv', dict(FORM, file_table='files.csv'), CLASSES, ['bus'], pipeline=pipeline
        )
        return ['bus' in data[i].masks for i in range(2)]

    assert masks() == [True, True]
    moved = [dict(row, view='', mask='') for row in FILES]
    moved[0]['mask'] = ''
    moved[1]['mask'] = 'b_mask.png'
    save(folder / 'files.csv', moved)
    assert masks() == [False, False]


def test_one_table_may_state_cases_and_files(folder: Path) -> None:
    cases = {row['case_id']: row for row in CASES}
    rows = [{**cases[row['case_id']], **row} for row in FILES]
    rows[1]['age'] = ''
    save(folder / 'cases.csv', [*rows, dict(CASES[0], case_id='c3', patient_id='p3')])
    table = read(folder, {})
    assert [case.case_id for case in table.cases] == ['c1', 'c2', 'c3'] and table.problems == []
    assert names(table.cases[0].files['bus']) == ['b.png', 'a.png'] and table.cases[2].files == {}
    assert table.notes == ['1 empty cell of repeated rows have the value of another row of the case']
    rows[1]['label'] = 'malignant'
    save(folder / 'cases.csv', rows)
    (problem,) = read(folder, {}).problems
    assert str(problem).endswith(
        "label is 'malignant' in line 3 and 'benign' in line 2: the rows of a case must agree"
    ) and (problem.kind, problem.case_id) == ('conflict', 'c1')


@pytest.mark.parametrize(
    ('change', 'kind', 'message'),
    [
        ({'case_id': 'c9'}, 'unknown_case', "files.csv has 1 files of case 'c9', which the case table does not have"),
        ({'case_id': ''}, 'file_row', "line 2 of files.csv has an empty cell in 'case_id'"),
        ({'file': ''}, 'file_row', "line 2 of files.csv has an empty cell in 'file'"),
        ({'file': 'a.png;e.png'}, 'file_row', "line 2 of files.csv must name one file, got 'a.png;e.png'"),
        ({'file': 'x.png'}, 'no_file', 'there is no such file'),
        ({'file': 'a.txt'}, 'suffix', "'.txt' is not one of"),
        ({'file': 'b.png'}, 'duplicate', 'the file stands in line 2 and again in line 3'),
        ({'mask': 'x.png'}, 'no_file', 'there is no such file'),
        (
            {'modality': 'B-Mode'},
            'modality',
            "1 row of files.csv have the modality 'B-Mode', which the schema does not",
        ),
    ],
)
def test_rows_that_cannot_be_used_are_problems(folder: Path, change: dict, kind: str, message: str) -> None:
    save(folder / 'files.csv', [{**FILES[0], **change}, *FILES[1:]])
    problems = read(folder).problems
    assert [problem.kind for problem in problems] == [kind] and message in str(problems[0])
    with pytest.raises(DataError, match='1 problems in the case table'):
        CaseDataset(folder / 'cases.csv', dict(FORM, file_table='files.csv'), CLASSES, missing='keep')


def test_rows_of_other_modalities_are_counted(folder: Path) -> None:
    save(folder / 'files.csv', [*FILES, dict(FILES[0], modality='CT', file='e.png')])
    table = read(folder)
    assert table.problems == []
    assert table.notes == ["1 row of files.csv are not used: the schema has no modality 'CT'"]
    assert table.notes[0] in check_data(folder / 'cases.csv', table.schema, CLASSES, missing='keep').notes
    save(folder / 'files.csv', [dict(row, modality='US') for row in FILES])
    (problem,) = read(folder).problems
    assert problem.message == (
        "no row of files.csv has a modality of the schema, ['B-mode', 'Doppler']; they have ['US']"
    )


def test_files_of_cases_that_are_left_out_are_expected(folder: Path) -> None:
    save(folder / 'cases.csv', [*CASES, dict(case_id='c3', patient_id='p3', label='unclear', age='4')])
    save(folder / 'files.csv', [*FILES, dict(FILES[0], case_id='c3', file='e.png')])
    assert read(folder, ignore=['unclear']).problems == []


def test_first_images_of_different_views_are_reported(folder: Path) -> None:
    save(folder / 'files.csv', [dict(FILES[0], view='long'), dict(FILES[2], view='trans'), FILES[3]])
    assert read(folder).notes == [
        '1 cases whose first files are of different views, such as: the first files are of different views: bus long, '
        'cdfi trans'
    ]


def test_another_format_and_other_names_of_columns(folder: Path) -> None:
    text = 'Export\nexam;type;path\n c1 ;B-mode;a.png\nc2;B-mode;d.png\n'
    (folder / 'export.csv').write_text(text)
    form = dict(path='export.csv', case_id='exam', modality='type', file='path', table_format=dict(skip_rows=1))
    assert [names(case.files['bus']) for case in read(folder, form).cases] == [['a.png'], ['d.png']]
    (folder / 'export.csv').write_text('exam;type\nc1;B-mode\n')
    (problem,) = read(folder, dict(form, table_format={})).problems
    assert problem.message == "the file table export.csv has no column 'path'; the table has ['exam', 'type']"


def test_a_file_table_that_is_not_there_or_not_stated(folder: Path) -> None:
    with pytest.raises(DataError, match=r'no such file table, which schema\.file_table names \(file .*absent\.csv\)'):
        read(folder, 'absent.csv')
    with pytest.raises(ValueError, match='the schema has no file_table'):
        FileRows.read(folder / 'files.csv', Schema.of(FORM))


def test_settings_of_a_file_table() -> None:
    assert FileTable.of(dict(path='f.csv')) == FileTable.of('f.csv') == FileTable.of(FileTable('f.csv'))
    with pytest.raises(ValueError, match=r"unknown keys \['paths'\] in file_table; valid keys are \['path', 'case_id'"):
        FileTable.of(dict(paths='f.csv'))
    with pytest.raises(ValueError, match='the columns of a file table must have different names'):
        FileTable.of(dict(file='x', mask='x'))


def test_check_data_and_the_record_of_a_run_see_the_masks_of_a_file_table(folder: Path) -> None:
    (folder / 'd2_mask.png').write_bytes(b'no image')
    result = check_data(folder / 'cases.csv', dict(FORM, file_table='files.csv'), CLASSES, missing='keep')
    assert [(p.case_id, p.file.name) for p in result.blocking if p.file] == [('c2', 'd2_mask.png')]
    data = CaseDataset(folder / 'cases.csv', dict(FORM, file_table='files.csv'), CLASSES, ['bus'])
    before = [record.files for record in record_cases({'train': data}, CLASSES)]
    save(folder / 'files.csv', [dict(FILES[0], mask='b_mask.png'), dict(FILES[1], mask=''), *FILES[2:]])
    data = CaseDataset(folder / 'cases.csv', dict(FORM, file_table='files.csv'), CLASSES, ['bus'])
    after = [record.files for record in record_cases({'train': data}, CLASSES)]
    assert [a == b for a, b in zip(before, after)] == [False, True]  # the mask is now that of another image


def test_a_mask_column_of_another_name_is_a_problem(folder: Path) -> None:
    for name in ('Mask', 'masks', 'mask_file'):
        save(folder / 'files.csv', [{(name if k == 'mask' else k): v for k, v in row.items()} for row in FILES])
        (problem,) = [p for p in read(folder).problems if p.kind == 'column']
        assert "the file table files.csv has no column 'mask'" in problem.message
        assert read(folder, dict(path='files.csv', mask=name)).problems == []
    (problem,) = read(folder, dict(path='files.csv', mask=name, view='views')).problems
    assert "has no column 'views', did you mean 'view'?" in problem.message


def test_a_modality_without_a_row_and_two_of_one_name_are_refused(folder: Path) -> None:
    save(folder / 'files.csv', [row for row in FILES if row['modality'] != 'Doppler'])
    (problem,) = read(folder).problems
    assert problem.modality == 'cdfi' and problem.message == (
        "no row of files.csv has the modality 'Doppler'; they have ['B-mode']"
    )
    with pytest.raises(ValueError, match=r"in a file table each modality needs a name of its own, got \['US', 'US'\]"):
        Schema(images=dict(bus='US', cdfi='US'), file_table='files.csv')


def test_names_of_views_and_modalities_are_taken_loosely_where_they_are_clear(folder: Path) -> None:
    rows = [dict(row, view=row['view'].upper() + ' ' if row['modality'] == 'Doppler' else row['view']) for row in FILES]
    save(folder / 'files.csv', [dict(row, modality={'B-mode': 'bus'}.get(row['modality'], 'Doppler')) for row in rows])
    table = read(folder)
    assert table.problems == [] and names(table.cases[0].files['bus']) == ['b.png', 'a.png'] and table.notes == []


def test_numbers_and_missing_words_of_repeated_rows_agree(folder: Path) -> None:
    cases = {row['case_id']: row for row in CASES}
    rows = [{**cases[row['case_id']], **row} for row in FILES]
    rows[1]['age'], rows[2]['age'] = '40.0', 'n/a'
    save(folder / 'cases.csv', rows)
    table = read(folder, {})
    assert table.problems == [] and table.cases[0].clinical['age'] == 40


def test_masks_that_a_mapping_names_and_the_table_lacks_are_warned_of(folder: Path) -> None:
    rows = [dict(row, bus='a.png', outline='b_mask.png') for row in CASES]
    save(folder / 'cases.csv', rows)
    schema = dict(images=dict(bus='bus'), masks=dict(bus='outlin'), clinical=[dict(name='age')])
    (problem,) = [p for p in check_data(folder / 'cases.csv', schema, CLASSES).problems if p.kind == 'mask_column']
    assert problem.message == "the table has no column 'outlin', which schema.masks names, did you mean 'outline'?"
    assert CaseDataset(folder / 'cases.csv', schema, CLASSES).labels.tolist() == [0, 1], 'masks may be absent elsewhere'
