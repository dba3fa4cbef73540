"""What can be read off features: exact on features that hold a score, nothing on those that do not."""

from __future__ import annotations

import csv
import importlib
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from usmm.cli import latent_probes as probes
from usmm.config import load_config
from usmm.engine import Experiment
from usmm.engine.workdir.outputs import save_checkpoint

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def tool() -> ModuleType:
    return importlib.import_module('usmm.cli.probe_latents')


@pytest.fixture(scope='module')
def run(tiny: ModuleType, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work directory of an untrained model of `bus`."""
    folder = tmp_path_factory.mktemp('probe') / 'run'
    folder.mkdir()
    text = tiny.CONFIG.format(root=tiny_data, work_dir=folder / 'unused').replace("values='auto'", "values=('l', 'r')")
    (folder / 'config.py').write_text(f"{text}\nmodalities = ('bus',)\n")
    torch.manual_seed(0)
    save_checkpoint(folder / 'model.pth', experiment_of(folder).model.state_dict(), {})
    return folder


def experiment_of(folder: Path) -> Experiment:
    return Experiment(load_config(folder / 'config.py'), folder / 'unused', parts=['train', 'test'])


def cases_of(folder: Path) -> list[str]:
    return [case.case_id for part in experiment_of(folder).parts.values() for case in part.cases]


def test_a_score_that_is_in_the_features_is_found_and_no_other() -> None:
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(400, 12)), rng.normal(size=(400, 12))
    weights = rng.normal(size=12)
    assert probes.explained(train, train @ weights + 3, test, test @ weights + 3) == pytest.approx(1, abs=1e-3)
    # half of the variance is noise
    noisy = [x @ weights + np.linalg.norm(weights) * rng.normal(size=400) for x in (train, test)]
    assert probes.explained(train, noisy[0], test, noisy[1]) == pytest.approx(0.5, abs=0.08)
    other = rng.normal(size=(2, 400))
    assert abs(probes.explained(train, other[0], test, other[1])) < 0.05


def test_r2_is_against_the_mean_of_the_training_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, 'PENALTIES', np.array([1e12]))  # predicts the training part's mean
    x = np.arange(8.0)[:, None]
    assert probes.explained(x, np.arange(8.0), x, np.full(8, 9.0)) == pytest.approx(0, abs=1e-6)


def test_runs_are_measured_on_their_test_part(
    tool: ModuleType, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = experiment_of(run)
    experiment.load(run / 'model.pth')
    expected, vectors, ids = {}, {}, {}
    for part in ('train', 'test'):
        ids[part], vectors[part] = probes.features(experiment, part)
    seen = {i: v for part in ids for i, v in zip(ids[part], vectors[part])}
    # one score is a feature itself, one is the reverse order of another; a feature that is always 0 tells nothing
    one, two = np.argsort(-np.ptp([*seen.values()], axis=0))[:2]
    latents = {i: dict(label='a', first=float(v[one]), swapped=float(-v[two])) for i, v in seen.items()}
    truth = tmp_path / 'truth.json'
    truth.write_text(json.dumps({'latents': latents}))
    assert tool.main([str(truth), f'net={run.parent}/ru*', '--out', str(tmp_path / 'r2.csv')]) == 0
    assert 'net' in capsys.readouterr().out
    with (tmp_path / 'r2.csv').open() as file:
        row = next(csv.DictReader(file))
    for name in ('first', 'swapped'):
        y = {part: np.array([latents[i][name] for i in ids[part]]) for part in ids}
        expected[name] = probes.explained(vectors['train'], y['train'], vectors['test'], y['test'])
        assert float(row[name]) == pytest.approx(expected[name], abs=1e-4)
    assert row['runs'] == '1' and set(row) == {'model', 'runs', 'first', 'swapped'}


@pytest.mark.parametrize('models', [['x'], ['=x'], ['a=x', 'a=y']])
def test_bad_arguments(tool: ModuleType, capsys: pytest.CaptureFixture[str], models: list[str]) -> None:
    with pytest.raises(SystemExit):
        tool.main.parse_args(['truth.json', *models])
    assert 'expected NAME=WORK_DIRS' in capsys.readouterr().err


def test_errors_name_the_file_and_the_case(
    tool: ModuleType, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def main(words: list[str]) -> int:
        return tool.main.run(tool.main.parse_args(words))

    truth = tmp_path / 'truth.json'
    truth.write_text('{}')
    with pytest.raises(ValueError, match=r'truth\.json has no planted scores'):
        main([str(truth), f'a={run}'])
    names = cases_of(run)
    truth.write_text(json.dumps({'latents': {name: {'x': 1.0} for name in names[1:]}}))
    with pytest.raises(ValueError, match=f'the truth has no case {names[0]!r}'):
        main([str(truth), f'a={run}'])
    with pytest.raises(ValueError, match='there is no folder'):
        main([str(truth), f'a={run}/nothing_*'])
    with pytest.raises(ValueError, match=r'has no config\.py: expected the work directory'):
        main([str(truth), f'a={tmp_path}'])
    monkeypatch.setattr(Experiment, 'load', lambda self, path: None)
    table = type('Table', (), {'vector': None})
    experiment = experiment_of(run)
    monkeypatch.setattr(type(experiment.model), '__call__', lambda self, **batch: table())
    with pytest.raises(ValueError, match='has no features of images'):
        probes.features(experiment, 'test')


def test_a_truth_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'is a folder: expected the truth\.json of a phantom'):
        probes.read_latents(tmp_path)
    with pytest.raises(ValueError, match=r'truth\.json does not exist: expected'):
        probes.read_latents(tmp_path / 'truth.json')
    (tmp_path / 'truth.json').write_text('case,score')
    with pytest.raises(ValueError, match=r'truth\.json is not a JSON file \(it is no JSON: Expecting value'):
        probes.read_latents(tmp_path / 'truth.json')
