"""Studies: the file, the same folds for all rows, and the paired test."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import t

from usmm.config import ConfigError
from usmm.engine import RunOptions, Study, StudySpec, read_predictions, run_folds
from usmm.engine.studies.study import Variant
from usmm.evaluation.stats import delong_test

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


def test_p_asks_what_training_again_would_give(studied):
    """Nadeau and Bengio, 2003: the t test of the folds' differences, with a variance of 1 / J + tested / trained."""
    study, rows = studied
    both, age = (row['metrics']['auc']['folds'] for row in rows)
    differences = np.array(age) - np.array(both)
    difference = rows[1]['difference']
    assert difference['estimate'] == pytest.approx(differences.mean(), abs=1e-12) and len(differences) == 2
    folds = read_predictions(study.plans['both'].work_dir / 'predictions.csv')
    sizes = [sum(r['fold'] == k for r in folds) for k in '01']
    se = differences.std(ddof=1) * math.sqrt(1 / 2 + np.mean(sizes) / np.mean(sizes[::-1]))
    if se:
        low, high = difference['ci95']
        assert high - low == pytest.approx(2 * t.ppf(0.975, 1) * se)
    else:
        assert difference['ci95'] is None
    expected = 2 * t.sf(abs(differences.mean()) / se, 1) if se else float(not differences.any())
    assert difference['pvalue'] == pytest.approx(expected)
    assert difference['test'] == 'corrected resampled t (Nadeau and Bengio), 2 folds'
    assert difference['question'].startswith('would one kind of model be better if both were trained again')
    assert (difference['cases'], difference['folds'], difference['left_out'], difference['family']) == (19, 2, 0, 1)
    assert difference['p_holm'] == difference['pvalue']


def test_the_test_given_the_models_is_the_mean_over_the_folds(studied):
    """Of two folds: the mean difference, and half the root of the summed variances (DeLong et al., 1988)."""
    study, _ = studied
    study = copy.copy(study)
    study.spec = dataclasses.replace(study.spec, test='models', pairs='all')
    tables = [read_predictions(plan.work_dir / 'predictions.csv') for plan in study.plans.values()]
    found = []
    for k in '01':
        both, age = ({r['case_id']: r for r in t if r['fold'] == k} for t in tables)
        cases = sorted(both)
        labels = [both[c]['label'] == 'SCC' for c in cases]
        found.append(delong_test(labels, *([t[c]['prob_SCC'] for c in cases] for t in (age, both))))
    expected = sum(t.estimate for t in found) / 2
    se = math.sqrt(sum(t.se**2 for t in found)) / 2
    (difference,) = study.pairs()
    assert difference['estimate'] == pytest.approx(expected, abs=1e-12)
    low, high = difference['ci95']
    assert high - low == pytest.approx(2 * 1.959964 * se, abs=1e-3)
    assert difference['question'].startswith('are these trained models, as they are, different')


def test_a_pair_of_two_rows_is_the_test_against_the_reference(studied):
    study, rows = studied
    assert study.spec.pairs == 'reference' and study.pairs() == []
    for how in ('all', 'steps'):
        other = copy.copy(study)
        other.spec = dataclasses.replace(study.spec, pairs=how)
        (pair,) = other.pairs()
        assert (pair['first'], pair['second']) == ('both', 'age alone')
        assert {k: v for k, v in pair.items() if k in rows[1]['difference']} == rows[1]['difference']


@pytest.fixture
def three_rows(tmp_path):
    """A study of three rows as it stands after training: one fold, 40 patients, one case each."""
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    scores = {f'model {i}': 1 / (1 + np.exp(-rng.normal(labels * i, 1))) for i in (1, 2, 3)}
    plans = {}
    for name, values in scores.items():
        folder = tmp_path / name
        folder.mkdir()
        lines = ['case_id,patient_id,part,fold,seed,label,pred,prob_ADC,prob_SCC']
        lines += [
            f'c{j},p{j},test,0,0,{("ADC", "SCC")[y]},ADC,{1 - v},{v}' for j, (y, v) in enumerate(zip(labels, values))
        ]
        (folder / 'predictions.csv').write_text('\n'.join(lines) + '\n')
        (folder / 'summary.json').write_text(json.dumps({'classes': ['ADC', 'SCC'], 'positive': 'SCC'}))
        plans[name] = SimpleNamespace(work_dir=folder)
    spec = StudySpec('t', 'c', tuple(Variant(name) for name in plans), 'model 1', test='models')

    def make(pairs):
        study = Study.__new__(Study)
        study.spec, study.work_dir, study.plans = dataclasses.replace(spec, pairs=pairs), tmp_path, plans
        return study

    return make, labels, scores


NAMED = [('model 3', 'model 1'), ('model 2', 'a row that is not run'), ('model 2', 'model 3')]


@pytest.mark.parametrize(
    ('pairs', 'wanted'),
    [('all', [(1, 2), (1, 3), (2, 3)]), ('steps', [(1, 2), (2, 3)]), (NAMED, [(3, 1), (2, 3)])],
)
def test_pairs_of_rows_are_delongs_with_holms_correction(three_rows, pairs, wanted):
    make, labels, scores = three_rows
    found = make(pairs).pairs()
    assert [(p['first'], p['second']) for p in found] == [(f'model {a}', f'model {b}') for a, b in wanted]
    expected = [delong_test(labels, scores[p['second']], scores[p['first']]) for p in found]
    for pair, test in zip(found, expected):
        assert pair['estimate'] == pytest.approx(test.estimate) and pair['cases'] == 40
        # patients as clusters: the sum of squares has ddof 0
        assert pair['pvalue'] == pytest.approx(test.pvalue, abs=0.02)
    # the family: both rows against the reference, and these pairs, each pair of rows once
    family = {frozenset((f'model {a}', f'model {b}')) for a, b in [(1, 2), (1, 3), *wanted]}
    of_all = {frozenset((p['first'], p['second'])): p['pvalue'] for p in make('all').pairs()}
    raw = [of_all[pair] for pair in family]
    for pair in found:
        steps = [
            q * sum(other >= q for other in raw) for q in raw if q <= of_all[frozenset((pair['first'], pair['second']))]
        ]
        assert pair['p_holm'] == pytest.approx(min(1.0, max(steps))) and pair['family'] == len(family)


def test_one_fold_cannot_tell_what_training_again_would_give(three_rows):
    study = three_rows[0]('steps')
    study.spec = dataclasses.replace(study.spec, test='retrained')
    for pair in study.pairs():
        assert math.isnan(pair['pvalue']) and pair['ci95'] is None and not math.isnan(pair['estimate'])
        assert pair['test'] == 'none: one fold has two patients of each class, and two are needed'


def test_an_unknown_test_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"study.py: test must be one of \['retrained', 'models'\], got 'delong'"):
        StudySpec.read(write(tmp_path, TEXT + "test = 'delong'\n"))


def test_rows_without_a_case_in_common(three_rows):
    study = three_rows[0]('steps')
    path = study.plans['model 2'].work_dir / 'predictions.csv'
    path.write_text(path.read_text().replace('\nc', '\nother'))
    with pytest.raises(ValueError, match="rows 'model 2' and 'model 1' have no case in common"):
        study.pairs()


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


def test_rows_trained_with_other_flags_are_refused(studied):
    study, rows = studied
    assert [row['warnings'] for row in rows] == [[], []]
    records = [plan.tasks()[k].folder / 'fold.json' for plan in [*study.plans.values()][1:] for k in (0, 1)]
    before = [path.read_text() for path in records]
    for path, text in zip(records, before, strict=True):
        path.write_text(text.replace('"--amp": false', '"--amp": true'))
    with pytest.raises(ValueError, match=r'age_alone/fold_0 was trained with --amp, unlike .*both/fold_0'):
        study.gather()
    for path, text in zip(records, before, strict=True):
        path.write_text(text)


def test_chosen_rows_bring_the_reference(studied, tmp_path):
    spec = studied[0].spec
    assert list(Study(spec, tmp_path, rows=['age alone']).plans) == ['both', 'age alone']
    assert list(Study(spec, tmp_path, rows=['both']).plans) == ['both']
    with pytest.raises(ValueError, match=r"the study has no row 'age'; rows are .*did you mean 'age alone'"):
        Study(spec, tmp_path, rows=['age'])


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (('folds = 2', 'fold = 2'), r"unknown key 'fold'; keys are .*, did you mean 'folds'"),
        (("reference = 'both'", ''), r"\['reference'\] must be given"),
        (("reference = 'both'", "reference = 'neither'"), r"the reference 'neither' is no row; rows are \['both'"),
        (('published=', 'publisht='), r"variant 1: unknown key 'publisht'; keys are .*, did you mean 'published'"),
        (("name='age alone'", "name='both'"), r"these rows have one name \(or folder\): \['both'\]"),
        (("name='both', ", ''), r"variant 0: \['name'\] must be given"),
        (('folds = 2', "pairs = [('age', 'nobody')]"), r"must be the names of two rows, got \('age', 'nobody'\)"),
        (('folds = 2', "pairs = 'both'"), r"pairs must be one of \['reference', 'all', 'steps'\], got 'both'"),
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


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'\xff\xfe\x00', 'a config must be Python'),
        (b'config = (', r'study\.py:1: a config must be Python: '),
        (b'config = nothing', r"study\.py:1: .*name 'nothing' is not defined"),
    ],
)
def test_a_study_file_whose_code_fails_is_one_clear_error(tmp_path, content, message):
    (tmp_path / 'study.py').write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        StudySpec.read(tmp_path / 'study.py')
