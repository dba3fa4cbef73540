"""Readers beside a model: the table, and the comparison against the statistics that it is made of."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, ttest_1samp

from usmm.evaluation.readers import ReaderTable, compare_readers
from usmm.evaluation.stats import compare_conditions, compare_with_model, delong_interval, rate_intervals
from usmm.readers import DataError


def frame(seed: int = 0, cases: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    labels = np.arange(cases) % 2
    scores = {
        name: rng.normal(size=cases).round(3) + skill * labels for name, skill in (('A', 1), ('B', 1.5), ('m', 2))
    }
    table = pd.DataFrame(
        {'case_id': [f'c{i}' for i in range(cases)], 'label': np.where(labels, 'mal', 'ben'), **scores}
    )
    table['m'] = 1 / (1 + np.exp(1 - table['m']))
    table['call'] = np.where(rng.random(cases) < 0.8, table['label'], np.where(labels, 'ben', 'mal'))
    table['sure'] = np.where(table['call'] == 'mal', 'Yes', 'no')
    return table


def written(folder: Path, table: pd.DataFrame) -> Path:
    table.to_csv(folder / 'readings.csv', index=False)
    return folder / 'readings.csv'


def test_columns_of_calls_and_of_scores(tmp_path):
    table = frame()
    read = ReaderTable.read(written(tmp_path, table), 'mal', ['A', 'call', 'sure', 'm'])
    assert read.calls == {'call', 'sure'} and not read.several
    assert read.labels.tolist() == (table['label'] == 'mal').tolist()
    assert read.values['call'].tolist() == read.values['sure'].tolist() == (table['call'] == 'mal').tolist()
    assert read.values['A'] == pytest.approx(table['A'])
    elsewhere = ReaderTable.read(
        written(tmp_path, table), 'mal', ['A'], part=dict(zip(table['case_id'], table['m'], strict=True))
    )
    assert elsewhere.values['model'] == pytest.approx(table['m'])


def test_each_reader_and_the_model(tmp_path):
    table = frame()
    read = ReaderTable.read(written(tmp_path, table), 'mal', ['A', 'call', 'm'])
    found = compare_readers(read, ['A', 'call'], 'm', reader_threshold=0.5)
    a, call, model = found.rows
    labels, of_model = read.labels.astype(int), (read.values['m'] >= 0.5).astype(int)
    assert a.auc.ci == delong_interval(labels, read.values['A']).ci and call.auc is None
    expected = rate_intervals(labels, (read.values['A'] >= 0.5).astype(int), 2, 1)
    assert a.rates['tpr'] == expected['tpr'] and a.rates['balanced_accuracy'] == expected['balanced_accuracy']
    right, theirs = read.values['call'] == labels, of_model == labels
    assert (call.better, call.worse) == (int((right & ~theirs).sum()), int((theirs & ~right).sum()))
    assert call.pvalue == pytest.approx(binomtest(call.better, call.better + call.worse).pvalue)
    assert (
        model.better is None
        and math.isnan(model.pvalue)
        and model.rates['tpr'].estimate == of_model[labels == 1].mean()
    )
    assert (found.cases, found.patients, found.positives) == (40, 40, 20)


def test_over_readers_of_scores_and_of_calls(tmp_path):
    table = frame()
    table['A2'], table['B2'] = table['A'] + table['m'], table['B'] + table['m']
    read = ReaderTable.read(written(tmp_path, table), 'mal', ['A', 'B', 'A2', 'B2', 'm', 'call', 'sure'])
    found = compare_readers(read, ['A', 'B'], 'm', ['A2', 'B2'])
    stack = np.array([[read.values[n] for n in names] for names in (('A', 'B'), ('A2', 'B2'))])
    expected = compare_with_model(read.labels, stack[0], read.values['m'])
    assert found.against_model.pvalue == pytest.approx(expected.pvalue)
    assert found.conditions.pvalue == pytest.approx(compare_conditions(read.labels, stack).pvalue)
    assert found.figure_of_merit == 'AUC' and found.rows[0].rates == {}  # no threshold, no calls
    calls = compare_readers(read, ['call', 'sure'], 'm')
    model = (read.values['m'] >= 0.5).astype(float)
    both = np.array([read.values['call'], read.values['sure']])
    expected = compare_with_model(read.labels, both, model)
    assert calls.against_model.estimate == pytest.approx(expected.estimate)
    assert calls.against_model.pvalue == pytest.approx(expected.pvalue)
    assert calls.figure_of_merit == 'mean of sensitivity and specificity'
    assert compare_readers(read, ['A'], 'm').against_model is None
    assert compare_readers(read, ['A', 'call'], 'm').against_model is None  # scores without a threshold beside calls


def test_several_cases_of_a_patient_are_tested_by_patient(tmp_path):
    table = frame(1, 60)
    table['patient_id'] = [f'p{i // 3}' for i in range(60)]
    read = ReaderTable.read(written(tmp_path, table), 'mal', ['call', 'm'])
    (row, _) = compare_readers(read, ['call'], 'm').rows
    assert read.several and row.test == 'paired by patient, t'
    right = (read.values['call'] == read.labels).astype(float)
    theirs = ((read.values['m'] >= 0.5) == read.labels).astype(float)
    # equal numbers of cases: the t test of the patients' means
    means = (right - theirs).reshape(20, 3).mean(1)
    assert row.pvalue == pytest.approx(ttest_1samp(means, 0).pvalue)
    same = compare_readers(read, ['call'], 'call').rows[0]
    assert same.name == 'call'


@pytest.mark.parametrize(
    ('change', 'columns', 'message'),
    [
        (lambda t: t, ['Z'], "has no column 'Z'"),
        (lambda t: t.drop(columns='label'), ['A'], "has no column 'label'"),
        (lambda t: t.assign(case_id='c1'), ['A'], r"has several rows of 1 cases, such as \['c1'\]"),
        (lambda t: t.assign(label='ben'), ['A'], r"no case with the label 'mal'; the labels are \['ben'\]"),
        (lambda t: t.assign(A=[None, *t['A'][1:]]), ['A'], "case 'c0' has no value in the column 'A': fill the cell"),
        (
            lambda t: t.assign(A=['maybe', *t['A'][1:]]),
            ['A'],
            "case 'c0' has 'maybe' in the column 'A', which is neither",
        ),
        (lambda t: t.assign(A=['inf', *t['A'][1:]]), ['A'], "case 'c0' has 'inf' in the column 'A', which is neither"),
    ],
)
def test_tables_that_cannot_be_read(change, columns, message, tmp_path):
    with pytest.raises(DataError, match=message):
        ReaderTable.read(written(tmp_path, change(frame())), 'mal', columns)


@pytest.mark.parametrize(
    ('classes', 'positive', 'calls'),
    [(('no', 'yes'), 'no', ('No', 'YES')), (('0', '1'), '0', ('0.0', '1.0')), (('ben', 'mal'), 'mal', ('Ben', 'MAL'))],
)
def test_calls_are_names_of_classes_however_they_are_typed(classes, positive, calls, tmp_path):
    """`yes` is not the positive class where `no` is."""
    table = frame()
    truth = (table['label'] == 'mal').to_numpy().astype(int)
    table['label'], table['A'] = np.array(classes)[truth], np.array(calls)[truth]
    read = ReaderTable.read(written(tmp_path, table), positive, ['A'])
    assert read.calls == {'A'} and (read.values['A'] == read.labels).all() and read.labels.sum() == 20


def test_calls_that_could_be_either_class_are_refused(tmp_path):
    table = frame()
    table['label'] = np.where(table['label'] == 'mal', 'yes', 'no')
    table['A'] = np.arange(40) % 2
    with pytest.raises(
        DataError, match=r"has \['0', '1'\] in the column 'A' and the classes \['no', 'yes'\]: it is not"
    ):
        ReaderTable.read(written(tmp_path, table), 'no', ['A'])


def test_the_cell_that_is_no_class_is_named(tmp_path):
    table = frame()
    table.loc[39, 'call'] = 'malignat'
    with pytest.raises(DataError, match=r"case 'c39' has 'malignat' in the column 'call', which is not one of"):
        ReaderTable.read(written(tmp_path, table), 'mal', ['call'])


def test_predictions_that_lack_cases(tmp_path):
    with pytest.raises(DataError, match=r"has 39 cases without a prediction, such as \['c1', 'c2', 'c3'\]"):
        ReaderTable.read(written(tmp_path, frame()), 'mal', ['A'], part={'c0': 0.5})


def test_as_many_aided_columns_as_readers(tmp_path):
    read = ReaderTable.read(written(tmp_path, frame()), 'mal', ['A', 'B', 'm'])
    with pytest.raises(ValueError, match='each of 2 readers needs a column of reading with the model, got 1'):
        compare_readers(read, ['A', 'B'], 'm', ['m'])
