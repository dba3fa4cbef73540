from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from scipy.stats import mannwhitneyu
from sklearn import metrics as sk

from usmm.evaluation.metrics import CaseMetrics, score_metrics
from usmm.registry import METRICS

NAMES = ('ADC', 'SCC')


def predictions(n: int = 41, classes: int = 2, seed: int = 0, image: bool = False) -> list[dict]:
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        scores = rng.dirichlet(np.ones(classes) * 2, 2)
        row = {'case_id': f'c{i:03d}', 'patient_id': f'p{i // 2:03d}', 'label': int(rng.integers(classes))}
        rows.append({**row, 'scores': scores[0], 'image_scores': scores[1] if image else None})
    return rows


def run(rows: list[dict], **kwargs: object) -> tuple[dict, CaseMetrics]:
    metric = CaseMetrics(**{'classes': NAMES, **kwargs})
    for start in range(0, len(rows), 8):
        metric.process({}, rows[start : start + 8])
    return metric.evaluate(len(rows)), metric


def pairs(positive: np.ndarray, scores: np.ndarray) -> float:
    """The AUC as Mann and Whitney's U over the number of pairs."""
    u = mannwhitneyu(scores[positive], scores[~positive], method='asymptotic').statistic
    return float(u / (positive.sum() * (~positive).sum()))


@pytest.mark.parametrize('positive', [0, 1])
def test_binary_equals_scikit_learn(positive):
    rows = predictions()
    got, _ = run(rows, positive=NAMES[positive])
    labels = np.array([r['label'] for r in rows])
    scores = np.array([r['scores'] for r in rows])
    predicted = scores.argmax(1)
    assert got == pytest.approx(
        {
            'auc': pairs(labels == positive, scores[:, positive]),
            'accuracy': sk.accuracy_score(labels, predicted),
            'balanced_accuracy': sk.balanced_accuracy_score(labels, predicted),
            'tpr': sk.recall_score(labels, predicted, pos_label=positive),
            'tnr': sk.recall_score(labels, predicted, pos_label=1 - positive),
            'precision': sk.precision_score(labels, predicted, pos_label=positive),
            'f1': sk.f1_score(labels, predicted, pos_label=positive),
            'mcc': sk.matthews_corrcoef(labels, predicted),
        },
        abs=1e-12,
    )


def test_five_classes_are_macro_means():
    rows = predictions(120, 5)
    got, _ = run(rows, classes=('F0', 'F1', 'F2', 'F3', 'F4'), positive='not used')
    labels, scores = np.array([r['label'] for r in rows]), np.array([r['scores'] for r in rows])
    assert got['auc'] == pytest.approx(np.mean([pairs(labels == k, scores[:, k]) for k in range(5)]))
    assert got['f1'] == pytest.approx(sk.f1_score(labels, scores.argmax(1), average='macro'))


def test_image_scores_get_a_prefix_and_unlabelled_cases_stay_out():
    rows = predictions(30, image=True)
    unknown = {**rows[0], 'case_id': 'unknown', 'label': None}
    got, metric = run([unknown, *rows])
    plain, _ = run(rows)
    assert got == plain
    image, _ = run([{**r, 'scores': r['image_scores'], 'image_scores': None} for r in rows])
    assert {k: v for k, v in got.items() if k.startswith('image/')} == {f'image/{k}': v for k, v in image.items()}
    assert [r['case_id'] for r in metric.last_rows] == ['unknown', *[r['case_id'] for r in rows]]
    assert metric.last_rows[0]['label'] is None
    assert metric.results == []


def test_last_class_is_positive_by_default_and_prefix_is_put_in_front():
    rows = predictions()
    assert run(rows)[0] == run(rows, positive='SCC')[0]
    assert run(rows, prefix='val')[0]['val/auc'] == run(rows)[0]['auc']


def test_one_class_only_is_nan_with_a_warning():
    rows = [{**r, 'label': 1} for r in predictions(5)]
    with pytest.warns(UserWarning, match=r"no case of \['ADC'\] among 5: the AUC is nan"):
        got, _ = run(rows)
    assert math.isnan(got['auc'])
    assert math.isnan(got['tnr'])
    assert got['tpr'] == got['accuracy']
    with pytest.warns(UserWarning, match=r"no case of \['c'\]"):
        got = score_metrics(np.array([0, 1]), np.eye(3)[:2], ('a', 'b', 'c'), 'c')
    assert math.isnan(got['auc'])


def test_no_label_at_all_gives_no_metrics():
    with pytest.warns(UserWarning, match='none of 3 cases has a label'):
        got, metric = run([{**r, 'label': None} for r in predictions(3)])
    assert got == {}
    assert len(metric.last_rows) == 3


def test_evaluator_passes_the_class_names_of_the_data_set():
    evaluator = Evaluator(METRICS.build({'type': 'CaseMetrics', 'positive': 'ADC'}))
    evaluator.dataset_meta = {'classes': NAMES}
    rows = predictions()
    evaluator.process(rows)
    assert evaluator.evaluate(len(rows)) == run(rows, positive='ADC')[0]


def test_errors():
    row = predictions(1)[0]
    with pytest.raises(ValueError, match=r"scores of case 'c000' are not finite: \[nan, 1.0\]"):
        run([{**row, 'scores': [math.nan, 1.0]}])
    with pytest.raises(
        ValueError, match=r"image_scores of case 'c000' must be one number for each of .*got shape \(3,\)"
    ):
        run([{**row, 'image_scores': [0.1, 0.2, 0.7]}])
    with pytest.raises(ValueError, match=r'needs the names of two or more classes, got \(\)'):
        run([row], classes=None)
    with pytest.raises(ValueError, match=r"positive class 'scc' is not one of the classes \['ADC', 'SCC'\]"):
        run(predictions(), positive='scc')


TWO_PROCESSES = """
import importlib.util, json, sys
import torch
from usmm.compat import apply
apply()
from mmengine.dist import get_rank, init_dist
from usmm.datasets.samplers import CaseSampler
from usmm.evaluation.metrics import CaseMetrics

spec = importlib.util.spec_from_file_location('here', sys.argv[1])
here = importlib.util.module_from_spec(spec)
spec.loader.exec_module(here)
torch.set_num_threads(1)
init_dist('pytorch', backend='gloo')
rows = here.predictions(41, image=True)
found = []
for round_up in (True, False):
    metric = CaseMetrics(classes=here.NAMES)
    sampler = CaseSampler(rows, shuffle=False, seed=0, round_up=round_up)
    metric.process({}, [rows[i] for _, i in sampler])
    metrics = metric.evaluate(len(rows))
    found.append([len(sampler), metrics, [row['case_id'] for row in metric.last_rows]])
open(f'{sys.argv[2]}/{get_rank()}.json', 'w').write(json.dumps(found))
torch.distributed.barrier()  # a process that leaves early takes the other's connection with it
torch.distributed.destroy_process_group()
"""


def test_two_processes_equal_one(warm_python, tmp_path: Path):
    script = tmp_path / 'two.py'
    script.write_text(TWO_PROCESSES, encoding='utf-8')
    warm_python.run_two([script, __file__, tmp_path], cwd=tmp_path)
    rows = predictions(41, image=True)
    expected, _ = run(rows)
    for rank in (0, 1):
        found = json.loads((tmp_path / f'{rank}.json').read_text(encoding='utf-8'))
        assert [count for count, _, _ in found] == [21, 21 - rank]  # with and without a repeated case
        for _, metrics, ids in found:
            assert ids == [row['case_id'] for row in rows]
            assert metrics == pytest.approx(expected, abs=1e-12)
    assert not (tmp_path / '.dist_test').exists()


@pytest.mark.parametrize('classes', [('a', 'b'), ('a', 'b', 'c')])
def test_names_are_those_that_are_measured(classes: tuple[str, ...]) -> None:
    metric = CaseMetrics(classes=classes, prefix='x')
    size = len(classes)
    scores = np.eye(size) * 0.5 + 0.5 / size
    metric.process(
        None, [dict(case_id=k, patient_id=k, label=k, scores=s, image_scores=s) for k, s in enumerate(scores)]
    )
    assert set(metric.evaluate(size)) == set(metric.names)
