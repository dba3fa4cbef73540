"""A table of cases with files: the numbers of single requests, and rows that cost themselves alone."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from usmm.apis import Prediction
from usmm.readers import read_table
from usmm.server.batch import Batch
from usmm.server.http.http_errors import RequestError
from usmm.server.names import plain_place

MODEL = 'msmfn_small_phantom'
Rows = list[dict[str, Any]]
Files = dict[str, Path]


@pytest.fixture(scope='module')
def sent(phantom: Path) -> tuple[Rows, Files]:
    """Rows whose files are named without folders, and where they are."""
    rows, files = read_table(phantom / 'cases.xlsx').to_dict('records'), {}
    for row in rows:
        for name in ('bus', 'cdfi', 'ue', 'dceus'):
            for key in (name, f'{name}_mask'):
                bare = f'{key}_{Path(row[key]).name}'
                files[bare] = phantom / row[key]
                row[key] = bare
    return rows, files


def table_of(folder: Path, rows: Rows) -> Path:
    path = folder / '0.csv'
    with path.open('w', newline='') as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_the_rows_are_answered_as_single_requests(engine, sent, tmp_path: Path) -> None:
    rows, files = sent
    found, text = engine.batch(MODEL, table_of(tmp_path, rows), files)
    fields = engine.fields(MODEL)
    for row, one in zip(rows, found, strict=True):
        placed = {name: [files[row[name]]] for name in fields.files}
        single = engine.predict(MODEL, placed, {name: row[name] for name in fields.values if name in row}, False)
        assert one['probabilities'] == single['probabilities'] and one['predicted'] == single['predicted']
        assert (one['case_id'], one['label'], one['error']) == (row['case_id'], row['label'], None)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    table = list(csv.DictReader(io.StringIO(text)))
    assert [row['pred'] for row in table] == [one['predicted'] for one in found]
    assert [float(row['prob_SCC']) for row in table] == [one['probabilities']['SCC'] for one in found]


@pytest.mark.parametrize(
    ('column', 'cell', 'words'),
    [
        ('bus', '../bus_C0001.png', 'bus: names a file outside the upload'),
        ('bus', '/etc/passwd', 'bus: names a file outside the upload'),
        ('bus', 'C:\\x\\bus_C0001.png', 'bus: names a file outside the upload'),
        ('bus_mask', 'x/a.png', 'names a file that was not uploaded'),
        ('ue', '..', 'ue: names a file outside the upload'),
        ('dceus', 'of_another.mp4', 'Contrast clip: names a file that was not uploaded'),
        ('bus', 'bus_C0001.png; nothing.png', 'B-mode: names a file that was not uploaded'),
        ('age', '=2+3', 'is not a number'),
        ('age', '900', 'outside the plausible range'),
        ('gender', '/x/y', 'gender'),
        ('cdfi', 'broken.png', 'cdfi: cannot be read as an image'),
    ],
)
def test_a_bad_row_costs_itself_alone(engine, sent, tmp_path, column: str, cell: str, words: str) -> None:
    rows, files = sent
    (tmp_path / '9.png').write_bytes(b'\x89PNG\r\n\x1a\nbroken')
    bad = {**rows[1], column: cell}
    found, text = engine.batch(MODEL, table_of(tmp_path, [bad, rows[2]]), {**files, 'broken.png': tmp_path / '9.png'})
    assert words in found[0]['error'] and found[0]['predicted'] is None and found[0]['probabilities'] == {}
    assert found[1]['error'] is None
    assert str(tmp_path) not in text and '9.png' not in text and str(files['bus_C0001.png'].parent) not in text


def test_a_table_with_a_folder_for_each_modality(engine, phantom: Path, tmp_path: Path) -> None:
    rows = read_table(phantom / 'cases.xlsx').to_dict('records')[:1]
    names = {row[name] for row in rows for name in engine.fields(MODEL).files}
    folders, _ = engine.batch(MODEL, table_of(tmp_path, rows), {name: phantom / name for name in names})
    bare = {name.replace('/', '_'): phantom / name for name in names}
    for row in rows:
        row |= {name: row[name].replace('/', '_') for name in engine.fields(MODEL).files}
    plain, _ = engine.batch(MODEL, table_of(tmp_path, rows), bare)
    assert folders[0]['error'] is None and folders[0]['probabilities'] == plain[0]['probabilities']


def test_one_upload_is_not_given_to_two_modalities(engine, phantom: Path, tmp_path: Path) -> None:
    rows = read_table(phantom / 'cases.xlsx').to_dict('records')[:1]
    files = {'C0001.png': phantom / 'bus/C0001.png', 'C0001.mp4': phantom / 'dceus/C0001.mp4'}
    found, _ = engine.batch(MODEL, table_of(tmp_path, rows), files)
    assert 'files of several folders have this name' in found[0]['error']


def test_a_row_without_files_says_what_the_model_needs(engine, tmp_path: Path) -> None:
    found, _ = engine.batch(MODEL, table_of(tmp_path, [{'case_id': 'a', 'age': '50'}]), {})
    assert found[0]['error'] == 'lacks bus, cdfi, ue, dceus: this model needs them'


def test_no_cell_of_the_answer_is_a_formula(engine, sent, tmp_path: Path) -> None:
    rows, files = sent
    attack = '=HYPERLINK("http://x","y")'
    found, text = engine.batch(MODEL, table_of(tmp_path, [{**rows[0], 'case_id': attack, 'label': '@x'}]), files)
    assert found[0]['case_id'] == attack  # as data it stays what it is
    (row,) = csv.DictReader(io.StringIO(text))
    assert row['case_id'] == f"'{attack}"
    assert not any(cell.startswith(('=', '+', '@')) for cell in row.values())


def test_ids_that_stand_twice_are_told(engine, sent, tmp_path: Path) -> None:
    rows, files = sent
    found, _ = engine.batch(MODEL, table_of(tmp_path, [rows[0], rows[0]]), files)
    assert 'this case id stands before another case too' not in found[0]['warnings']
    assert 'this case id stands before another case too' in found[1]['warnings']


@pytest.mark.parametrize(
    ('content', 'code', 'words'),
    [
        (b'case_id,bus\n', 'unreadable', 'the table has no rows'),
        (b'', 'unreadable', 'the table is empty'),
        (b'a,a\n1,2\n', 'unreadable', 'the table has more than one column named'),
        (b'PK\x03\x04 no zip', 'unreadable', 'the table is a workbook that was cut off'),
        (b'a\n' + b'1\n' * 201, 'too_large', 'the table has more than 200 rows'),
        (b'a\n' + b'1\n' * 5000, 'unreadable', 'the table holds over 5000 rows'),
        (b'a\n' + b'x' * 3000 + b'\n', 'unreadable', 'damaged'),
    ],
)
def test_tables_that_cannot_be_used(engine, tmp_path: Path, content: bytes, code: str, words: str) -> None:
    (tmp_path / '0.csv').write_bytes(content)
    with pytest.raises(RequestError) as error:
        engine.batch(MODEL, tmp_path / '0.csv', {})
    assert (error.value.code, error.value.input) == (code, 'table') and words in error.value.message
    assert '0.csv' not in error.value.message


def test_the_time_of_a_table_ends(engine, sent, tmp_path: Path, monkeypatch) -> None:
    rows, files = sent
    monkeypatch.setattr('usmm.server.batch.WALLS', 0)
    found, _ = engine.batch(MODEL, table_of(tmp_path, rows), files)
    assert {one['error'] for one in found} == {'not read: the time for the whole table is over'}


def test_a_model_without_an_answer_is_an_error_of_its_row(engine, sent, tmp_path: Path) -> None:
    rows, files = sent
    table = table_of(tmp_path, rows[:1])
    failing = Batch(engine._of(MODEL), engine.decoder, lambda given: Prediction('c', 'p', error='words of the model'))
    found, _ = failing.run(table, files)
    assert found[0]['error'] == 'the model gives no answer for this case'


def test_one_upload_of_two_patients_is_an_error_of_both(engine, sent, tmp_path: Path) -> None:
    rows, files = sent
    table = table_of(tmp_path, [rows[0], {**rows[1], 'bus': rows[0]['bus']}, rows[2]])
    found, text = engine.batch(MODEL, table, files)
    told = 'rows 1, 2 are of different patients and name the same file'
    assert [one['error'] for one in found] == [told, told, None]
    assert 'name the same file' in text
    one_patient = [{**row, 'patient_id': 'P'} for row in (rows[0], {**rows[1], 'bus': rows[0]['bus']})]
    assert [one['error'] for one in engine.batch(MODEL, table_of(tmp_path, one_patient), files)[0]] == [None, None]


def test_one_upload_twice_in_a_row_is_an_error(engine, sent, tmp_path: Path) -> None:
    rows, files = sent
    twice = {**rows[1], 'ue': f'{rows[1]["ue"]};{rows[1]["ue"]}'}
    found, _ = engine.batch(MODEL, table_of(tmp_path, [{**rows[0], 'cdfi': rows[0]['bus']}, twice]), files)
    assert [one['error'] for one in found] == ['bus and cdfi: one file is named twice', 'ue: one file is named twice']


def test_many_rows_of_one_file_are_named_shortly(engine, sent, tmp_path: Path) -> None:
    rows, files = sent
    many = [{**rows[0], 'case_id': f'c{i}', 'patient_id': f'p{i}'} for i in range(8)]
    found, _ = engine.batch(MODEL, table_of(tmp_path, many), files)
    told = 'rows 1, 2, 3, 4, 5 and 3 more are of different patients and name the same file'
    assert {one['error'] for one in found} == {told}


@pytest.mark.parametrize('forms', [('NFD', 'NFC'), ('NFC', 'NFD')])
def test_letters_and_accents_apart_or_together_are_one_name(engine, sent, tmp_path: Path, forms) -> None:
    rows, files = sent
    uploaded, cell = (unicodedata.normalize(form, 'Jürgen é.png') for form in forms)
    assert uploaded != cell
    found, _ = engine.batch(
        MODEL, table_of(tmp_path, [{**rows[0], 'bus': cell}]), {**files, plain_place(uploaded): files[rows[0]['bus']]}
    )
    assert found[0]['error'] is None


def test_an_upload_that_is_lost_meanwhile_is_said(engine, sent, tmp_path: Path) -> None:
    rows, files = sent
    gone = {**files, rows[0]['bus']: tmp_path / 'gone.png'}
    found, _ = engine.batch(MODEL, table_of(tmp_path, rows[:1]), gone)
    assert found[0]['error'] == 'bus: the upload is no longer on the server: send it again'
