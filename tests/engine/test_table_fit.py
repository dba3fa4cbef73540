"""A stage that fits a classical model, from the table to the files of the work directory and back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from usmm.config import load_config
from usmm.engine import Experiment, RunOptions, load_weights, read_predictions
from usmm.engine.table_fit import check_fit, fit_stage
from usmm.structures import Case

QUIET = RunOptions(progress=False)


def options(estimator: str) -> dict[str, Any]:
    model = dict(_delete_=True, type='TableClassifier', estimator=estimator, modalities='${modalities}')
    names = dict(classes='${classes}', positive='${positive}', schema='${schema}')
    stages = [dict(name='table', train='all', fit=True)]
    return {'modalities': ('clinical',), 'model': model | names, 'stages': stages, 'split.selection': 'last'}


@pytest.mark.parametrize('estimator', ['logistic', 'boosting'])
def test_from_the_table_to_predictions_and_back(estimator, write_tiny_config, tmp_path):
    path = write_tiny_config(tmp_path)
    metrics = Experiment(load_config(path, options(estimator)), options=QUIET).train()
    work = path.parent / 'work'
    found = metrics['stages']['table']
    assert (found['epochs'], found['fitted']) == (0, metrics['cases']['train'])
    rows = {r['case_id']: r['prob_SCC'] for r in read_predictions(work / 'predictions.csv') if r['part'] == 'test'}
    assert len(rows) == metrics['cases']['test']
    assert load_weights(work / 'model.pth')['state_dict']['fitted']
    # the saved config and weights, as for a test elsewhere
    again = Experiment(load_config(work / 'config.py'), tmp_path / 'again', QUIET, ('test',), work / 'model.pth')
    measured, second = again.evaluate(('test',))
    assert measured['test'] == pytest.approx(metrics['test'], rel=0, abs=0, nan_ok=True)
    assert {r['case_id']: r['prob_SCC'] for r in second} == pytest.approx(rows, abs=1e-6)
    # a stage that is done is not run again
    resumed = Experiment(load_config(path, options(estimator)), options=QUIET).train(resume=True)
    assert resumed['test'] == pytest.approx(metrics['test'], rel=0, abs=0, nan_ok=True)


def test_the_years_of_the_tiny_patients_tell_the_classes(write_tiny_config, tmp_path):
    # odd cases are ten years older and SCC
    metrics = Experiment(load_config(write_tiny_config(tmp_path), options('logistic')), options=QUIET).train()
    assert metrics['test']['auc'] == 1.0


def test_cases_without_a_label_are_left_aside():
    seen = {}
    model = SimpleNamespace(
        fitted=torch.tensor(False), clinical=None,
        fit_table=lambda table, labels, seed: seen.update(table=table, labels=labels, seed=seed),
    )  # fmt: skip
    cases = [Case('a', 'a', label=1), Case('b', 'b'), Case('c', 'c', label=0)]
    result = fit_stage(model, torch.tensor([[1.0], [2.0], [3.0]]), cases, seed=5)
    assert seen['table'].tolist() == [[1.0], [3.0]] and seen['labels'].tolist() == [1, 0] and seen['seed'] == 5
    assert result['fitted'] == 2


def test_fitting_and_training_are_not_mixed_up():
    class Linear(torch.nn.Linear):
        clinical = None

    with pytest.raises(ValueError, match="stage 'image' has fit=True: Linear is trained, give it an optimizer"):
        check_fit(dict(name='image', fit=True), Linear(1, 1))
    with pytest.raises(ValueError, match="stage 'table': SimpleNamespace is fitted once, give the stage fit=True"):
        check_fit(dict(name='table'), SimpleNamespace(fit_table=None, fitted=torch.tensor(False), clinical=None))
