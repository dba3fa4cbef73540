from __future__ import annotations

from typing import Any

import pytest
import torch
from mmengine.optim import AmpOptimWrapper, OptimWrapper

from usmm.compat import amp


def upstream_init(self: Any, loss_scale: Any = 'dynamic', dtype: Any = None, use_fsdp: bool = False, **kw: Any) -> None:
    """As mmengine 0.10.7 behaves without a GPU."""
    raise AssertionError('``AmpOptimizerWrapper`` is only available training on gpu, npu, mlu or musa')


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amp, 'has_accelerator', lambda: False)
    monkeypatch.setattr(AmpOptimWrapper, '__init__', upstream_init)


def wrapper(**kwargs: Any) -> tuple[torch.nn.Linear, AmpOptimWrapper]:
    torch.manual_seed(0)
    layer = torch.nn.Linear(3, 2)
    return layer, AmpOptimWrapper(optimizer=torch.optim.SGD(layer.parameters(), lr=0.5), **kwargs)


def test_a_step_on_the_cpu_is_a_step_of_bfloat16_autocast_without_scaling(no_gpu: None) -> None:
    with pytest.raises(AssertionError, match='only available training on gpu'):
        wrapper()
    assert amp.amp_without_gpu() is True
    layer, optim = wrapper(clip_grad=dict(max_norm=100.0))
    x = torch.ones(4, 3)
    before = layer.weight.detach().clone()
    with optim.optim_context(layer):
        out = layer(x)
        assert out.dtype == torch.bfloat16
        loss = out.float().sum()
    optim.update_params(loss)
    # the gradient of the sum is 4 for every weight
    torch.testing.assert_close(layer.weight.detach(), before - 0.5 * 4.0)
    assert optim.state_dict()['loss_scaler'] == {}
    optim.load_state_dict({**optim.state_dict(), 'loss_scaler': {'scale': 65536.0}})  # of a run on a GPU


@pytest.mark.parametrize('dtype', [None, 'bfloat16', torch.bfloat16, 'float16', torch.float16])
def test_the_type_is_bfloat16_whatever_half_type_is_asked_for(no_gpu: None, dtype: Any) -> None:
    amp.amp_without_gpu()
    assert wrapper(dtype=dtype, loss_scale=512.0)[1].cast_dtype == torch.bfloat16


def test_float16_is_replaced_with_a_warning(no_gpu: None, caplog: pytest.LogCaptureFixture, monkeypatch: Any) -> None:
    import mmengine.logging

    said: list[str] = []
    monkeypatch.setattr(mmengine.logging, 'print_log', lambda text, *rest: said.append(text))
    amp.amp_without_gpu()
    wrapper(dtype='bfloat16')
    assert said == []
    wrapper(dtype='float16')
    assert said == ['float16 needs a GPU: mixed precision uses bfloat16 on this CPU']


@pytest.mark.parametrize('dtype', ['float32', torch.float64, 'half'])
def test_another_type_is_an_error(no_gpu: None, dtype: Any) -> None:
    amp.amp_without_gpu()
    with pytest.raises(ValueError, match="mixed precision on a CPU is 'bfloat16', got dtype="):
        wrapper(dtype=dtype)


def test_with_a_gpu_nothing_is_replaced(no_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amp, 'has_accelerator', lambda: True)
    assert amp.amp_without_gpu() is False
    assert AmpOptimWrapper.__init__ is upstream_init


def test_a_mmengine_that_runs_on_the_cpu_is_left_alone(no_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AmpOptimWrapper, '__init__', OptimWrapper.__init__)
    assert amp.amp_without_gpu() is False
    assert AmpOptimWrapper.__init__ is OptimWrapper.__init__
