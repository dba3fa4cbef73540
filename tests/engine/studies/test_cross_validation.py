"""Cross-validation: the contract of its work directory, and what must not happen in silence."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from usmm.engine import CrossValidation, RunOptions, load_weights, read_predictions, run_folds
from usmm.engine.workdir import fold_record, pool_checks

QUIET = RunOptions(progress=False)
TABLE = {'modalities': ('clinical',), 'max_epochs': 1}


@pytest.fixture(scope='module')
def validated(write_tiny_config, tmp_path_factory):
    folder = tmp_path_factory.mktemp('validated')
    plan = CrossValidation(str(write_tiny_config(folder)), folder / 'cv', options={'max_epochs': 1})
    run_folds(plan.tasks(), QUIET, False)
    return plan, plan.gather()


@pytest.fixture
def copied(validated, tmp_path):
    """The same cross-validation in a place where it may be harmed."""
    shutil.copytree(validated[0].work_dir, tmp_path / 'cv')
    return CrossValidation(validated[0].config, tmp_path / 'cv', options={'max_epochs': 1})


def test_work_dir_holds_what_the_contract_says(validated):
    plan, summary = validated
    assert json.loads((plan.work_dir / 'summary.json').read_text())['cases'] == summary['cases'] == 19
    assert {p.name for p in plan.work_dir.iterdir()} >= {'folds.csv', 'fold_0', 'fold_1', 'fold_2', 'predictions.csv'}
    for name in ('mean', 'std', 'ci95', 'folds'):
        assert name in summary['metrics']['auc']
    assert len(summary['metrics']['auc']['folds']) == 3 == summary['folds']
    assert summary['patients'] == 19 and summary['classes'] == ['ADC', 'SCC'] and summary['positive'] == 'SCC'
    assert summary['selection'] == 'inner' and summary['seed'] == 0 and summary['seeds'] == [0]
    assert summary['config'] == 'tiny' and summary['versions']['torch'] and summary['seconds'] > 0
    assert set(summary['clinical_weights']) == {'image', 'age', 'side'}


def test_every_case_is_tested_once_in_its_own_fold(validated):
    plan, summary = validated
    rows = read_predictions(plan.work_dir / 'predictions.csv')
    folds = {r['case_id']: r['fold'] for r in csv.DictReader((plan.work_dir / 'folds.csv').open())}
    assert {r['case_id']: r['fold'] for r in rows} == folds and len(rows) == 19
    for k, value in enumerate(summary['metrics']['auc']['folds']):
        of = [r for r in rows if r['fold'] == str(k)]
        assert value == pytest.approx(roc_auc_score([r['label'] == 'SCC' for r in of], [r['prob_SCC'] for r in of]))


def test_image_scores_keep_their_fold_values(validated):
    plan, summary = validated
    tested = [json.loads((plan.work_dir / f'fold_{k}' / 'metrics.json').read_text())['test'] for k in range(3)]
    expected = [t['image/auc'] for t in tested]
    assert summary['metrics']['image/auc']['folds'] == pytest.approx(expected, nan_ok=True)
    assert summary['metrics']['image/auc']['ci95'] is None


def test_seeds_have_folders_and_folds_of_their_own(tiny_config, tmp_path):
    plan = CrossValidation(str(tiny_config), tmp_path / 'cv', 2, (0, 1), options=TABLE)
    run_folds(plan.tasks(), QUIET, False)
    summary = plan.gather()
    rows = read_predictions(tmp_path / 'cv' / 'predictions.csv')
    assert len(rows) == 38 and summary['cases'] == 19 and len(summary['metrics']['auc']['folds']) == 4
    one, other = ((tmp_path / 'cv' / f'seed_{s}' / 'folds.csv').read_text() for s in (0, 1))
    assert one != other
    fixed = CrossValidation(str(tiny_config), tmp_path / 'fixed', 2, (0, 1), fold_seed=5, options=TABLE)
    run_folds(fixed.tasks(0), QUIET, False)
    one, other = ((tmp_path / 'fixed' / f'seed_{s}' / 'folds.csv').read_text() for s in (0, 1))
    assert one == other


def test_single_folds_are_gathered_when_all_are_there(tiny_config, tmp_path):
    plan = CrossValidation(str(tiny_config), tmp_path / 'cv', 2, options=TABLE)
    run_folds(plan.tasks(fold=1), QUIET, False)
    with pytest.raises(ValueError, match=r'1 of 2 folds are not done: fold 0, seed 0'):
        plan.gather()
    assert run_folds(plan.tasks(), QUIET, False) == [True, False]
    assert plan.gather()['cases'] == 19


def test_the_split_column_is_set_aside_and_said(tiny_config, tmp_path):
    plan = CrossValidation(str(tiny_config), tmp_path / 'cv', 2, options={**TABLE, 'schema.split': 'side'})
    run_folds(plan.tasks(), QUIET, False)
    assert any("the split column of the schema, 'side', plays no part" in text for text in plan.gather()['warnings'])


def test_selection_on_the_test_fold_is_said(tiny_config, tmp_path):
    plan = CrossValidation(str(tiny_config), tmp_path / 'cv', 2, options={**TABLE, 'split.selection': 'test'})
    run_folds(plan.tasks(), QUIET, False)
    summary = plan.gather()
    assert summary['selection'] == 'test' and any('optimistic' in text for text in summary['warnings'])


def test_a_case_tested_twice_is_an_error(copied):
    path = copied.work_dir / 'fold_0' / 'predictions.csv'
    lines = path.read_text().splitlines()
    tested = next(line for line in lines if ',test,' in line)
    path.write_text('\n'.join([*lines, tested, '']))
    with pytest.raises(ValueError, match=r'several lines of the test part for 1 cases \(c\d+\)'):
        copied.gather()


def swap_columns(text: str) -> str:
    return text.replace('prob_ADC,prob_SCC', 'prob_SCC,prob_ADC')


def test_predictions_that_were_edited_after_the_fold_are_an_error(copied):
    path = copied.work_dir / 'fold_1' / 'predictions.csv'
    path.write_text(swap_columns(path.read_text()))
    with pytest.raises(ValueError, match=r'fold_1/predictions.csv was changed after the fold: its SHA-256 is not the'):
        copied.gather()


def test_folds_without_records_are_pooled_and_that_is_stated(copied, monkeypatch):
    logged: list[str] = []
    monkeypatch.setattr(pool_checks, 'print_log', lambda text, *_: logged.append(text))
    (copied.work_dir / 'fold_0' / 'fold.json').unlink()
    (copied.work_dir / 'fold_2' / 'data_record.csv').unlink()
    warnings = copied.gather()['warnings']
    assert any(t.startswith('1 of 3 folds (fold_0) is without a record of flags') for t in warnings)
    assert any(
        t.startswith('1 of 3 folds (fold_2) is without a record of the data (data_record.csv)') for t in warnings
    )
    assert json.loads((copied.work_dir / 'summary.json').read_text())['warnings'] == warnings
    assert logged == warnings[-2:]


def test_folds_of_other_cases_are_not_pooled(copied):
    path = copied.work_dir / 'fold_1' / 'data_record.csv'
    lines = path.read_text().splitlines(keepends=True)
    case = next(line for line in lines if ',train,' in line)
    path.write_text(''.join(line for line in lines if line != case))
    name = case.partition(',')[0]
    with pytest.raises(ValueError, match=rf'fold_0 and .*fold_1: 1 case no longer there \({name}\)'):
        copied.gather()


def test_folds_with_other_flags_are_neither_trained_nor_pooled(copied, monkeypatch):
    logged: list[str] = []
    monkeypatch.setattr(fold_record, 'print_log', lambda text, *_: logged.append(text))
    amp = RunOptions(amp=True, progress=False)
    assert run_folds(copied.tasks(), amp, False) == [False] * 3  # nothing is run, and the flag has no effect
    assert len(logged) == 3 and 'fold_0 is finished and not run again: it was trained without --amp' in logged[0]
    (copied.work_dir / 'fold_1' / 'model.pth').unlink()
    for tasks in (copied.tasks(), copied.tasks(1)):  # all folds, or the job of one
        with pytest.raises(ValueError, match=r'fold_0 is finished, and the next folds would be trained with --amp'):
            run_folds(tasks, amp, False)
    (copied.work_dir / 'fold_1' / 'model.pth').touch()
    path = copied.work_dir / 'fold_1' / 'fold.json'
    path.write_text(path.read_text().replace('"--no-validate": false', '"--no-validate": true'))
    with pytest.raises(ValueError, match=r'fold_1 was trained with --no-validate, unlike .*fold_0'):
        copied.gather()


def test_folds_of_another_selection_are_not_pooled(copied):
    path = copied.work_dir / 'fold_2' / 'metrics.json'
    path.write_text(path.read_text().replace('"selection": "inner"', '"selection": "last"'))
    (copied.work_dir / 'fold_2' / 'fold.json').unlink()  # as of an earlier version
    with pytest.raises(
        ValueError, match=r"selection of the epoch differs between folds: 'inner' in .*, 'last' in fold 2"
    ):
        copied.gather()


def test_what_the_folds_state_is_in_the_summary(copied):
    path = copied.work_dir / 'fold_2' / 'metrics.json'
    path.write_text(json.dumps({**json.loads(path.read_text()), 'label_leaks': {'age': 'it has an AUC of 1'}}))
    folds = copied.work_dir / 'folds.csv'
    folds.write_text(folds.read_text() + 'c99,p99,ADC,0\n')
    warnings = copied.gather()['warnings']
    assert "clinical variable 'age' seems to contain the label: it has an AUC of 1 (1 of 3 folds)" in warnings
    assert 'left out, and in no metric: 1 case of folds.csv (c99)' in warnings


def test_a_case_of_another_fold_is_an_error(copied):
    path = copied.work_dir / 'folds.csv'
    text = path.read_text()
    first = text.splitlines()[1]
    case, fold = first.split(',')[0], first[-1]
    path.write_text(text.replace(first, f'{first[:-1]}{(int(fold) + 1) % 3}'))
    with pytest.raises(ValueError, match=rf"1 cases were tested in another fold than folds.csv states: \['{case}'\]"):
        copied.gather()


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(folds=1), 'two or more folds, got 1'),
        (dict(seeds=()), r'seeds must be one or more different numbers, got \[\]'),
        (dict(seeds=(1, 1)), r'different numbers, got \[1, 1\]'),
        (dict(options={'split': None, 'dataset.split': None}), 'has no `split`'),
    ],
)
def test_settings_that_make_no_cross_validation(tiny_config, tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        CrossValidation(str(tiny_config), tmp_path, **settings)


def test_there_is_no_such_fold(tiny_config, tmp_path):
    with pytest.raises(ValueError, match='fold must lie between 0 and 2, got 3'):
        CrossValidation(str(tiny_config), tmp_path).tasks(3)


def test_a_planted_value_in_a_test_row_changes_nothing_that_was_fitted(tiny, tiny_config, tmp_path):
    """Weights, normalisation and categories come from the training part alone."""
    states = []
    for name, age in (('plain', None), ('planted', '119')):
        root = tmp_path / name
        root.mkdir()
        tiny.write_data(root)
        rows = list(csv.DictReader((root / 'cases.csv').open()))
        plan = CrossValidation(str(tiny_config), root / 'cv', 3, options={**TABLE, 'data_root': str(root)})
        if age is not None:
            folds = {r['case_id']: r['fold'] for r in csv.DictReader((tmp_path / 'plain/cv/folds.csv').open())}
            planted = next(r for r in rows if folds[r['case_id']] == '0')
            planted |= {'age': age, 'side': 'nowhere'}
            with (root / 'cases.csv').open('w', newline='') as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
        run_folds(plan.tasks(0), QUIET, False)
        states.append(load_weights(root / 'cv' / 'fold_0' / 'model.pth')['state_dict'])
    assert states[0].keys() == states[1].keys()
    for key in states[0]:
        assert np.array_equal(states[0][key].numpy(), states[1][key].numpy()), key
