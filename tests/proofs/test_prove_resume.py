"""The short version of `proofs/prove.py resume`: a kill; and the comparison sees what differs."""

from __future__ import annotations

import importlib
import random
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from usmm.engine.workdir.outputs import save_checkpoint, write_json


@pytest.fixture(scope='module')
def proof(project_root: Path):
    sys.path.insert(0, str(project_root / 'proofs'))
    try:
        names = ('prove_resume', 'resume_compare', 'resume_process')
        yield SimpleNamespace(**{name.rpartition('_')[2]: importlib.import_module(name) for name in names})
    finally:
        sys.path.remove(str(project_root / 'proofs'))


@pytest.mark.slow
def test_a_killed_training_ends_as_one_that_was_not(proof):
    scenario = proof.resume.Scenario('short', kinds=('save', 'step'))
    proof.resume.try_scenario(scenario, 1, random.Random(1))
    assert scenario.found == []
    assert len(scenario.kills) == 1 and set(scenario.kills) <= {'save', 'step'}


def folds(root: Path) -> Path:
    """What a cross-validation of two folds leaves, in small."""
    for name in ('fold_0', 'fold_1'):
        write_json(root / name / 'stages.json', {'image': {'epochs': 2, 'seconds': 3.0}})
        (root / name / 'image' / 'log').mkdir(parents=True)
        (root / name / 'image' / 'log' / 'scalars.json').write_text('{"loss": 0.5, "step": 1, "time": 0.1}\n')
        save_checkpoint(root / name / 'model.pth', {'w': torch.ones(2)}, {'seed': 1})
        (root / name / 'predictions.csv').write_text('case_id\nc1\n')
    write_json(root / 'summary.json', {'metrics': {'auc': 0.5}, 'seconds': 6.0})
    return root


def test_equal_but_for_the_clock(proof, tmp_path):
    one = folds(tmp_path / 'one')
    other = Path(shutil.copytree(one, tmp_path / 'other'))
    write_json(other / 'summary.json', {'metrics': {'auc': 0.5}, 'seconds': 9.0})
    write_json(other / 'fold_1' / 'stages.json', {'image': {'epochs': 2, 'seconds': 1.0}})
    assert proof.compare.differences(one, other) == []


def test_what_differs_in_any_fold_is_named(proof, tmp_path):
    one = folds(tmp_path / 'one')
    other = Path(shutil.copytree(one, tmp_path / 'other'))
    write_json(other / 'summary.json', {'metrics': {'auc': 0.75}})
    save_checkpoint(other / 'fold_0' / 'model.pth', {'w': torch.tensor([1.0, 1.0000001])}, {'seed': 1})
    (other / 'fold_1' / 'image' / 'log' / 'scalars.json').write_text('{"loss": 0.25, "step": 1, "time": 0.1}\n')
    (other / 'fold_1' / 'predictions.csv').unlink()
    found = proof.compare.differences(one, other)
    assert 'summary.json:metrics:auc' in found
    assert 'fold_0/model.pth:state_dict:w' in found
    assert 'fold_1/image log:train 1:loss' in found
    assert 'fold_1/predictions.csv' in found
    assert len(found) == 4


def test_another_tool_can_be_killed(proof, tmp_path):
    training = proof.process.Training(tmp_path / 'a.py', tmp_path / 'work', 1, ('--folds', '2'), 'cross_validate')
    assert training.command[1:4] == ['-m', 'usmm', 'cross_validate']
    assert training.command[4:] == [str(tmp_path / 'a.py'), '--work-dir', str(tmp_path / 'work'), '--folds', '2']
