from __future__ import annotations

import csv
import io
import json
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from scipy.stats import binomtest

from usmm.evaluation.stats import clustered_macro_auc
from usmm.visualization.pages.run_page import intervals, read_parts, report_run, training_rows


def write_predictions(folder: Path, labels: list[str], scores: np.ndarray, classes: tuple[str, ...]) -> None:
    with (folder / 'predictions.csv').open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(
            ['case_id', 'patient_id', 'part', 'fold', 'seed', 'label', 'pred', *[f'prob_{c}' for c in classes]]
        )
        for i, (label, row) in enumerate(zip(labels, scores)):
            writer.writerow([f'c{i}', f'p{i}', 'test', 0, 0, label, classes[int(row.argmax())], *row])


def write_log(folder: Path, run: str, rows: list[dict]) -> None:
    path = folder / run / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text(''.join(json.dumps(row) + '\n' for row in rows), encoding='utf-8')


def show(folder: Path, content: dict) -> tuple[list[str], str]:
    console = Console(file=io.StringIO(), width=200)
    drawn = report_run(folder, content, console)
    assert all(p.exists() and p.with_suffix('.svg').exists() for p in drawn)
    return [p.stem for p in drawn], console.file.getvalue()


CONTENT = {
    'classes': ['ADC', 'SCC'],
    'positive': 'SCC',
    'config': 'small',
    'selection': 'inner',
    'stages': {'image': {}},
}


def test_two_classes(tmp_path: Path):
    labels = ['ADC'] * 12 + ['SCC'] * 8 + ['']
    high = np.r_[np.linspace(0.1, 0.6, 12), np.linspace(0.4, 0.9, 8), 0.5]
    write_predictions(tmp_path, labels, np.c_[1 - high, high], ('ADC', 'SCC'))
    write_log(tmp_path / 'image', '1', [{'epoch': 1, 'loss': 2.0, 'step': 1}, {'auc': 0.7, 'step': 1}])
    metrics = {'auc': 0.9, 'accuracy': 0.85, 'tpr': 0.75, 'mcc': math.nan, 'image/auc': 0.8}
    content = {
        **CONTENT,
        'test': metrics,
        'clinical_weights': {'image': 1.0},
        'cases': {'test': 21},
        'patients': {'test': 20},
    }
    names, text = show(tmp_path, content)
    assert names == ['roc_test', 'confusion_test', 'training_image', 'clinical_weights']
    assert 'test (21 cases, 20 patients)' in text
    assert 'positive class SCC' in text
    assert 'cut by patient from the training folds' in text
    # Six of linspace(.4, .9, 8) lie above .5, all but .4 and .47.
    tpr = binomtest(6, 8).proportion_ci(method='wilson')
    assert f'0.750 [{tpr.low:.3f}, {tpr.high:.3f}]' in text
    assert 'image/auc' in text
    (mcc,) = [line for line in text.splitlines() if 'mcc' in line]
    assert mcc.split() == ['│', 'mcc', '│', '-', '│']


def test_three_classes_and_selection_on_the_test_part(tmp_path: Path):
    classes = ('a', 'b', 'c')
    write_predictions(tmp_path, list('aaabbbc'), np.random.default_rng(0).dirichlet(np.ones(3), 7), classes)
    content = {'classes': classes, 'selection': 'test', 'test': {'auc': 0.5}}
    names, text = show(tmp_path, content)
    assert names == ['roc_test', 'confusion_test']
    assert 'macro means over 3 classes' in text
    assert 'ON THE TEST PART ITSELF' in text
    svg = (tmp_path / 'figures' / 'roc_test.svg').read_text(encoding='utf-8')
    assert '<!-- b: ' in svg
    assert '<!-- c: ' not in svg  # one case of c: no curve with an interval


def test_one_class_only_draws_no_curve(tmp_path: Path):
    write_predictions(tmp_path, ['ADC'] * 3, np.full((3, 2), 0.5), ('ADC', 'SCC'))
    names, text = show(tmp_path, {**CONTENT, 'test': {'auc': math.nan, 'accuracy': 1.0}})
    assert names == ['confusion_test']
    assert '1.000 [0.439, 1.000]' in text  # Wilson for 3 of 3: from 3 / (3 + z^2)


def test_perfect_separation_is_bounded():
    labels, high = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.7, 0.8])
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        found = intervals(labels, np.c_[1 - high, high], np.arange(4), 'ab', 'b')
    assert found['auc'] == (pytest.approx(0.025**0.5), 1.0)
    assert {'accuracy', 'precision', 'tnr', 'tpr', 'f1', 'mcc'} < found.keys()


def test_several_cases_of_a_patient_widen_the_intervals():
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(20), 4)
    labels, high = (np.arange(20) % 2)[who], rng.random(20)[who]
    scores = np.c_[1 - high, high]
    by_patient, by_case = (intervals(labels, scores, p, 'ab', 'b') for p in (who, np.arange(80)))
    for name in ('auc', 'accuracy', 'tpr', 'tnr', 'f1', 'mcc'):
        assert np.ptp(by_patient[name]) > 1.4 * np.ptp(by_case[name]), name


def test_one_patient_of_a_class_has_no_interval_of_the_auc():
    found = intervals(np.array([0, 0, 1, 1]), np.full((4, 2), 0.5), np.array(list('abcc')), 'ab', 'b')
    assert 'auc' not in found and 'accuracy' in found


def test_three_classes_have_intervals():
    rng = np.random.default_rng(1)
    labels, scores = np.arange(60) % 3, rng.dirichlet(np.ones(3), 60)
    found = intervals(labels, scores, np.arange(60), 'abc', 'c')
    hits = int((scores.argmax(1) == labels).sum())
    expected = binomtest(hits, 60).proportion_ci(method='wilson')
    assert found['accuracy'] == pytest.approx((expected.low, expected.high))
    assert found['auc'] == clustered_macro_auc(labels, scores).ci and {'tpr', 'f1', 'mcc'} < found.keys()


def test_read_parts_keeps_labelled_rows(tmp_path: Path):
    write_predictions(tmp_path, ['SCC', '', 'ADC'], np.array([[0.2, 0.8], [0.5, 0.5], [0.7, 0.3]]), ('ADC', 'SCC'))
    labels, scores, patients = read_parts(tmp_path / 'predictions.csv', ('ADC', 'SCC'))['test']
    assert patients.tolist() == ['p0', 'p2']
    assert labels.tolist() == [1, 0]
    assert scores.tolist() == [[0.2, 0.8], [0.7, 0.3]]


def test_training_rows_average_and_resume(tmp_path: Path):
    first = [{'epoch': 1, 'loss': 4.0, 'step': 10}, {'epoch': 1, 'loss': 2.0, 'step': 20}, {'auc': 0.6, 'step': 1}]
    write_log(tmp_path, '20240101_1', [*first, {'epoch': 2, 'loss': 9.0, 'step': 30}])
    write_log(tmp_path, '20240101_2', [{'epoch': 2, 'loss': 1.0, 'step': 30}, {'auc': math.nan, 'step': 2}])
    rows = training_rows(tmp_path)
    assert [(r['epoch'], r['loss'], r.get('auc')) for r in rows] == [(1, 3.0, 0.6), (2, 1.0, None)]


def test_missing_predictions_are_an_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match='predictions'):
        report_run(tmp_path, {'classes': ['a', 'b']})


@pytest.mark.parametrize(('patients', 'said'), [(20, False), (9, True)])
def test_several_cases_a_patient_are_pointed_out(tmp_path: Path, patients: int, said: bool):
    high = np.r_[np.linspace(0.1, 0.6, 12), np.linspace(0.4, 0.9, 8)]
    write_predictions(tmp_path, ['ADC'] * 12 + ['SCC'] * 8, np.c_[1 - high, high], ('ADC', 'SCC'))
    content = {**CONTENT, 'test': {'auc': 0.9}, 'cases': {'test': 20}, 'patients': {'test': patients}}
    assert ('several cases a patient' in show(tmp_path, content)[1]) is said
