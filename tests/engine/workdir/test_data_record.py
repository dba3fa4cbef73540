"""A run, its folds and its resumption work on the same data, or are refused."""

import csv
import shutil

import pytest
from PIL import Image

from usmm.config import RunOptions, load_config
from usmm.engine import CrossValidation, Experiment, run_folds
from usmm.engine.run_parts import case_parts
from usmm.engine.workdir.data_record import (
    CaseRecord,
    changed_cases,
    check_finished,
    keep_record,
    other_cases,
    read_records,
)
from usmm.readers import DataError
from usmm.utils import work_files

QUIET = RunOptions(progress=False)
IMAGES = {'modalities': ['bus'], 'max_epochs': 1, 'split.folds': 2}


def record(case_id='c1', **changes) -> CaseRecord:
    content = dict(patient_id='p1', part='test', label='ADC', values='v', files='f')
    return CaseRecord(case_id, **{**content, **changes})


@pytest.mark.parametrize(
    ('changes', 'text'),
    [
        (dict(label='SCC'), 'label of 1 case (c1: ADC -> SCC)'),
        (dict(patient_id='p2'), 'patient id of 1 case (c1: p1 -> p2)'),
        (dict(values='w'), 'clinical values or boxes of 1 case (c1)'),
        (dict(files='g'), 'files of 1 case (c1)'),
    ],
)
def test_each_kind_of_change_is_named(changes, text):
    assert changed_cases([record()], [record(**changes)]) == [text]


def test_parts_and_other_cases_are_not_compared_and_long_lists_are_cut():
    assert changed_cases([record(), record('c2')], [record(part='train'), record('c3')]) == []
    many = [record(f'c{i}') for i in range(7)]
    assert changed_cases(many, [record(f'c{i}', files='g') for i in range(7)]) == [
        'files of 7 cases (c0, c1, c2, c3, c4, ...)'
    ]
    assert other_cases(many, [*many[1:], record('d')]) == ['1 case no longer there (c0)', '1 case added (d)']


@pytest.fixture
def data(tiny_data, tmp_path):
    """A copy of the table and images that a test may change."""
    folder = tmp_path / 'data'
    folder.mkdir()
    for path in [*tiny_data.glob('*_bus.png'), tiny_data / 'cases.csv']:
        shutil.copy(path, folder)
    return folder


def edit(data, change) -> None:
    with (data / 'cases.csv').open() as file:
        rows = list(csv.DictReader(file))
    change(rows)
    with (data / 'cases.csv').open('w', newline='') as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def options(data) -> dict:
    columns = {'schema.images': {'bus': 'bus'}, 'schema.clips': {}}
    return {**IMAGES, **columns, 'data_root': str(data)}


def repaint(data) -> None:
    Image.new('RGB', (48, 40), (9, 9, 9)).save(data / '3_bus.png')


CHANGES = [
    (lambda data: edit(data, lambda rows: rows[2].update(label='SCC')), r'label.* 1 cases? \(c2: ADC -> SCC\)'),
    (lambda data: edit(data, lambda rows: rows[2].update(patient_id='x')), r'patient id.* 1 cases? \(c2: p2 -> x\)'),
    (lambda data: edit(data, lambda rows: rows[2].update(age='91')), r'clinical values or boxes of 1 case \(c2\)'),
    (repaint, r'files of 1 case \(c3\)'),
]


@pytest.fixture(scope='module')
def half_done(write_tiny_config, tiny_data, tmp_path_factory):
    """A cross-validation of two folds, of which the first is done, and its data; tests change copies of both."""
    root = tmp_path_factory.mktemp('half')
    folder = root / 'data'
    folder.mkdir()
    for path in [*tiny_data.glob('*_bus.png'), tiny_data / 'cases.csv']:
        shutil.copy(path, folder)
    config = write_tiny_config(root)
    plan = CrossValidation(str(config), root / 'cv', options=options(folder))
    run_folds(plan.tasks(0), QUIET, False)
    return config, root


def copied(half_done, tmp_path) -> tuple[CrossValidation, object]:
    config, root = half_done
    for name in ('cv', 'data'):
        shutil.copytree(root / name, tmp_path / name)
    return CrossValidation(str(config), tmp_path / 'cv', options=options(tmp_path / 'data')), tmp_path / 'data'


@pytest.mark.parametrize(('change', 'message'), CHANGES)
def test_data_that_change_between_two_folds_are_refused(half_done, tmp_path, change, message):
    plan, data = copied(half_done, tmp_path)
    change(data)
    for fold in (0, 1):  # the finished one, which would not be run again, and the next one
        with pytest.raises(Exception, match=message):
            run_folds(plan.tasks(fold), QUIET, False)
    assert not (tmp_path / 'cv' / 'fold_1' / work_files.WEIGHTS).exists()


def test_folds_of_different_data_and_lost_lines_are_not_pooled(half_done, tmp_path):
    plan, _ = copied(half_done, tmp_path)
    run_folds(plan.tasks(), QUIET, False)
    assert plan.gather()['cases'] == 19
    predictions = tmp_path / 'cv' / 'fold_0' / work_files.PREDICTIONS
    whole = predictions.read_text()
    lines = whole.splitlines(keepends=True)
    tested = [i for i, line in enumerate(lines) if ',test,' in line]
    case = lines[tested[0]].partition(',')[0]
    predictions.write_text(''.join(lines[: tested[0]] + lines[tested[0] + 1 :]))
    with pytest.raises(ValueError, match=rf'predictions.csv was changed after the fold: lines 1 lost \({case}\)'):
        plan.gather()
    predictions.write_text(whole.replace(lines[tested[0]], lines[tested[0]].replace('ADC', 'SCC', 1)))
    if predictions.read_text() != whole:
        with pytest.raises(ValueError, match=r'lines 1 with another patient or label'):
            plan.gather()
    predictions.write_text(whole)
    path = tmp_path / 'cv' / 'fold_1' / work_files.DATA
    path.write_text(path.read_text().replace('c3,p3,', 'c3,p33,'))
    with pytest.raises(ValueError, match=r'the data have changed between .*fold_0 and .*fold_1: patient id of 1 case'):
        plan.gather()


@pytest.mark.parametrize(('change', 'message'), [CHANGES[0], CHANGES[3]])
def test_a_run_goes_on_with_the_data_that_it_began_with(data, tiny_config, tmp_path, change, message):
    settings = {**options(data), 'work_dir': str(tmp_path / 'run')}
    Experiment(load_config(tiny_config, settings), options=QUIET).train()
    assert {r.part for r in read_records(tmp_path / 'run')} == {'train', 'val', 'test'}
    Experiment(load_config(tiny_config, settings), options=QUIET).train(resume=True)
    change(data)
    with pytest.raises((ValueError, DataError), match=message):  # folds.csv is compared first
        Experiment(load_config(tiny_config, settings), options=QUIET).train(resume=True)


def test_a_damaged_record_is_named(tmp_path):
    (tmp_path / work_files.DATA).write_text('a,b\n1,2\n')
    with pytest.raises(ValueError, match=r"data_record.csv is damaged \('case_id'\): use another work_dir"):
        read_records(tmp_path)
    assert read_records(tmp_path / 'empty') is None


def test_cases_that_are_left_out_of_a_fold_are_a_change(data, tiny_config, tmp_path):
    """A cell that is emptied takes its case out of all parts with missing='drop', and one that is filled adds it."""
    whole = load_config(tiny_config, {**options(data), 'dataset.missing': 'drop', 'work_dir': str(tmp_path / 'fold_0')})
    keep_record(tmp_path / 'fold_0', case_parts(whole), whole.classes)
    check_finished(tmp_path / 'fold_0', case_parts(whole), whole.classes)
    edit(data, lambda rows: rows[2].update(bus=''))
    for check in (
        lambda parts: keep_record(tmp_path / 'fold_1', parts, whole.classes),
        lambda parts: check_finished(tmp_path / 'fold_0', parts, whole.classes),
    ):
        with pytest.raises(ValueError, match=r'changed since .*fold_0 was begun: 1 case no longer there \(c2\)'):
            check(case_parts(whole))
    keep_record(tmp_path / 'fold_2' / 'apart', case_parts(whole), whole.classes)
    edit(data, lambda rows: rows[2].update(bus='2_bus.png'))
    with pytest.raises(ValueError, match=r'1 case added \(c2\)'):
        check_finished(tmp_path / 'fold_2' / 'apart', case_parts(whole), whole.classes)
    check_finished(tmp_path / 'fold_2' / 'apart', case_parts(whole), whole.classes, skipped=['c2'])
