"""Indicators are chosen on the training part, and nothing that is fitted there sees a test row."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from usmm.config import load_config
from usmm.engine import Experiment, RunOptions, load_weights
from usmm.engine.table_fit import fit_clinical, indicator_tests
from usmm.models import ClinicalFusionHead
from usmm.structures import Case, Variable

AGE, SIDE, NOISE = Variable('age'), Variable('side', values=('left', 'right')), Variable('noise')


def cases(count: int = 60) -> list[Case]:
    rng = np.random.default_rng(0)
    result = []
    for i in range(count):
        side = 'left' if rng.random() < (0.8 if i % 2 else 0.2) else 'right'
        row = dict(age=50 + 10 * (i % 2) + 5 * rng.normal(), side=side, noise=rng.normal())
        result.append(Case(f'c{i}', f'p{i}', label=i % 2, clinical=row))
    return result


def table(of: list[Case]) -> torch.Tensor:
    return torch.tensor(
        [[c.clinical['age'], ['left', 'right'].index(c.clinical['side']), c.clinical['noise']] for c in of]
    )


def test_p_values_are_those_of_scipy() -> None:
    known = cases()
    tests = indicator_tests(
        [*known, Case('x', 'x', clinical=dict(age=1e9))], [AGE, SIDE, NOISE]
    )  # no label: passed over
    young, old = ([c.clinical['age'] for c in known if c.label == k] for k in (0, 1))
    assert tests['age'].pvalue == pytest.approx(stats.ttest_ind(young, old, equal_var=False).pvalue)
    counts = [[sum(c.label == k and c.clinical['side'] == s for c in known) for s in ('left', 'right')] for k in (0, 1)]
    assert tests['side'].pvalue == pytest.approx(stats.chi2_contingency(counts, correction=False).pvalue)
    assert tests['noise'].pvalue > 0.05


def test_the_choice_and_its_facts() -> None:
    known, head = cases(), ClinicalFusionHead([AGE, SIDE, NOISE], select=0.05)
    facts = fit_clinical(head, table(known), known)['selection']
    assert head.not_selected == ['noise'] and bool(head.fitted)
    assert facts['p at most'] == 0.05 and json.loads(json.dumps(facts)) == facts
    assert {name: row['selected'] for name, row in facts['indicators'].items()} == dict(
        age=True, side=True, noise=False
    )
    assert facts['indicators']['side']['test'] == 'chi-squared'


def test_without_select_all_are_kept() -> None:
    known, head = cases(), ClinicalFusionHead([AGE, SIDE, NOISE])
    assert fit_clinical(head, table(known), known) == {} and bool(head.fitted) and head.not_selected == []


def test_all_missing_is_not_selected() -> None:
    known = cases()
    for case in known:
        case.clinical['noise'] = None
    facts = fit_clinical(ClinicalFusionHead([AGE, SIDE, NOISE], select=0.05), table(cases()), known)['selection']
    assert facts['indicators']['noise'] == dict(selected=False, p=None, test='not tested', why='no value is known')


def test_none_left(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr('usmm.engine.table_fit.print_log', lambda text, *_: said.append(text))
    known = cases()
    head = ClinicalFusionHead([NOISE], select=0.05, columns=[2])
    fit_clinical(head, table(known), known)
    assert 'no clinical indicator has a p value of at most 0.05 in the training part: noise 0.' in said[0]
    assert 'the image score decides alone' in said[0] and head.not_selected == ['noise']
    with pytest.raises(ValueError, match=r'training part: noise 0\.\d+; there is no image score to go on'):
        fit_clinical(ClinicalFusionHead([NOISE], select=0.05, columns=[2], use_image=False), table(known), known)


@pytest.fixture
def config(write_tiny_config: Callable[[Path], Path], tmp_path: Path) -> Path:
    """The tiny data with 60 patients, its ages far apart, a variable that says nothing; the clinical table alone."""
    path = write_tiny_config(tmp_path)
    rng = np.random.default_rng(0)
    rows = [
        dict(case_id=f'c{i}', patient_id=f'p{i}', label=['ADC', 'SCC'][i % 2], age=40 + 15 * (i % 2) + i % 5,
             side='left' if i % 3 else 'right', noise=round(float(rng.normal()), 3))
        for i in range(60)
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    for modality in ('bus', 'ue', 'clip'):
        frame[modality] = ''
    frame.to_csv(path.parent / 'cases.csv', index=False)
    text = path.read_text().replace(
        "dict(name='side', values='auto')]", "dict(name='side', values='auto'), dict(name='noise')]"
    )
    path.write_text(text.replace("dict(type='ClinicalFusionHead')", "dict(type='ClinicalFusionHead', select=0.05)"))
    return path


def fitted(config: Path, work: Path) -> tuple[Experiment, dict, dict]:
    options = {'modalities': ('clinical',), 'data_root': str(config.parent), 'work_dir': str(work)}
    experiment = Experiment(load_config(config, options), options=RunOptions(progress=False))
    metrics = experiment.train()
    return experiment, metrics, load_weights(work / 'model.pth')['state_dict']


def test_a_planted_test_row_changes_nothing_that_is_fitted(config: Path, tmp_path: Path) -> None:
    experiment, metrics, before = fitted(config, tmp_path / 'one')
    stage = metrics['stages']['clinical']['selection']['indicators']
    assert stage['age']['selected'] and not stage['noise']['selected']
    assert metrics['clinical_weights']['noise'] == 0 and metrics['clinical_weights']['age'] != 0
    path = config.parent / 'cases.csv'
    frame = pd.read_csv(path)
    unseen = {c.case_id for part in ('val', 'test') for c in experiment.parts[part].cases}
    rows = frame['case_id'].isin(unseen)
    # what would make the noise the best indicator of all, move every mean and add a category, were it seen
    frame.loc[rows, 'noise'] = np.where(frame.loc[rows, 'label'] == 'SCC', 1e6, -1e6)
    frame.loc[rows, 'age'] = 119
    frame.loc[rows, 'side'] = 'planted'
    frame.to_csv(path, index=False)
    changed, metrics, after = fitted(config, tmp_path / 'two')
    assert {c.case_id for part in ('val', 'test') for c in changed.parts[part].cases} == unseen
    assert changed.categories == experiment.categories == {'side': ('left', 'right')}
    assert metrics['stages']['clinical']['selection']['indicators'] == stage
    fixed = [name for name in before if name.split('.')[-1] in ('mean', 'std', 'selected', 'fitted')]
    assert len(fixed) == 4
    for name in fixed:
        assert torch.equal(before[name], after[name]), name
    # the same in a row of the training part is seen
    frame.loc[~rows, 'noise'] = np.where(frame.loc[~rows, 'label'] == 'SCC', 1e6, -1e6) + frame.loc[~rows, 'noise']
    frame.to_csv(path, index=False)
    _, metrics, seen = fitted(config, tmp_path / 'three')
    assert metrics['stages']['clinical']['selection']['indicators']['noise']['selected']
    assert not torch.equal(before['clinical.mean'], seen['clinical.mean'])
