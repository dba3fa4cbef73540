"""The short version of `proofs/prove.py export`: two families, and a family that differs."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope='module')
def proof(project_root: Path):
    sys.path.insert(0, str(project_root / 'proofs'))
    try:
        yield importlib.import_module('prove_export')
    finally:
        sys.path.remove(str(project_root / 'proofs'))


def test_a_family_that_differs_or_ignores_its_inputs_fails(proof, monkeypatch, capsys):
    monkeypatch.setattr(proof.families, 'FAMILIES', {})
    monkeypatch.setattr(proof.families, 'TABLES', {'logistic': {}})
    assert proof.run(argparse.Namespace(runs=8, seed=0)) == 0
    monkeypatch.setattr(proof, 'SPREAD', 1.0)
    assert proof.run(argparse.Namespace(runs=8, seed=0)) == 1

    def differs(*_):
        raise ValueError('it differs')

    monkeypatch.setattr(proof, 'compare', differs)
    assert proof.run(argparse.Namespace(runs=8, seed=0)) == 1
    assert 'it differs' in capsys.readouterr().out
