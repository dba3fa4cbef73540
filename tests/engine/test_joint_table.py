"""A run whose table is a stream: fitted on the training part alone, kept in the checkpoint, not fitted again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler

from usmm.config import load_config
from usmm.engine import Experiment, RunOptions, load_weights
from usmm.engine.table_fit import clinical_table, fit_encoders
from usmm.models import ClinicalEncoder

QUIET = RunOptions(progress=False)
IMAGE = dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4)
JOINT: dict[str, Any] = {
    'modalities': ('bus', 'clinical'),
    'model.encoder': dict(
        _delete_=True,
        image=dict(type='ImageEncoder', modality='bus', backbone=IMAGE),
        clinical=dict(type='ClinicalEncoder', hidden_channels=4),
    ),
    'model.fusion': dict(_delete_=True, type='PoolFusion', project=dict(image=8)),
    'model.head': dict(_delete_=True, type='LinearHead'),
    'model.clinical': None,
    'stages': [dict(name='joint', train='all but clinical', optimizer=dict(type='Adam', lr=1e-3), max_epochs=2)],
}


def age_of(work: Path, name: str = 'model.pth') -> tuple[float, float]:
    state = load_weights(work / name)['state_dict']
    return state['encoder.clinical.encoding.mean'][0].item(), state['encoder.clinical.encoding.std'][0].item()


def expected(experiment: Experiment) -> tuple[float, float]:
    ages = np.array([[case.clinical['age']] for case in experiment.parts['train'].cases], float)
    scaler = StandardScaler().fit(ages)
    return scaler.mean_[0], scaler.scale_[0]


def test_fitted_on_the_training_part_and_kept(tiny_config: Path, tmp_path: Path) -> None:
    run = Experiment(load_config(tiny_config, JOINT), options=QUIET)
    metrics = run.train()
    work = tiny_config.parent / 'work'
    assert age_of(work) == age_of(work, 'joint/selected.pth') == pytest.approx(expected(run))
    assert not any(name.startswith('image/') for name in metrics['test'])  # the score is not the image's alone
    again = Experiment(load_config(work / 'config.py'), tmp_path, QUIET, ('test',), work / 'model.pth')
    assert again.evaluate()[0]['test'] == pytest.approx(metrics['test'], rel=0, abs=0, nan_ok=True)
    # other values of validation and test patients change nothing
    data = tmp_path / 'data'
    shutil.copytree(run.config.data_root, data)
    header, *lines = (data / 'cases.csv').read_text().splitlines()
    column, train = header.split(',').index('age'), {case.case_id for case in run.parts['train'].cases}
    cells = [line.split(',') for line in lines]
    for row in cells:
        row[column] = row[column] if row[0] in train else '99'
    (data / 'cases.csv').write_text('\n'.join([header, *map(','.join, cells)]))
    options = {**JOINT, 'max_epochs': 1, 'data_root': str(data), 'work_dir': str(tmp_path / 'other')}
    other = Experiment(load_config(tiny_config, options), options=QUIET)
    other.train()
    assert {c.clinical['age'] for part in ('val', 'test') for c in other.parts[part].cases} == {99.0}
    assert age_of(tmp_path / 'other') == age_of(work)


def test_a_resumed_run_keeps_its_numbers(tiny_config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {**JOINT, 'max_epochs': 1}
    run = Experiment(load_config(tiny_config, options), options=QUIET)
    run.train()
    work = tiny_config.parent / 'work'

    def wrong(self: ClinicalEncoder, clinical: torch.Tensor) -> None:
        self.encoding.fit(torch.full_like(clinical[:, : len(self.variables)], 7.0))
        self.fitted.fill_(True)

    monkeypatch.setattr(ClinicalEncoder, 'fit', wrong)
    Experiment(load_config(tiny_config, JOINT), options=QUIET).train(resume=True)
    assert age_of(work) == age_of(work, 'joint/epoch_2.pth') == pytest.approx(expected(run))


def test_what_is_fitted_is_left_alone(tiny_config: Path) -> None:
    run = Experiment(load_config(tiny_config, JOINT), options=QUIET)
    cases = run.parts['train'].cases
    fit_encoders(run.model, run.config.schema.to_dict(), cases[:4])
    before = run.model.encoder['clinical'].encoding.mean.clone()
    fit_encoders(run.model, run.config.schema.to_dict(), cases)
    assert torch.equal(run.model.encoder['clinical'].encoding.mean, before)
    table = clinical_table(run.config.schema.to_dict(), cases[:2])
    assert table[:, 0].tolist() == [case.clinical['age'] for case in cases[:2]]


def test_a_table_alone_is_a_small_network(tiny_config: Path) -> None:
    metrics = Experiment(load_config(tiny_config, {**JOINT, 'modalities': ('clinical',)}), options=QUIET).train()
    assert metrics['stages']['joint']['epochs'] == 2 and 'auc' in metrics['test']
