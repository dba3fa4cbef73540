"""publish and download as a user runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from usmm.config import load_config
from usmm.engine import Experiment, RunOptions
from usmm.weights import read_checkpoint, write_tensors

ABOUT = ('--purpose', 'To try.', '--data', 'Tiny data', '--licence', 'MIT', '--limits', 'All.')


@pytest.fixture(scope='module')
def run(write_tiny_config: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    options = {'max_epochs': 1, 'modalities': ['clinical']}
    config = load_config(write_tiny_config(tmp_path_factory.mktemp('tools')), options)
    experiment = Experiment(config, options=RunOptions(progress=False))
    experiment.train()
    return experiment.work_dir


def test_publish_list_download_load(usmm, run: Path, tmp_path: Path) -> None:
    zoo, cache = tmp_path / 'zoo', tmp_path / 'cache'
    code, out, error = usmm('publish', run, '--name', 'tiny', '--zoo', zoo, *ABOUT)
    assert code == 0, error
    assert 'model.safetensors' in out and 'read before you share it' in out
    code, out, _ = usmm('download', '--list', '--zoo', zoo)
    assert code == 0 and out.startswith('tiny ') and 'Tiny data' in out
    for words in (['tiny'], ['t*'], ['--all']):
        code, out, _ = usmm('download', *words, '--zoo', zoo, '--cache', cache)
        assert code == 0 and (Path(out.strip()) / 'model.safetensors').is_file()
    work = tmp_path / 'work'
    done = usmm('test', run / 'config.py', Path(out.strip()) / 'model.safetensors', '--work-dir', work)
    assert done[0] == 0, done[2]
    before, after = (json.loads((folder / 'metrics.json').read_text())['test'] for folder in (run, work))
    assert before == pytest.approx(after)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda v: v.float() * float('nan'), 'holds numbers that are not finite, in '),
        (lambda v: v.long(), 'is torch.int64, in the model torch.float32'),
        (lambda v: v.flatten()[:1], 'does not fit the model of tiny'),
    ],
)
def test_weights_that_are_not_put_into_a_model(change, message: str, usmm, run: Path, tmp_path: Path) -> None:
    content = read_checkpoint(run / 'model.pth')
    name = next(k for k, v in content['state_dict'].items() if v.is_floating_point() and v.ndim == 2)
    content['state_dict'][name] = change(content['state_dict'][name])
    write_tensors(tmp_path / 'bad.safetensors', content['state_dict'], content['meta'])
    code, _, error = usmm('test', run / 'config.py', tmp_path / 'bad.safetensors', '--work-dir', tmp_path / 'work')
    assert code == 2 and 'bad.safetensors' in error and message in error
    assert not (tmp_path / 'work' / 'metrics.json').exists()


def test_mistakes(usmm, run: Path, tmp_path: Path) -> None:
    code, _, error = usmm('publish', tmp_path, '--name', 'x', '--zoo', tmp_path / 'zoo', *ABOUT)
    assert code == 2 and 'has no model.pth: it is no finished run' in error
    code, _, error = usmm('download', 'x', '--zoo', tmp_path)
    assert code == 2 and 'error: no model zoo at' in error
    (tmp_path / 'index.yml').write_text('Models: []')
    code, _, error = usmm('download', 'x', '--zoo', tmp_path)
    assert code == 2 and "error: no model 'x' in" in error
    code, out, _ = usmm('download', 'x*', '--zoo', tmp_path)
    assert code == 0 and 'no model of' in out
    code, _, error = usmm('download')
    assert code == 2 and 'name a model, or give --all or --list' in error
