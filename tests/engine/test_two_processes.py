"""Two processes on gloo do what one does on the same total batch; where they do not, it is shown that they do not."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch

from usmm.config import load_config
from usmm.engine import Experiment, RunOptions, load_weights

SCRIPT = Path(__file__).with_name('two_processes.py')


@pytest.fixture(scope='module')
def work() -> ModuleType:
    """The module that the processes run."""
    spec = importlib.util.spec_from_file_location('two_processes', SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def found(work, warm_python, write_tiny_config, tmp_path_factory) -> dict[str, list]:
    """Name -> what one process found, and each of two."""
    folder = tmp_path_factory.mktemp('two')
    config = write_tiny_config(folder)
    run = work.experiment(str(config), str(folder / 'work'))
    alone = {
        'frozen': work.step(run, True), 'learning': work.step(run, False), 'draws': work.draws(run),
        'verified': work.verified(run), 'synchronised': '',
    }  # fmt: skip
    warm_python.run_two([SCRIPT, config, folder])
    ranks = [torch.load(folder / f'rank{rank}.pt', weights_only=True) for rank in range(2)]
    return {name: [alone[name], *(rank[name] for rank in ranks)] for name in alone}


def test_losses_and_gradients_are_those_of_the_whole_batch(found):
    one, *two = found['frozen']
    assert len(one['gradients']) > 50 and any(g.abs().max() > 1e-3 for g in one['gradients'].values())
    for rank in two:
        torch.testing.assert_close(rank['loss'], one['loss'], rtol=1e-6, atol=1e-7)
        assert rank['gradients'].keys() == one['gradients'].keys()
        largest = max(float(g.abs().max()) for g in one['gradients'].values())
        for name, gradient in one['gradients'].items():
            torch.testing.assert_close(rank['gradients'][name], gradient, rtol=1e-4, atol=1e-6 * largest, msg=name)


def test_batch_norm_that_learns_sees_each_share_alone(found):
    """The running mean is still that of the whole batch, the variance and with it the loss are not."""
    one, first, second = found['learning']
    torch.testing.assert_close(first['running_mean'], one['running_mean'], rtol=1e-5, atol=1e-6)
    assert torch.equal(first['running_mean'], second['running_mean'])
    assert torch.equal(first['running_var'], second['running_var'])
    assert not torch.allclose(first['running_var'], one['running_var'], rtol=1e-4)
    assert abs(float(first['loss'] - one['loss'])) > 1e-4


def test_a_synchronised_batch_norm_is_not_to_be_had_without_a_gpu(found):
    assert 'SyncBatchNorm expected input tensor to be on' in found['synchronised'][1]


def test_draws_are_those_of_one_process(found):
    one, first, second = found['draws']
    assert {**first, **second} == one
    assert len(first) < len(one) and len(second) < len(one)
    epochs = [{digest for name, digest in one.items() if name.startswith(f'{e} ')} for e in range(3)]
    assert len(set().union(*epochs)) > len(epochs[0])  # and they differ between the epochs


def test_reading_every_case_once_is_shared(found):
    one, first, second = found['verified']
    assert first[0] == second[0] == one[0] and one[0]
    assert first[1] + second[1] == one[1] and abs(first[1] - second[1]) <= 1


@pytest.mark.slow
def test_a_stage_without_batch_norm_learns_the_same_weights(warm_python, write_tiny_config, tmp_path, project_root):
    config = write_tiny_config(tmp_path)
    # 19 cases in 4 folds, 3 of 14 validate: of a batch of all training cases each process has half
    plain = {'modalities': ['clinical'], 'stages.1.max_epochs': 4, 'split.folds': 4}
    cases = len(Experiment(load_config(config, plain), tmp_path / 'look').parts['train'])
    even = cases - cases % 2
    one = load_config(config, {**plain, 'batch_size': even, 'work_dir': str(tmp_path / 'one')})
    Experiment(one, options=RunOptions(progress=False)).train()
    words = [f'batch_size={even // 2}', f'work_dir={tmp_path / "two"}', 'modalities=["clinical"]']
    command = [project_root / 'tools' / 'train.py', config, '--launcher', 'pytorch', '--cfg-options', *words]
    warm_python.run_two([*command, 'stages.1.max_epochs=4', 'split.folds=4'])
    alone, both = (load_weights(tmp_path / name / 'clinical' / 'epoch_4.pth') for name in ('one', 'two'))
    assert alone['meta']['iter'] == both['meta']['iter']
    for name, tensor in alone['state_dict'].items():
        torch.testing.assert_close(both['state_dict'][name], tensor, rtol=1e-5, atol=1e-6, msg=name)
