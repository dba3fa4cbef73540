"""The short version of `proofs/prove.py statistics`: fewer studies, and bands wider by what chance does to so few."""

from __future__ import annotations

import argparse
import importlib
import math
import sys
from pathlib import Path

import pytest

RUNS = 300
SLOW = {'bootstrap by patient, percentile', 'bootstrap by patient, BCa'}  # only in the long version
NAMES = (
    'DeLong interval',
    'Wilson interval',
    'AUC by patient',
    'AUC by patient, 2 seeds of 2 folds',
    'difference of two accuracies',
    'DeLong paired test, false alarms',
    'AUC by patient, false alarms',
    'McNemar exact, false alarms',
    'McNemar mid-p, false alarms',
)


@pytest.fixture(scope='module')
def proof(project_root: Path):
    sys.path.insert(0, str(project_root / 'proofs'))
    try:
        yield importlib.import_module('prove_statistics')
    finally:
        sys.path.remove(str(project_root / 'proofs'))


def test_all_studies_are_tried_here(proof):
    assert {*proof.STUDIES} == {*NAMES} | SLOW
    assert proof.bootstrap_covers(60, 1, 'percentile')


@pytest.mark.parametrize('n', [60, 200])
@pytest.mark.parametrize('name', NAMES)
def test_share(proof, name, n):
    study = proof.STUDIES[name]
    chance = 3.3 * math.sqrt(0.05 * 0.95 / RUNS)  # passed one time in a thousand
    share = proof.measure(study, n, RUNS, seed=0)
    assert study.band[0] - chance <= share <= study.band[1] + chance


def test_ignoring_the_patients_does_not_cover(proof):
    # The same studies with an interval that takes cases for independent: about 88 %.
    def covers(n: int, seed: int) -> bool:
        labels, scores, _ = proof.clustered(n, seed)
        return proof.holds(proof.delong_interval(labels, scores[:, 0]).ci)

    assert proof.measure(proof.Study(covers, (0, 1)), 60, 1000, seed=0) < 0.92


def test_a_share_outside_its_band_fails(proof, monkeypatch, capsys):
    studies = {
        'good': proof.Study(lambda n, seed: seed % 20 != 0, (0.93, 0.97)),
        'bad': proof.Study(lambda n, seed: True, (0.93, 0.97), 0.5),
        'not asked of 60': proof.Study(lambda n, seed: n == 60 or seed % 20 != 0, (0.93, 0.97), least=200),
    }
    monkeypatch.setattr(proof, 'STUDIES', studies)
    assert proof.run(argparse.Namespace(runs=100, seed=3)) == 2  # `bad` at both sizes
    assert '95.00%' in capsys.readouterr().out
