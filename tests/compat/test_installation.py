"""The mends together, on the packages that are installed: each test is one fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TOY = Path(__file__).with_name('toy_runner.py')


def run(*command: str, cwd: Path | None = None) -> str:
    env = {**os.environ, 'OMP_NUM_THREADS': '1'}
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, env=env, cwd=cwd, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[:4000] + done.stderr[-4000:]
    return done.stdout


def test_importing_compat_loads_no_torch_nor_numpy() -> None:
    code = 'import sys, usmm.compat; print(sorted({"torch", "numpy", "mmengine", "cv2"} & set(sys.modules)))'
    assert run('-c', code).strip() == '[]'


def test_after_apply_everything_that_is_used_imports_and_a_second_call_does_nothing() -> None:
    code = """
import time, usmm.compat
first = usmm.compat.apply()
start = time.perf_counter()
assert usmm.compat.apply() is first
assert time.perf_counter() - start < 1e-3
import torch, torchvision, mmcv, mmengine.runner, mmpretrain.models, mmaction.models
assert torchvision.models.resnet18(num_classes=2).eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 2)
from mmengine.utils.dl_utils import collect_env
assert 'TorchVision' in collect_env()
from mmengine.hub import get_config
assert get_config('mmpretrain::resnet/resnet50_8xb32_in1k.py').model.backbone.depth == 50
"""
    run('-c', code)


@pytest.fixture(scope='module')
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp('alone')
    run(str(TOY), str(folder), 'none', 'AmpOptimWrapper')
    return folder, json.loads((folder / 'facts_0.json').read_text())


def test_a_run_resumes_from_its_checkpoint_with_its_history(alone: tuple[Path, dict]) -> None:
    _, facts = alone
    # 5 batches an epoch; the history of the first process's epoch is kept through the checkpoint
    assert (facts['epoch'], facts['history'], facts['buffer']) == (3, 15, True)


def test_mixed_precision_runs_in_bfloat16_without_a_gpu(alone: tuple[Path, dict]) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip('this machine has a GPU: upstream is left alone')
    assert alone[1]['wide'] == 0.0


def test_a_checkpoint_is_plain_data_for_a_process_that_allows_numpy_and_the_history_only(
    alone: tuple[Path, dict],
) -> None:
    code = f"""
import torch
from usmm.compat.checkpoints import checkpoints_under_safe_loading
checkpoints_under_safe_loading()
checkpoint = torch.load({str(alone[0] / 'epoch_3.pth')!r}, weights_only=True)
assert checkpoint['message_hub']['runtime_info']['best_score'] < 10
assert len(checkpoint['message_hub']['log_scalars']['train/loss'].data[0]) == 15
"""
    run('-c', code)


def test_two_processes_train_over_gloo_and_end_with_one_model(tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip('this machine has a GPU: upstream is left alone')
    launch = ('-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=2')
    # mmengine gathers results through a folder `.dist_test` of the working directory
    run(*launch, str(TOY), str(tmp_path), 'pytorch', 'OptimWrapper', cwd=tmp_path)
    first, second = (json.loads((tmp_path / f'facts_{rank}.json').read_text()) for rank in (0, 1))
    assert first['weight'] == second['weight']
    assert first['number'] == 9  # an odd number of cases, each counted once
    # a thread that outlives the interpreter aborts it now and then
    left = {name for rank in (0, 1) for name in json.loads((tmp_path / f'threads_{rank}.json').read_text())}
    assert not {name for name in left if 'gloo' in name}
