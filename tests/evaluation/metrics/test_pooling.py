"""Samples that are pairs of images of a case are one row of the predictions; classes that are stages."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, mean_absolute_error

from usmm.evaluation.metrics import CaseMetrics
from usmm.evaluation.metrics.case_metrics import pooled

CLASSES = ('F0', 'F1', 'F2')


def samples() -> list[dict]:
    rng, found = np.random.default_rng(0), []
    for c in range(12):
        for k in range(1 + c % 3):
            scores = rng.dirichlet(np.ones(3))
            row = dict(case_id=f'c{c}#{k}', of=f'c{c}', patient_id=f'p{c}', label=c % 3, scores=scores)
            found.append({**row, 'image_scores': scores[::-1]})
    return found


def test_one_row_a_case_with_the_mean_probability() -> None:
    metric = CaseMetrics(classes=CLASSES)
    rows = samples()
    order = np.random.default_rng(1).permutation(len(rows))
    metric.process(None, [rows[i] for i in order])
    metrics = metric.evaluate(len(rows))
    assert sorted(r['case_id'] for r in metric.last_rows) == sorted(f'c{c}' for c in range(12))
    hits = 0
    for row in metric.last_rows:
        mine = [r for r in rows if r['of'] == row['case_id']]
        expected = [sum(r['scores'][k] for r in mine) / len(mine) for k in range(3)]
        np.testing.assert_allclose(row['scores'], expected)
        np.testing.assert_allclose(row['image_scores'], expected[::-1])
        assert 'of' not in row
        hits += int(np.argmax(expected)) == row['label']
    assert metrics['accuracy'] == pytest.approx(hits / 12)


def test_ordinary_rows_stay_as_they_are() -> None:
    rows = [dict(case_id='a', scores=1), dict(case_id='a', scores=2)]
    assert pooled(rows) == rows


def test_metrics_of_stages_are_those_of_scikit_learn() -> None:
    rows = samples()
    metric = CaseMetrics(classes=CLASSES, ordered=True)
    metric.process(None, rows)
    found = metric.evaluate(len(rows))
    labels = [r['label'] for r in metric.last_rows]
    called = [int(np.argmax(r['scores'])) for r in metric.last_rows]
    assert found['quadratic_kappa'] == pytest.approx(cohen_kappa_score(labels, called, weights='quadratic'))
    assert found['stage_error'] == pytest.approx(mean_absolute_error(labels, called))
    assert {'quadratic_kappa', 'image/stage_error'} <= set(metric.names)
    assert 'stage_error' not in CaseMetrics(classes=CLASSES).names


TWO_PROCESSES = """
import importlib.util, json, sys
from usmm.compat import apply
apply()
import torch
from mmengine.dist import get_rank, init_dist
from usmm.datasets.samplers import CaseSampler
from usmm.evaluation.metrics import CaseMetrics

spec = importlib.util.spec_from_file_location('here', sys.argv[1])
here = importlib.util.module_from_spec(spec)
spec.loader.exec_module(here)
torch.set_num_threads(1)
init_dist('pytorch', backend='gloo')
rows = here.samples()[:-1]  # an odd number: one process gets a sample that the other has, too
metric = CaseMetrics(classes=here.CLASSES, ordered=True)
metric.process({}, [rows[i] for _, i in CaseSampler(rows, shuffle=False, seed=0, round_up=True)])
metrics = metric.evaluate(len(rows))
scores = {row['case_id']: row['scores'].tolist() for row in metric.last_rows}
open(f'{sys.argv[2]}/{get_rank()}.json', 'w').write(json.dumps([metrics, scores]))
torch.distributed.barrier()  # a process that leaves early takes the other's connection with it
torch.distributed.destroy_process_group()
"""


def test_two_processes_pool_as_one(warm_python, tmp_path: Path) -> None:
    (tmp_path / 'two.py').write_text(TWO_PROCESSES)
    warm_python.run_two([tmp_path / 'two.py', __file__, tmp_path])
    rows = samples()[:-1]
    assert len(rows) % 2 == 1
    metric = CaseMetrics(classes=CLASSES, ordered=True)
    metric.process(None, rows)
    expected = metric.evaluate(len(rows))
    for rank in (0, 1):
        metrics, scores = json.loads((tmp_path / f'{rank}.json').read_text())
        assert metrics == pytest.approx(expected, nan_ok=True)
        for row in metric.last_rows:
            assert scores[row['case_id']] == pytest.approx(row['scores'].tolist())
