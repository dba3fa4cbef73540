from __future__ import annotations

from pathlib import Path
from typing import Any

import mmengine.dist as mm_dist
import pytest
import torch
from mmengine.dist import utils as mm_utils
from mmengine.model import MMDistributedDataParallel

from usmm.compat import distributed


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """mmengine's `init_dist` as it behaves on a machine without a GPU: it selects a device, and torch fails."""
    seen: list[tuple] = []

    def set_device(device: int) -> None:
        raise AttributeError("module 'torch._C' has no attribute '_cuda_setDevice'")

    def init_dist(launcher: str, backend: str = 'nccl', **kwargs: Any) -> None:
        torch.cuda.set_device(0)
        seen.append((launcher, backend, kwargs))

    monkeypatch.setattr(torch.cuda, 'set_device', set_device)
    for module in (mm_utils, mm_dist):
        monkeypatch.setattr(module, 'init_dist', init_dist)
    monkeypatch.setattr(distributed, 'has_accelerator', lambda: False)
    return seen


@pytest.mark.parametrize(
    ('given', 'used'),
    [({}, 'gloo'), ({'backend': 'nccl'}, 'gloo'), ({'backend': 'gloo'}, 'gloo'), ({'backend': 'mpi'}, 'mpi')],
)
def test_processes_start_over_gloo_and_no_device_is_selected(calls: list[tuple], given: dict, used: str) -> None:
    upstream_set_device = torch.cuda.set_device
    with pytest.raises(AttributeError, match='_cuda_setDevice'):
        mm_dist.init_dist('pytorch')
    assert distributed.init_dist_without_gpu() is True
    assert mm_dist.init_dist is mm_utils.init_dist
    mm_dist.init_dist('slurm', **given, timeout=5)
    assert calls == [('slurm', used, {'timeout': 5})]
    assert torch.cuda.set_device is upstream_set_device


def test_the_group_is_left_at_exit_once_whoever_leaves_it(
    calls: list[tuple], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    at_exit: list[Any] = []
    monkeypatch.setattr(distributed.atexit, 'register', at_exit.append)
    distributed.init_dist_without_gpu()
    mm_dist.init_dist('pytorch')
    torch.distributed.init_process_group('gloo', init_method=f'file://{tmp_path / "store"}', rank=0, world_size=1)
    (leave,) = at_exit
    leave()
    assert not torch.distributed.is_initialized()
    leave()


def test_device_selection_comes_back_after_a_failure(calls: list[tuple]) -> None:
    before = torch.cuda.set_device
    with pytest.raises(OSError, match='no network'), distributed._no_device_selection():
        torch.cuda.set_device(3)
        raise OSError('no network')
    assert torch.cuda.set_device is before


@pytest.fixture
def wrapped(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """Records the arguments with which mmengine's wrapper would be made."""
    seen: list[dict] = []

    def __init__(self: Any, module: Any, detect_anomalous_params: bool = False, **kwargs: Any) -> None:
        seen.append(kwargs)

    monkeypatch.setattr(MMDistributedDataParallel, '__init__', __init__)
    monkeypatch.setattr(distributed, 'has_accelerator', lambda: False)
    return seen


@pytest.mark.parametrize(('device', 'expected'), [('cpu', None), ('meta', [0])])
def test_device_ids_are_dropped_only_for_a_model_on_the_cpu(wrapped: list[dict], device: str, expected: Any) -> None:
    assert distributed.device_ids_without_gpu() is True
    model = torch.nn.Linear(2, 2, device=device)
    MMDistributedDataParallel(module=model, device_ids=[0], broadcast_buffers=False)
    assert wrapped == [{'device_ids': expected, 'broadcast_buffers': False}]


def test_with_a_gpu_nothing_is_replaced(calls: list, wrapped: list, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, 'has_accelerator', lambda: True)
    before = mm_dist.init_dist, MMDistributedDataParallel.__init__
    assert (distributed.init_dist_without_gpu(), distributed.device_ids_without_gpu()) == (False, False)
    assert (mm_dist.init_dist, MMDistributedDataParallel.__init__) == before
