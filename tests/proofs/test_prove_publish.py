"""The short version of `proofs/prove.py publish`: some kills, two processes at once, and that a loss is seen."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path

import pytest
import torch

from usmm.zoo import placing, zoo


@pytest.fixture(scope='module')
def proof(project_root: Path):
    sys.path.insert(0, str(project_root / 'proofs'))
    try:
        yield importlib.import_module('prove_publish')
    finally:
        sys.path.remove(str(project_root / 'proofs'))


def test_a_kill_leaves_the_old_or_the_new_model_whole(proof, tmp_path: Path) -> None:
    torch.set_num_threads(1)  # threads of torch do not survive a fork
    found = list(proof.kills(tmp_path, step=4))
    assert [(what, problem) for what, problem in found if problem is not None] == []
    assert len([what for what, _ in found if what.startswith('first')]) > 3
    assert len([what for what, _ in found if what.startswith('replacing')]) > 3


def test_two_processes_at_once_lose_nothing(proof, tmp_path: Path) -> None:
    assert proof.together(tmp_path, processes=2) is None


def test_a_loss_is_seen(proof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # without the hidden folders, a model is lost between the index and the last rename
    monkeypatch.setattr(zoo, 'waiting_paths', lambda *_: [])
    monkeypatch.setattr(placing, '_hidden', lambda *_: [])
    runs = {value: proof.make_run(tmp_path, value) for value in (1.0, 2.0, 3.0, 4.0)}
    problems = []
    for at in range(12, 24):
        place = tmp_path / 'zoo'
        shutil.rmtree(place, ignore_errors=True)
        proof.publish(runs[1.0], 'other', place, proof.CARD, proof.settings)
        proof.publish(runs[1.0], 'model', place, proof.CARD, proof.settings)
        if proof.publish_and_die(runs[2.0], place, at) == proof.KILLED:
            problems.append(proof.problem_after(place, tmp_path / 'cache', 1.0, 2.0, runs))
    assert any(problem is not None for problem in problems)
    assert any('is damaged' in problem or 'is no file' in problem for problem in problems if problem)
