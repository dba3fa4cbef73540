"""Exports with one row per file become one row per case."""

from __future__ import annotations

import pytest

from usmm.readers import DataError

CASES = [f'c{i}' for i in range(12)]


@pytest.fixture
def export(write_images) -> dict[str, list[object]]:
    """Two rows of each of 12 cases: B-mode with its mask, and Doppler."""
    files = [name for c in CASES for name in (f'{c}_b.png', f'{c}_d.png')]
    masks = [name for c in CASES for name in (f'{c}_m.png', '')]
    write_images([*files, *filter(None, masks)])
    return dict(
        case_id=[c for c in CASES for _ in range(2)],
        patient_id=[f'p{c}' for c in CASES for _ in range(2)],
        label=[('benign', 'malignant')[i % 2] for i in range(12) for _ in range(2)],
        modality=['B-mode', 'Doppler'] * 12,
        file=files,
        mask=masks,
        site=['left', 'right'] * 12,
    )


STATED = dict(positive='malignant', clinical=('none',), patient_id='patient_id')


def test_rows_of_a_case_are_one_row(export, prepare, infer) -> None:
    table = prepare(export, **STATED)
    assert len(table.rows) == 12 and table.num_patients == 12
    assert table.changes == ['rows of the files of one case are one row (12)']
    assert {m: (c.files, c.masks) for m, c in table.files.items()} == {'b_mode': (12, 12), 'doppler': (12, 0)}
    first = table.rows[0]
    assert (first['B-mode'], first['Doppler'], first['B-mode mask']) == ('c0_b.png', 'c0_d.png', 'c0_m.png')
    assumptions = infer(export, **STATED).assumptions
    assert "with its modality in 'modality': 24 rows are 12 cases" in assumptions[0]
    assert "Columns that differ between the files of a case are not used: 'site'." in assumptions


def test_clips_and_images_of_one_modality_get_columns_of_their_own(export, prepare, tmp_path) -> None:
    for case in CASES[:6]:
        (tmp_path / f'{case}_d.png').rename(tmp_path / f'{case}_d.mp4')
    export['file'] = [f.replace('png', 'mp4') if f[:-6] in CASES[:6] and '_d' in f else f for f in export['file']]
    stated = dict(STATED, files=dict(b_mode='B-mode', doppler='Doppler', cine='cine Doppler'))
    assert {m: c.files for m, c in prepare(export, **stated).files.items()} == {
        'b_mode': 12, 'doppler': 6, 'cine': 6,
    }  # fmt: skip


def test_each_row_is_a_case_where_that_is_stated_or_cases_have_one_row(export, infer) -> None:
    once = {name: cells[::2] for name, cells in export.items()}
    assert not any('one row per file' in text for text in infer(once, **STATED).assumptions)
    roles = infer(
        export, modality_column='none', case_id='none', files=dict(us='file'), masks=dict(us='mask'), **STATED
    )
    assert not any('one row per file' in text for text in roles.assumptions) and len(roles.modalities) == 1


@pytest.mark.parametrize(
    ('column', 'value', 'message'),
    [
        (
            'label',
            'malignant',
            "case c0 has 'benign' in row 2 and 'malignant' in row 3: the rows of a case must agree in 'l",
        ),
        (
            'patient_id',
            'p9',
            r"case c0 has 'pc0' in row 2 and 'p9' in row 3: the rows of a case must agree in 'patient_id'",
        ),
    ],
)
def test_rows_of_a_case_that_disagree_are_refused(export, infer, column, value, message) -> None:
    export[column][1] = value
    with pytest.raises(DataError, match=message):
        infer(export, **STATED)


def test_masks_that_one_row_cannot_assign_are_refused(export, infer) -> None:
    export['modality'] = ['B-mode'] * 4 + export['modality'][4:]
    with pytest.raises(DataError, match="case c0: 2 files of 'B-mode' have 1 masks, not one each"):
        infer(export, **STATED)


def test_a_stated_column_of_modalities_needs_files(export, infer) -> None:
    del export['file'], export['mask']
    with pytest.raises(ValueError, match=r'needs a column of cases \(--id\).* files: none, masks: none'):
        infer(export, modality_column='modality', **STATED)


def test_other_names_of_the_column_count_where_rows_of_a_case_differ_in_it(export, prepare, infer) -> None:
    loose = {('Typ' if name == 'modality' else name): cells for name, cells in export.items()}
    assert len(prepare(loose, **STATED).rows) == 12
    once = {name: cells[::2] for name, cells in loose.items()}
    assert not any('one row per file' in text for text in infer(once, **STATED).assumptions)


def test_several_files_of_one_modality_are_one_case(export, prepare) -> None:
    export['modality'] = ['B-mode'] * 24
    export['mask'] = [''] * 24
    table = prepare(export, **STATED)
    assert len(table.rows) == 12 and table.rows[0]['B-mode'] == 'c0_b.png;c0_d.png'


def test_a_stated_column_must_be_there(export, infer) -> None:
    with pytest.raises(ValueError, match=r"the table has no column 'modalty'; did you mean 'modality'\?"):
        infer(export, modality_column='modalty', **STATED)


def test_clips_are_not_cropped_to_the_masks_of_stills(export, infer, tmp_path) -> None:
    export['modality'] = ['B-mode'] * 24
    export['file'] = [f.replace('_d.png', '_d.mp4') for f in export['file']]
    with pytest.raises(DataError, match="images and clips of 'B-mode' have masks of one kind alone: give the "):
        infer(export, **STATED)
