"""What a record says: files, pixels, values; each mistake is told, none raises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from usmm.apis.inputs import CaseInput, CaseReader
from usmm.apis.table_records import table_records
from usmm.readers import DataError
from usmm.structures import Schema

SCHEMA = Schema(
    images=dict(bus='bus_file', ue='ue'), clips=dict(clip='clip'), split='part', patient_id='patient',
    clinical=[dict(name='age', column='Age (years)', unit='year', range=(0, 120)), dict(name='side', values=('L', 'R')),
              dict(name='grade', values=('1', '2'))],
)  # fmt: skip
PICTURE = np.zeros((4, 5, 3), np.uint8)
GOOD = dict(bus=PICTURE, ue=PICTURE, clip=np.zeros((3, 4, 5, 3), np.uint8), age=40, side='L', grade='1')


def needs_all(absent: Any) -> list[str]:
    return list(absent)


def reader(**options: Any) -> CaseReader:
    given = dict(modalities=('bus', 'ue', 'clip', 'clinical'), classes=('A', 'B'), missing_modalities=needs_all)
    return CaseReader(SCHEMA, **{**given, **options})


def read(record: Any, root: Path | None = None, **options: Any) -> CaseInput:
    return reader(**options).read(record, 3, root)


def test_columns_of_the_table_and_names_of_modalities_mean_the_same(tmp_path: Path) -> None:
    row = {
        'case_id': ' c1 ', 'patient': 'p1', 'label': 'B', 'part': 'test', 'bus_file': 'a.png;b.png', 'ue': 'sub/u.png',
        'clip': 'c.mp4', 'bus_mask': 'm.png', 'Age (years)': '61.5', 'side': 'R', 'grade': '2', 'hospital': 'x',
    }  # fmt: skip
    named = {
        'case_id': 'c1', 'patient_id': 'p1', 'label': 'B', 'bus': ['a.png', Path('b.png')], 'ue': Path('sub/u.png'),
        'clip': 'c.mp4', 'masks': {'bus': 'm.png'}, 'clinical': {'age': 61.5, 'side': 'R', 'grade': 2.0},
    }  # fmt: skip
    a, b = read(row, tmp_path), read(named, tmp_path)
    assert a.error is None and a.warnings == [] and a.label == 'B'
    assert a == b
    case = a.case
    assert (case.case_id, case.patient_id, case.label) == ('c1', 'p1', 1)
    assert case.files == dict(
        bus=(tmp_path / 'a.png', tmp_path / 'b.png'), ue=(tmp_path / 'sub' / 'u.png',), clip=(tmp_path / 'c.mp4',)
    )
    assert case.mask_files == dict(bus=(tmp_path / 'm.png',))
    assert case.clinical == dict(age=61.5, side='R', grade='2')
    assert case.info['table'] == dict(modalities=('bus', 'ue', 'clip'), clips=('clip',))


def test_a_table_written_on_windows(tmp_path: Path) -> None:
    (tmp_path / 'sub').mkdir()
    (tmp_path / 'sub' / 'a.png').touch()
    assert read({**GOOD, 'bus': 'sub\\a.png'}, tmp_path).case.files['bus'] == (tmp_path / 'sub' / 'a.png',)


def test_a_case_without_ids() -> None:
    found = read(GOOD)
    assert (found.case.case_id, found.case.patient_id, found.label) == ('case_3', 'case_3', None)


@pytest.mark.parametrize('empty', [None, '', ' NA ', 'not available', float('nan'), pd.NA, pd.NaT, np.nan, [], {}])
def test_what_says_nothing_is_missing(empty: Any) -> None:
    found = read({**GOOD, 'ue': empty, 'age': empty, 'label': empty}, missing_modalities=lambda absent: [])
    assert found.error is None and found.case.clinical['age'] is None and 'ue' not in found.case.data
    assert found.warnings == ['made without ue', 'not given, so filled in by the model: age']


def test_missing_modalities_are_named() -> None:
    assert read({**GOOD, 'ue': None}).error == 'lacks ue: this model needs it'
    assert read({'age': 40}).error == 'lacks bus, ue, clip: this model needs them'
    found = read({**GOOD, 'ue': None}, missing_modalities=lambda absent: [], streams=[('bus', 'ue'), ('clip',)])
    assert found.warnings == ['made without ue', 'bus not used: this model reads it together with ue']


@pytest.mark.parametrize(
    ('values', 'warning'),
    [
        (dict(age=130), 'age 130 year is outside the plausible range 0 to 120 year'),
        (dict(age='-1'), 'age -1 year is outside the plausible range 0 to 120 year'),
        (dict(side='left'), "side 'left' is none of ['L', 'R']: the model takes it as unknown"),
        (dict(grade=3), "grade '3' is none of ['1', '2']: the model takes it as unknown"),
    ],
)
def test_implausible_values_are_told(values: dict[str, Any], warning: str) -> None:
    found = read({**GOOD, **values})
    assert found.error is None and found.warnings == [warning]
    assert read({**GOOD, **values}, strict=True).error == warning
    unread = read({**GOOD, **values}, modalities=('bus', 'ue', 'clip'))
    assert (unread.error, unread.warnings, unread.case.clinical) == (None, [], {})


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(age='old'), "age 'old' is not a number"),
        (dict(age='1_0'), "age '1_0' is not a number"),
        (dict(age='inf'), "age 'inf' is not a number"),
        (dict(age=True), 'age True is not a number'),
        (dict(age=float('inf')), 'age inf is not finite'),
        (dict(bus=5), 'bus must be a path, paths, an array or a PIL image, got int'),
        (dict(bus=[PICTURE, 'a.png']), 'bus must be a path, paths, an array or a PIL image, got ndarray, str'),
        (dict(bus=PICTURE / 255), 'bus: an image is'),
        (dict(bus=PICTURE[None]), 'bus: an image is'),
        (dict(clip=PICTURE[0, 0]), 'clip: a clip is'),
        (dict(clip=[PICTURE, PICTURE[:2]]), 'clip: the frames of a clip must have one size'),
        (dict(bus_mask=PICTURE), 'the mask of bus: a mask is'),
        (dict(bus_mask=np.zeros((4, 4), bool)), 'the mask of bus is (4, 4), its image (4, 5)'),
        (dict(bus_mask=7), 'the mask of bus must be a path'),
    ],
)
def test_what_cannot_be_used_is_an_error(change: dict[str, Any], message: str) -> None:
    assert message in (read({**GOOD, **change}).error or '')


def test_frames_that_the_model_takes() -> None:
    assert read(GOOD, frames=dict(clip=3)).error is None
    assert 'this model takes 10 frames, got 3: give the file' in (read(GOOD, frames=dict(clip=10)).error or '')


def test_a_mask_array_is_kept() -> None:
    mask = np.zeros((4, 5), np.uint8)
    mask[1, 2] = 255
    found = read({**GOOD, 'masks': {'bus': mask}})
    assert found.error is None and found.case.masks['bus'].dtype == bool
    assert np.argwhere(found.case.masks['bus']).tolist() == [[1, 2]]


def test_misspelt_names_and_strange_labels_are_told() -> None:
    record = {k: v for k, v in GOOD.items() if k != 'side'}
    found = read({**record, 'sidee': 'L', 'hospital': 'x', 'label': 'C'})
    assert "'sidee' means nothing to this model; did you mean 'side'?" in found.warnings
    assert "label 'C' is none of the classes ['A', 'B']" in found.warnings
    assert not any('hospital' in text for text in found.warnings)


def test_a_number_in_another_unit_is_said_and_used_as_it_stands() -> None:
    schema = Schema(clinical=[dict(name='alb', unit='g/L', range=(10, 70), other_units={'g/dL': 10})])
    options = dict(modalities=('clinical',), classes=('A', 'B'), missing_modalities=needs_all)
    found = CaseReader(schema, **options).read(dict(alb='4.1'), 1)
    assert found.error is None and found.case.clinical == {'alb': 4.1}
    text = 'alb 4.1 g/L is outside the plausible range 10 to 70 g/L; in range if it was given in g/dL'
    assert found.warnings == [text]
    assert CaseReader(schema, **options, strict=True).read(dict(alb=4.1), 1).error == text


def test_a_number_below_0_has_no_logarithm() -> None:
    schema = Schema(clinical=[dict(name='ast', unit='U/L', log=True)])
    found = CaseReader(schema, modalities=('clinical',), classes=('A', 'B'), missing_modalities=needs_all).read(
        dict(ast=-1), 1
    )
    assert found.error == 'ast -1 U/L is below 0, and the model takes its logarithm'


@pytest.mark.parametrize('key', ['bus_box', 'boxes'])
@pytest.mark.parametrize('value', ['1,0,4,3', (1, 0, 4, 3), np.array([1, 0, 4, 3])], ids=str)
def test_boxes(key: str, value: Any) -> None:
    found = read({**GOOD, key: value if key == 'bus_box' else {'bus': value}})
    assert found.error is None and found.warnings == []
    assert found.case.boxes == {'bus': (1, 0, 4, 3)}


@pytest.mark.parametrize('value', ['1,0,4', '4,0,1,3', 7, [1, 2, 'x', 4]])
def test_what_is_no_box(value: Any) -> None:
    error = read({**GOOD, 'bus_box': value}).error
    assert error is not None and error.startswith('bus: a box ')


def test_files_in_both_tables_are_refused(tmp_path) -> None:
    (tmp_path / 'cases.csv').write_text('case_id,bus\nc1,a.png\n')
    (tmp_path / 'files.csv').write_text('case_id,modality,file\nc1,bus,b.png\n')
    schema = Schema(images={'bus': 'bus'}, file_table='files.csv')
    with pytest.raises(
        DataError, match=r'both this table and files\.csv state files: remove the columns of files here'
    ):
        table_records(tmp_path / 'cases.csv', schema, ['bus'], None)
    (tmp_path / 'files.csv').unlink()
    assert len(table_records(tmp_path / 'cases.csv', schema, ['bus'], None)) == 1
