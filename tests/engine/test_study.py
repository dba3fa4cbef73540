"""Studies: the file, the same folds for all rows, and the paired test."""

from __future__ import annotations

import math

import pytest

from usmm.engine import RunOptions, Study, StudySpec, read_predictions, run_folds
from usmm.stats import delong_test

QUIET = RunOptions(progress=False)
TEXT = """
title = 'two tables'
config = './tiny.py'
folds = 2
reference = 'both'
_none = {'modalities': ('clinical',)}
variants = [
    dict(name='both', options=_none),
    dict(name='age alone', options={'modalities': ('clinical',), 'schema.clinical': [dict(name='age', unit='year')]},
         published=dict(auc='.71')),
]
"""


def write(folder, text: str = TEXT):
    path = folder / 'study.py'
    path.write_text(text)
    return path


@pytest.fixture(scope='module')
def studied(write_tiny_config, tmp_path_factory):
    folder = tmp_path_factory.mktemp('studied')
    write_tiny_config(folder)
    study = Study(StudySpec.read(write(folder)), folder / 'work', {'max_epochs': 2})
    run_folds(study.tasks(), QUIET, False)
    return study, study.gather({'both': 0.9})


def test_rows_hold_what_a_report_needs(studied):
    _, rows = studied
    assert [row['name'] for row in rows] == ['both', 'age alone']
    both, age = rows
    assert both['difference'] is None and both['known_best'] == 0.9 and age['known_best'] is None
    assert age['published'] == {'auc': '.71'} and both['published'] is None
    assert both['cases'] == both['patients'] == 19 and both['metrics']['auc']['folds']


def test_the_paired_test_is_the_mean_over_the_folds(studied):
    """Of two folds: the mean difference, and half the root of the summed variances (DeLong et al., 1988)."""
    study, rows = studied
    tables = [read_predictions(plan.work_dir / 'predictions.csv') for plan in study.plans.values()]
    found = []
    for k in '01':
        both, age = ({r['case_id']: r for r in t if r['fold'] == k} for t in tables)
        cases = sorted(both)
        labels = [both[c]['label'] == 'SCC' for c in cases]
        found.append(delong_test(labels, *([t[c]['prob_SCC'] for c in cases] for t in (age, both))))
    expected = sum(t.estimate for t in found) / 2
    se = math.sqrt(sum(t.se**2 for t in found)) / 2
    difference = rows[1]['difference']
    assert difference['estimate'] == pytest.approx(expected, abs=1e-12)
    low, high = difference['ci95']
    assert high - low == pytest.approx(2 * 1.959964 * se, abs=1e-3)
    assert difference['p_holm'] == pytest.approx(difference['pvalue']) or math.isnan(difference['pvalue'])
    assert difference['cases'] == 19


def test_rows_of_other_folds_are_refused(studied):
    study, _ = studied
    path = study.plans['age alone'].work_dir / 'folds.csv'
    before = path.read_text()
    case, *_, fold = before.splitlines()[1].split(',')
    try:
        text = before.replace(before.splitlines()[1], before.splitlines()[1][:-1] + str(1 - int(fold)))
        path.write_text(text)
        with pytest.raises(ValueError, match=rf'1 cases are in another fold than in .*both, such as .*{case}'):
            study._check_folds()
    finally:
        path.write_text(before)


def test_chosen_rows_bring_the_reference(studied, tmp_path):
    spec = studied[0].spec
    assert list(Study(spec, tmp_path, rows=['age alone']).plans) == ['both', 'age alone']
    assert list(Study(spec, tmp_path, rows=['both']).plans) == ['both']
    with pytest.raises(ValueError, match=r"the study has no row 'age'; rows are .*nearest 'age alone'"):
        Study(spec, tmp_path, rows=['age'])


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (('folds = 2', 'fold = 2'), r"unknown key 'fold'; keys are .*, nearest 'folds'"),
        (("reference = 'both'", ''), r"\['reference'\] must be given"),
        (("reference = 'both'", "reference = 'neither'"), r"the reference 'neither' is no row; rows are \['both'"),
        (('published=', 'publisht='), r"variant 1: unknown key 'publisht'; keys are .*, nearest 'published'"),
        (("name='age alone'", "name='both'"), r"these rows have one name \(or folder\): \['both'\]"),
        (("name='both', ", ''), r"variant 0: \['name'\] must be given"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        StudySpec.read(write(tmp_path, TEXT.replace(*change)))


def test_rows_of_other_classes_are_refused(studied, monkeypatch):
    study, _ = studied
    plan = study.plans['age alone']
    summary = plan.gather()
    monkeypatch.setattr(type(plan), 'gather', lambda self: {**summary, 'classes': ['x', self.work_dir.name]})
    with pytest.raises(ValueError, match=r"row 'age alone' has the classes .*, the reference"):
        study.gather()


@pytest.mark.parametrize('name', ['inputs', 'fusions', 'losses', 'ablations'])
def test_shipped_studies_of_msmfn(name):
    """As many rows as the paper's tables, each a config of both sizes."""
    spec = StudySpec.read(f'msmfn/studies/{name}')
    rows = {'inputs': 16, 'fusions': 5, 'losses': 8, 'ablations': 9}
    assert len(spec.variants) == rows[name] and spec.published
    Study(spec, 'nowhere')  # reads every config
