"""The short version of `proofs/prove.py coverage` and `trained`: what is drawn, counted and reported."""

from __future__ import annotations

import argparse
import csv
import importlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope='module')
def proofs(project_root: Path) -> Iterator[SimpleNamespace]:
    sys.path.insert(0, str(project_root / 'proofs'))
    try:
        names = ('coverage', 'trained')
        yield SimpleNamespace(**{name: importlib.import_module(f'prove_{name}') for name in names})
    finally:
        sys.path.remove(str(project_root / 'proofs'))


def test_studies_are_what_their_setting_says(proofs: SimpleNamespace) -> None:
    setting = proofs.coverage.Setting(20000, 0.3, 0.85, 2)
    labels, scores, who = setting.draw(20000, 1)
    assert labels.mean() == pytest.approx(0.3, abs=0.01) and np.unique(who).size * 2 == labels.size
    truth = proofs.coverage.truth(labels, scores)
    assert truth['auc'] == pytest.approx(0.85, abs=0.01)
    # the middle between two normals that are d apart: both rates are the normal distribution at d / 2
    assert truth['tpr'] == pytest.approx(0.7683, abs=0.01) and truth['tnr'] == pytest.approx(0.7683, abs=0.01)
    three = proofs.coverage.Setting(20000, 0.5, 0.85, 1, 3).draw(20000, 1)
    assert np.bincount(three[0]) / 20000 == pytest.approx([0.5, 0.25, 0.25], abs=0.015)


def test_intervals_are_counted_and_narrow_ones_are_seen(
    proofs: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = proofs.coverage
    monkeypatch.setattr(module, 'MANY', 20000)
    monkeypatch.setattr(module, 'settings', lambda: [module.Setting(40, 0.5, 0.85, 1)])
    args = argparse.Namespace(runs=40, seed=0, processes=1, out=tmp_path / 'shares.csv')
    assert module.run(args) == 0
    rows = {row['metric']: row for row in csv.DictReader(args.out.open())}
    assert set(rows) == {'auc', 'accuracy', 'balanced_accuracy', 'tpr', 'tnr', 'precision', 'f1', 'mcc', 'brier'}
    assert all(row['studies'] == '40' and float(row['coverage']) > 0.8 for row in rows.values())

    right = module.performance

    def narrow(*words: Any, **more: Any) -> Any:
        found = right(*words, **more)
        return found | {'tpr': replace(found['tpr'], ci95=(found['tpr'].estimate,) * 2)}

    monkeypatch.setattr(module, 'performance', narrow)
    assert module.run(args) == 1
    assert 'tpr' in capsys.readouterr().out


def test_false_alarms_of_trained_models_are_counted(
    proofs: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = proofs.trained
    found = module.study(module.ridge_lda, 40, 1, 3)
    assert set(found) == {'models', 'retrained'} and all(0 <= p <= 1 for p in found.values())
    x = np.random.default_rng(0).normal(size=(30, 4))
    y = np.arange(30) % 2
    assert np.array_equal(module.small_network(x, y, x, 1), module.small_network(x, y, x, 1))
    monkeypatch.setattr(module, 'PATIENTS', (40,))
    monkeypatch.setattr(module, 'MODEL', {'ridge LDA': module.MODEL['ridge LDA']})
    args = argparse.Namespace(runs=10, seed=0, processes=1)
    assert module.run(args) == 0
    monkeypatch.setattr(module, 'alarms', lambda *_, seed: {'models': 0.5, 'retrained': 0.9})
    assert module.run(args) == 2
    assert '90.0%' in capsys.readouterr().out
