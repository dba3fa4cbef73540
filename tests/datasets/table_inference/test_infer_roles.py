"""What a column is: stated, seen from the table, or asked."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

import openpyxl
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.model import ModuleDict

from usmm.datasets.table_inference import CaseRows, Question, TableHints, UndecidedError, infer_roles, prepare_table
from usmm.datasets.table_inference.name_words import identifier
from usmm.readers import DataError


def roles_of(roles) -> dict[str, str]:
    return {c.column: c.role for c in roles.columns}


def reasons_of(roles) -> dict[str, str]:
    return {c.column: c.reason for c in roles.columns}


def question(infer, columns, **hints) -> Question:
    with pytest.raises(UndecidedError) as caught:
        infer(columns, **hints)
    assert len(caught.value.questions) == 1
    return caught.value.questions[0]


def test_a_plain_table(infer, base) -> None:
    roles = infer(base)
    assert roles_of(roles) == {'id': 'case id', 'label': 'label', 'age': 'clinical: number'}
    assert (roles.case_id, roles.patient_id, roles.split) == ('id', None, None)
    assert (roles.label.classes, roles.label.positive) == (('benign', 'malignant'), 'malignant')
    (age,) = roles.variables
    assert (age.variable.unit, age.variable.range) == ('year', (0, 120))
    assert 'each row counts as a patient of its own' in ' '.join(roles.assumptions)


# label


@pytest.mark.parametrize(
    ('classes', 'positive'),
    [(('benign', 'malignant'), 'malignant'), (('0', '1'), '1'), (('ja', 'nein'), 'ja'), (('normal', 'COVID'), 'COVID'),
     (('gutartig', 'bösartig'), 'bösartig'), (('False', 'True'), 'True'), (('neg', 'pos'), 'pos')],
)  # fmt: skip
def test_the_positive_class_where_a_word_says_it(infer, base, classes, positive) -> None:
    roles = infer({**base, 'label': [*classes] * 12})
    assert roles.label.positive == positive and roles.label.classes[1] == positive
    assert any(f'The positive class, for sensitivity and AUC, is {positive!r}' in a for a in roles.assumptions)


@pytest.mark.parametrize('classes', [('1', '2'), ('0', '2'), ('1', 'x')])
def test_numbers_other_than_0_and_1_do_not_tell_the_positive_class(infer, base, classes) -> None:
    assert question(infer, {**base, 'label': [*classes] * 12}).topic == 'positive'


@pytest.mark.parametrize('values', [('yes', 'no'), ('1', '0'), ('ja', 'Nein'), ('TRUE', 'FALSE')])
def test_yes_to_a_healthy_state_is_the_negative_class(infer, prepare, base, values) -> None:
    yes, no = values
    columns = {'id': base['id'], 'benign': [yes, no] * 12, 'age': base['age']}
    roles = infer(columns, label='benign')
    assert (roles.label.classes, roles.label.positive) == (('benign', 'not benign'), 'not benign')
    text = f"The values of the label 'benign' are named after it: {yes!r} is 'benign', {no!r} is 'not benign'."
    assert text in roles.assumptions
    assert "The positive class, for sensitivity and AUC, is 'not benign'." in roles.assumptions
    prepared = prepare(columns, label='benign')
    assert [row['benign'] for row in prepared.rows[:2]] == ['benign', 'not benign']
    assert infer(columns, label='benign', positive=yes).label.positive == 'benign'
    assert infer(columns, label='benign', classes=(no, 'benign')).label.classes == ('not benign', 'benign')


def test_yes_to_a_negation_is_asked(infer, base) -> None:
    for name in ('no_cancer', 'not benign'):
        asked = question(infer, {'id': base['id'], name: ['yes', 'no'] * 12, 'age': base['age']}, label=name)
        assert asked.topic == 'positive' and asked.choices == ('no', 'yes')
    columns = {'id': base['id'], 'malignant': ['yes', 'no'] * 12, 'age': base['age']}
    assert infer(columns, label='malignant').label.positive == 'yes'


def test_the_positive_class_is_asked_otherwise(infer, base) -> None:
    columns = {**base, 'label': ['ADC', 'SCC'] * 12}
    asked = question(infer, columns)
    assert (asked.topic, asked.choices, asked.flag) == ('positive', ('ADC', 'SCC'), '--positive CLASS')
    assert infer(columns, positive='adc').label.classes == ('SCC', 'ADC')
    with pytest.raises(ValueError, match="the positive class 'AC' is not a class; did you mean 'ADC'"):
        infer(columns, positive='AC')


def test_spellings_of_a_class_are_merged_and_shown(infer, base) -> None:
    roles = infer({**base, 'label': ['Benign', 'malignant', 'benign ', 'MALIGNANT'] * 6})
    assert roles.label.classes == ('Benign', 'malignant')
    assert "These spellings are one class: 'Benign' (6), 'benign' (6)." in roles.assumptions


def test_classes_that_are_stated_leave_others_out(infer, base) -> None:
    columns = {**base, 'label': ['a', 'b', 'c', 'a'] * 6}
    roles = infer(columns, classes=('c', 'a'), positive='a')
    assert roles.label.classes == ('c', 'a') and roles.label.ignored == {'b': 6}
    with pytest.raises(ValueError, match=r"no cell of 'label' is 'd' \(--classes\); valid names are"):
        infer(columns, classes=('a', 'd'))
    with pytest.raises(ValueError, match=r'--classes needs two or more different classes, got'):
        infer(columns, classes=('a', 'A'))


def test_a_label_that_is_not_named_like_one_is_asked(infer, base) -> None:
    columns = {'id': base['id'], 'state': base['label'], 'age': base['age']}
    asked = question(infer, columns)
    assert asked.topic == 'label' and "'state'" in asked.text and asked.choices == ('state',)
    assert asked.apply(TableHints(), 'age').label == 'age'
    assert infer(columns, label='state').label.column == 'state'
    asked = question(infer, {**base, 'Label ': base['label'], 'labels': base['label'], 'label': base['label']})
    assert 'more than one column is named like a label' in asked.text


@pytest.mark.parametrize(
    ('labels', 'message'),
    [(['benign'] * 24, r"the label 'label' has 1 class \['benign'\]; training needs two or more: name another column"),
     ([None] * 24, r"the label 'label' has 0 class \[\]; training needs two or more")],
)  # fmt: skip
def test_a_label_of_one_class(infer, base, labels, message) -> None:
    with pytest.raises(DataError, match=message):
        infer({**base, 'label': labels})
    with pytest.raises(DataError, match=message):
        infer({**base, 'label': labels}, label='label')


def test_a_label_of_many_values(infer, base) -> None:
    with pytest.raises(DataError, match=r"the label 'age2' has 24 different values, .* a class each is too many"):
        infer({**base, 'age2': [*range(24)]}, label='age2')


def test_a_class_of_one_patient_is_asked(infer, base) -> None:
    columns = {**base, 'label': ['normal', *['benign', 'malignant'] * 11, 'benign']}
    asked = question(infer, columns)
    assert asked.topic == 'classes' and "What is to become of ['normal']?" in asked.text
    assert asked.apply(TableHints(), 'benign, malignant').classes == ('benign', 'malignant')


# ids


def test_ids_keep_their_zeros(prepare, base) -> None:
    assert [row['id'] for row in prepare(base).rows][:2] == ['000', '001']


def test_one_row_a_patient(infer, base) -> None:
    roles = infer({'patient_id': base['id'], 'label': base['label'], 'age': base['age']})
    assert roles.case_id == roles.patient_id == 'patient_id'
    assert reasons_of(roles)['patient_id'] == 'by its name; one row for each of 24 patients'


def test_several_rows_a_patient_get_made_ids(prepare, base) -> None:
    columns = {
        'Pat-Nr': [f'P{i // 2}' for i in range(24)],
        'label': [['benign', 'malignant'][i // 2 % 2] for i in range(24)],
    }
    prepared = prepare({**columns, 'age': base['age']})
    assert [(r['case_id'], r['Pat-Nr']) for r in prepared.rows[:3]] == [('P0-1', 'P0'), ('P0-2', 'P0'), ('P1-1', 'P1')]
    assert prepared.num_patients == 12 and 'ids of cases are made (24)' in prepared.changes


def test_ids_that_repeat(infer, base) -> None:
    columns = {**base, 'id': [str(i // 2) for i in range(24)]}
    asked = question(infer, columns)
    assert asked.topic == 'patient_id' and "Is 'id' the id of the patient?" in asked.text
    assert infer(columns, patient_id='id').patient_id == 'id'
    with pytest.raises(ValueError, match="the case ids of 'id' must differ, and 12 stand in several rows: '0', '1'"):
        infer(columns, case_id='id')


def test_two_patient_columns_are_asked(infer, base) -> None:
    asked = question(infer, {**base, 'patient': base['id'], 'mrn': base['id']})
    assert asked.topic == 'patient_id' and asked.choices == ('patient', 'mrn')


def test_patients_in_names_of_files(infer, prepare, base, write_images) -> None:
    names = [f'pat_{i // 2}_{"LR"[i % 2]}1.png' for i in range(24)]
    write_images(names)
    columns = {'file': names, 'label': [['benign', 'malignant'][i // 2 % 2] for i in range(24)]}
    asked = question(infer, columns)
    assert 'Does each row show another patient?' in asked.text and '24 names of files have 12 beginnings' in asked.text
    prepared = prepare(columns, patient_pattern=r'pat_(\d+)_')
    assert prepared.num_patients == 12 and prepared.rows[3]['patient_id'] == '1'
    assert infer(columns, patient_id='none').patient_id is None
    with pytest.raises(ValueError, match=r"--patient-pattern '\(' is not a regular expression"):
        infer(columns, patient_pattern='(')
    with pytest.raises(ValueError, match=r"must have a group that matches each file; it does not match 'pat_0_L1.png'"):
        infer(columns, patient_pattern='pat')


# split


def test_the_parts_of_a_table(infer, prepare, base) -> None:
    columns = {**base, 'Split': ['training'] * 16 + ['Test'] * 8}
    assert infer(columns).split == 'Split'
    prepared = prepare(columns)
    assert [row['Split'] for row in prepared.rows[15:17]] == ['train', 'test']
    assert infer(columns, split='none').split is None


@pytest.mark.parametrize(
    ('cells', 'problem'),
    [(['A', 'B'] * 12, "cells such as 'A', 'B'"), (['train'] * 24, r"the parts are \['train'\], not train and test"),
     (['train'] * 12 + ['test'] * 11 + [''], '1 cells are empty')],
)  # fmt: skip
def test_a_column_of_parts_that_is_none(infer, base, cells, problem) -> None:
    columns = {**base, 'split': cells}
    asked = question(infer, columns)
    assert asked.topic == 'ignore' and re.search(problem, asked.text) and "--ignore 'split'" in asked.flag
    assert infer(columns, ignore=('split',)).split is None
    with pytest.raises(ValueError, match=f"--split 'split' needs train and test .*: {problem}"):
        infer(columns, split='split')


# files


@pytest.fixture
def imaged(base, write_images):
    names = [f'img/{i}.png' for i in range(24)]
    write_images([*names, *[f'm/{i}_mask.png' for i in range(24)], *[f'm/{i}_other.png' for i in range(3)]])
    return {'id': base['id'], 'label': base['label'], 'bus': names}


def test_images_and_masks(infer, prepare, imaged) -> None:
    columns = {**imaged, 'bus_mask': [f'{i}_mask.png' for i in range(24)]}
    roles = infer(columns)
    (bus,) = roles.modalities
    assert (bus.name, bus.kind, bus.sources, bus.masks) == ('bus', 'images', ('bus',), ('bus_mask',))
    prepared = prepare(columns)
    assert prepared.rows[2]['bus'] == 'img/2.png' and prepared.rows[2]['bus_mask'] == 'm/2_mask.png'
    assert prepared.files['bus'].masks == 24 and prepared.idle_files


def test_the_mask_of_the_lesion_is_preferred_else_asked(infer, imaged) -> None:
    lesion, other = [f'{i}_mask.png' for i in range(24)], [*(f'{i}_other.png' for i in range(3)), *[''] * 21]
    roles = infer({**imaged, 'mask_tumor': lesion, 'mask_other': other})
    assert roles.modalities[0].masks == ('mask_tumor',) and roles_of(roles)['mask_other'] == 'not used'
    columns = {**imaged, 'mask_a': lesion, 'mask_b': other}
    asked = question(infer, columns)
    assert asked.topic == 'masks' and asked.modality == 'bus' and asked.choices == ('mask_a', 'mask_b', 'none')
    assert infer(columns, masks={'bus': ('mask_b',)}).modalities[0].masks == ('mask_b',)
    assert infer(columns, masks=asked.apply(TableHints(), 'none').masks).modalities[0].masks == ()
    with pytest.raises(ValueError, match=r"--masks names the modality 'us'; the modalities are \['bus'\]"):
        infer(columns, masks={'us': ('mask_b',)})


def test_files_that_do_not_exist(infer, prepare, imaged) -> None:
    some = {**imaged, 'bus': ['img/no.png', *imaged['bus'][1:]]}
    assert "1 of 24 cells of 'bus' name files that do not exist." in infer(some).warnings
    prepared = prepare(some)
    assert prepared.left_out == {'no file exists': ['000']} and prepared.files['bus'].absent == ['img/no.png']
    asked = question(infer, {**imaged, 'bus': [f'no/{i + 100}.png' for i in range(24)]})
    assert asked.topic == 'image_roots' and asked.flag == '--image-root FOLDER'
    assert [str(p) for p in asked.apply(TableHints(), 'x').image_roots] == ['x']
    with pytest.raises(DataError, match=r"no file of the modality 'lus' exists: 'no/.id..png'; see --image-root"):
        infer(imaged, files={'lus': ('no/{id}.png',)})


def test_numbered_columns_are_asked(infer, prepare, imaged) -> None:
    other = [f'm/{i}_mask.png' for i in range(24)]
    columns = {'id': imaged['id'], 'label': imaged['label'], 'image1': imaged['bus'], 'image2': other}
    asked = question(infer, columns)
    assert asked.choices == ('one', 'each') and "--files image='image1' image='image2'" in asked.flag
    one = asked.apply(TableHints(), 'one').files
    assert one == {'image': ('image1', 'image2')}
    prepared = prepare(columns, files=one)
    assert prepared.rows[0]['image'] == 'img/0.png;m/0_mask.png' and prepared.files['image'].several == 24
    each = infer(columns, files=asked.apply(TableHints(), 'each').files)
    assert [m.name for m in each.modalities] == ['image1', 'image2']


def test_a_case_for_each_file(prepare, infer, imaged, base) -> None:
    columns = {'id': imaged['id'][:9], 'label': imaged['label'][:9], 'age': [*range(1, 10)]}
    files = {'bus': ('img/{age}*.png',)}
    prepared = prepare(columns, files=files, case_per_file=True, patient_id='id', case_id='none')
    assert [(r['case_id'], r['id'], r['bus']) for r in prepared.rows[:3]] == [
        ('000-1-1', '000', 'img/1.png'), ('000-1-2', '000', 'img/10.png'), ('000-1-3', '000', 'img/11.png'),
    ]  # fmt: skip
    assert prepared.num_patients == 9
    with pytest.raises(ValueError, match='--case-per-file is for a table with one modality of files, this one has 0'):
        infer(base, case_per_file=True)


def test_names_of_modalities(infer, imaged) -> None:
    with pytest.raises(ValueError, match=r"'clinical' stands for the table: give the files of .* another name"):
        infer(imaged, files={'clinical': ('bus',)})
    with pytest.raises(ValueError, match=r"modalities must have different names, got \['b_a', 'b_a'\]"):
        infer(imaged, files={'B-a': ('bus',), 'b a': ('bus',)})


@pytest.mark.parametrize(
    ('column', 'name'),
    [('train', 'image_train'), ('Type', 'image_type'), ('half', 'image_half'), ('class', 'image_class'),
     ('2D', 'image_2_d'), ('Élasto', 'elasto'), ('超声', 'image')],
)  # fmt: skip
def test_names_of_columns_that_a_network_needs(infer, imaged, column, name) -> None:
    columns = {'id': imaged['id'], 'label': imaged['label'], column: imaged['bus']}
    roles = infer(columns)
    assert roles.modalities[0].name == name
    said = f'The modality of {column!r} is called {name!r}: a name has letters of the English alphabet'
    assert any(text.startswith(said) for text in roles.assumptions) == (name != 'elasto')
    masks = {**columns, 'm': [f'{i}_mask.png' for i in range(24)]}
    roles = infer(masks, files={column: (column,)}, masks={column: ('m',)})
    assert roles.modalities[0].masks == ('m',) and any(text.startswith('The mod') for text in roles.assumptions)


def test_two_columns_without_english_letters(infer, imaged) -> None:
    other = [f'm/{i}_mask.png' for i in range(24)]
    columns = {'id': imaged['id'], 'label': imaged['label'], '超声': imaged['bus'], '多普勒': other}
    each = question(infer, columns).apply(TableHints(), 'each').files
    assert each == {'image': ('超声',), 'image_2': ('多普勒',)}
    with pytest.raises(ValueError, match=r'must have different names, .* in letters of the English alphabet'):
        infer(columns, files={'超声': ('超声',), '多普勒': ('多普勒',)})


def test_every_name_can_be_that_of_a_module() -> None:
    taken = [*dir(torch.nn.ModuleDict()), *dir(ModuleDict()), *dir(ConfigDict()), *keyword.kwlist]
    names = {identifier(name, 'image') for name in taken}
    assert len(torch.nn.ModuleDict({name: torch.nn.Identity() for name in names})) == len(names)
    assert not names & {*taken}


def test_images_and_clips_in_one_column(infer, imaged, tmp_path) -> None:
    (tmp_path / 'img' / 'c.mp4').write_bytes(b'x')
    with pytest.raises(
        DataError, match=r"the modality 'bus' has images and clips \(23 .png, 1 .mp4\): give each a column"
    ):
        infer({**imaged, 'bus': ['img/c.mp4', *imaged['bus'][1:]]})


def test_a_name_of_several_files(prepare, imaged, write_images) -> None:
    write_images(['else/0.png'])
    with pytest.raises(DataError, match=r"row 2: '0.png' is the name of 2 files \(else/0.png, img/0.png\): write the"):
        prepare({**imaged, 'bus': ['0.png', *imaged['bus'][1:]]})


def test_masks_that_fit_no_file(prepare, imaged) -> None:
    columns = {**imaged, 'bus': ['img/0.png;img/1.png', *imaged['bus'][1:]], 'bus_mask': ['0_mask.png', *[''] * 23]}
    with pytest.raises(DataError, match='has 2 files and 1 masks: with --case-per-file each file needs one, or none'):
        prepare(columns, case_per_file=True)


def test_a_path_with_a_semicolon(prepare, imaged, write_images) -> None:
    write_images(['img/a;b.png'])
    with pytest.raises(DataError, match="a path with ';' cannot stand in a case table: rename the file"):
        prepare({**imaged, 'bus': ['img/a;b.png', *imaged['bus'][1:]]})


# one file in several rows, one patient in several parts, ids that are missing


def test_one_file_of_two_patients(prepare, imaged) -> None:
    columns = {**imaged, 'bus': ['img/1.png', *imaged['bus'][1:]]}
    with pytest.raises(
        DataError, match=r'1 files belong to several patients, .*: 1.png \(row 2, row 3\). Correct the table; where'
    ):
        prepare(columns)
    columns['patient'] = ['p0', 'p0', *[f'p{i}' for i in range(2, 24)]]
    assert prepare(columns).warnings[1:] == ['1 files stand in several rows of a patient: 1.png (row 2, row 3).']


def test_a_copy_of_a_file_of_another_patient(prepare, imaged, tmp_path: Path) -> None:
    (tmp_path / 'img' / '5.png').write_bytes((tmp_path / 'img' / '2.png').read_bytes())
    with pytest.raises(
        DataError, match=r'1 pictures belong to several patients, as copies .*: 2.png \(row 4\), 5.png \(row 7\)'
    ):
        prepare(imaged)
    (warning,) = prepare({**imaged, 'patient': ['p2' if i == 5 else f'p{i}' for i in range(24)]}).warnings
    assert warning.startswith("1 of 23 patients have cases of several classes: 'p2'.")


def test_one_file_as_two_modalities_or_as_two_masks(prepare, imaged) -> None:
    masks = ['m/0_mask.png', 'm/0_mask.png', *[''] * 22]
    columns = {**imaged, 'ue': imaged['bus'], 'bus_mask': masks}
    assert prepare(columns, masks={'bus': ('bus_mask',)}).warnings == [
        '24 files stand in several modalities: 0.png (bus, ue), 1.png (bus, ue), 2.png (bus, ue), 3.png (bus, ue), '
        '4.png (bus, ue) and 19 more.',
        '1 masks belong to several images: 0_mask.png (2 images).',
    ]


def test_a_mask_that_is_an_image(prepare, imaged) -> None:
    with pytest.raises(
        DataError, match=r'24 masks are the image itself: 0.png \(row 2\), .* and 19 more. Name the files of the masks'
    ):
        prepare({**imaged, 'bus_mask': imaged['bus']})
    with pytest.raises(DataError, match=r'1 files are a mask in one row and an image in another: 1.png \(row 3\)'):
        prepare({**imaged, 'bus_mask': ['img/1.png', *[f'm/{i}_mask.png' for i in range(1, 24)]]})


def test_a_patient_in_two_parts(prepare, base) -> None:
    columns = {**base, 'patient': [f'p{i // 2}' for i in range(24)], 'split': ['train'] * 15 + ['test'] * 9}
    with pytest.raises(
        DataError, match=r"1 patients are in several parts of the column 'split', .*: 'p7'. .* with --split none"
    ):
        prepare(columns)
    assert prepare(columns, split='none').num_patients == 12


def test_ids_of_merged_cells(infer, prepare, base) -> None:
    columns = {**base, 'patient': [f'p{i // 2}' if i % 2 == 0 else '' for i in range(24)]}
    with pytest.raises(DataError, match=r"12 of 24 rows have no id in 'patient'"):  # before it asks about the classes
        infer(columns)
    columns['patient'] = [f'p{i // 3}' if i % 3 == 0 else '' for i in range(24)]
    with pytest.raises(
        DataError, match=r"16 of 24 rows have no id in 'patient' \(rows 3, 4, 6, .* and 8 more\). A merged .* --patient"
    ):
        prepare(columns)
    columns['patient'] = ['p0', '', '', *[f'p{i}' for i in range(3, 24)]]
    prepared = prepare(columns)
    assert prepared.left_out == {'the patient id is missing': ['001', '002']}
    assert prepared.warnings == ['2 rows without an id are left out. Fill in the id, which merged cells lack.']
    labels = [base['label'][i // 3] if i % 3 == 0 else '' for i in range(24)]
    assert any(
        text.startswith('16 of 24 rows have no label')
        for text in prepare({**base, 'label': labels}, classes=('benign', 'malignant')).warnings
    )
    with pytest.raises(DataError, match=r"12 of 24 rows have no id in 'id' .* --id"):
        prepare({**base, 'id': [f'c{i}' if i % 2 == 0 else '' for i in range(24)]})


def test_rows_have_the_numbers_of_a_spreadsheet(tmp_path: Path, base) -> None:
    rows = [f'{i},{label},{age}' for i, (label, age) in enumerate(zip(base['label'], base['age']))]
    rows[3:3] = ['', ',,', ',benign,55']
    (tmp_path / 'gaps.csv').write_text('\n'.join(['id,label,age', *rows]))
    data = CaseRows(tmp_path / 'gaps.csv', TableHints())
    prepared = prepare_table(data, infer_roles(data, TableHints()), tmp_path)
    assert prepared.left_out == {'the case id is missing': ['row 7']}


# clinical columns


def test_columns_that_are_left_out_have_a_reason(infer, base) -> None:
    reasons = reasons_of(
        infer({
            **base, 'centre': ['A'] * 24, 'note': [f'patient {i} was well' for i in range(24)], 'nr': [*range(24)],
            'day': [f'2024-01-{i + 1:02d}' for i in range(24)], 'code': [['B', 'M'][i % 2] for i in range(24)],
            'rare': ['', *['5'], *[''] * 22], 'void': [''] * 24, 'again': base['age'],
            'ct': [f'<{i}' if i % 8 == 0 else i * 3 % 7 for i in range(24)], 'birads': [i % 5 for i in range(24)],
        })
    )  # fmt: skip
    assert {name: reason for name, reason in reasons.items() if name not in base} == {
        'centre': "constant: 'A'",
        'note': 'a text different in every row',
        'nr': 'a code or running number, different in every row',
        'day': 'dates',
        'code': 'its values nearly determine the label (exceptions: 0 of 24)',
        'rare': "constant: '5', 23 missing",
        'void': 'empty',
        'again': "the same cells as another column: 'age'",
        'ct': "some cells are not numbers: 3 of 24, as '<0', '<8', '<16'; stated, they count as missing",
        'birads': 'named like a conclusion, which is known only after the diagnosis',
    }


def test_consecutive_ages_are_not_a_running_number(infer, base) -> None:
    columns = {**base, 'age': [31 + i * 7 % 24 for i in range(24)], 'size (mm)': [5 + i * 5 % 24 for i in range(24)]}
    roles = infer({**columns, 'entry': [i * 11 % 24 for i in range(24)]})
    assert [v.column for v in roles.variables] == ['age', 'size (mm)']
    assert reasons_of(roles)['entry'] == 'a code or running number, different in every row'


def test_stated_columns_are_used_with_a_warning(infer, prepare, base) -> None:
    columns = {
        **base,
        'birads': [i % 5 for i in range(24)],
        'ct': ['<1', *[i * 3 % 7 for i in range(23)]],
        'one': ['A'] * 24,
    }
    roles = infer(columns, clinical=('birads', 'ct'))
    assert [v.column for v in roles.variables] == ['birads', 'ct']
    assert any(
        "'birads' is used because it is stated, but it was suspicious: named like a conclusion" in w
        for w in roles.warnings
    )
    assert "1 cells of 'ct' are not numbers and count as missing: '<1'." in roles.warnings
    assert prepare(columns, clinical=('birads', 'ct')).missing == {'birads': 0, 'ct': 1}
    with pytest.raises(ValueError, match="the clinical column 'one' has 1 value: it cannot be an input"):
        infer(columns, clinical=('one',))
    with pytest.raises(ValueError, match="'size' is neither numbers nor a category: the cells have different units"):
        infer({**base, 'size': [f'{i} {["mm", "cm"][i % 2]}' for i in range(24)]}, clinical=('size',))


def test_many_columns_for_few_patients_are_asked(infer, base) -> None:
    columns = {**base, **{f'v{j}': [(i + 1) * (j + 3) % 11 for i in range(24)] for j in range(12)}}
    asked = question(infer, columns)
    assert asked.topic == 'clinical' and '(11 could be used, many for 24 patients' in asked.text
    assert len(infer(columns, clinical=('all',)).variables) == 11
    assert [v.column for v in infer(columns, clinical=asked.apply(TableHints(), 'age, v2').clinical).variables] == [
        'age',
        'v2',
    ]


def test_decimal_commas_units_and_codes(infer, prepare, base) -> None:
    columns = {
        **base,
        'Größe': [f'{8 + i * 5 % 9},5' for i in range(24)],
        'td': [f'{10 + i * 7 % 13} mm' for i in range(24)],
    }
    columns['hr'] = ['-99', *[60 + i * 7 % 13 for i in range(23)]]
    roles = infer(columns)
    assert "In 'Größe' a comma is a decimal comma: '8,5'." in roles.assumptions
    assert "The unit 'mm' stands in the cells of 'td' and is taken off." in roles.assumptions
    assert "In 'hr' -99 stands for a missing value: 1 cells." in roles.assumptions
    prepared = prepare(columns)
    assert (prepared.rows[1]['Größe'], prepared.rows[1]['td'], prepared.rows[0]['hr']) == ('13.5', '17', '')
    assert {v.name: v.unit for v in prepared.schema.clinical} == {'age': 'year', 'Größe': None, 'td': 'mm', 'hr': None}


def test_the_format_of_numbers_is_that_of_the_table(infer, prepare, base) -> None:
    columns = {
        **base,
        'crp': [f'{3 + i * 5 % 9},{i % 7 + 1}' for i in range(24)],
        'wbc': [f'{3 + i * 5 % 9}.{"400" if i % 2 else "500"}' for i in range(24)],
    }
    roles = infer(columns)
    assert not any("In 'wbc'" in text for text in roles.assumptions)
    text = "In 'wbc' a point separates thousands (as in the other columns of the table), in 24 cells: '3.500' is 3500."
    assert f'{text} If it stands before decimals, use --decimal point.' in roles.warnings
    assert [row['wbc'] for row in prepare(columns).rows[:2]] == ['3500', '8400']
    more = {**columns, 'alp': [f'{3 + i * 5 % 9},{200 + i}' for i in range(24)]}
    text = "In 'alp' a comma is a decimal comma (as in the other columns of the table): '3,200'."
    assert text in infer(more).assumptions
    # a column that shows its own format keeps it, and is named
    columns['wbc'][0] = '3.45'
    roles = infer(columns)
    text = "Columns have decimal commas ('crp') or decimal points ('wbc'); each is read by its own cells, as '3,1' and "
    assert f"{text}'3.45'." in roles.warnings and roles.warnings == infer(columns, decimal='comma').warnings
    assert f"{text}'3.45'." in infer(columns, clinical=('crp', 'wbc')).warnings
    assert [row['wbc'] for row in prepare(columns).rows[:2]] == ['3.45', '8.400']
    columns['wbc'] = [text.replace('.', ',') for text in columns['wbc']]
    assert "In 'wbc' a comma is a decimal comma: '3,45'." in infer(columns).assumptions


def test_a_format_that_no_column_shows_is_asked(infer, prepare, base) -> None:
    columns = {**base, 'plt': [f'{200 + i * 7 % 13}.{"000" if i % 2 else "500"}' for i in range(24)]}
    asked = question(infer, columns)
    assert asked.topic == 'decimal' and asked.choices == ('point', 'comma')
    assert "'plt': a point may separate decimals or thousands, as in '200.500', '207.000'" in asked.text
    assert question(infer, columns, clinical=('plt',)).topic == 'decimal'
    assert asked.apply(TableHints(), 'comma').decimal == 'comma'
    assert len(infer(columns, clinical=('age',)).variables) == len(infer(columns, ignore=('plt',)).variables) == 1
    assert prepare(columns, decimal='comma').rows[1]['plt'] == '207000'
    assert prepare(columns, decimal='point').rows[1]['plt'] == '207.000'
    text = "In 'plt' a point is a decimal point (stated with --decimal): '200.500'."
    assert text in infer(columns, decimal='point').assumptions


def test_cells_that_a_stated_format_does_not_fit_are_not_asked_again(infer, base) -> None:
    columns = {**base, 'x': ['3.512', *[f'{3 + i * 5 % 9},{i % 7 + 1}' for i in range(23)]]}
    assert question(infer, columns).topic == 'decimal'
    assert "cells such as '3.512' may have decimals or thousands" in reasons_of(infer(columns, decimal='point'))['x']
    assert infer(columns, decimal='comma').variables[1].column == 'x'
    roles = infer({**base, 'crp': [f'{3 + i * 5 % 9},{i % 7 + 1}' for i in range(24)]}, decimal='comma')
    assert not any("In 'age'" in text for text in roles.assumptions)


def test_columns_of_doubtful_numbers_are_named(infer, base) -> None:
    columns = {**base, 'td': ['1.2 cm', *[10 + i * 7 % 13 for i in range(23)]]}
    reason = "1 of 24 cells has a unit: '1.2 cm'; write all in one unit, or put it into the name of the column"
    roles = infer(columns)
    assert reasons_of(roles)['td'] == reason and f"The column 'td' is not used: {reason}." in roles.warnings
    with pytest.raises(ValueError, match="'td' is neither numbers nor a category: 1 of 24 cells has a unit"):
        infer(columns, clinical=('td',))
    columns = {**base, 'size': ['2 cm', *['small', 'large', 'small'] * 7, 'large', '3 cm']}
    text = "'size' is a category, but some of its cells are numbers with a unit: '2 cm', '3 cm'."
    assert text in infer(columns).warnings
    columns = {**base, 'td (cm)': ['1.2 cm', *[10 + i * 7 % 13 for i in range(23)]]}
    assert (
        "The unit 'cm' stands in the cells of 'td (cm)' in 1 of 24 cells and is taken off."
        in infer(columns).assumptions
    )


def test_probable_codes_are_counted(infer, base) -> None:
    roles = infer({**base, 'age': [999, 999, *base['age'][2:]], 'smoker': [[0, 1, 1][i % 3] for i in range(23)] + [-1]})
    end = 'Empty these cells if they are.'
    for name, codes in (('age', '999 (2 cells)'), ('smoker', '-1 (1 cells)')):
        text = f'In {name!r} these are probably codes of a missing value, but are used as they are: {codes}. {end}'
        assert text in roles.warnings


def test_codes_in_a_category_are_missing_values(infer, prepare, base) -> None:
    columns = {**base, 'smoker': ['-9', '-9', *[str(i // 3 % 2) for i in range(22)]]}
    (_, smoker) = infer(columns).variables
    assert smoker.variable.values == ('0', '1')
    assert "In 'smoker' -9 stands for a missing value: 2 cells." in infer(columns).assumptions
    assert reasons_of(infer(columns))['smoker'] == "its cells are 2 values: '0', '1'; 2 missing"
    prepared = prepare(columns)
    assert [row['smoker'] for row in prepared.rows[:3]] == ['', '', '0'] and prepared.missing['smoker'] == 2
    assert "spellings of 'smoker' are rewritten (2)" in prepared.changes


def test_a_quantity_out_of_its_range_has_none(infer, base) -> None:
    roles = infer({**base, 'age': [400 + i * 7 % 13 for i in range(24)]})
    assert roles.variables[0].variable.range is None
    assert any("'age' looks like a quantity in year, from 0 to 120" in text for text in roles.warnings)


def test_spellings_of_a_category(prepare, infer, base) -> None:
    columns = {**base, 'side': ['left', 'Left', 'right'] * 8}
    assert "These spellings of 'side' are one value: 'left' (8), 'Left' (8)." in infer(columns).assumptions
    assert {row['side'] for row in prepare(columns).rows} == {'left', 'right'}


def test_words_for_missing_values_are_counted(infer, base) -> None:
    columns = {
        **base,
        'halo': ['none', 'NA', 'none', *['thin', 'thick', 'thin'] * 7],
        'ct': ['-', *[i // 2 % 4 for i in range(23)]],
    }
    columns['rim'] = columns['halo'][:3] + ['yes', 'no', 'no'] * 7
    roles = infer(columns)
    for text in ("'halo', 'rim' these words are taken as missing: 'none' (2), 'NA' (1)", "'ct' these words are taken"):
        assert any(f'In {text}' in warning for warning in roles.warnings)
    assert any("In 'ct' these words" in text for text in infer(columns, clinical=('ct',)).warnings)


def test_words_that_give_a_rare_class_away(infer, base) -> None:
    columns = {name: cells * 3 for name, cells in base.items() if name != 'id'}
    columns['label'] = ['normal'] * 3 + columns['label'][3:]
    columns['shape'] = ['not applicable'] * 3 + ['oval', 'round', 'irregular'] * 23
    (text,) = [text for text in infer(columns).warnings if 'give a class away' in text]
    assert "In 'shape'" in text and "'not applicable' stands in 3 of the 3 cases of 'normal' and in 0 of the 69" in text
    assert not any('give a class' in text for text in infer(columns, classes=('benign', 'malignant')).warnings)


# the table as a whole


def test_tables_that_cannot_be_used(infer, base) -> None:
    with pytest.raises(DataError, match='has 1 rows: training and testing need 4 cases or more'):
        infer({name: cells[:1] for name, cells in base.items()})
    with pytest.raises(ValueError, match=r"the table all.csv has no column 'lable'; did you mean 'label'"):
        infer(base, label='lable')
    with pytest.raises(DataError, match=r'so that there is no input; not used: void \(empty\)'):
        infer({'id': base['id'], 'label': base['label'], 'void': [''] * 24})


def test_a_title_above_the_names_of_the_columns(tmp_path: Path, base) -> None:
    rows = [','.join(map(str, row)) for row in zip(*base.values(), strict=True)]
    (tmp_path / 'title.csv').write_text('\n'.join(['Study of 2024,,', 'id,label,age', *rows]))
    with pytest.raises(DataError, match='the first row names 1 of 3 columns: if it is a title, remove the rows above'):
        CaseRows(tmp_path / 'title.csv', TableHints())


def test_ids_of_patients_in_two_spellings(prepare, base) -> None:
    with pytest.raises(
        DataError, match=r"patient ids \['P0', 'p0'\] differ in case or blanks alone: write each in one way"
    ):
        prepare({**base, 'patient': [f'{"Pp"[i % 2]}{i // 2}' for i in range(24)]})


def test_ids_that_repeat_in_a_table_of_files(prepare, imaged) -> None:
    columns = {**imaged, 'id': ['a', 'a', *imaged['id'][2:]]}
    with pytest.raises(DataError, match="1 case ids stand in several rows: 'a'"):
        prepare(columns, case_id='id', case_per_file=True, patient_id='none')


def test_a_cell_that_a_spreadsheet_would_run(prepare, base) -> None:
    columns = {**base, 'side': ['=cmd()', 'right', 'Right'] * 8}
    with pytest.raises(DataError, match='a cell that a spreadsheet would run as a formula'):
        prepare(columns).text()


def test_hints_that_contradict_each_other() -> None:
    with pytest.raises(ValueError, match="decimal must be 'point' or 'comma', got 'dot'"):
        TableHints(decimal='dot')
    with pytest.raises(ValueError, match=r'give a column of patients \(--patient\) or a pattern'):
        TableHints(patient_id='a', patient_pattern='b')
    with pytest.raises(ValueError, match="'c' is not one of the answers; valid names are a, b"):
        Question('positive', 'Which?', '--positive', ('a', 'b')).apply(TableHints(), 'c')


def test_open_questions_are_asked_together(infer, base) -> None:
    columns = {
        'state': base['label'],
        'patient': base['id'],
        'mrn': base['id'],
        'split': ['A', 'B'] * 12,
        'age': base['age'],
    }
    with pytest.raises(UndecidedError, match='3 questions are open:') as caught:
        infer(columns)
    assert [q.topic for q in caught.value.questions] == ['label', 'patient_id', 'ignore']


def test_sheets_that_are_not_read_are_named(tmp_path: Path, base) -> None:
    book = openpyxl.Workbook()
    book.active.title = 'cases'
    for row in [[*base], *zip(*base.values(), strict=True)]:
        book.active.append(row)
    book.save(tmp_path / 'one.xlsx')
    assert CaseRows(tmp_path / 'one.xlsx', TableHints()).notes == []
    book.create_sheet('follow-up')
    book.create_sheet('old', 0).sheet_state = 'hidden'
    book.save(tmp_path / 'two.xlsx')
    roles = infer_roles(CaseRows(tmp_path / 'two.xlsx', TableHints()), TableHints())
    assert roles.warnings[0] == (
        "The sheet 'cases' is read, others of the workbook are not: 'old (hidden)', 'follow-up'."
    )


def test_two_words_for_one_class_are_shown(infer, base) -> None:
    roles = infer({**base, 'label': ['yes', 'no', 'y', 'no'] * 6})
    assert "Are 'y', 'yes' one class? Write it in one way, or use --classes." in roles.warnings


def test_a_word_for_no_class_is_shown(infer, base) -> None:
    roles = infer({**base, 'label': ['benign', 'malignant', 'unknown'] * 8})
    assert "Is 'unknown' a class, with 8 cases? --classes leaves others out." in roles.warnings


def test_spellings_of_a_label_that_is_left_out_need_a_table(prepare, base) -> None:
    columns = {**base, 'label': ['benign', 'malignant', 'normal', 'Normal'] * 6}
    prepared = prepare(columns, classes=('benign', 'malignant'))
    assert prepared.changes == ['spellings of the label are rewritten (6)']
    assert {reason: len(ids) for reason, ids in prepared.left_out.items()} == {"the label is 'normal'": 12}


def test_a_stated_column_may_name_files_without_suffix(prepare, imaged) -> None:
    prepared = prepare({**imaged, 'bus': [f'{i}' for i in range(24)]}, files={'bus': ('bus',)})
    assert prepared.rows[3]['bus'] == 'img/3.png'


# persons, parts and negative findings are no inputs and no positive classes


@pytest.mark.parametrize('name', ['Name', 'Patient Name', 'Vorname', 'nom', 'nombre', 'Nachname', '姓名'])
def test_a_column_of_names_of_persons_is_asked_and_never_an_input(infer, base, name) -> None:
    columns = {name: [f'K{i // 2}x' for i in range(16)], 'label': ['benign', 'benign', 'malignant', 'malignant'] * 4}
    columns['age'] = base['age'][:16]
    asked = question(infer, columns)
    assert (asked.topic, asked.choices) == ('patient_id', (name, 'none'))
    assert 'named like a column of names of persons' in asked.text and f'--patient {name!r}' in asked.flag
    assert infer(columns, patient_id=name).patient_id == name
    roles = infer(columns, patient_id='none')
    assert roles_of(roles)[name] == 'not used'
    assert reasons_of(roles)[name] == 'named like a column of names of persons'
    with pytest.raises(ValueError, match=f"the clinical column '{name}' cannot be an input: named like a column of"):
        infer(columns, patient_id='none', clinical=(name,))


@pytest.mark.parametrize('name', ['paciente', 'Patient', 'patiente', 'nhs number', 'subj_id'])
def test_a_column_of_patients_in_other_languages(infer, base, name) -> None:
    columns = {name: [f'K{i // 2}x' for i in range(16)], 'label': ['benign', 'benign', 'malignant', 'malignant'] * 4}
    roles = infer({**columns, 'age': base['age'][:16]})
    assert (roles.patient_id, roles_of(roles)[name]) == (name, 'patient id')


@pytest.mark.parametrize(
    ('name', 'cell', 'why'),
    [('code', 'K{}', 'its 12 values look like ids of persons, with 3 rows or fewer each'),
     ('who', 'Meier, A{}', 'its 12 values look like ids of persons'),
     ('hospital no', '{}', 'named like an id, and its 12 values have 3 rows or fewer each'),
     ('other id', '{}', 'named like an id')],
)  # fmt: skip
def test_values_that_look_like_ids_of_persons_are_asked(infer, base, name, cell, why) -> None:
    letters = 'abcdefghijkl'
    own = letters if name == 'who' else [10 + k for k in range(12)]
    columns = {**base, name: [cell.format(own[i // 2]) for i in range(24)]}
    asked = question(infer, columns)
    assert (asked.topic, asked.choices) == ('patient_id', (name, 'none')) and why in asked.text
    roles = infer(columns, patient_id='none')
    assert roles_of(roles)[name] == 'not used'
    roles = infer({**columns, 'patient': [i // 2 for i in range(24)]})
    assert roles.patient_id == 'patient' and roles_of(roles)[name] == 'not used'


def test_grades_are_not_ids_of_persons(infer, base) -> None:
    roles = infer({**base, 'grade': [f'G{1 + i // 2 % 4}' for i in range(24)], 'sex': ['F', 'M', 'M'] * 8})
    assert roles_of(roles)['grade'] == roles_of(roles)['sex'] == 'clinical: category'


@pytest.mark.parametrize('name', ['fold', 'Split', 'set', 'part', 'cv_fold'])
def test_a_part_is_never_a_clinical_value(infer, base, name) -> None:
    columns = {**base, name: [i * 7 % 5 for i in range(24)]}
    assert question(infer, columns).topic == 'ignore'
    roles = infer(columns, split='none')
    assert reasons_of(roles)[name] == 'named like the part or the fold of a case'
    with pytest.raises(ValueError, match=f"the clinical column '{name}' cannot be an input: named like the part"):
        infer(columns, split='none', clinical=(name, 'age'))


def test_of_two_columns_named_like_parts_the_one_with_parts_is_taken(infer, base) -> None:
    roles = infer({**base, 'fold': [i // 2 % 5 for i in range(24)], 'Set': ['train', 'train', 'test', 'test'] * 6})
    assert roles.split == 'Set' and roles_of(roles)['fold'] == 'not used'


@pytest.mark.parametrize(
    ('name', 'values'),
    [('covid_negative', ('0', '1')), ('tumorfrei', ('nein', 'ja')), ('HER2 negativ', ('no', 'yes')),
     ('beschwerdelos', ('0', '1')), ('lesion_absent', ('no', 'yes')), ('diagnosis', ('benign', 'malignancy excluded')),
     ('diagnosis', ('normal', 'cancer ruled out')), ('diagnosis', ('benign', 'tumorfrei'))],
)  # fmt: skip
def test_a_negative_finding_is_asked_for_the_positive_class(infer, base, name, values) -> None:
    columns = {'id': base['id'], name: [*values] * 12, 'age': base['age']}
    asked = question(infer, columns, label=name)
    assert asked.topic == 'positive' and {*asked.choices} == {*values}


def test_not_benign_is_the_positive_class_beside_benign(infer, base) -> None:
    assert infer({**base, 'label': ['benign', 'not benign'] * 12}).label.positive == 'not benign'


def test_names_of_several_files_are_asked_with_the_files(infer, base, write_images, tmp_path) -> None:
    write_images([f'{site}/{i}.png' for site in ('site1', 'site2') for i in range(24)])
    columns = {**base, 'file': [f'{i}.png' for i in range(24)]}
    asked = question(infer, columns)
    assert asked.topic == 'image_roots' and '--image-root FOLDER' in asked.flag
    assert "in 24 of 24 cells: '0.png' is the name of 2 files (site1/0.png, site2/0.png)" in asked.text
    roles = infer(columns, image_roots=(tmp_path / 'site1',))
    assert [m.sources for m in roles.modalities] == [('file',)]
    assert question(infer, {**base, 'file': [*range(24)]}).topic == 'image_roots'


@pytest.mark.parametrize('form', ['{:03d}', '{}'])
def test_names_without_suffix_that_are_numbers(infer, base, write_images, form) -> None:
    write_images([f'img/{form.format(i)}.png' for i in range(24)])
    roles = infer({**base, 'image': [form.format(i) for i in range(24)]})
    assert [(m.name, m.bare) for m in roles.modalities] == [('image', True)]


# labels that are lost


def test_merged_label_cells_are_refused(infer, base) -> None:
    labels = [text for name in ['benign', 'malignant'] * 6 for text in (name, '')]
    match = r"12 of 24 rows have no label in 'label' \(rows 3, 5, 7, 9, 11, 13, 15, 17 and 4 more\). A merged cell"
    with pytest.raises(DataError, match=match):
        infer({**base, 'label': labels})
    roles = infer({**base, 'label': labels}, classes=('benign', 'malignant'))
    assert roles.label.classes == ('benign', 'malignant')
    assert infer({**base, 'label': ['', *base['label'][1:]]}).label.positive == 'malignant'


@pytest.mark.parametrize('word', ['none', 'NA', '-'])
def test_words_of_a_label_that_are_read_as_missing(infer, base, word) -> None:
    asked = question(infer, {**base, 'label': ['benign', 'malignant', word] * 8})
    assert asked.topic == 'classes' and f'of 24 cells these are read as missing: {word!r} (8)' in asked.text
    assert "--classes 'benign' 'malignant', to leave these cases out" in asked.flag
    roles = infer({**base, 'label': ['benign', 'malignant', word] * 8}, classes=('benign', 'malignant'))
    assert any(f'taken as missing: {word!r} (8)' in text for text in roles.warnings)
    text = f"has 1 class \\['cancer'\\]; training needs two or more; {word!r} \\(12 cells\\) is read as missing, so"
    for hints in ({}, {'label': 'label'}):
        with pytest.raises(DataError, match=text):
            infer({**base, 'label': [word, 'cancer'] * 12}, **hints)


# what a person should look at


def test_ids_that_differ_in_leading_zeros_are_reported(prepare, base) -> None:
    prepared = prepare({**base, 'id': [f'c{i}' for i in range(24)], 'pid': ['1', '001', '2', '002', *range(3, 23)]})
    text = "Patient ids differ in leading zeros alone: '001', '1'; '002', '2'. If they are one patient, write"
    assert any(text in warning for warning in prepared.warnings)


def test_patients_of_several_classes_are_reported(prepare, base) -> None:
    prepared = prepare({**base, 'patient': [*(f'p{i // 2}' for i in range(4)), *(f'q{i}' for i in range(20))]})
    text = "2 of 22 patients have cases of several classes: 'p0', 'p1'. Is the label that of the case"
    assert any(text in warning for warning in prepared.warnings)


def test_pictures_that_no_column_names_are_counted(prepare, base, write_images, tmp_path) -> None:
    write_images([f'img/{i:03d}.png' for i in range(24)] + ['more/x.png', 'work_dirs/mine/roc.png'])
    prepared = prepare(base)
    assert prepared.idle_files == {tmp_path / 'img': 24, tmp_path / 'more': 1}
    (text,) = [warning for warning in prepared.warnings if 'no column names them' in warning]
    assert text.startswith(f'24 images or clips are in {tmp_path / "img"}, and 1 in other folders')
    assert text.endswith("use --files 'image=img/{id}.png'.")
    assert prepare(base, files={'image': 'img/{id}.png'}).idle_files == {tmp_path / 'more': 1}


def test_folders_with_too_many_files_are_not_counted(prepare, base, write_images, tmp_path, monkeypatch) -> None:
    write_images([f'img/{i:03d}.png' for i in range(25)])
    monkeypatch.setattr('usmm.datasets.table_inference.file_lookup.MOST_FILES', 3)
    prepared = prepare({**base, 'image': [f'img/{i:03d}.png' for i in range(24)]})
    assert prepared.idle_files == {tmp_path / 'img': 1}
